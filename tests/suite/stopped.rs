//! A game that did not run for a while: a process that was stopped (a debugger, the lid of a laptop), or a slow frame. What
//! arrived meanwhile is read before any deadline is judged.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use crate::common::{
    game::Game,
    log::Log,
    raw_client::PATIENCE,
    scripted::{binary, next_of},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, realtime},
    testing::{self, FRAME, TestGame, match_data, match_presences},
};
use serde_json::json;
use tungstenite::{Message, WebSocket};

/// Where the child finds its server.
const ADDRESS: &str = "BEVY_NAKAMA_TEST_SERVER";
/// How long a request of the child may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// Not a test: the game that the other tests start as a process of its own. It joins a match, and says what happens.
#[test]
fn the_child_process() {
    let Ok(address) = env::var(ADDRESS) else {
        return; // nobody started it
    };
    let mut settings = NakamaSettings::default();
    settings.request_timeout = REQUEST_TIMEOUT;
    let mut game = Game::with(NakamaPlugin::new(settings));
    game.app
        .add_observer(|reply: On<Replied<JoinMatch>>| match &reply.result {
            Ok(_) => say("joined"),
            Err(error) => say(&format!("not joined: {error}")),
        });
    game.connect_to(&NakamaServer::new(
        format!("http://{address}"),
        "defaultkey",
    ));
    say(&game.next_phase());
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    loop {
        game.app.update();
        if let Some(phase) = game.phases.take_first() {
            return say(&phase);
        }
        thread::sleep(Duration::from_millis(5)); // a frame
    }
}

fn say(line: &str) {
    println!("child: {line}");
    std::io::stdout().flush().expect("somebody listens");
}

/// The child process, and the server's end of its connection.
struct Stopped {
    child: Child,
    said: Receiver<String>,
    socket: WebSocket<TcpStream>,
}

impl Stopped {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", "stopped::the_child_process", "--nocapture"])
            .env(ADDRESS, address.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (tell, said) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // The test harness writes into the same line.
                if let Some((_, line)) = line.split_once("child: ") {
                    let _ = tell.send(line.to_owned());
                }
            }
        });
        let (stream, _) = listener.accept().expect("the child");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let socket = tungstenite::accept(stream).expect("a WebSocket");
        let stopped = Self {
            child,
            said,
            socket,
        };
        assert_eq!(stopped.next_word(), "connected");
        stopped
    }

    fn next_word(&self) -> String {
        let word = self.said.recv_timeout(PATIENCE);
        word.expect("the child says something")
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id();
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {pid}")])
            .status();
        assert!(status.expect("a shell").success());
    }

    /// Stops the child, lets the server say something meanwhile, and lets the child run again after so long.
    fn while_stopped(&mut self, duration: Duration, message: Message) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.child.id());
        // The signal takes a moment to get to every thread.
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") T")) {
            thread::yield_now();
        }
        self.socket.send(message).expect("the kernel takes it");
        thread::sleep(duration); // this is how long the process is stopped
        self.signal("CONT");
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_came_while_the_process_was_stopped_is_the_answer() {
    let mut stopped = Stopped::start();
    let asked = next_of(&mut stopped.socket, Kind::MatchJoin);
    let answer = testing::match_joined("m1", &["ada"]);
    stopped.while_stopped(
        REQUEST_TIMEOUT + Duration::from_secs(1),
        binary(&asked.cid, answer),
    );
    assert_eq!(stopped.next_word(), "joined");
    // Nor is the match left again: the next thing that the child sends is its heartbeat.
    let next = proto::decode(stopped.socket.read().expect("a frame").into_data());
    let kind = next.expect("an envelope").message.as_ref().map(Kind::of);
    assert_eq!(kind, Some(Kind::Ping));
}

#[cfg(target_os = "linux")]
#[test]
fn a_pong_that_came_while_the_process_was_stopped_is_a_sign_of_life() {
    let mut stopped = Stopped::start();
    let asked = next_of(&mut stopped.socket, Kind::MatchJoin);
    let answer = testing::match_joined("m1", &["ada"]);
    let sent = stopped.socket.send(binary(&asked.cid, answer));
    sent.expect("the child reads");
    assert_eq!(stopped.next_word(), "joined");
    let ping = next_of(&mut stopped.socket, Kind::Ping);
    let pong = proto::Message::Pong(realtime::Pong {});
    stopped.while_stopped(Duration::from_secs(12), binary(&ping.cid, pong));
    // A game that had given the server up would close the socket.
    let next = stopped.socket.read().expect("a frame");
    assert!(
        next.is_binary(),
        "instead of a heartbeat: {next:?}, and the child says {:?}",
        stopped.said.try_iter().collect::<Vec<_>>()
    );
    next_of(&mut stopped.socket, Kind::Ping);
}

/// Who sent the match data that arrived: op code and whether the sender is known.
fn senders(game: &mut TestGame) -> Vec<(i64, bool)> {
    let world = game.app.world_mut();
    let mut data = world.resource_mut::<Messages<MatchDataReceived>>();
    data.drain()
        .map(|data| {
            let entity = data.sender.and_then(|sender| sender.entity);
            (data.op_code, entity.is_some())
        })
        .collect()
}

#[test]
fn a_join_that_arrives_within_a_slow_frame_is_seen_before_its_data_are_given_up() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.server_says(match_data("m1", Some("bob"), 1, "early"));
    game.update();
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update_by(Duration::from_millis(260));
    assert_eq!(senders(&mut game), [(1, true)]);
}

/// The network thread reads what is with the operating system only after the frame has begun.
#[test]
fn a_join_that_is_read_after_a_long_stop_is_seen_before_its_data_are_given_up() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.server_says(match_data("m1", Some("bob"), 1, "early"));
    game.update();
    game.update_by(Duration::from_secs(12));
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update();
    assert_eq!(senders(&mut game), [(1, true)]);
}

#[test]
fn a_game_that_is_always_slow_gives_up_too() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.server_says(match_data("m1", Some("bob"), 1, "early"));
    game.update();
    game.update_by(Duration::from_millis(300));
    game.update_by(Duration::from_millis(300));
    assert_eq!(senders(&mut game), [(1, false)]);
}

fn without_a_budget(game: &mut TestGame) {
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.receive_budget = Duration::ZERO;
}

#[test]
fn a_join_behind_more_than_a_frame_can_read_is_seen_before_its_data_are_given_up() {
    let mut game = TestGame::joined("m1", &["ada", "eve"]);
    game.server_says(match_data("m1", Some("bob"), 1, "early"));
    game.update();
    without_a_budget(&mut game);
    for _ in 0..40 {
        game.server_says(match_data("m1", Some("eve"), 2, ""));
    }
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update_by(Duration::from_millis(260));
    for _ in 0..4 {
        game.update();
    }
    let seen = senders(&mut game);
    assert_eq!(
        seen.iter()
            .filter(|(op_code, _)| *op_code == 1)
            .collect::<Vec<_>>(),
        [&(1, true)],
        "{seen:?}"
    );
}

#[test]
fn a_queue_that_never_ends_does_not_put_off_a_deadline_for_ever() {
    let mut game = TestGame::joined("m1", &["ada", "eve"]);
    game.server_says(match_data(
        "m1",
        Some("bob"),
        1,
        "of somebody who never joins",
    ));
    game.update();
    game.advance(Duration::from_millis(200));
    without_a_budget(&mut game);
    for _ in 0..2_000 {
        game.server_says(match_data("m1", Some("eve"), 2, ""));
    }
    game.update_by(Duration::from_millis(260));
    let mut frames = 1;
    loop {
        let seen = senders(&mut game);
        if seen.contains(&(1, false)) {
            break;
        }
        frames += 1;
        assert!(frames <= 8, "the deadline was {frames} frames ago");
        game.update_by(FRAME);
    }
}

#[test]
fn a_refresh_that_is_refused_within_a_slow_frame_is_the_answer_to_who_waits_for_it() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchNotifications>>| match &reply.result {
            Ok(_) => seen.add("answered"),
            Err(error) => seen.add(error.to_string()),
        },
    );
    game.commands(|commands| {
        let request = FetchNotifications::new(1);
        commands.nakama().notifications(request).id()
    });
    game.update();
    let refused = json!({ "code": 16, "message": "Auth token invalid" });
    game.answer_rest(401, &refused);
    game.update();
    assert_eq!(game.rest_calls().len(), 1, "the refresh");
    let timeout = game
        .app
        .world()
        .resource::<NakamaSettings>()
        .request_timeout;
    game.answer_rest(
        401,
        &json!({ "code": 16, "message": "Refresh token invalid or expired." }),
    );
    game.update_by(timeout);
    let seen = log.take();
    assert!(
        seen.len() == 1 && !seen[0].contains("no answer within"),
        "{seen:?}"
    );
}
