//! Twenty games over real sockets, each behind a proxy, and a fault every second or two: what they show is right in the end, and what they
//! cost stays the same.
//!
//! They play in rounds of faults and of a quiet time after them. `SOAK_MINUTES` is how long, 1 if absent: that is one round. `SOAK_ROUND` is how
//! many seconds of faults a round has, 20 if absent. `SOAK_GAMES` is how many games there are, 20 if absent. If something is wrong, the whole
//! round is written to a file in the folder `SOAK_HISTORIES`. The figures are printed:
//! `--nocapture`. It is a test binary of its own, because it measures its process.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;

use std::{
    collections::BTreeMap,
    env, fs,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{connection::Network, local_server::LocalServerConfig};

use crate::common::{
    history::{History, What, check},
    live::{Embedded, Live},
    schedule::{Board, Step, play_on, random},
};

/// What this process has of something, from Linux.
#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    /// In KiB.
    memory: usize,
    threads: usize,
    files: usize,
    /// Of all games together.
    entities: usize,
    /// Of all games together. Bevy keeps an archetype for each set of components that an entity has ever had.
    archetypes: usize,
}

impl Costs {
    fn now<'w>(games: impl Iterator<Item = &'w World>) -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let field = |name: &str| -> Option<usize> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let (mut entities, mut archetypes) = (0, 0);
        for world in games {
            entities += world.entities().count_spawned() as usize;
            archetypes += world.archetypes().len();
        }
        Some(Self {
            entities,
            archetypes,
            memory: field("VmRSS:")?,
            threads: field("Threads:")?,
            files: fs::read_dir("/proc/self/fd").ok()?.count(),
        })
    }
}

/// How many sockets and entities there are varies by the round, so the second half is compared with the first.
fn stay_flat(costs: &[Costs]) {
    let (first, second) = costs.split_at(costs.len() / 2);
    let mean = |half: &[Costs], what: fn(&Costs) -> usize| {
        half.iter().map(what).sum::<usize>() / half.len()
    };
    let grows = |what| mean(second, what) as f64 / mean(first, what) as f64;
    let growth = [
        grows(|it| it.threads),
        grows(|it| it.files),
        grows(|it| it.entities),
        grows(|it| it.memory),
    ];
    println!("threads, files, entities, memory: second half to first half {growth:.2?}");
    assert!(growth[0] <= 1.0, "{costs:?}");
    assert!(growth[1..].iter().all(|it| *it <= 1.2), "{costs:?}");
}

/// What happened in a round.
#[derive(Clone, Debug, Default)]
struct Counts {
    faults: usize,
    kills: usize,
    lost: usize,
    resumed: usize,
    ended: usize,
    asked: usize,
    /// Replies by what they were.
    good: usize,
    refused: BTreeMap<String, usize>,
    joined: usize,
    left: usize,
    delivered: usize,
    reentered: BTreeMap<String, usize>,
    /// Presences that were there from the beginning of the round to its end.
    stayed: usize,
}

impl Counts {
    fn of(history: &History) -> Self {
        let mut counts = Self::default();
        for line in &history.lines {
            match &line.what {
                What::Step(step) if step.starts_with("Line") => counts.faults += 1,
                What::Step(step) if step == "ServerDies" => counts.kills += 1,
                What::ConnectionLost => counts.lost += 1,
                What::Connected { resumed: true } => counts.resumed += 1,
                What::Disconnected(_) => counts.ended += 1,
                What::Asked { .. } => counts.asked += 1,
                What::Replied { result: Ok(()), .. } => counts.good += 1,
                What::Replied {
                    result: Err(why), ..
                } => *counts.refused.entry(why.clone()).or_default() += 1,
                What::Joined { .. } => counts.joined += 1,
                What::Left { .. } => counts.left += 1,
                What::Delivered { .. } => counts.delivered += 1,
                What::Reentered { outcome, .. } => {
                    let word = outcome.split('(').next().unwrap_or_default();
                    *counts.reentered.entry(word.to_owned()).or_default() += 1;
                }
                _ => {}
            }
        }
        counts
    }

    fn add(&mut self, other: &Self) {
        self.faults += other.faults;
        self.kills += other.kills;
        self.lost += other.lost;
        self.resumed += other.resumed;
        self.ended += other.ended;
        self.asked += other.asked;
        self.good += other.good;
        self.joined += other.joined;
        self.left += other.left;
        self.delivered += other.delivered;
        self.stayed += other.stayed;
        for (own, others) in [
            (&mut self.refused, &other.refused),
            (&mut self.reentered, &other.reentered),
        ] {
            for (word, count) in others {
                *own.entry(word.clone()).or_default() += count;
            }
        }
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    let value = env::var(name).ok();
    value.map_or(otherwise, |it| it.parse().expect("a number"))
}

/// Faults and what games do, for about so long.
fn round(seed: u64, games: usize, length: Duration) -> Vec<Step> {
    let mut left = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
    let mut steps = Vec::new();
    for part in 0.. {
        for mut step in random(seed.wrapping_mul(1000) + part, games) {
            if let Step::Wait(millis) = &mut step {
                *millis = (*millis).min(900);
                left = left.saturating_sub(*millis);
            }
            steps.push(step);
            if left == 0 {
                return steps;
            }
        }
    }
    steps
}

#[test]
fn scenario_40_faults_for_long_leave_nothing_behind() {
    let length = Duration::from_secs(60 * setting("SOAK_MINUTES", 1));
    let of_faults = Duration::from_secs(setting("SOAK_ROUND", 20));
    let games = usize::try_from(setting("SOAK_GAMES", 20)).expect("not too many");
    let seed = setting("SOAK_SEED", 40);
    let network = Network::new().expect("a thread");
    // The server finds out soon that nobody is there any more.
    let server = Embedded::new(LocalServerConfig {
        ping_period: Duration::from_secs(5),
        pong_wait: Duration::from_secs(10),
        ..Default::default()
    });
    let names: Vec<_> = (0..games).map(|number| format!("soak-{number}")).collect();
    let mut live = Live::new(server, "", &names, &network);
    let mut board = Board::default();
    let begin = Instant::now();
    let (mut all, mut costs, mut violations) = (Counts::default(), Vec::new(), Vec::new());
    println!(
        "minute | memory, KiB | threads | files | entities | archetypes | faults (server kills) | lost | resumed | ended | stayed | violations"
    );
    for number in 0.. {
        let history = play_on(
            &mut live,
            &mut board,
            &round(seed + number, games, of_faults),
        );
        let mut counts = Counts::of(&history);
        let mut found = check(&history);
        counts.stayed = live.begin_anew();
        if let (false, Ok(folder)) = (found.is_empty(), env::var("SOAK_HISTORIES")) {
            let file = format!("{folder}/{}.txt", seed + number);
            fs::write(&file, history.to_string()).expect("a folder to write to");
            println!("the whole history: {file}");
        }
        drop(history);
        let worlds = live.seats.iter().map(|seat| seat.game.app.world());
        let now = Costs::now(worlds).unwrap_or_default();
        println!(
            "{:.1} | {} | {} | {} | {} | {} | {} ({}) | {} | {} | {} | {} | {}",
            begin.elapsed().as_secs_f64() / 60.0,
            now.memory,
            now.threads,
            now.files,
            now.entities,
            now.archetypes,
            counts.faults,
            counts.kills,
            counts.lost,
            counts.resumed,
            counts.ended,
            counts.stayed,
            found.len(),
        );
        for violation in &found {
            println!("seed {}: {violation}", seed + number);
        }
        all.add(&counts);
        costs.push(now);
        violations.append(&mut found);
        if begin.elapsed() + of_faults > length {
            break;
        }
    }
    println!("{all:#?}");
    assert!(violations.is_empty(), "{} violations", violations.len());
    assert!(all.resumed + all.ended > 0, "{all:?}");
    // The first round brings caches to their size.
    if let ([_, costs @ ..], true) = (&costs[..], costs.len() > 3) {
        stay_flat(costs);
    }
}
