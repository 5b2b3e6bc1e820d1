//! What the game sees of re-entry: policies, outcomes and marks.

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

use crate::error::ServerError;

/// How the local user gets back into a match, party, channel or ticket when the connection was lost and is back. A component of that entity.
///
/// The plugin inserts the default when the local user enters: [`Recreate`](Self::Recreate) for a match that was entered
/// [by name](crate::matches::CreateMatch::named), [`Rejoin`](Self::Rejoin) for everything else. Insert another one to change it, also on
/// the entity of the request, right after the call.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::healing"]
#[reflect(Component)]
pub enum ReentryPolicy {
    /// The local user asks for it by its name: whoever comes first makes it anew if it is gone. For what has no name, this is
    /// [`Rejoin`](Self::Rejoin).
    Recreate,
    /// The local user joins it again. If it is gone, it is [lost](ReentryOutcome::Lost).
    Rejoin,
    /// The local user does not come back: it is [lost](ReentryOutcome::Lost).
    Drop,
}

/// What came of a membership when the connection was lost and is back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ReentryOutcome {
    /// The local user is in it, as before.
    Restored,
    /// The local user is in it, and something differs from before: its component (the label of a match, the open flag of a party), or
    /// the local user led the party and does not lead it now.
    /// A matchmaker ticket has a new [`TicketId`](crate::presence::TicketId).
    Changed,
    /// The local user is in something new with the same name: the one before had ended. Data that waited to be sent to it is not sent.
    Recreated,
    /// The local user is not in it any more. The entity is about to go.
    Lost(LossReason),
}

/// Why the local user is not in something any more.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LossReason {
    /// The server refused.
    #[error(transparent)]
    Refused(ServerError),
    /// The server did not answer in time, or with something else.
    #[error("{0}")]
    NoAnswer(String),
    /// Its [`ReentryPolicy`] is [`Drop`](ReentryPolicy::Drop).
    #[error("its policy is not to enter it again")]
    Policy,
    /// Only code on the server can bring the local user back: it is a [stream](crate::stream).
    #[error("only code on the server can enter it again")]
    ByServerOnly,
    /// It is the ticket of a party. The server drops that as soon as a member comes or goes, and they are not the same again.
    #[error("the ticket of a party ends when its members change")]
    MembersChanged,
    /// It is the ticket of a party. Only the leader can add the party again, and the local user does not lead it any more.
    #[error("only the leader of a party can add it to the matchmaker")]
    NotLeader,
}

/// What came of a match, party, channel, ticket or stream after the last loss. A component of that entity.
#[derive(Clone, Component, Debug)]
#[component(clone_behavior = Ignore)]
pub struct LastReentry(pub ReentryOutcome);

/// Marks what the plugin knew before the connection was lost, until the server has confirmed it: matches, parties, channels, tickets,
/// followed users, and everybody in them.
///
/// After a restart of the server, everybody comes back at a different second. So those whom nobody has confirmed stay `Stale` for
/// [`NakamaSettings::return_window`](crate::plugin::NakamaSettings::return_window), and leave after that.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::healing"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct Stale;
