//! Several games and a server on one virtual clock, without sockets: random schedules of faults and of what games do, and a judge of what
//! the games were told.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

mod pipe;
mod planted;
mod server;
mod shrunken;
mod stage;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use self::stage::OnOneClock;
use crate::common::{
    history::{History, Violation, check},
    schedule::{Step, as_rust, play, random, shrink},
};

/// What comes of a schedule: what does not hold, or how it panicked.
fn failures(seed: u64, games: usize, schedule: &[Step]) -> Result<History, String> {
    let run = || {
        let mut stage = OnOneClock::new(seed, games);
        let history = play(&mut stage, schedule);
        (check(&history), history)
    };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok((violations, history)) if violations.is_empty() => Ok(history),
        Ok((violations, _)) => {
            let words = violations.iter().map(Violation::to_string);
            Err(words.take(3).collect())
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
            Err(format!("it panicked: {}", text.unwrap_or_default()))
        }
    }
}

/// Plays a schedule, and panics if something does not hold.
#[track_caller]
fn holds(seed: u64, games: usize, schedule: &[Step]) -> History {
    match failures(seed, games, schedule) {
        Ok(history) => history,
        Err(words) => panic!("{words}"),
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    let given = env::var(name).ok();
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn games_of(seed: u64) -> usize {
    3 + usize::try_from(seed % 3).unwrap_or_default()
}

#[test]
fn games_that_do_nothing_hold() {
    holds(1, 3, &[]);
}

/// How long it takes at most, unless `MODEL_SCHEDULES` says how many.
const BUDGET: Duration = Duration::from_secs(60);

/// 200 schedules, or as many as there is time for. `MODEL_SCHEDULES` says how many, however long that takes; `MODEL_SEED` where to begin,
/// `MODEL_THREADS` how many at a time.
#[test]
fn random_schedules_hold() {
    let count = number("MODEL_SCHEDULES", 200);
    let first = number("MODEL_SEED", 1);
    let is_bounded = env::var("MODEL_SCHEDULES").is_err();
    let begin = Instant::now();
    let next = AtomicU64::new(first);
    let played = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..number("MODEL_THREADS", 2) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || is_bounded && begin.elapsed() > BUDGET {
                        return;
                    }
                    if played.fetch_add(1, Ordering::Relaxed) % 100 == 99 {
                        println!("seed {seed}, after {:?}", begin.elapsed());
                    }
                    let games = games_of(seed);
                    if let Err(words) = failures(seed, games, &random(seed, games)) {
                        let mut all = words.lines().filter(|line| !line.starts_with(' '));
                        println!("seed {seed} fails: {}", all.next().unwrap_or(""));
                        let mut failed = failed.lock().expect("no thread panics here");
                        failed.push((seed, words));
                    }
                }
            });
        }
    });
    println!(
        "{} schedules from seed {first} on, in {:?}",
        played.load(Ordering::Relaxed),
        begin.elapsed()
    );
    let mut failed = failed.into_inner().expect("no thread panics here");
    failed.sort();
    let Some((seed, words)) = failed.first() else {
        return;
    };
    let seeds: Vec<_> = failed.iter().map(|(seed, _)| seed).collect();
    let games = games_of(*seed);
    let schedule = shrunk(*seed, games, words);
    let rust = as_rust(&format!("seed_{seed}"), *seed, games, &schedule);
    let last = failures(*seed, games, &schedule).err().unwrap_or_default();
    panic!(
        "{} of {count} schedules fail: {seeds:?}\n{last}\n{rust}",
        failed.len()
    );
}

/// The same schedule, as short as it can be so that the same rule is broken.
fn shrunk(seed: u64, games: usize, words: &str) -> Vec<Step> {
    let rule = |words: &str| words.split([',', ':']).next().map(str::to_owned);
    shrink(&random(seed, games), |schedule| {
        let failed = failures(seed, games, schedule).err();
        failed.is_some_and(|it| rule(&it) == rule(words))
    })
}

/// Prints one schedule, shrunk: `MODEL_SEED=7 cargo test --test model one_schedule -- --ignored --nocapture`.
#[test]
#[ignore = "a tool, not a test"]
fn one_schedule() {
    let seed = number("MODEL_SEED", 1);
    let games = games_of(seed);
    let Err(words) = failures(seed, games, &random(seed, games)) else {
        return println!("seed {seed} holds");
    };
    println!("{words}");
    let schedule = shrunk(seed, games, &words);
    let last = failures(seed, games, &schedule).err().unwrap_or_default();
    println!(
        "{last}\n{}",
        as_rust(&format!("seed_{seed}"), seed, games, &schedule)
    );
}
