//! What leaves a client costs nobody the connection: players of a match send 20 times a second while a line, a call or the server stalls.
//! And healthy lines are not slowed down.
//!
//! Each test prints a table: `--nocapture`. `SENDING_TIMES` is how often each stall is tried, 2 if absent. `SENDING_SECONDS` is how long a
//! healthy line is looked at, 10 if absent. `SENDING_HOLDS` are the seconds of the stalls, like `2,3,4,6,10`.
//!
//! They need a machine with little else to do, above all with 20 players.

mod crowd;
mod server_process;

use std::{collections::BTreeMap, env, str::FromStr, thread, time::Duration};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Rule},
    connection::Network,
    prelude::*,
};

use self::{
    crowd::{Crowd, Fate},
    server_process::Stopped,
};
use super::{common::log::Log, server};

/// A setting of these tests.
fn setting<T: FromStr>(name: &str, default: T) -> T {
    let value = env::var(name).ok();
    value.and_then(|it| it.parse().ok()).unwrap_or(default)
}

fn holds(default: &str) -> Vec<u64> {
    let holds = env::var("SENDING_HOLDS").unwrap_or_else(|_| default.into());
    let holds = holds.split(',').map(|it| it.parse().expect("a number"));
    holds.collect()
}

fn times() -> usize {
    setting("SENDING_TIMES", 2)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The server, behind a new proxy.
#[track_caller]
fn behind_a_proxy() -> (ChaosProxy, NakamaServer) {
    let direct = server();
    let proxy = ChaosProxy::start(direct.url()).expect("a proxy");
    let server = NakamaServer::new(proxy.url(), super::server_key());
    (proxy, server)
}

/// Says who was disconnected and why, in one line.
fn reasons(ends: &[(usize, String)]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in ends {
        *counts.entry(reason).or_default() += 1;
    }
    let counts = counts
        .iter()
        .map(|(reason, count)| format!("{count} x {reason}"));
    counts.collect::<Vec<_>>().join("; ")
}

/// What came of a stall of one of five players.
struct Outcome {
    kicked: Vec<(usize, String)>,
    own_end: Option<String>,
    /// Of the player whose line stalled.
    own: Fate,
    /// Messages of the others that somebody has missed.
    others_lost: usize,
    why_told: String,
}

impl Outcome {
    /// The first player is the one who stalls.
    fn of(crowd: &Crowd) -> Self {
        let (own, others): (Vec<_>, Vec<_>) = crowd
            .ends()
            .into_iter()
            .partition(|(number, _)| *number == 0);
        let told = crowd.players[0].told().into_iter();
        let told: Vec<_> = told.map(|(number, why)| (number as usize, why)).collect();
        Self {
            kicked: others,
            own_end: own.into_iter().next().map(|(_, reason)| reason),
            own: crowd.fate(0),
            others_lost: (1..crowd.players.len()).map(|it| crowd.fate(it).lost).sum(),
            why_told: reasons(&told),
        }
    }

    fn print(&self, what: &str) {
        println!(
            "| {what} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.kicked.len(),
            self.own_end.as_deref().unwrap_or("stays"),
            self.own.sent,
            self.own.told,
            self.own.lost,
            self.own.muddled,
            self.others_lost,
            [reasons(&self.kicked), self.why_told.clone()].join(" / "),
        );
    }

    fn print_head() {
        println!(
            "| stall | others kicked | the player | sent | told | lost | muddled | others' lost | kicked why / told why |"
        );
        println!("|---|---|---|---|---|---|---|---|---|");
    }
}

/// Five players, of whom the first has a line that is held for a while.
fn a_held_uplink(network: &Network, hold: Duration) -> Outcome {
    let (proxy, bad) = behind_a_proxy();
    let servers = [bad, server(), server(), server(), server()];
    let mut crowd = Crowd::new(network, &servers);
    crowd.play(seconds(3));
    let rule = proxy.add(Rule::hold(Direction::ToServer));
    crowd.play(hold);
    proxy.remove(rule);
    crowd.play(seconds(4));
    crowd.settle(seconds(15));
    Outcome::of(&crowd)
}

/// Different holds at the same time, each in a match of its own.
#[test]
#[ignore = "needs a Nakama server and some minutes"]
fn a_held_uplink_kicks_nobody_else() {
    let network = Network::new().expect("a thread");
    Outcome::print_head();
    let mut wrong = Vec::new();
    for _ in 0..times() {
        let at_once: Vec<_> = holds("2,3,4,6,10")
            .into_iter()
            .map(|hold| {
                let network = network.clone();
                let played = thread::spawn(move || a_held_uplink(&network, seconds(hold)));
                (hold, played)
            })
            .collect();
        for (hold, played) in at_once {
            let outcome = played.join().expect("it has played");
            outcome.print(&format!("uplink held {hold} s"));
            // A line that is dead for longer may end. What it lost then is told.
            let ended = hold <= 6 && outcome.own_end.is_some();
            let told = if hold <= 6 { outcome.own.told } else { 0 };
            let lost = outcome.own.lost + outcome.own.muddled + outcome.others_lost + told;
            if !outcome.kicked.is_empty() || ended || lost > 0 {
                wrong.push(hold);
            }
        }
    }
    assert!(wrong.is_empty(), "holds that went wrong: {wrong:?}");
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn a_slow_call_kicks_nobody() {
    let network = Network::new().expect("a thread");
    Outcome::print_head();
    let mut wrong = 0;
    let calls = holds("3,5").into_iter();
    for length in calls.flat_map(|length| vec![length; times()]) {
        let mut crowd = Crowd::new(&network, &[(); 5].map(|()| server()));
        crowd.play(seconds(3));
        let call = Rpc::new("wait").payload(length.to_string());
        let answered = Log::default();
        let seen = answered.clone();
        let slow = &mut crowd.players[0].game;
        slow.commands(|commands| {
            let mut call = commands.nakama().rpc(call);
            call.observe(move |reply: On<Replied<Rpc>>| {
                seen.add(format!("{}", reply.result.is_ok()))
            });
        });
        crowd.play(seconds(length + 4));
        crowd.settle(seconds(15));
        let outcome = Outcome::of(&crowd);
        outcome.print(&format!("call of {length} s"));
        assert_eq!(
            answered.take(),
            ["true"],
            "the server has the module `wait`"
        );
        let ended = outcome.own_end.is_some() || !outcome.kicked.is_empty();
        let lost = outcome.own.lost + outcome.own.muddled + outcome.others_lost;
        wrong += usize::from(ended || lost > 0);
    }
    assert_eq!(wrong, 0, "times that went wrong");
}

/// It prints who was kicked. With this many players, no window can promise that nobody is.
#[test]
#[ignore = "needs a Nakama server with its process id in NAKAMA_PID"]
fn a_server_that_stops_for_a_while() {
    const PLAYERS: usize = 20;
    let network = Network::new().expect("a thread");
    println!("| stop | kicked of {PLAYERS} | told | lost | muddled | why |");
    println!("|---|---|---|---|---|---|");
    let mut wrong = 0;
    for stop in holds("1,2,4") {
        let mut kicked = Vec::new();
        for _ in 0..times() {
            let mut crowd = Crowd::new(&network, &[(); PLAYERS].map(|()| server()));
            crowd.play(seconds(3));
            let stopped = Stopped::new();
            crowd.play(seconds(stop));
            drop(stopped);
            crowd.play(seconds(5));
            crowd.settle(seconds(10));
            let fates: Vec<_> = (0..PLAYERS).map(|it| crowd.fate(it)).collect();
            let sum = |of: fn(&Fate) -> usize| fates.iter().map(of).sum::<usize>();
            let ends = crowd.ends();
            println!(
                "| {stop} s | {} | {} | {} | {} | {} |",
                ends.len(),
                sum(|it| it.told),
                sum(|it| it.lost),
                sum(|it| it.muddled),
                reasons(&ends)
            );
            kicked.push(ends.len());
            wrong += sum(|it| it.lost) + sum(|it| it.muddled);
        }
        println!("stopped for {stop} s, kicked: {kicked:?}");
    }
    assert_eq!(
        wrong, 0,
        "messages lost without a word, or in the wrong order"
    );
}

/// Every message leaves in its frame or the next, and what the window adds is little. On a busy machine, a message is also late if the
/// network thread gets no turn, so only what the window held back is wrong.
#[test]
#[ignore = "needs a Nakama server and some minutes"]
fn a_healthy_line_is_not_slowed_down() {
    let network = Network::new().expect("a thread");
    let time = seconds(setting("SENDING_SECONDS", 10));
    let mut wrong = Vec::new();
    println!(
        "| members | round trip | messages | frames late: messages | held back | lost | kicked | extra bytes | pings per player and s | frame p99 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for members in [2, 10, 20] {
        for round_trip in [50, 150, 300] {
            let (proxy, server) = behind_a_proxy();
            for direction in Direction::BOTH {
                proxy.add(Rule::delay(
                    direction,
                    Duration::from_millis(round_trip) / 2,
                ));
            }
            let mut crowd = Crowd::new(&network, &vec![server; members]);
            crowd.open_taps();
            let bytes = || {
                let log = proxy.log();
                Direction::BOTH
                    .map(|it| log.flow(it).delivered)
                    .iter()
                    .sum::<u64>()
            };
            let before = bytes();
            crowd.play(time);
            let all = bytes() - before;
            crowd.settle(seconds(5));
            let late = crowd.frames_late();
            let too_late: usize = late.range(2..).map(|(_, count)| count).sum();
            let held_back = crowd.held_back();
            let lost: usize = (0..members).map(|it| crowd.fate(it).lost).sum();
            let sum = |of: fn(&crowd::Player) -> usize| crowd.players.iter().map(of).sum::<usize>();
            let extra = 100.0 * sum(|it| it.ping_bytes) as f64 / all as f64;
            println!(
                "| {members} | {round_trip} ms | {} | {late:?} | {held_back} | {lost} | {} | {extra:.2} % | {:.2} | {:.1?} |",
                late.values().sum::<usize>(),
                crowd.ends().len(),
                sum(|it| it.pings) as f64 / members as f64 / time.as_secs_f64(),
                crowd.frame_time(),
            );
            if too_late.min(held_back) > 0 || lost > 0 || extra >= 2.0 || !crowd.ends().is_empty() {
                wrong.push((members, round_trip));
            }
        }
    }
    assert!(wrong.is_empty(), "lines that were slowed down: {wrong:?}");
}
