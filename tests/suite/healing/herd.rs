//! Everybody loses the server at the same moment, and nobody runs it down when it is back.
//!
//! It prints its figures: `--nocapture`. They say most in a release build, where all games have a frame within milliseconds. How the first
//! tries are spread is tested where there is no machine in between, in the network thread's core.
//!
//! `HERD_LINKS` is how many games there are, 500 if absent; with few file descriptors,
//! they are fewer. `HERD_AWAY` is how long the server is away, in milliseconds.

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use bevy::{
    ecs::schedule::{Schedules, SingleThreadedExecutor},
    prelude::*,
};
use bevy_nakama::{
    chaos::{ChaosEvent, ChaosEventKind, ChaosProxy, Requests, Rule},
    connection::{NakamaConnection, Network},
    healing::{ConnectionLost, TransitionKind},
    local_server::LocalServerConfig,
    prelude::*,
};

use super::stage::{login, millis, seconds};
use crate::common::game::{Game, serve};

/// How many are in a match.
const ROOM: usize = 10;
/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The moments at which the games heard something.
type Moments = Arc<Mutex<Vec<Instant>>>;

/// Many games on one network thread, behind a proxy that counts.
struct Herd {
    games: Vec<Game>,
    back: Moments,
    lost: Moments,
}

impl Herd {
    /// All of them log in, connect, and meet in matches of a few.
    fn new(count: usize, server: &NakamaServer) -> Self {
        let network = Network::new().expect("a thread");
        let (back, lost) = (Moments::default(), Moments::default());
        let games = (0..count).map(|number| {
            let mut game = member(number, &network, server);
            let to = back.clone();
            game.app.add_observer(move |on: On<Connected>| {
                if on.resumed {
                    to.lock().expect("unpoisoned").push(Instant::now());
                }
            });
            let to = lost.clone();
            game.app.add_observer(move |_: On<ConnectionLost>| {
                to.lock().expect("unpoisoned").push(Instant::now());
            });
            game
        });
        let mut herd = Self {
            games: games.collect(),
            back,
            lost,
        };
        herd.until("everybody is there", |herd| {
            herd.games
                .iter_mut()
                .all(|game| members(game) == ROOM.min(count))
        });
        herd
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let begin = Instant::now();
        loop {
            let frame = Instant::now();
            for game in &mut self.games {
                game.app.update();
            }
            if is_so(self) {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "it did not happen: {what}");
            thread::sleep(millis(10).saturating_sub(frame.elapsed()));
        }
    }

    fn play_for(&mut self, time: Duration) {
        let begin = Instant::now();
        self.until("the time", |_| begin.elapsed() >= time);
    }

    /// How long each game that is still to make its first try waits for it, from the loss.
    fn first_waits(&self) -> Vec<(usize, Duration)> {
        let waits = self.games.iter().enumerate().filter_map(|(number, game)| {
            let connection = game.app.world().resource::<NakamaConnection>();
            let away = connection.reconnecting()?;
            let is_first = away.attempt() == 1;
            let wait = away.next_try()?.saturating_sub(away.since());
            is_first.then_some((number, wait))
        });
        waits.collect()
    }

    /// The tries to open a socket that the games know of.
    fn tries(&self) -> Vec<usize> {
        let tries = self.games.iter().map(|game| {
            let connection = game.app.world().resource::<NakamaConnection>();
            let is_try = |what: &TransitionKind| {
                matches!(
                    what,
                    TransitionKind::TryFailed { .. } | TransitionKind::Reopened { .. }
                )
            };
            connection.history().filter(|it| is_try(&it.what)).count()
        });
        tries.collect()
    }
}

fn member(number: usize, network: &Network, server: &NakamaServer) -> Game {
    // Their logins wait for each other.
    let settings = NakamaSettings {
        request_timeout: seconds(60),
        ..default()
    };
    let mut game = Game::with(NakamaPlugin::new(settings).with_network(network.clone()));
    // A frame has little to do.
    let mut schedules = game.app.world_mut().resource_mut::<Schedules>();
    for (_, schedule) in schedules.iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
    game.commands(|commands| {
        let login = login(&format!("herd-{number}"));
        commands.nakama().log_in(server, login);
        commands.nakama().connect();
    });
    game.app
        .add_observer(move |on: On<Connected>, mut commands: Commands| {
            if !on.resumed {
                let room = CreateMatch::named(format!("herd-{}", number / ROOM));
                commands.nakama().create_match(room);
            }
        });
    game
}

/// How many are in the match of this game.
fn members(game: &mut Game) -> usize {
    let here = Game::the::<Match>(&mut game.app);
    let index = game.app.world().resource::<PresenceIndex>();
    here.map_or(0, |here| index.count(here))
}

/// A number that the caller of the test may set.
fn setting(name: &str, otherwise: usize) -> usize {
    let value = env::var(name).ok();
    value.map_or(otherwise, |it| it.parse().expect("a number"))
}

/// Each game needs a socket, of which the proxy has both ends and the server one. It also needs some for a moment.
fn count() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits.lines().find(|it| it.starts_with("Max open files"));
    let files = files.and_then(|it| it.split_whitespace().nth(3)?.parse().ok());
    let files: usize = files.unwrap_or(256);
    let most = files.saturating_sub(100) / 6 / ROOM * ROOM;
    setting("HERD_LINKS", 500).min(most.max(ROOM))
}

/// How many there are in each span of so long from `start`.
fn in_spans(
    moments: impl Iterator<Item = Instant>,
    start: Instant,
    span: Duration,
    spans: usize,
) -> Vec<usize> {
    let mut counts = vec![0; spans];
    for moment in moments {
        let index = moment.saturating_duration_since(start).as_millis() / span.as_millis();
        if let Some(count) = counts.get_mut(index as usize) {
            *count += 1;
        }
    }
    counts
}

#[test]
fn scenario_39_a_herd_comes_back_without_running_the_server_down() {
    // With a seed, the next server knows the tokens of this one, as a Nakama server does.
    let config = |address| LocalServerConfig {
        address,
        seed: Some(39),
        ..Default::default()
    };
    let count = count();
    let (local, direct) = serve(config(LocalServerConfig::default().address));
    let address = local.address();
    let proxy = ChaosProxy::start(direct.url()).expect("a proxy");
    let through = NakamaServer::new(proxy.url(), local.server_key());
    let mut herd = Herd::new(count, &through);
    herd.play_for(seconds(1));
    let opened_after = |start: Instant| {
        let log = proxy.log();
        let is_open = move |it: &&ChaosEvent| it.at >= start && it.kind == ChaosEventKind::Opened;
        let opened: Vec<_> = log.events().filter(is_open).map(|it| it.at).collect();
        opened
    };

    // Whoever tries meanwhile reaches the proxy, is counted there, and is reset.
    let gone_at = Instant::now();
    drop(local);
    let mut waits = BTreeMap::new();
    herd.until("everybody knows", |herd| {
        waits.extend(herd.first_waits());
        herd.lost.lock().expect("unpoisoned").len() == count
    });
    let known_after = gone_at.elapsed();
    herd.play_for(millis(setting("HERD_AWAY", 3000) as u64).saturating_sub(known_after));
    let first = opened_after(gone_at);
    let spans = in_spans(first.iter().copied(), gone_at, millis(50), 20);
    println!("{count} links; all know of the loss after {known_after:?}");
    // Waits that were over before the game's next frame are not known.
    let (shortest, longest) = (waits.values().min(), waits.values().max());
    let known = waits.len();
    println!("waits for the first try: {known} known, from {shortest:?} to {longest:?}");
    println!("tries in each 50 ms after the server went: {spans:?}");

    let tries_before = herd.tries();
    let sockets = proxy.add(Rule::note().when(Requests::to("/ws")));
    let start = Instant::now();
    let _second = serve(config(address));
    herd.until("everybody is back", |herd| {
        herd.back.lock().expect("unpoisoned").len() == count
    });
    let all = opened_after(start).len();
    let sockets = proxy.log().acts(sockets);
    let mut back: Vec<_> = {
        let back = herd.back.lock().expect("unpoisoned");
        back.iter().map(|at| at.duration_since(start)).collect()
    };
    back.sort_unstable();
    let spans = in_spans(back.iter().map(|it| start + *it), start, millis(250), 16);
    let tries = herd.tries().into_iter().zip(tries_before);
    let most = tries.map(|(now, before)| now - before).max();
    let most = most.unwrap_or_default();
    let per_link = |connections: usize| connections as f64 / count as f64;
    println!(
        "accepted for a link from the server's start to `Connected`: {:.3} sockets ({sockets}; at most {most}), {:.3} connections with REST ({all})",
        per_link(sockets),
        per_link(all),
    );
    println!(
        "back: half after {:?}, 99 % after {:?}, all after {:?}; in each 250 ms: {spans:?}",
        back[count / 2],
        back[count * 99 / 100],
        back[count - 1]
    );
    assert!(per_link(sockets) < 2.0, "{sockets} sockets for {count}");
    // Everybody is where they were.
    herd.until("all matches are full again", |herd| {
        herd.games
            .iter_mut()
            .all(|game| members(game) == ROOM.min(count))
    });
}
