//! What people should know for a moment: who joined and left, and what did not work.

use bevy::prelude::*;
use bevy_nakama::{healing::ConnectionLost, prelude::*, send::SendFailed};

/// Something to show for a moment.
#[derive(Event)]
pub(crate) struct Notice(pub(crate) String);

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(joined)
        .add_observer(left)
        .add_observer(lost)
        .add_observer(connected)
        .add_observer(not_sent)
        .add_observer(failed);
}

fn joined(joined: On<Joined<Match>>, mut commands: Commands, names: Query<&Username>) {
    if joined.how != JoinedAs::Present
        && let Ok(name) = names.get(joined.presence)
    {
        commands.trigger(Notice(format!("{name} is here")));
    }
}

fn left(left: On<Left<Match>>, mut commands: Commands) {
    if left.why.has_left() {
        commands.trigger(Notice(format!("{} has left", left.info.username)));
    }
}

fn lost(lost: On<ConnectionLost>, mut commands: Commands) {
    commands.trigger(Notice(format!("Lost: {}", lost.cause)));
}

fn connected(connected: On<Connected>, mut commands: Commands) {
    if connected.resumed {
        let away = connected.away.as_secs_f32();
        commands.trigger(Notice(format!("Back after {away:.1} s")));
    }
}

/// What could not be sent is not worth a word: the next message says it better. Without an observer, the log would tell.
fn not_sent(_: On<SendFailed>) {}

/// Every request that fails says why. Logging in and joining say it themselves.
fn failed(failed: On<RequestFailed>, mut commands: Commands) {
    let what = match failed.name {
        LogIn::NAME | CreateMatch::NAME => return,
        JoinChat::NAME => "Joining the chat",
        FetchChatHistory::NAME => "Reading the chat",
        SendChatMessage::NAME => "Chat",
        CreateParty::NAME => "Making a party",
        JoinParty::NAME => "Joining the party",
        LeaveParty::NAME => "Leaving the party",
        CloseParty::NAME => "Closing the party",
        KickFromParty::NAME => "Removing a member",
        PromotePartyMember::NAME => "Making somebody the leader",
        AcceptPartyJoin::NAME => "Letting somebody in",
        other => other,
    };
    commands.trigger(Notice(format!("{what}: {}", failed.reason)));
}
