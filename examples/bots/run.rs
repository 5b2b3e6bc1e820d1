//! A test from its beginning to its end.

use std::{
    error::Error,
    process,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bevy_nakama::prelude::NakamaServer;

use crate::{
    crew::Crew,
    machine::{Cpu, memory},
    options::Options,
    report::{Live, Report},
};

/// How long it may go on without anybody getting on, while the bots enter.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the last messages may take.
const LAST_MESSAGES: Duration = Duration::from_secs(10);
/// How often we look.
const LOOK: Duration = Duration::from_millis(50);

/// How far the test is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// The bots log in, connect and join.
    Entering,
    /// They send.
    Sending,
    /// What is under way arrives.
    Waiting,
    /// They say goodbye.
    Leaving,
}

/// What all threads share.
pub(crate) struct Run {
    pub(crate) options: Options,
    pub(crate) server: NakamaServer,
    /// So that nobody else is in the rooms.
    name: String,
    clock: Instant,
    stage: AtomicU8,
    sending_since: OnceLock<Instant>,
    connected: AtomicI64,
    ready: AtomicU32,
    is_interrupted: AtomicBool,
    problem: Mutex<Option<String>>,
}

impl Run {
    pub(crate) fn new(options: &Options, server: NakamaServer) -> Arc<Self> {
        let clock = Instant::now();
        Arc::new(Self {
            options: options.clone(),
            server,
            name: format!("bots-{}-{:08x}", process::id(), rand::random::<u32>()),
            clock,
            stage: AtomicU8::new(Stage::Entering as u8),
            sending_since: OnceLock::new(),
            connected: AtomicI64::new(0),
            ready: AtomicU32::new(0),
            is_interrupted: AtomicBool::new(false),
            problem: Mutex::new(None),
        })
    }

    pub(crate) fn stage(&self) -> Stage {
        [
            Stage::Entering,
            Stage::Sending,
            Stage::Waiting,
            Stage::Leaving,
        ][usize::from(self.stage.load(Ordering::Acquire))]
    }

    fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Time on a clock that all bots share.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Since when the bots send, if they do.
    pub(crate) fn start_of_sending(&self) -> Option<Instant> {
        let start = self.sending_since.get().copied();
        start.filter(|_| self.stage() == Stage::Sending)
    }

    /// The name of the match that a bot is in.
    pub(crate) fn room_of(&self, bot: u32) -> String {
        format!("{}-{}", self.name, bot / self.options.room)
    }

    /// A bot has connected, or is not connected any more.
    pub(crate) fn connected(&self, more: i64) {
        self.connected.fetch_add(more, Ordering::AcqRel);
    }

    /// A bot sees everybody in its room.
    pub(crate) fn ready(&self) {
        self.ready.fetch_add(1, Ordering::AcqRel);
    }

    /// A bot cannot go on. The first problem counts.
    pub(crate) fn fail(&self, problem: String) {
        let mut known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert(problem);
    }

    /// Ctrl-C: it ends, and tells what it has measured. The second time it ends at once.
    pub(crate) fn interrupt(&self) {
        if self.is_interrupted.swap(true, Ordering::AcqRel) {
            process::exit(130);
        }
    }

    fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Acquire)
    }

    fn problem(&self) -> Option<String> {
        let known = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    fn counts(&self) -> (u32, u32) {
        let connected = self.connected.load(Ordering::Acquire);
        let ready = self.ready.load(Ordering::Acquire);
        (u32::try_from(connected).unwrap_or_default(), ready)
    }
}

/// Leads the bots through the test. They have been told to leave when it returns.
pub(crate) fn lead(run: &Run, crew: &Crew) -> Result<Report, Box<dyn Error>> {
    let end = enter(run, crew).map(|()| measure(run, crew));
    run.enter(Stage::Leaving);
    end
}

/// Waits until everybody is where they belong.
fn enter(run: &Run, crew: &Crew) -> Result<(), Box<dyn Error>> {
    let count = run.options.count;
    eprintln!(
        "{count} bots in {} rooms on {}",
        run.options.rooms(),
        run.server.url()
    );
    let (mut last, mut since) = ((0, 0), Instant::now());
    let mut told = Instant::now();
    loop {
        thread::sleep(LOOK);
        let counts = run.counts();
        if counts != last {
            (last, since) = (counts, Instant::now());
        }
        let (connected, ready) = counts;
        if told.elapsed() >= Duration::from_secs(1) || ready == count {
            told = Instant::now();
            eprintln!("{connected} of {count} are connected, {ready} see everybody in their room");
        }
        if let Some(problem) = run.problem() {
            return Err(problem.into());
        }
        if ready == count {
            return Ok(());
        }
        if run.is_interrupted() {
            return Err("ended before everybody was there".into());
        }
        if since.elapsed() >= PATIENCE {
            return Err(format!("nobody got on for {PATIENCE:?}").into());
        }
        if crew.is_broken() {
            return Err("a thread of bots has ended".into());
        }
    }
}

/// Lets them send, and waits for the last messages.
fn measure(run: &Run, crew: &Crew) -> Report {
    let cpu_before = Cpu::now();
    let start = Instant::now();
    let _first = run.sending_since.set(start);
    run.enter(Stage::Sending);
    let mut live = Live::new(start);
    let mut seconds = 0;
    while start.elapsed() < run.options.duration() && !run.is_interrupted() && !crew.is_broken() {
        thread::sleep(LOOK);
        if start.elapsed().as_secs() > seconds {
            seconds = start.elapsed().as_secs();
            eprintln!("{}", live.line(run.counts().0, crew.tally()));
        }
    }
    let sending = start.elapsed();
    run.enter(Stage::Waiting);
    let until = Instant::now() + LAST_MESSAGES;
    let mut tally = crew.tally();
    let mut last_news = Instant::now();
    // Frames that had begun before still send.
    while tally.delivered < tally.expected || last_news.elapsed() < 4 * LOOK {
        if Instant::now() >= until {
            break;
        }
        thread::sleep(LOOK);
        let now = crew.tally();
        if now.delivered != tally.delivered || now.expected != tally.expected {
            last_news = Instant::now();
        }
        tally = now;
    }
    let cpu = Cpu::now()
        .zip(cpu_before)
        .map(|(now, then)| now.since(then));
    Report {
        options: run.options.clone(),
        server: run.server.url().to_owned(),
        connected: run.counts().0,
        sending,
        all: start.elapsed(),
        tally,
        cpu,
        memory: memory(),
    }
}
