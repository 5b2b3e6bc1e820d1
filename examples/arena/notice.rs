//! What people should know for a moment: who joined and left, and what did not work.

use bevy::prelude::*;
use bevy_nakama::prelude::*;

/// Something to show for a moment.
#[derive(Event)]
pub(crate) struct Notice(pub(crate) String);

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(joined)
        .add_observer(left)
        .add_observer(failed);
}

fn joined(joined: On<Joined<Match>>, mut commands: Commands, names: Query<&Username>) {
    if joined.how == JoinedAs::Arrived
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
