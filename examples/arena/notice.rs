//! What people should know for a moment: who came and went, and what did not work.

use bevy::prelude::*;
use bevy_nakama::prelude::*;

/// Something to show for a moment.
#[derive(Event)]
pub(crate) struct Notice(pub(crate) String);

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(came)
        .add_observer(went)
        .add_observer(refused::<JoinChat>)
        .add_observer(refused::<SendChatMessage>)
        .add_observer(refused::<CreateParty>)
        .add_observer(refused::<JoinParty>)
        .add_observer(refused::<AcceptPartyJoin>)
        .add_observer(refused::<DeclinePartyJoin>)
        .add_observer(refused::<PromotePartyMember>)
        .add_observer(refused::<KickFromParty>)
        .add_observer(refused::<LeaveParty>)
        .add_observer(refused::<CloseParty>);
}

fn came(
    added: On<Add, PresentIn>,
    mut commands: Commands,
    who: Query<(&Username, &JoinedAs), Without<IsSelf>>,
) {
    if let Ok((name, JoinedAs::Event)) = who.get(added.entity) {
        commands.trigger(Notice(format!("{name} is here")));
    }
}

fn went(
    removed: On<Remove, PresentIn>,
    mut commands: Commands,
    who: Query<&Username, Without<IsSelf>>,
) {
    if let Ok(name) = who.get(removed.entity) {
        commands.trigger(Notice(format!("{name} has left")));
    }
}

/// Every answer that is an error says what the server said.
fn refused<R: Request>(reply: On<Replied<R>>, mut commands: Commands) {
    if let Err(error) = &reply.result {
        commands.trigger(Notice(error.to_string()));
    }
}
