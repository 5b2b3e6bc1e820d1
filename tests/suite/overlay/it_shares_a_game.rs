//! The overlay does not disturb a game that has its own egui, its own settings and its own keys.

use bevy::diagnostic::DiagnosticsStore;
use bevy_nakama::{
    diagnostics::{self, NakamaDiagnosticsPlugin},
    overlay,
    overlay::bevy_egui::{PrimaryEguiContext, input::EguiInputEvent},
};

use super::{
    a_window_opens_and_closes::{is_drawn, open, screenless, start, updates, windowed},
    *,
};

#[test]
fn a_game_may_add_egui_itself_before_or_after() {
    type Add = fn(&mut App);
    let game: Add = |app| {
        app.add_plugins((screenless(), NakamaPlugin::default()));
    };
    let overlay: Add = |app| {
        app.add_plugins(NakamaOverlayPlugin::default());
    };
    let egui: Add = |app| {
        app.add_plugins(EguiPlugin::default());
    };
    for plugins in [
        vec![game, overlay],
        vec![game, egui, overlay],
        vec![game, overlay, egui],
        vec![overlay, game, egui],
    ] {
        let mut app = App::new();
        for add in plugins {
            add(&mut app);
        }
        let mut app = start(app);
        app.world_mut().spawn(Camera2d);
        open(&mut app);
        updates(&mut app);
        assert!(is_drawn(&mut app));
    }
}

#[test]
fn a_game_may_add_the_diagnostics_itself_before_or_after() {
    let overlay = NakamaOverlayPlugin::default().opened();
    let mut games = [
        TestGame::with_plugins(
            NakamaSettings::default(),
            (NakamaDiagnosticsPlugin, overlay.clone()),
        ),
        TestGame::with_plugins(
            NakamaSettings::default(),
            (overlay, NakamaDiagnosticsPlugin),
        ),
    ];
    for game in &mut games {
        game.connect();
        game.join("m1", &["ada", "bob"]);
        game.advance(Duration::from_millis(700));
        let store = game.app.world().resource::<DiagnosticsStore>();
        let measured: Vec<_> = store
            .get(&diagnostics::RECEIVED)
            .expect("it is there")
            .values()
            .copied()
            .collect();
        let history = &view(game).connection.history;
        let shown: Vec<_> = history.iter().map(|sample| sample.received).collect();
        assert_eq!(shown, measured);
        assert_eq!(measured.len(), 1, "one measurement in half a second");
        assert!(measured[0] > 0.0);
    }
}

#[test]
#[should_panic(expected = "add `NakamaOverlayPlugin` after `DefaultPlugins`")]
fn the_wrong_order_is_told() {
    let mut app = App::new();
    app.add_plugins((
        NakamaOverlayPlugin::default(),
        screenless(),
        NakamaPlugin::default(),
    ));
    let _ = start(app);
}

#[test]
fn settings_that_the_game_has_inserted_are_kept() {
    let settings = NakamaOverlay {
        max_envelopes: 7,
        ..NakamaOverlay::default()
    };
    let mut app = App::new();
    app.insert_resource(settings)
        .add_plugins(NakamaOverlayPlugin::default());
    assert_eq!(app.world().resource::<NakamaOverlay>().max_envelopes, 7);
}

#[derive(Default, Resource)]
struct Steps(usize);

/// Moves the keyboard to the filter with Tab, and types.
fn tab(app: &mut App) {
    let mut contexts = app
        .world_mut()
        .query_filtered::<Entity, With<PrimaryEguiContext>>();
    let context = contexts.single(app.world()).expect("there is a camera");
    let event = egui::Event::Key {
        key: egui::Key::Tab,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: egui::Modifiers::NONE,
    };
    app.world_mut()
        .write_message(EguiInputEvent { context, event });
    updates(app);
}

#[test]
fn who_types_into_the_filter_does_not_walk() {
    let mut app = windowed();
    app.init_resource::<Steps>().add_systems(
        Update,
        (|mut steps: ResMut<Steps>| steps.0 += 1).run_if(not(overlay::wants_keyboard)),
    );
    let walks = |app: &mut App| {
        let before = app.world().resource::<Steps>().0;
        app.update();
        app.world().resource::<Steps>().0 > before
    };
    app.world_mut().spawn(Camera2d);
    open(&mut app);
    app.world_mut().resource_mut::<OverlayState>().tab = OverlayTab::Envelopes;
    updates(&mut app);
    assert!(walks(&mut app), "open, and nobody types");
    tab(&mut app);
    assert!(!walks(&mut app), "somebody types");

    app.world_mut().resource_mut::<NakamaOverlay>().open = false;
    updates(&mut app);
    assert!(walks(&mut app), "closed: the game has its keys back");
}

#[test]
fn without_a_window_it_wants_nothing() {
    let mut game = watched();
    let world = game.app.world_mut();
    let wants = world.run_system_cached(overlay::wants_keyboard);
    assert!(!wants.expect("the system runs"));
    let wants = world.run_system_cached(overlay::wants_pointer);
    assert!(!wants.expect("the system runs"));
}
