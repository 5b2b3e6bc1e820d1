//! The connection as a game sees it: phases, reasons, heartbeats, and what is left afterwards.

mod floods;
mod last_words;
mod phases;

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    connection::{TransportError, Unreachable},
    prelude::*,
    proto::{Kind, Message, PartyLayout, api, realtime},
    testing::*,
};

fn watch(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |connected: On<Connected>| {
        seen.add(format!("connected, resumed: {}", connected.resumed))
    });
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    (game, log)
}

fn state(game: &TestGame) -> ConnectionState {
    *game.app.world().resource::<State<ConnectionState>>().get()
}

fn start_connecting(game: &mut TestGame) {
    let session = session("ada");
    game.commands(|commands| {
        commands
            .nakama()
            .connect(&server(), &session, ConnectOptions::default())
    });
    game.update();
    game.update();
}

#[test]
fn connecting_takes_its_phases() {
    let (mut game, log) = watch(TestGame::new());
    game.update();
    assert_eq!(state(&game), ConnectionState::Disconnected);
    start_connecting(&mut game);
    assert_eq!(state(&game), ConnectionState::Connecting);
    game.server_accepts();
    game.update();
    assert_eq!(state(&game), ConnectionState::Connected);
    assert_eq!(log.take(), ["connected, resumed: false"]);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert_eq!(
        connection.user().map(|(_, name)| name.as_str()),
        Some("ada")
    );
}

#[test]
fn a_refused_socket_says_why() {
    let (mut game, log) = watch(TestGame::new());
    start_connecting(&mut game);
    game.server_ends(DisconnectReason::Refused {
        status: 401,
        message: "Missing or invalid token".into(),
    });
    game.update();
    assert_eq!(
        log.take(),
        ["the server refused the socket with 401: Missing or invalid token"]
    );
    assert_eq!(state(&game), ConnectionState::Disconnected);
}

#[test]
fn connecting_ends_after_ten_seconds() {
    let (mut game, log) = watch(TestGame::new());
    let session = session("ada");
    game.commands(|commands| {
        commands
            .nakama()
            .connect(&server(), &session, ConnectOptions::default())
    });
    game.advance(Duration::from_millis(9_990));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(50));
    assert_eq!(
        log.take(),
        ["http://test.invalid:7350 cannot be reached: no connection within 10.0 s"]
    );
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(matches!(
        connection.last_reason(),
        Some(DisconnectReason::Unreachable(Unreachable {
            error: TransportError::TimedOut { after },
            ..
        })) if after.as_secs() == 10
    ));
}

#[test]
fn a_disconnect_is_asked_for_and_told() {
    let (mut game, log) = watch(TestGame::connected());
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    assert_eq!(log.take(), ["the game disconnected"]);
    game.commands(|commands| commands.nakama().disconnect());
    game.advance(Duration::from_secs(1));
    assert_eq!(log.take(), [""; 0], "there is nothing to disconnect");
}

#[test]
fn a_disconnect_lets_leave_what_is_queued() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let here = game.match_entity("m1");
    game.commands(|commands| {
        for _ in 0..500 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    game.advance(Duration::from_millis(100));
    assert_eq!(log.take(), [""; 0], "500 messages take 117 ms");
    game.advance(Duration::from_millis(40));
    assert_eq!(game.sent().len(), 500);
    assert_eq!(log.take(), ["the game disconnected"]);
}

#[test]
fn a_disconnect_does_not_wait_for_ever() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let here = game.match_entity("m1");
    let failed = Log::default();
    let seen = failed.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    game.commands(|commands| {
        for _ in 0..2000 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    game.advance(Duration::from_millis(280));
    assert_eq!(log.take(), ["the game disconnected"]);
    let (sent, failed) = (game.sent().len(), failed.take());
    assert_eq!(sent + failed.len(), 2000, "each is sent or told");
    assert!((900..1200).contains(&sent), "{sent} left within 250 ms");
    assert!(failed.iter().all(|reason| reason == "not connected"));
}

#[test]
fn asking_twice_to_disconnect_does_not_take_longer() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let here = game.match_entity("m1");
    game.commands(|commands| {
        for _ in 0..2000 {
            commands.nakama().send_data(here, OutgoingData::raw(1, "x"));
        }
        commands.nakama().disconnect();
    });
    for _ in 0..20 {
        game.advance(Duration::from_millis(10));
        game.commands(|commands| commands.nakama().disconnect());
    }
    assert_eq!(log.take(), [""; 0], "there is something to send yet");
    game.advance(Duration::from_millis(80));
    assert_eq!(log.take(), ["the game disconnected"]);
}

#[test]
fn what_is_known_of_one_server_is_not_believed_of_the_next() {
    let mut game = TestGame::connected();
    let layout = |game: &TestGame| {
        let connection = game.app.world().resource::<NakamaConnection>();
        connection.party_layout()
    };
    game.server_writes(PartyLayout::Before3_28);
    game.server_says(party("p1", "ada", &["ada"]));
    game.update();
    assert_eq!(layout(&game), Some(PartyLayout::Before3_28));
    let session = session("ada");
    let other = NakamaServer::new("http://other.invalid:7350", "defaultkey");
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&other, &session, options);
    });
    game.update();
    assert_eq!(layout(&game), None, "nobody knows yet how it writes");
    game.server_accepts();
    game.update();
    assert_eq!(layout(&game), None, "nobody knows yet how it writes");
}

#[test]
fn connecting_anew_ends_the_old_connection_first() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada", "bob"]));
    start_connecting(&mut game);
    assert_eq!(log.take(), ["the game disconnected"]);
    assert_eq!(state(&game), ConnectionState::Connecting);
    assert_eq!(game.roster("m1"), [""; 0]);
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected, resumed: false"]);
    assert_eq!(state(&game), ConnectionState::Connected);
}

#[test]
fn what_arrived_before_a_loss_is_seen_before_it() {
    let (mut game, log) = watch(TestGame::joined("m1", &["ada"]));
    let seen = log.clone();
    game.observe(move |added: On<Add, PresentIn>, names: Query<&Username>| {
        seen.add(format!("+{}", names.get(added.entity).expect("whole")));
    });
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, PresentIn>, names: Query<&Username>| {
            seen.add(format!("-{}", names.get(removed.entity).expect("readable")));
        },
    );
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.server_says(match_data("m1", Some("bob"), 1, "last words"));
    game.connection_breaks();
    game.update();
    let mut seen = log.take();
    assert_eq!(seen.remove(0), "+bob");
    assert_eq!(
        seen.pop().as_deref(),
        Some("the connection was lost: the server hung up")
    );
    seen.sort();
    assert_eq!(seen, ["-ada", "-bob"]);

    let words: Vec<_> = game
        .app
        .world_mut()
        .resource_mut::<Messages<MatchDataReceived>>()
        .drain()
        .collect();
    assert_eq!(words.len(), 1, "and the data can still be read");
}

#[test]
fn nothing_of_the_last_connection_is_read_in_the_next() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    game.server_says(match_data("m1", Some("bob"), 1, "old"));
    game.connection_breaks();
    game.update();
    game.connect();
    assert_eq!(
        game.app
            .world()
            .resource::<Messages<MatchDataReceived>>()
            .len(),
        0
    );
}

#[test]
fn a_close_by_the_server_is_told_with_its_words() {
    let (mut game, log) = watch(TestGame::connected());
    let reason = DisconnectReason::ClosedByServer {
        code: Some(1000),
        reason: "server-side session disconnect".into(),
    };
    game.server_ends(reason);
    game.update();
    assert_eq!(
        log.take(),
        ["the server closed the socket (1000: server-side session disconnect)"]
    );
}

#[test]
fn a_notification_before_the_close_is_its_reason() {
    for (code, reason) in [
        (-7, "replaced by a newer socket of the same account"),
        (-8, "the account is banned"),
    ] {
        let (mut game, log) = watch(TestGame::connected());
        game.server_says(Message::Notifications(realtime::Notifications {
            notifications: vec![api::Notification {
                code,
                ..Default::default()
            }],
        }));
        game.server_ends(DisconnectReason::ClosedByServer {
            code: Some(1000),
            reason: String::new(),
        });
        game.update();
        assert_eq!(log.take(), [reason]);
    }
}

#[test]
fn a_frame_that_is_no_envelope_ends_the_connection() {
    for garbage in [
        &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x0a\x02\xff\xfe\x82\x02\x00",
        b"\x72\x7fshort",
    ] {
        let (mut game, log) = watch(TestGame::connected());
        game.server_sends(garbage);
        game.server_says(match_presences("m1", &["bob"], &[]));
        game.update();
        let seen = log.take();
        let expected = "the server broke the protocol: a frame is not an envelope: ";
        assert!(seen.len() == 1 && seen[0].starts_with(expected), "{seen:?}");
    }
}

#[test]
fn unknown_kinds_and_empty_envelopes_are_no_harm() {
    let (mut game, log) = watch(TestGame::connected());
    game.server_sends(&b""[..]);
    game.server_sends(&b"\x9a\x06\x00"[..]); // field 99
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(state(&game), ConnectionState::Connected);
}

#[test]
fn a_silent_server_is_given_up_thirteen_seconds_after_its_last_word() {
    let (mut game, log) = watch(TestGame::connected());
    game.server_goes_silent();
    game.advance(Duration::from_millis(12_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    let seen = log.take();
    assert!(
        seen[0].starts_with("the server was silent for 13"),
        "{seen:?}"
    );
}

#[test]
fn a_server_busy_with_a_request_may_be_silent_for_twenty_seconds() {
    let (mut game, log) = watch(TestGame::connected());
    game.server_goes_silent();
    game.commands(|commands| {
        commands
            .nakama()
            .raw(Message::Rpc(api::Rpc::default()))
            .id()
    });
    game.advance(Duration::from_millis(19_500));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(1_000));
    assert!(log.take()[0].starts_with("the server was silent for 20"));
}

#[test]
fn the_round_trip_is_measured_every_five_seconds() {
    let mut game = TestGame::connected();
    let round_trip = |game: &TestGame| game.app.world().resource::<NakamaConnection>().round_trip();
    assert_eq!(round_trip(&game), None);
    game.advance(Duration::from_millis(5_100));
    assert!(round_trip(&game).is_some());
}

#[test]
fn a_pong_behind_a_slow_request_is_no_round_trip() {
    let mut game = TestGame::connected();
    game.commands(|commands| {
        commands
            .nakama()
            .raw(Message::Rpc(api::Rpc::default()))
            .id()
    });
    game.advance(Duration::from_millis(5_100));
    assert_eq!(
        game.app.world().resource::<NakamaConnection>().round_trip(),
        None
    );
}

#[test]
fn a_frame_that_runs_out_of_time_goes_on_in_the_next_one_in_order() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .receive_budget = Duration::ZERO;
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
            seen.add(
                data.read()
                    .map(|data| data.op_code.to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        });
    for op_code in 0..40 {
        game.server_says(match_data("m1", Some("bob"), op_code, ""));
    }
    for _ in 0..4 {
        game.update();
    }
    let frames = log.take();
    let all: Vec<i64> = frames
        .iter()
        .flat_map(|frame| frame.split_whitespace())
        .map(|n| n.parse().expect("n"))
        .collect();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
    assert!(
        frames
            .iter()
            .all(|frame| frame.split_whitespace().count() <= 16),
        "{frames:?}"
    );
}

#[test]
fn envelopes_are_reported_raw_only_while_somebody_asks() {
    let mut game = TestGame::connected();
    let count = |game: &mut TestGame| {
        let world = game.app.world_mut();
        let received: Vec<_> = world
            .resource_mut::<Messages<EnvelopeReceived>>()
            .drain()
            .collect();
        let sent: Vec<_> = world
            .resource_mut::<Messages<EnvelopeSent>>()
            .drain()
            .collect();
        (received, sent)
    };
    game.join("m1", &["ada"]);
    let (received, sent) = count(&mut game);
    assert!(received.is_empty() && sent.is_empty());

    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    game.join("m2", &["ada", "bob"]);
    let (received, sent) = count(&mut game);
    assert_eq!(
        sent.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [Some(Kind::MatchJoin)]
    );
    assert_eq!(
        received.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [Some(Kind::Match)]
    );
    assert_eq!(received[0].cid, sent[0].cid);
    assert!(received[0].at >= sent[0].at);
    let json: serde_json::Value =
        serde_json::from_str(&received[0].to_json().expect("decodes")).expect("JSON");
    assert_eq!(json["match"]["presences"][0]["username"], "bob");

    game.app.world_mut().resource_mut::<EnvelopeTap>().close();
    game.update();
    game.join("m3", &["ada"]);
    let (received, sent) = count(&mut game);
    assert!(received.is_empty() && sent.is_empty());
}

/// How many data messages the game was told that it has lost.
fn with_and_without_a_tap(is_tapped: bool) -> (u64, Vec<String>) {
    let mut settings = NakamaSettings::default();
    settings.receive_budget = Duration::MAX;
    settings.hand_over_limit = 1024 * 1024;
    let mut game = TestGame::with_settings(settings);
    game.connect();
    game.join("m1", &["ada", "bob"]);
    if is_tapped {
        game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    }
    game.update();
    let (mut game, log) = watch(game);
    // The game does not run meanwhile.
    for op_code in 0..5_000 {
        game.server_says(match_data("m1", Some("bob"), op_code, vec![0; 1000]));
    }
    game.update();
    game.update();
    let world = game.app.world_mut();
    let mut data = world.resource_mut::<Messages<MatchDataReceived>>();
    (data.drain().count() as u64, log.take())
}

#[test]
fn looking_at_the_traffic_of_a_game_that_stalls_does_not_end_its_connection() {
    let (kept, phases) = with_and_without_a_tap(false);
    assert!((1..5_000).contains(&kept), "{kept} of 5000 were kept");
    assert_eq!(phases, [""; 0]);
    let (kept, phases) = with_and_without_a_tap(true);
    assert!((1..5_000).contains(&kept), "{kept} of 5000 were kept");
    assert_eq!(phases, [""; 0]);
}

#[test]
fn what_the_last_connection_tells_of_its_server_is_not_told_of_the_next() {
    let mut game = TestGame::connected();
    // It arrives after the game has asked for another connection.
    start_connecting_at_once(&mut game);
    game.server_writes(PartyLayout::Before3_28);
    game.server_says(party("p1", "ada", &["ada"]));
    game.update();
    game.update();
    game.server_accepts();
    game.update();
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(connection.is_connected());
    assert_eq!(connection.party_layout(), None);
}

fn start_connecting_at_once(game: &mut TestGame) {
    let session = session("bob");
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
}
