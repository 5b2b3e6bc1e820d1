//! A process that was stopped for a while (a debugger, the lid of a laptop). What arrived meanwhile is read before any deadline is
//! judged.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use crate::common::{
    game::Game,
    raw_client::PATIENCE,
    scripted::{binary, next_of},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, realtime},
    testing,
};
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
    let settings = NakamaSettings {
        request_timeout: REQUEST_TIMEOUT,
        ..NakamaSettings::default()
    };
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

/// What the test harness calls the child.
fn name_of_child() -> String {
    let (_, module) = module_path!().split_once("::").expect("in a crate");
    format!("{module}::the_child_process")
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
            .args(["--exact", &name_of_child(), "--nocapture"])
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
        let begin = Instant::now();
        loop {
            let state = std::fs::read_to_string(&stat).expect("our own child");
            if state.contains(") T") {
                break;
            }
            let is_stopping = !state.contains(") Z") && begin.elapsed() < PATIENCE;
            assert!(is_stopping, "the child does not stop: {state}");
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
