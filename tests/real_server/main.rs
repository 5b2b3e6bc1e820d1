//! Against a real Nakama: `NAKAMA_URL=http://127.0.0.1:7350 cargo test --test real_server -- --ignored`.
//!
//! The server should run with the modules in `tests/nakama/modules` (`--runtime.path`). `NAKAMA_HTTP_KEY` is its HTTP key,
//! `defaulthttpkey` if absent; `NAKAMA_KEY` is the server key, `defaultkey` if absent. `NAKAMA_SINGLE_SOCKET=1` says that the server runs with
//! `--session.single_socket=true`; `healing/mod.rs` has more of these. Some tests wait until a token has ended, so its life should be short:
//! the server's default of a minute is good.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;
mod healing;
mod people;
mod schedules;
mod sending;
mod tickets;

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_nakama::{healing::ConnectionLost, prelude::*, proto};
use common::{
    game::Game,
    log::Log,
    scenes::{self, fresh},
};

fn server() -> NakamaServer {
    let url = std::env::var("NAKAMA_URL").expect("set NAKAMA_URL, like http://127.0.0.1:7350");
    NakamaServer::new(url, server_key())
}

fn server_key() -> String {
    std::env::var("NAKAMA_KEY").unwrap_or_else(|_| "defaultkey".into())
}

#[test]
#[ignore = "needs a Nakama server"]
fn two_players_meet_in_a_match() {
    let mut games = Vec::new();
    for name in ["ada", "bob"] {
        let mut game = Game::new();
        let log = Log::default();
        let seen = log.clone();
        game.app
            .add_observer(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
        game.app
            .add_observer(|_: On<Connected>, mut commands: Commands| {
                commands
                    .nakama()
                    .create_match(CreateMatch::named("real-server-test"));
            });
        let login = Login::device(format!("real-server-test-{name}"));
        game.commands(|commands| {
            commands.nakama().log_in(&server(), login);
            commands.nakama().connect();
        });
        game.until("a match", |app| {
            assert_eq!(log.take(), [""; 0]);
            app.world_mut()
                .query_filtered::<Entity, With<Match>>()
                .iter(app.world())
                .next()
        });
        println!("{name}: in");
        games.push(game);
    }
    let mut bob = games.pop().expect("two");
    let mut ada = games.pop().expect("two");
    let count = |app: &mut App| {
        app.world_mut()
            .query::<&PresentIn>()
            .iter(app.world())
            .count()
    };
    ada.until("bob", |app| (count(app) == 2).then_some(()));
    bob.until("ada", |app| (count(app) == 2).then_some(()));
    let here = ada
        .app
        .world_mut()
        .query_filtered::<Entity, With<Match>>()
        .single(ada.app.world())
        .expect("one");
    ada.commands(|commands| {
        for op in 0..500 {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op, "hello"));
        }
    });
    ada.app.update();
    let mut got = Vec::new();
    bob.until("data", |app| {
        let data = Game::arrived::<MatchDataReceived>(app);
        got.extend(data.iter().map(|data| data.op_code));
        (got.len() == 500).then_some(())
    });
    assert_eq!(got, (0..500).collect::<Vec<_>>());
    drop(ada);
    bob.until("ada to go", |app| (count(app) == 1).then_some(()));
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_party_of_three() {
    println!("this server writes {:?}", scenes::party::a_party(&server()));
}

#[test]
#[ignore = "needs a Nakama server"]
fn strangers_and_a_party_are_matched() {
    scenes::matchmaking::strangers(&server());
    scenes::matchmaking::a_party_and_a_stranger(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn the_matchmaker_compares_sockets_and_never_users() {
    scenes::matchmaking::sockets_and_never_users(address());
}

/// Where the server listens.
fn address() -> std::net::SocketAddr {
    let url = server();
    let address = url
        .url()
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let mut found = std::net::ToSocketAddrs::to_socket_addrs(address).expect("an address");
    found.next().expect("an address")
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_room_of_three() {
    scenes::chat::a_chat(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn friends() {
    scenes::friends::friends(&server());
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn functions_of_the_server() {
    let key = std::env::var("NAKAMA_HTTP_KEY").unwrap_or_else(|_| "defaulthttpkey".into());
    scenes::server_code::functions(&server(), &key);
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn streams_of_the_server() {
    scenes::server_code::streams(&server());
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn notifications_are_kept() {
    scenes::server_code::notifications(&server());
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn a_match_that_the_server_runs() {
    scenes::server_code::a_match_of_the_server(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn what_is_too_large_costs_nothing() {
    scenes::chat::the_size_limit(&server());
}

#[test]
#[ignore = "needs a Nakama server"]
fn logins_and_what_is_refused() {
    let mut game = Game::new();
    let name = fresh("eve");
    let (address, password) = (format!("{name}@example.org"), "long enough");
    let login = Login::email(&address, password).username(&name);
    let made = game
        .ask::<LogIn>(|nakama| nakama.log_in(&server(), login).id())
        .expect("a new account");
    assert!(made.created);
    let login = Login::password(&name, password);
    let again = game
        .ask::<LogIn>(|nakama| nakama.log_in(&server(), login).id())
        .expect("the same account");
    assert_eq!(again.session.user_id(), made.session.user_id());
    let mut refused = |server: NakamaServer, login: Login| {
        let refused = game.ask::<LogIn>(|nakama| nakama.log_in(&server, login).id());
        let text = format!("{:?}", refused.expect_err("it is refused"));
        let variant = text.trim_start_matches("Refused(").split('(').next();
        variant.expect("a name").to_owned()
    };
    let wrong_key = NakamaServer::new(server().url(), "wrong");
    let cases = [
        (
            server(),
            Login::email(&address, "not this one"),
            "InvalidCredentials",
        ),
        (server(), Login::email("nobody", password), "InvalidInput"),
        (
            server(),
            Login::custom(fresh("c")).username(&name),
            "UsernameTaken",
        ),
        (
            server(),
            Login::custom(fresh("c")).create(false),
            "AccountNotFound",
        ),
        (server(), Login::custom("short"), "InvalidInput"),
        (wrong_key, Login::custom(fresh("c")), "InvalidServerKey"),
        (server(), Login::steam("0000"), "NotConfigured"),
    ];
    for (server, login, expected) in cases {
        assert_eq!(refused(server, login.clone()), expected, "{login:?}");
    }
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_socket_outlives_its_token_and_a_new_one_is_opened_with_new_tokens() {
    let mut game = Game::new();
    let login = Login::device(fresh("device-of-ada"));
    let session = game
        .ask::<LogIn>(|nakama| nakama.log_in(&server(), login).id())
        .expect("a login")
        .session;
    let mut late = Game::new();
    game.commands(|c| c.nakama().connect());
    assert_eq!(game.next_phase(), "connected");
    let life = life_of(&session);
    run_for(&mut game, life);
    let room = JoinChat::room(fresh("room"));
    game.ask::<JoinChat>(|nakama| nakama.join_chat(room).id())
        .expect("the socket is as good as before");

    // The server counts in whole seconds.
    run_for(&mut game, Duration::from_millis(1500));
    let token = session.token().expose();
    let without_refresh = NakamaSession::restore(token, None).expect("its own token");
    for (session, expected) in [
        (
            without_refresh,
            "the server refused the socket with 401: Missing or invalid token",
        ),
        (session, "connected"),
    ] {
        late.commands(|c| {
            c.nakama().use_session(&server(), session);
            c.nakama().connect();
        });
        assert_eq!(late.next_phase(), expected);
    }
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_session_is_enough_for_rest() {
    let mut game = Game::new();
    let name = fresh("ada");
    let login = Login::device(fresh("device-of-ada")).username(&name);
    game.ask::<LogIn>(|nakama| nakama.log_in(&server(), login).id())
        .expect("a login");
    for _ in 0..2 {
        let account = game
            .ask::<CallRest>(|nakama| nakama.rest(RestMethod::Get, "/v2/account", None).id())
            .expect("her account");
        assert_eq!(account.json["user"]["username"], name);
        game.commands(|c| c.nakama().connect());
        assert_eq!(game.next_phase(), "connected");
        game.commands(|c| c.nakama().disconnect());
        assert_eq!(game.next_phase(), "the game disconnected");
    }
    game.ask::<LogOut>(|nakama| nakama.log_out().id())
        .expect("logged out");
    let refused =
        game.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Get, "/v2/account", None).id());
    assert!(
        matches!(refused, Err(RequestError::NotLoggedIn)),
        "{refused:?}"
    );
}

/// How long the token of a session is good for.
#[track_caller]
fn life_of(session: &NakamaSession) -> Duration {
    let life = session
        .expires_at()
        .duration_since(std::time::SystemTime::now())
        .expect("it is new");
    assert!(
        life.as_secs() <= 120,
        "the token lives for {life:?}: too long for this test"
    );
    life
}

/// Runs a game for a while, as it would run.
fn run_for(game: &mut Game, time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        game.app.update();
        std::thread::sleep(Duration::from_millis(16)); // a frame
    }
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn a_large_call_with_an_old_token_is_made_again_with_a_new_one() {
    let mut game = Game::new();
    let login = Login::device(fresh("device-of-ada"));
    let session = game
        .ask::<LogIn>(|nakama| nakama.log_in(&server(), login).id())
        .expect("a login")
        .session;
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_observer(move |_: On<SessionRefreshed>| seen.add("refreshed"));
    game.commands(|c| {
        c.nakama().use_session(&server(), session.clone());
        c.nakama().connect();
    });
    assert_eq!(game.next_phase(), "connected");
    let life = life_of(&session);
    // The server counts in whole seconds.
    run_for(&mut game, life + Duration::from_millis(1500));
    for size in [5_000, 100_000] {
        let payload = "x".repeat(size);
        let rpc = Rpc::new("echo").payload(&payload).over_rest();
        let reply = game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id());
        assert_eq!(reply.expect("an answer").payload, payload);
        if size == 5_000 {
            // The refusal of the old token comes before the server has read such a body.
            assert_eq!(log.take(), ["refreshed"]);
            let life = Duration::from_millis(1500) + life;
            run_for(&mut game, life);
        }
    }
    assert_eq!(log.take(), ["refreshed"]);
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_second_socket_of_the_same_user() {
    let is_single = std::env::var("NAKAMA_SINGLE_SOCKET").is_ok_and(|it| it == "1");
    let login = Login::device(fresh("device-of-ada"));
    let mut first = Game::online(&server(), login.clone());
    let mut second = Game::online(&server(), login);
    if is_single {
        let reason = first.next_phase();
        assert!(reason.contains("replaced by a newer socket"), "{reason}");
        println!("{reason}");
    }
    for game in [&mut first, &mut second]
        .into_iter()
        .skip(usize::from(is_single))
    {
        let room = JoinChat::room(fresh("room"));
        game.ask::<JoinChat>(|nakama| nakama.join_chat(room).id())
            .expect("it is connected");
        assert_eq!(game.phases.take(), [""; 0]);
    }
}

#[test]
#[ignore = "needs a Nakama server"]
fn a_kick_is_told_with_its_reason() {
    // A server that hangs up with something unread takes back what its kernel has not sent, and that may be its reason: with 3.40
    // one time in 24, with 3.27 (which gives no words) more than every other time. What did arrive is told.
    let ends: Vec<_> = (0..12)
        .map(|_| scenes::kick::a_full_queue(&server()))
        .collect();
    println!("{ends:#?}");
    let mut ends = ends.iter();
    let with_words = DisconnectReason::OutgoingQueueFull.to_string();
    let without = "the server closed the socket without a word";
    assert!(ends.any(|end| *end == with_words || end == without));
}

/// As in `suite/request/large`, and what a server says to a call that is too long.
#[test]
#[ignore = "needs a Nakama server"]
fn a_request_that_is_too_much_for_one_message() {
    let mut ada = Game::online(&server(), Login::device(fresh("device-of-ada")));
    let uuid = |number| format!("00000000-0000-4000-8000-{number:012}");
    let uuids = || (0..300).map(uuid);
    let query: Vec<_> = uuids().map(|id| format!("ids={id}")).collect();
    let path = format!("/v2/notification?{}", query.join("&"));
    let refused = ada.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Delete, path, None).id());
    println!("{refused:?}");
    assert!(matches!(refused, Err(RequestError::Refused(error)) if error.status == 431));
    ada.ask::<DeleteNotifications>(|nakama| nakama.delete_notifications(uuids()).id())
        .expect("deleted");
    let names = (0..300).map(|number| fresh(&format!("name{number}")));
    let follow = FollowUsers::ids(uuids()).usernames(names);
    let followed = ada.ask::<FollowUsers>(|nakama| nakama.follow(follow).id());
    assert_eq!(followed.expect("followed").users.len(), 300);
    ada.ask::<UnfollowUsers>(|nakama| nakama.unfollow(UnfollowUsers::ids(uuids())).id())
        .expect("unfollowed");
}

#[test]
#[ignore = "needs a Nakama server"]
fn storage_of_a_player_with_two_devices() {
    scenes::storage::save_games(&server());
}

/// As in `suite/chat/rooms_are_no_groups.rs`.
#[test]
#[ignore = "needs a Nakama server"]
fn a_room_with_a_slash_has_no_history() {
    let mut ada = Game::online(&server(), Login::device(fresh("device-of-ada")));
    let room = fresh("a/room");
    let joined = ada.ask::<JoinChat>(|nakama| nakama.join_chat(JoinChat::room(&room)).id());
    let channel = joined.expect("the room works").entity;
    ada.ask::<SendChatMessage>(|nakama| nakama.send_chat_json(channel, "{}").id())
        .expect("the room works");
    let path = format!("/v2/channel/2...{}?limit=1", room.replace('/', "%2F"));
    let asked = ada.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Get, path, None).id());
    assert!(matches!(asked, Err(RequestError::Refused(error)) if error.status == 404));
}

/// What a loading screen may do. The server's queue for a client holds 64 messages.
#[test]
#[ignore = "needs a Nakama server"]
fn a_burst_of_requests_and_sends_costs_nobody_the_connection() {
    let server = server();
    let names = ["burst-ada", "burst-bob"].map(fresh);
    let mut games = names.map(|name| {
        let mut game = Game::new();
        let gone = Log::default();
        let seen = gone.clone();
        game.app
            .add_observer(move |lost: On<ConnectionLost>| seen.add(lost.cause.to_string()));
        game.commands(|commands| {
            commands.nakama().log_in(&server, Login::device(name));
            commands.nakama().connect();
        });
        assert_eq!(game.next_phase(), "connected");
        (game, gone)
    });
    let room = fresh("burst");
    for (game, _) in &mut games {
        let here = CreateMatch::named(room.clone());
        game.commands(|commands| commands.nakama().create_match(here).id());
    }
    let [(ada, ada_gone), (bob, bob_gone)] = &mut games;
    let here = ada.until("bob", |app| {
        bob.app.update();
        let mut matches = app.world_mut().query::<(Entity, &MatchPresences)>();
        let (here, present) = matches.iter(app.world()).next()?;
        (present.len() == 2).then_some(here)
    });
    bob.until("the match", |app| {
        app.world_mut()
            .query::<&Match>()
            .iter(app.world())
            .next()
            .map(|_| ())
    });
    let answers = Log::default();
    let seen = answers.clone();
    ada.app.add_observer(move |reply: On<Replied<RawRequest>>| {
        seen.add(
            reply
                .result
                .as_ref()
                .err()
                .map_or_else(|| "answered".into(), ToString::to_string),
        );
    });
    let failed = Log::default();
    let seen = failed.clone();
    ada.app
        .add_observer(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    ada.commands(|commands| {
        for number in 0..500 {
            let follow = proto::realtime::StatusFollow {
                usernames: vec!["nobody".into()],
                ..default()
            };
            commands
                .nakama()
                .send_raw(proto::Message::StatusFollow(follow));
            let data = OutgoingData::raw(number, "x");
            commands.nakama().send_data(here, data);
        }
    });
    let mut told = Vec::new();
    let mut heard = Vec::new();
    ada.until("500 answers, and bob 500 messages", |_| {
        bob.app.update();
        let data = Game::arrived::<MatchDataReceived>(&mut bob.app);
        heard.extend(data.into_iter().map(|data| data.op_code));
        told.extend(answers.take());
        (told.len() >= 500 && heard.len() >= 500).then_some(())
    });
    // Joins are answered, and bring events, too.
    ada.commands(|commands| {
        for number in 0..100 {
            commands
                .nakama()
                .join_chat(JoinChat::room(format!("{room}-{number}")));
            if number < 64 {
                commands
                    .nakama()
                    .create_match(CreateMatch::named(format!("{room}-{number}")));
            }
            let list = proto::realtime::StatusFollow {
                usernames: vec!["nobody".into()],
                ..default()
            };
            commands
                .nakama()
                .send_raw(proto::Message::StatusFollow(list));
        }
    });
    ada.until("100 rooms and 65 matches", |app| {
        let rooms = app
            .world_mut()
            .query::<&ChatChannel>()
            .iter(app.world())
            .count();
        let matches = app.world_mut().query::<&Match>().iter(app.world()).count();
        told.extend(answers.take());
        (rooms == 100 && matches == 65 && told.len() >= 600).then_some(())
    });
    assert_eq!(told, ["answered"; 600]);
    assert_eq!(heard, (0..500).collect::<Vec<_>>());
    assert_eq!(failed.take(), [""; 0]);
    assert_eq!((ada_gone.take(), bob_gone.take()), (vec![], vec![]));
}
