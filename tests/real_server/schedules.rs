//! The schedules of the model test on a real server, each game behind a proxy of its own.
//!
//! `SCHEDULES` is how many are played, 3 if absent; `SCHEDULES_SEED` is the seed of the first, 1 if absent; `SCHEDULES_AT_ONCE` is how many are
//! played at the same time, 4 if absent. A line for each is printed: `--nocapture`.
//!
//! Where the server is killed, the test runs it itself: `NAKAMA_COMMAND` is how, in the foreground, at the address in `NAKAMA_URL`.

use std::{
    collections::{BTreeMap, VecDeque},
    str::FromStr,
    sync::Mutex,
    thread,
    time::Instant,
};

use bevy_nakama::connection::Network;

use super::common::{
    history::{History, What, check},
    live::{Host, Live, Process},
    scenes::fresh,
    schedule::{Stage as _, Step, play, random},
};

pub(super) fn setting<T: FromStr>(name: &str, otherwise: T) -> T {
    let value = std::env::var(name).ok();
    value.and_then(|it| it.parse().ok()).unwrap_or(otherwise)
}

fn games_of(seed: u64) -> usize {
    3 + usize::try_from(seed % 3).unwrap_or_default()
}

fn kills_the_server(step: &Step) -> bool {
    matches!(step, Step::ServerDies | Step::ServerStarts)
}

/// Plays a schedule. Returns what does not hold, in words.
fn failures(host: impl Host, seed: u64, schedule: &[Step]) -> (Vec<String>, History) {
    let network = Network::new().expect("a thread");
    let realm = fresh("r").replace('-', "");
    let names: Vec<_> = (0..games_of(seed))
        .map(|number| fresh(&format!("schedule-{number}")))
        .collect();
    let mut live = Live::new(host, &realm, &names, &network);
    let history = play(&mut live, schedule);
    debug_assert_eq!(live.games(), names.len());
    let found = check(&history);
    (found.iter().map(ToString::to_string).collect(), history)
}

/// What happened, in one line.
fn counts(history: &History) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &history.lines {
        let word = match &line.what {
            What::ConnectionLost => "lost",
            What::Connected { resumed: true } => "resumed",
            What::Disconnected(_) => "ended",
            What::Asked { .. } => "asked",
            What::Replied { result: Ok(()), .. } => "good",
            What::Replied { result: Err(_), .. } => "refused",
            What::Reentered { .. } => "reentered",
            What::Adopted { .. } => "adopted",
            What::Joined { .. } => "joined",
            What::Left { .. } => "left",
            What::Delivered { .. } => "delivered",
            _ => continue,
        };
        *counts.entry(word).or_default() += 1;
    }
    let counts = counts.iter().map(|(word, count)| format!("{count} {word}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// Plays one and says how it went. Returns whether it held.
fn tells(host: impl Host, seed: u64, schedule: &[Step]) -> bool {
    let begin = Instant::now();
    let (found, history) = failures(host, seed, schedule);
    println!(
        "seed {seed}, {} games, {} steps, {} s: {}; {} violations",
        games_of(seed),
        schedule.len(),
        begin.elapsed().as_secs(),
        counts(&history),
        found.len(),
    );
    for words in &found {
        println!("seed {seed}: {words}");
    }
    if !found.is_empty()
        && let Ok(folder) = std::env::var("SCHEDULES_HISTORIES")
    {
        let file = format!("{folder}/{seed}.txt");
        std::fs::write(file, history.to_string()).expect("a file");
    }
    found.is_empty()
}

#[test]
#[ignore = "needs a Nakama server"]
fn random_schedules_hold() {
    let first: u64 = setting("SCHEDULES_SEED", 1);
    let count: u64 = setting("SCHEDULES", 3);
    let seeds = Mutex::new((first..first + count).collect::<VecDeque<_>>());
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..setting("SCHEDULES_AT_ONCE", 4) {
            scope.spawn(|| {
                loop {
                    let seed = seeds.lock().expect("unpoisoned").pop_front();
                    let Some(seed) = seed else { return };
                    let mut schedule = random(seed, games_of(seed));
                    schedule.retain(|step| !kills_the_server(step));
                    if !tells(Process::that_runs(), seed, &schedule) {
                        failed.lock().expect("unpoisoned").push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("unpoisoned");
    assert!(failed.is_empty(), "of {count}, these fail: {failed:?}");
}

/// One after the other, each with the server for itself.
#[test]
#[ignore = "needs to run a Nakama server itself"]
fn random_schedules_with_kills_of_the_server_hold() {
    let first: u64 = setting("SCHEDULES_SEED", 1);
    let count: usize = setting("SCHEDULES", 3);
    let schedules = (first..).map(|seed| (seed, random(seed, games_of(seed))));
    let with_kills = schedules.filter(|(_, steps)| steps.iter().any(kills_the_server));
    let failed: Vec<_> = with_kills
        .take(count)
        .filter(|(seed, schedule)| !tells(Process::of_this_test(), *seed, schedule))
        .map(|(seed, _)| seed)
        .collect();
    assert!(failed.is_empty(), "of {count}, these fail: {failed:?}");
}
