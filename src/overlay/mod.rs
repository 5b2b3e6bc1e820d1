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
//! F1 opens and closes it, and so does [`NakamaOverlay::open`]. It shows:
//!
//! * the connection and its traffic;
//! * matches, parties, channels and streams with everybody in them;
//! * the matchmaker's tickets, followed users and their status, and the inbox;
//! * the last envelopes in both directions;
//! * requests that wait for their answer, and requests that failed.
//!
//! It does not show tokens and keys. While it is closed, it adds nothing to the path of a message: it asks for raw envelopes only while
//! it is open and not paused.
//!
//! # Keys and clicks
//!
//! Your game also gets the keys that somebody types into the overlay's filter, and the clicks on its buttons. Make your own input
//! systems wait:
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_nakama::{overlay, prelude::*};
//!
//! # fn walk() {}
//! # fn shoot() {}
//! App::new()
//!     .add_plugins((DefaultPlugins, NakamaPlugin::default(), NakamaOverlayPlugin::default()))
//!     .add_systems(Update, walk.run_if(not(overlay::wants_keyboard)))
//!     .add_systems(Update, shoot.run_if(not(overlay::wants_pointer)))
//!     .run();
//! ```
//!
//! # Cameras
//!
//! [`bevy_egui`] draws with the first camera that a game spawns. Your levels can still have cameras of their own. When the first camera is
//! despawned or inactive, or draws to an image, the open overlay moves egui to an active camera that draws to a window. What you set up
//! on the egui context moves with it.
//!
//! You can also choose the camera yourself: spawn a camera with a [`PrimaryEguiContext`], and egui draws there. If you turn
//! [`EguiGlobalSettings::auto_create_primary_context`](bevy_egui::EguiGlobalSettings::auto_create_primary_context) off, the overlay
//! never moves egui. If the overlay is open and no camera draws it, the log has a warning.
//!
//! # Parts of it
//!
//! Rates come from the [diagnostics](crate::diagnostics), and the overlay adds the plugin that measures them.
//!
//! To show a part in a window of your own, call a function of [`panels`] with the world's [`OverlayView`]. It needs nothing else. The view
//! is up to date while [`NakamaOverlay::open`] is true. To hide the overlay's own window, set [`NakamaOverlay::window`] to false.

mod camera;
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
    input::{EguiWantsInput, WindowToEguiContextMap},
    setup_primary_egui_context_system,
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
        PersonView, RequestsView, TicketAskView, TicketHoldView, TicketView, TrafficSample,
        TrafficView, WaitingView,
    },
};
use crate::{
    diagnostics::NakamaDiagnosticsPlugin,
    ecs::{NakamaSystems, observed::OwnObserver},
};

/// Adds the overlay to an app, see the [module](self).
///
/// Add it after `DefaultPlugins`. It adds [`EguiPlugin`], unless your game adds that plugin itself, before or after. In an app without
/// windows, it draws nothing.
///
/// If your game has inserted a [`NakamaOverlay`] before, the plugin keeps it and ignores its own settings.
#[derive(Clone, Debug, Default)]
pub struct NakamaOverlayPlugin {
    settings: NakamaOverlay,
}

impl NakamaOverlayPlugin {
    /// The overlay with settings of your own. If the app has the resource [`NakamaOverlay`] already, the plugin keeps that resource.
    #[must_use]
    pub fn new(settings: NakamaOverlay) -> Self {
        Self { settings }
    }

    /// Opens it from the start.
    #[must_use]
    pub fn opened(mut self) -> Self {
        self.settings.open = true;
        self
    }

    /// Sets another key than F1. `None` turns the key off.
    #[must_use]
    pub fn with_toggle_key(mut self, key: impl Into<Option<KeyCode>>) -> Self {
        self.settings.toggle_key = key.into();
        self
    }
}

/// The overlay's settings, a resource. Changes take effect with the next frame.
#[derive(Clone, Debug, Reflect, Resource)]
#[reflect(Resource)]
pub struct NakamaOverlay {
    /// Whether the overlay is open. Default: no.
    pub open: bool,
    /// The key that opens and closes it. Default: F1.
    pub toggle_key: Option<KeyCode>,
    /// Whether its window is drawn while it is open. Default: yes.
    pub window: bool,
    /// How many envelopes it keeps, up to 4 MiB in all. Default: 500.
    pub max_envelopes: usize,
    /// How many failures it keeps. Default: 100.
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
        if app.is_plugin_added::<WindowPlugin>() {
            app.insert_resource(BehindWindows);
        }
        // bevy_egui runs this schedule even if it has no systems, and needs it to be there.
        app.init_schedule(EguiPrimaryContextPass);
        // The game's own settings stay.
        let world = app.world_mut();
        world.get_resource_or_insert_with(|| self.settings.clone());
        // If only the overlay observes a failure, the log still has its warning.
        let own = || (OwnObserver, Name::new("NakamaOverlayPlugin"));
        world.add_observer(record::failed_request).insert(own());
        world.add_observer(record::failed_send).insert(own());
        app.add_plugins(NakamaDiagnosticsPlugin)
            .init_resource::<OverlayView>()
            .init_resource::<OverlayState>()
            .register_type::<NakamaOverlay>()
            .add_observer(camera::make_way)
            .add_systems(
                PreUpdate,
                (
                    toggle.after(InputSystems),
                    // After the primary context is made, and before anything reads input for it.
                    (camera::follow, camera::tell_unseen)
                        .chain()
                        .after(setup_primary_egui_context_system)
                        .before(WindowToEguiContextMap::on_egui_context_added_system),
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

    /// If the game adds [`EguiPlugin`] itself, it has done so by now.
    fn finish(&self, app: &mut App) {
        if app.is_plugin_added::<EguiPlugin>() {
            return;
        }
        if app.world().contains_resource::<BehindWindows>() {
            app.add_plugins(EguiPlugin::default());
            // Bevy does not finish a plugin that is added this late.
            EguiPlugin::default().finish(app);
        } else {
            // The renderer would finish after this plugin, and egui needs it.
            assert!(
                !app.is_plugin_added::<WindowPlugin>(),
                "add `NakamaOverlayPlugin` after `DefaultPlugins`"
            );
        }
    }
}

/// The plugins for windows came before the overlay.
#[derive(Resource)]
struct BehindWindows;

/// A run condition: whether keys go into a text field of the overlay, or of another window of egui.
///
/// False in an app without windows.
#[must_use]
pub fn wants_keyboard(egui: Option<Res<EguiWantsInput>>) -> bool {
    egui.is_some_and(|egui| egui.wants_any_keyboard_input())
}

/// A run condition: whether the pointer is over the overlay or another window of egui, or drags a part of it.
///
/// False in an app without windows.
#[must_use]
pub fn wants_pointer(egui: Option<Res<EguiWantsInput>>) -> bool {
    egui.is_some_and(|egui| egui.wants_any_pointer_input())
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
    // Without a camera, and while the window closes, there is no context.
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
