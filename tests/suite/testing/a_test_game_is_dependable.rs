//! What a test of a game may rely upon.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::common::{log::Log, steps::drain};
use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{diagnostics::NakamaDiagnosticsPlugin, prelude::*, proto::Kind, testing::*};

/// Data messages that are applied between two looks at the clock.
const PER_LOOK: usize = 16;

/// However slow the machine and the game are: what has arrived is there with the next frame.
#[test]
fn a_slow_machine_changes_nothing() {
    let mut game = TestGame::with_settings(NakamaSettings::default());
    game.connect();
    game.join("m1", &["ada"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |here: On<Add, PresentIn>, names: Query<&Username>| {
        // Longer than the budget of a frame.
        thread::sleep(Duration::from_millis(3));
        seen.add(names.get(here.entity).expect("a name").to_string());
    });
    for name in ["bob", "cat", "dan"] {
        game.server_says(match_presences("m1", &[name], &[]));
    }
    game.update();
    assert_eq!(log.take(), ["bob", "cat", "dan"]);
}

#[test]
fn a_budget_is_spent_on_the_clock_of_the_test() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.applying_takes(Duration::from_millis(1));
    for name in ["bob", "cat", "dan"] {
        game.server_says(match_presences("m1", &[name], &[]));
    }
    game.update();
    assert_eq!(game.roster("m1"), ["ada", "bob", "cat"], "two take 2 ms");
    game.update();
    assert_eq!(game.roster("m1"), ["ada", "bob", "cat", "dan"]);

    for op_code in 0..40 {
        game.server_says(match_data_sent("m1", None, op_code, "x"));
    }
    let mut left = 40;
    while left > 0 {
        game.update();
        let arrived = drain::<MatchDataReceived>(&mut game).len();
        assert_eq!(arrived, left.min(PER_LOOK));
        left = left.saturating_sub(PER_LOOK);
    }
}

#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, States)]
enum Screen {
    #[default]
    Menu,
    Lobby,
}

/// Needs states while it is built, and leaves adding the plugin to `main`.
fn screens(app: &mut App) {
    app.init_state::<Screen>().add_systems(
        OnEnter(ConnectionState::Connected),
        |mut next: ResMut<NextState<Screen>>| next.set(Screen::Lobby),
    );
}

fn minimal(app: &mut App) {
    app.add_plugins(MinimalPlugins);
}

fn nakama(app: &mut App) {
    let settings = NakamaSettings {
        chat_log_lines: 3,
        ..NakamaSettings::default()
    };
    app.add_plugins(NakamaPlugin::new(settings));
}

fn screen(game: &mut TestGame) -> Screen {
    game.update();
    *game.app.world().resource::<State<Screen>>().get()
}

#[test]
fn a_game_may_bring_its_own_plugins() {
    let mut games = [
        TestGame::connected_with(screens),
        TestGame::connected_with((nakama, screens)),
        TestGame::connected_with((minimal, screens)),
        TestGame::connected_with((minimal, StatesPlugin, nakama, screens)),
        TestGame::connected_with((
            MinimalPlugins,
            StatesPlugin,
            NakamaPlugin::default(),
            NakamaDiagnosticsPlugin,
            screens,
        )),
    ];
    for (index, game) in games.iter_mut().enumerate() {
        assert_eq!(screen(game), Screen::Lobby, "game {index}");
        game.join("m1", &["ada", "bob"]);
        assert_eq!(game.roster("m1"), ["ada", "bob"], "game {index}");
        let time = game.app.world().resource::<Time<Real>>();
        assert_eq!(time.delta(), FRAME, "game {index}: nothing runs twice");
    }
}

#[test]
fn a_game_is_in_a_match_with_its_own_plugins() {
    let game = TestGame::joined_with((nakama, screens), "m1", &["ada", "bob"]);
    assert_eq!(game.roster("m1"), ["ada", "bob"]);
}

/// What a game asks for while it is built goes to the test, and not to a network.
#[test]
fn a_game_may_connect_while_it_is_built() {
    let mut game = TestGame::of(|app: &mut App| {
        app.add_plugins((MinimalPlugins, StatesPlugin, NakamaPlugin::default()));
        let world = app.world_mut();
        let mut commands = world.commands();
        commands.nakama().use_session(&server(), session_of("ada"));
        commands.nakama().connect();
        world.flush();
    });
    game.update();
    game.server_accepts();
    game.update();
    assert!(
        game.app
            .world()
            .resource::<NakamaConnection>()
            .is_connected()
    );
}

#[test]
fn settings_are_the_tests_or_else_the_games() {
    let lines = |game: &TestGame| game.app.world().resource::<NakamaSettings>().chat_log_lines;
    assert_eq!(lines(&TestGame::of(nakama)), 3);
    let settings = NakamaSettings {
        chat_log_lines: 7,
        ..NakamaSettings::default()
    };
    assert_eq!(lines(&TestGame::with_plugins(settings, nakama)), 7);
}

/// Such tests need no tap of raw envelopes either. They name no generated type except the kinds of envelopes.
#[test]
fn a_game_that_plays_by_itself_is_tested_without_generated_types() {
    let mut game = TestGame::of(|app: &mut App| {
        app.add_systems(Startup, |mut commands: Commands| {
            commands
                .nakama()
                .log_in(&server(), Login::device("a-device-of-cat"));
            commands.nakama().connect();
        })
        .add_observer(|_: On<Connected>, mut commands: Commands| {
            commands
                .nakama()
                .add_matchmaker(AddMatchmaker::players(2, 2));
        })
        .add_observer(|matched: On<MatchmakerMatched>, mut commands: Commands| {
            commands.nakama().join_match(&matched.join);
        });
    });
    game.update();
    let session = game.accept_login("cat");
    assert_eq!(session.username().as_str(), "cat");
    game.update();
    game.server_accepts();
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    let join = JoinWith::Id("m1".into());
    game.server_says(matchmaker_matched("t1", join, &["cat", "bob"], None));
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m1", &["cat", "bob"]));
    game.update();
    assert_eq!(game.roster("m1"), ["bob", "cat"]);
}

/// Runs something that panics; the file in which it says that it did.
fn file_of_panic(run: impl FnOnce()) -> String {
    let place = Arc::new(Mutex::new(None));
    let seen = place.clone();
    let me = thread::current().id();
    let before = panic::take_hook();
    // Other tests may panic meanwhile.
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == me {
            let file = info.location().map(|at| at.file().to_owned());
            *seen.lock().expect("unpoisoned") = file;
        }
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    panic::set_hook(before);
    assert!(result.is_err(), "it panics");
    place.lock().expect("unpoisoned").take().expect("a place")
}

/// Whoever reads that a test failed wants to know where in the test.
#[test]
fn a_helper_that_panics_names_the_line_of_the_test() {
    let helpers: [(&str, fn(&mut TestGame)); 9] = [
        ("join", |game| {
            game.join("m1", &["ada"]);
        }),
        ("join_room", |game| {
            game.join_room("r", &["ada"]);
        }),
        ("server_accepts", |game| game.server_accepts()),
        ("expect_sent", |game| {
            game.expect_sent(Kind::MatchJoin);
        }),
        ("answer_rest", |game| game.answer_rest_with(200, "{}")),
        ("rest_breaks", |game| game.rest_breaks()),
        ("accept_login", |game| {
            game.accept_login("ada");
        }),
        ("match_entity", |game| {
            let _ = game.match_entity("m1");
        }),
        ("presence_of", |game| {
            let _ = game.presence_of("m1", "ada");
        }),
    ];
    for (name, helper) in helpers {
        let file = file_of_panic(|| helper(&mut TestGame::new()));
        assert_eq!(file, file!(), "{name}");
    }
}
