//! When the plugin does what.

use bevy_ecs::prelude::*;

/// When the plugin does what, in a frame.
///
/// `PreUpdate`: [`Receive`](Self::Receive) → `StateTransition` → `Update`: the game → `PostUpdate`: [`Send`](Self::Send) →
/// `Last`: the entities of requests that had their answer go.
///
/// What was received before the frame began is visible to all of its `Update`, unless
/// [`NakamaSettings::receive_budget`](crate::plugin::NakamaSettings::receive_budget) was used up.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, SystemSet)]
pub enum NakamaSystems {
    /// In `PreUpdate`: what arrived is applied, each envelope completely (components, relationships, observers) before the
    /// next.
    Receive,
    /// In `PostUpdate`: what the game asked for in this frame is handed to the network thread.
    Send,
}
