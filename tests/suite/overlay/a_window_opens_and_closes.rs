//! The window of the overlay: when it is drawn, and how large it is.

use super::*;
use bevy_nakama::stream::Stream;

/// The overlay in its own window.
fn in_window(view: OverlayView, tab: OverlayTab) -> Harness<'static, (OverlayView, OverlayState)> {
    let state = OverlayState { tab, ..default() };
    let mut harness = Harness::builder().with_size([900.0, 600.0]).build_ui_state(
        |ui, (view, state): &mut (OverlayView, OverlayState)| {
            panels::overlay_window(ui.ctx(), &mut true, view, state);
        },
        (view, state),
    );
    harness.run();
    harness
}

#[test]
fn tabs_are_one_row_and_nothing_makes_the_window_wider() {
    let mut game = watched();
    let long = "a subject as long as a chapter ".repeat(20);
    game.server_says(notification_sent("n1", 7, &long, "{}", true));
    let stream = Stream {
        mode: 130,
        label: long.clone(),
        ..default()
    };
    game.server_says(stream_presences(&stream, &[&long], &[]));
    game.commands(|c| {
        c.nakama()
            .follow(FollowUsers::ids([format!("user-{long}")]));
        c.nakama()
            .add_matchmaker(AddMatchmaker::players(2, 8).query(&long));
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[(&long, &long)]));
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.advance(Duration::from_millis(200));
    for tab in [
        OverlayTab::Connection,
        OverlayTab::Matches,
        OverlayTab::Friends,
        OverlayTab::Streams,
        OverlayTab::Inbox,
    ] {
        let harness = in_window(view(&game).clone(), tab);
        let window = harness.get_by_role(egui::accesskit::Role::Window).rect();
        let [first, .., last] = [
            "Connection",
            "Matches",
            "Parties",
            "Channels",
            "Friends",
            "Streams",
            "Inbox",
            "Envelopes",
            "Requests",
        ]
        .map(|name| {
            harness
                .get_by_role_and_label(egui::accesskit::Role::Button, name)
                .rect()
        });
        assert!(window.width() <= 490.0, "{tab:?} {window}");
        assert!(window.contains_rect(first) && window.contains_rect(last));
        assert_eq!(first.top(), last.top());
    }
}

/// Presses a key for one frame.
fn press(app: &mut App, key: KeyCode) {
    app.world_mut()
        .resource_mut::<ButtonInput<KeyCode>>()
        .press(key);
    app.update();
    let mut keys = app.world_mut().resource_mut::<ButtonInput<KeyCode>>();
    keys.release(key);
    keys.clear();
}

fn is_open(app: &App) -> bool {
    app.world().resource::<NakamaOverlay>().open
}

#[test]
fn a_key_opens_and_closes_it_without_a_window() {
    for (plugin, key) in [
        (NakamaOverlayPlugin::default(), Some(KeyCode::F1)),
        (
            NakamaOverlayPlugin::default().with_toggle_key(KeyCode::F9),
            Some(KeyCode::F9),
        ),
        (NakamaOverlayPlugin::default().with_toggle_key(None), None),
    ] {
        let mut app = App::new();
        app.add_plugins((
            MinimalPlugins,
            StatesPlugin,
            NakamaPlugin::default(),
            plugin,
        ));
        app.finish();
        app.cleanup();
        app.update();
        app.init_resource::<ButtonInput<KeyCode>>();
        assert!(!is_open(&app));
        for other in [KeyCode::F1, KeyCode::F9] {
            press(&mut app, other);
            assert_eq!(is_open(&app), key == Some(other), "{other:?}");
            if is_open(&app) {
                app.update(); // the key is still down, or up again: it stays open
                assert!(is_open(&app));
                press(&mut app, other);
                assert!(!is_open(&app));
            }
        }
    }
}

/// Everything but a screen and a graphics card.
pub(super) fn screenless() -> PluginGroupBuilder {
    DefaultPlugins
        .build()
        .disable::<WinitPlugin>()
        .disable::<bevy::log::LogPlugin>()
        .set(RenderPlugin {
            render_creation: RenderCreation::Automatic(Box::new(WgpuSettings {
                backends: None,
                ..default()
            })),
            ..default()
        })
        // Without a graphics card nobody adds it, and cameras cannot be despawned.
        .add(bevy::render::sync_world::SyncWorldPlugin)
}

/// Starts a game that has all its plugins.
pub(super) fn start(mut app: App) -> App {
    app.finish();
    app.cleanup();
    app.update();
    app
}

/// A game with a window, and with no camera yet.
pub(super) fn windowed() -> App {
    let mut app = App::new();
    app.add_plugins((
        screenless(),
        NakamaPlugin::default(),
        NakamaOverlayPlugin::default(),
    ));
    start(app)
}

pub(super) fn open(app: &mut App) {
    app.world_mut().resource_mut::<NakamaOverlay>().open = true;
}

/// Whether its window was drawn in the last frame, where somebody can see it.
pub(super) fn is_drawn(app: &mut App) -> bool {
    fn is_seen(primary: Query<(&Camera, &RenderTarget), With<PrimaryEguiContext>>) -> bool {
        primary
            .iter()
            .any(|(camera, target)| camera.is_active && matches!(target, RenderTarget::Window(_)))
    }
    let is_seen = app.world_mut().run_system_cached(is_seen);
    let Some(context) = context(app).filter(|_| is_seen.expect("the system runs")) else {
        return false;
    };
    context.memory(|memory| {
        memory
            .areas()
            .visible_last_frame(&egui::LayerId::new(egui::Order::Middle, window_id()))
    })
}

/// The primary context, if there is a camera for it.
pub(super) fn context(app: &mut App) -> Option<egui::Context> {
    app.world_mut()
        .run_system_cached(|mut contexts: EguiContexts| contexts.ctx_mut().cloned().ok())
        .expect("the system runs")
}

pub(super) fn window_id() -> egui::Id {
    egui::Id::new("bevy_nakama overlay")
}

pub(super) fn updates(app: &mut App) {
    for _ in 0..3 {
        app.update();
    }
}

#[test]
fn its_window_is_drawn_while_it_is_open() {
    let mut app = windowed();
    app.world_mut().spawn(Camera2d);
    updates(&mut app);
    assert!(!is_drawn(&mut app));
    for tab in [
        OverlayTab::Connection,
        OverlayTab::Matches,
        OverlayTab::Parties,
        OverlayTab::Channels,
        OverlayTab::Friends,
        OverlayTab::Streams,
        OverlayTab::Inbox,
        OverlayTab::Envelopes,
        OverlayTab::Requests,
    ] {
        open(&mut app);
        app.world_mut().resource_mut::<OverlayState>().tab = tab;
        updates(&mut app);
        assert!(is_drawn(&mut app), "{tab:?}");
    }
    app.world_mut().resource_mut::<NakamaOverlay>().window = false;
    updates(&mut app);
    assert!(!is_drawn(&mut app), "the view without the window");
    app.world_mut().resource_mut::<NakamaOverlay>().open = false;
    updates(&mut app);
    assert!(!is_drawn(&mut app));
}
