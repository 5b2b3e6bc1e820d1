//! Parties: a few people who stick together. The window's panel makes the requests; this tells what comes of them.

use bevy::prelude::*;
use bevy_nakama::prelude::*;

use crate::{
    chat::{Line, Say},
    notice::Notice,
};

/// How many a party of the arena may have.
pub(crate) const PARTY_SIZE: u32 = 8;

/// The last invitation that was heard in the chat: from whom, and the id of their party.
#[derive(Default, Resource)]
pub(crate) struct Invitation(pub(crate) Option<(Username, PartyId)>);

/// Somebody in this game invites everybody to their party.
#[derive(EntityEvent)]
pub(crate) struct Invite {
    #[event_target]
    pub(crate) party: Entity,
}

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Invitation>()
        .add_observer(invite)
        .add_observer(waiting)
        .add_observer(joined)
        .add_observer(refused)
        .add_observer(left)
        .add_observer(leads)
        .add_observer(asks)
        .add_observer(closed)
        .add_systems(Update, hear_invitations);
}

fn invite(invite: On<Invite>, mut commands: Commands, ids: Query<&PartyId>) {
    if let Ok(id) = ids.get(invite.party) {
        commands.trigger(Say(Line {
            text: "Join my party!".into(),
            party: Some(id.to_string()),
        }));
    }
}

fn hear_invitations(
    mut chat: MessageReader<ChatMessageReceived>,
    connection: Res<NakamaConnection>,
    mut invitation: ResMut<Invitation>,
) {
    for line in chat.read().map(|received| &received.message) {
        // Others may put anything into a chat. A line that we cannot read is not an invitation.
        let party = line.content::<Line>().ok().and_then(|line| line.party);
        if let Some(party) = party
            && connection
                .user()
                .is_none_or(|(me, _)| *me != line.sender_id)
        {
            invitation.0 = Some((line.username.clone(), party.into()));
        }
    }
}

fn waiting(_: On<Add, PendingApproval>, mut commands: Commands) {
    commands.trigger(Notice("The party's leader has to let you in.".into()));
}

fn joined(
    joined: On<Joined<Party>>,
    mut commands: Commands,
    names: Query<&Username>,
    me: Query<(), With<IsSelf>>,
    mut invitation: ResMut<Invitation>,
) {
    if me.contains(joined.presence) {
        invitation.0 = None;
    }
    if joined.how == JoinedAs::Arrived
        && let Ok(name) = names.get(joined.presence)
    {
        commands.trigger(Notice(format!("{name} joined the party")));
    }
}

fn refused(reply: On<Replied<JoinParty>>, mut invitation: ResMut<Invitation>) {
    if reply.result.is_err() {
        invitation.0 = None; // most of the time, that party is no more
    }
}

fn left(left: On<Left<Party>>, mut commands: Commands) {
    let name = &left.info.username;
    match left.why {
        LeaveReason::Kicked => commands.trigger(Notice(format!("{name} was removed"))),
        why if why.has_left() => commands.trigger(Notice(format!("{name} left the party"))),
        _ => {} // the local user is out
    }
}

fn leads(
    added: On<Add, PartyLeader>,
    mut commands: Commands,
    who: Query<(&Username, Has<IsSelf>)>,
) {
    if let Ok((name, is_self)) = who.get(added.entity) {
        commands.trigger(Notice(if is_self {
            "You lead the party".into()
        } else {
            format!("{name} leads the party")
        }));
    }
}

fn asks(added: On<Add, PartyJoinRequester>, mut commands: Commands, who: Query<&Username>) {
    if let Ok(name) = who.get(added.entity) {
        commands.trigger(Notice(format!("{name} asks to join the party")));
    }
}

fn closed(_: On<PartyClosed>, mut commands: Commands) {
    commands.trigger(Notice("You are not in the party any more.".into()));
}
