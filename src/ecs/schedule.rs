//! When the plugin does what.

use bevy_ecs::prelude::*;

/// When the plugin does what in a frame.
///
/// | schedule | what happens |
/// |---|---|
/// | `PreUpdate` | [`Receive`](Self::Receive): what arrived becomes components, events and messages |
/// | `StateTransition` | the states of the [connection](crate::connection) change |
/// | `FixedUpdate`, `Update` | your game |
/// | `PostUpdate` | [`Send`](Self::Send): what your game asked for leaves |
/// | `Last` | entities of requests that got their answer are despawned |
///
/// Systems in `FixedUpdate` and `Update` see everything that arrived before the frame began, unless
/// [`NakamaSettings::receive_budget`](crate::plugin::NakamaSettings::receive_budget) ran out. So most games do not need these sets. Order
/// against them what you add to `PreUpdate` or `PostUpdate`:
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// fn read_input() { /* … */ }
/// fn send_positions() { /* … */ }
///
/// App::new()
///     .add_plugins((DefaultPlugins, NakamaPlugin::default()))
///     .add_systems(PreUpdate, read_input.after(NakamaSystems::Receive))
///     .add_systems(PostUpdate, send_positions.before(NakamaSystems::Send));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, SystemSet)]
pub enum NakamaSystems {
    /// In `PreUpdate`. The plugin applies what arrived, each envelope completely (components, relationships, observers) before the
    /// next.
    Receive,
    /// In `PostUpdate`. The plugin gives what your game asked for in this frame to the network thread. What your game asks for later in
    /// the frame leaves with the next frame.
    Send,
}
