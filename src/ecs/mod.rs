//! What Bevy does not have: entities that go later, names that leave a game's own in peace, relationships that are not cloned, and
//! whether a game listens.

pub(crate) mod departure;
pub(crate) mod naming;
pub(crate) mod observed;
pub(crate) mod uncloned;
