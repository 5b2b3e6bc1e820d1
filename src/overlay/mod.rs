//! A window over the game that shows the session while it runs. Feature `overlay`.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_nakama::prelude::*;
//!
//! App::new()
//!     .add_plugins((DefaultPlugins, NakamaPlugin::default(), NakamaOverlayPlugin::default()))
//!     .run();
//! ```
//!
//! F1 opens and closes it, and so does [`NakamaOverlay::open`]. It shows the connection and its traffic; matches, parties, channels and
//! streams with everybody in them; the matchmaker's tickets; followed users with what they show; the inbox; the last envelopes in
//! both directions; and requests that wait or failed. Tokens and keys are not shown.
//!
//! Closed, it adds nothing to the path of a message: it has envelopes reported raw only while it is open and not paused.
//!
//! It draws with [`bevy_egui`]. To show a part in a window of your own, call one of the functions in [`panels`] with the
//! [`OverlayView`] of the world; they know nothing else. The view is kept up to date while [`NakamaOverlay::open`] is true;
//! with [`NakamaOverlay::window`] off, the window itself is left out.

mod collect;
mod envelope_log;
pub mod panels;
mod record;
mod secrets;
mod view;

use std::time::Duration;

use bevy_app::{App, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPlugin, EguiPostUpdateSet, EguiPrimaryContextPass, PrimaryEguiContext,
};
use bevy_input::{ButtonInput, InputSystems, keyboard::KeyCode};
use bevy_reflect::Reflect;
use bevy_window::WindowPlugin;

pub use bevy_egui;

pub use self::{
    envelope_log::{EnvelopeDirection, EnvelopeEntry, EnvelopeLog},
    panels::{EnvelopesState, OverlayState, OverlayTab, RequestsState},
    view::{
        ConnectionView, ContextState, ContextView, FailureView, FriendSessionView, FriendView,
        FriendsView, InboxView, MAX_NOTIFICATIONS, MAX_PEOPLE, NotificationView, OverlayView,
        PersonView, RequestsView, TicketAskView, TicketView, TrafficSample, TrafficView,
        WaitingView,
    },
};
use crate::{observed::OwnObserver, plugin::NakamaSystems};

/// Adds the overlay to an app, see the [module](self).
///
/// Add it after `DefaultPlugins`. It brings [`EguiPlugin`] along; a game that adds that one itself does so before. In an app
/// without windows there is nothing to draw on, and it draws nothing.
#[derive(Clone, Debug, Default)]
pub struct NakamaOverlayPlugin {
    settings: NakamaOverlay,
}

impl NakamaOverlayPlugin {
    /// With settings of your own. If the app has [`NakamaOverlay`] already, as a resource, those stay.
    #[must_use]
    pub fn new(settings: NakamaOverlay) -> Self {
        Self { settings }
    }

    /// Open from the start.
    #[must_use]
    pub fn opened(mut self) -> Self {
        self.settings.open = true;
        self
    }

    /// Another key than F1, or none.
    #[must_use]
    pub fn with_toggle_key(mut self, key: impl Into<Option<KeyCode>>) -> Self {
        self.settings.toggle_key = key.into();
        self
    }
}

/// The overlay's settings, a resource. Changes take effect with the next frame.
#[derive(Clone, Debug, Reflect, Resource)]
#[reflect(Resource)]
#[non_exhaustive]
pub struct NakamaOverlay {
    /// Whether it is open. Default: no.
    pub open: bool,
    /// Opens and closes it. Default: F1.
    pub toggle_key: Option<KeyCode>,
    /// Whether its window is drawn while it is open. Default: yes.
    pub window: bool,
    /// How many envelopes are kept, up to 4 MiB in all. Default: 500.
    pub max_envelopes: usize,
    /// How many failures are kept. Default: 100.
    pub max_failures: usize,
    /// How far back the plots go. Default: 2 minutes.
    pub history: Duration,
}

impl Default for NakamaOverlay {
    fn default() -> Self {
        Self {
            open: false,
            toggle_key: Some(KeyCode::F1),
            window: true,
            max_envelopes: 500,
            max_failures: 100,
            history: Duration::from_secs(120),
        }
    }
}

impl Plugin for NakamaOverlayPlugin {
    fn build(&self, app: &mut App) {
        if app.is_plugin_added::<WindowPlugin>() && !app.is_plugin_added::<EguiPlugin>() {
            app.add_plugins(EguiPlugin::default());
        }
        // bevy_egui runs it whether or not it has systems, and cannot do without.
        app.init_schedule(EguiPrimaryContextPass);
        // Settings that the game has inserted before are those it wants.
        app.world_mut()
            .get_resource_or_insert_with(|| self.settings.clone());
        let world = app.world_mut();
        world
            .add_observer(record::failed_request)
            .insert(OwnObserver);
        world.add_observer(record::failed_send).insert(OwnObserver);
        app.init_resource::<OverlayView>()
            .init_resource::<OverlayState>()
            .register_type::<NakamaOverlay>()
            .add_systems(
                PreUpdate,
                (
                    toggle.after(InputSystems),
                    record::envelopes
                        .run_if(is_open)
                        .after(NakamaSystems::Receive),
                ),
            )
            .add_systems(
                PostUpdate,
                (
                    record::follow_tap.before(NakamaSystems::Send),
                    (collect::sample, collect::collect_inbox)
                        .run_if(is_open)
                        .before(EguiPostUpdateSet::EndPass),
                    (
                        collect::collect,
                        collect::collect_tickets,
                        collect::collect_friends,
                    )
                        .run_if(is_open.and_then(collect::is_due))
                        .before(EguiPostUpdateSet::EndPass),
                ),
            )
            .add_systems(EguiPrimaryContextPass, draw.run_if(is_open));
    }

    fn finish(&self, app: &mut App) {
        assert!(
            !app.is_plugin_added::<WindowPlugin>() || app.is_plugin_added::<EguiPlugin>(),
            "add `NakamaOverlayPlugin` after `DefaultPlugins`"
        );
    }
}

fn is_open(overlay: Res<NakamaOverlay>) -> bool {
    overlay.open
}

fn toggle(keys: Option<Res<ButtonInput<KeyCode>>>, mut overlay: ResMut<NakamaOverlay>) {
    if let (Some(keys), Some(key)) = (keys, overlay.toggle_key)
        && keys.just_pressed(key)
    {
        overlay.open = !overlay.open;
    }
}

fn draw(
    mut contexts: EguiContexts,
    view: Res<OverlayView>,
    mut state: ResMut<OverlayState>,
    mut overlay: ResMut<NakamaOverlay>,
    primary: Query<(), With<PrimaryEguiContext>>,
) -> Result {
    // There is none without a camera, and while the window closes.
    if primary.is_empty() || !overlay.window {
        return Ok(());
    }
    let Ok(context) = contexts.ctx_mut() else {
        return Ok(());
    };
    let mut stays_open = true;
    panels::overlay_window(context, &mut stays_open, &view, &mut state);
    if !stays_open {
        overlay.open = false;
    }
    Ok(())
}
