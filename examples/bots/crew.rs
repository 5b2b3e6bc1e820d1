//! Who runs the frames of the bots: a few threads, each for its share of the bots.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    connection::Network,
    prelude::{ConnectionState, NakamaConnection},
};

use crate::{
    beat::Beat,
    bot::bot,
    run::{Run, Stage},
    tally::Tally,
};

/// Frames that are due within so little are run together: sleeping more often would cost more than it brings.
const TOGETHER: Duration = Duration::from_millis(1);
/// How long the goodbyes may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The threads, and what their bots count.
pub(crate) struct Crew {
    threads: Vec<JoinHandle<()>>,
    tallies: Vec<Arc<Mutex<Tally>>>,
}

/// Starts all bots.
pub(crate) fn start(run: &Arc<Run>, network: &Network) -> Crew {
    let count = run.options.count;
    let threads = run.options.threads.map_or_else(
        || thread::available_parallelism().map_or(1, |cores| cores.get() as u32 - 1),
        u32::from,
    );
    let threads = threads.clamp(1, count);
    let tallies: Vec<_> = (0..threads).map(|_| Arc::default()).collect();
    let threads = tallies.iter().enumerate().map(|(number, tally)| {
        let bots = (number as u32..count).step_by(threads as usize);
        let (run, tally, network) = (run.clone(), Arc::clone(tally), network.clone());
        thread::spawn(move || {
            let apps = bots.map(|number| bot(number, &run, &tally, &network));
            run_frames(apps.collect(), &run);
        })
    });
    Crew {
        threads: threads.collect(),
        tallies,
    }
}

/// Runs frames, evenly spread over time, until it is time to leave.
fn run_frames(mut apps: Vec<App>, run: &Run) {
    let interval = Duration::from_secs(1) / run.options.frames;
    let start = Instant::now();
    let count = apps.len() as u32;
    let mut beats: Vec<_> = (0..count)
        .map(|number| Beat::spread(start, interval, number, count))
        .collect();
    let mut leaves_at = None;
    loop {
        let now = Instant::now();
        let mut next = now + interval;
        for (app, beat) in apps.iter_mut().zip(&mut beats) {
            if beat.take(Instant::now(), 1).0 > 0 {
                app.update();
            }
            next = next.min(beat.next());
        }
        if run.stage() == Stage::Leaving {
            let leaves_at = *leaves_at.get_or_insert(now + GOODBYE);
            let is_gone = |app: &App| {
                let connection = app.world().resource::<NakamaConnection>();
                connection.state() == ConnectionState::Disconnected
            };
            if now >= leaves_at || apps.iter().all(is_gone) {
                return;
            }
        }
        let pause = next.saturating_duration_since(Instant::now());
        thread::sleep(pause.max(TOGETHER));
    }
}

impl Crew {
    /// What all bots have counted until now.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for tally in &self.tallies {
            sum.add(&tally.lock().unwrap_or_else(PoisonError::into_inner));
        }
        sum
    }

    /// Whether a thread has ended before its time.
    pub(crate) fn is_broken(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Waits until the bots have left.
    pub(crate) fn join(self) {
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}
