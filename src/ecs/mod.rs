//! What Bevy does not have: entities that go later, names that do not replace a game's own, messages that go at once, and whether a
//! game listens.

pub(crate) mod departure;
mod messages;
pub(crate) mod naming;
pub(crate) mod observed;

pub(crate) use self::messages::clear_messages;
