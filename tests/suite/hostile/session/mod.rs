//! A session step by step, with a model of what every request must come to.
//!
//! The steps are any interleaving of what a game does and what a server and a network may do. After each frame, each
//! request has exactly the outcomes that the model foretells: none, or one.

mod answering;
mod asking;
mod frame;
mod healing;
mod pushing;
mod steps;
mod verdict;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bevy::{diagnostic::DiagnosticsPlugin, prelude::*};
use bevy_nakama::request::Request;
use bevy_nakama::{
    diagnostics::NakamaDiagnosticsPlugin,
    prelude::*,
    proto::{Envelope, Kind},
    testing::*,
};

pub(crate) use self::healing::{RECONNECTS, run_healing};
pub(crate) use self::steps::{Ask, Outcome, Push, Say, Step};

/// How many frames a request may take, and a socket to open.
const DEADLINE: u64 = 50;
/// A ping leaves, and is answered, every so many frames.
const PING: u64 = 500;
/// Match data of one frame that leave at once.
const BURST: usize = 30;

/// Who saw what.
#[derive(Default)]
struct Seen {
    by_all: BTreeMap<Entity, Vec<Outcome>>,
    chained: BTreeMap<Entity, Vec<Outcome>>,
}

struct Asked {
    entity: Entity,
    key: (Kind, String),
    stage: Stage,
    expected: Option<(Outcome, u64)>,
    /// The game despawned the entity before the reply.
    is_gone: bool,
    /// Whether it left.
    is_sent: bool,
    /// Whether the server went on to later ones, and will not answer it.
    is_skipped: bool,
    /// As it arrived at the server.
    question: Option<Envelope>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Until the end of the frame.
    Staged,
    Open {
        until: u64,
        place: Option<u64>,
    },
    Rest {
        until: u64,
    },
    /// It ran out of time, and the server may answer yet.
    Late {
        place: u64,
    },
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Socket {
    Idle,
    Opening { until: u64 },
    Open { since: u64 },
}

enum Command {
    Connect,
    Disconnect,
    Ask(usize),
}

/// A game, and what is known about it.
pub(crate) struct Session {
    game: TestGame,
    seen: Arc<Mutex<Seen>>,
    frame: u64,
    socket: Socket,
    /// When the game hears that the last socket ended.
    ended: u64,
    /// The game has asked for another connection in this frame: what the old one still says is not applied.
    is_replaced: bool,
    asked: Vec<Asked>,
    staged: Vec<Command>,
    rest: Vec<usize>,
    places: u64,
    data_in_frame: usize,
    /// The server answers in order, pushes what is true, and its word counts.
    is_orderly: bool,
    /// What the server thinks the game is in, by id.
    matches: BTreeSet<String>,
    parties: BTreeSet<String>,
    asks: BTreeSet<String>,
    entities_before: u32,
}

/// Runs a session to its end, and returns what came of its requests.
///
/// # Panics
///
/// Something is not as it should be.
pub(crate) fn run(steps: &[Step], is_orderly: bool) -> Vec<Outcome> {
    let mut session = Session::new(is_orderly);
    for step in steps {
        session.step(*step);
    }
    session.finish()
}

impl Session {
    fn new(is_orderly: bool) -> Self {
        let mut settings = NakamaSettings::default();
        let deadline = FRAME * u32::try_from(DEADLINE).unwrap_or_default();
        settings.request_timeout = deadline;
        settings.connect_timeout = deadline;
        // However slow this machine is: everything that arrived is applied.
        settings.receive_budget = Duration::MAX;
        let plugins = (DiagnosticsPlugin, NakamaDiagnosticsPlugin);
        let mut game = TestGame::with_plugins(settings, plugins);
        let seen = Arc::<Mutex<Seen>>::default();
        watch::<CreateMatch>(&mut game, &seen);
        watch::<JoinMatch>(&mut game, &seen);
        watch::<LeaveMatch>(&mut game, &seen);
        watch::<CreateParty>(&mut game, &seen);
        watch::<JoinParty>(&mut game, &seen);
        watch::<LeaveParty>(&mut game, &seen);
        watch::<UpdateParty>(&mut game, &seen);
        watch::<RawRequest>(&mut game, &seen);
        watch::<RpcWithKey>(&mut game, &seen);
        // Some things come into the world with the first connection, and stay.
        game.connect();
        game.commands(|commands| commands.nakama().disconnect());
        game.update();
        game.update();
        let entities_before = game.app.world().entities().count_spawned();
        Self {
            game,
            seen,
            frame: 0,
            socket: Socket::Idle,
            ended: 0,
            is_replaced: false,
            asked: Vec::new(),
            staged: Vec::new(),
            rest: Vec::new(),
            places: 0,
            data_in_frame: 0,
            is_orderly,
            matches: BTreeSet::new(),
            parties: BTreeSet::new(),
            asks: BTreeSet::new(),
            entities_before,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect => {
                self.game.commands(|commands| {
                    commands.nakama().use_session(&server(), session_of("ada"));
                    let options = ConnectOptions::default().heal(false);
                    commands.nakama().connect_with(options);
                });
                self.staged.push(Command::Connect);
                self.is_replaced = true;
                for asked in self.asked.iter_mut().filter(|it| it.key.0 != Kind::Ping) {
                    match &mut asked.expected {
                        Some((
                            outcome @ (Outcome::Consent | Outcome::Refused | Outcome::Unexpected),
                            due,
                        )) if *due > self.frame && asked.is_sent => {
                            *outcome = Outcome::Lost { sent: true };
                        }
                        _ => {}
                    }
                }
            }
            Step::Disconnect => {
                self.game
                    .commands(|commands| commands.nakama().disconnect());
                self.staged.push(Command::Disconnect);
            }
            Step::Accept => {
                if matches!(self.socket, Socket::Opening { .. }) {
                    self.game.server_accepts();
                    self.socket = Socket::Open { since: self.frame };
                }
            }
            Step::Break => {
                self.game.connection_breaks();
                self.end_of_socket(self.frame + 1);
            }
            Step::Garbage => {
                self.game.server_sends(&[0xff; 9][..]);
                if self.is_open() {
                    self.end_of_socket(self.frame + 1);
                }
            }
            Step::Ask(ask) => self.ask(ask),
            Step::Answer(which, say) => self.answer(which, say),
            Step::Stray(which) => self.stray(which),
            Step::Push(push) => self.push(push),
            Step::Despawn(which) => self.despawn(which),
            Step::Send(which) => self.send(which),
            Step::Frame => self.update(),
            Step::Wait(frames) => (0..frames).for_each(|_| self.update()),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.socket, Socket::Open { .. })
    }

    /// Whatever was asked over the socket is lost; the game hears of it in frame `due`.
    fn end_of_socket(&mut self, due: u64) {
        if self.socket != Socket::Idle {
            self.ended = due;
        }
        self.socket = Socket::Idle;
        self.matches.clear();
        self.parties.clear();
        self.asks.clear();
        for asked in &mut self.asked {
            match asked.stage {
                Stage::Open { place, .. } => {
                    let sent = place.is_some();
                    asked.expected = Some((Outcome::Lost { sent }, due));
                    asked.stage = Stage::Over;
                }
                Stage::Late { .. } => asked.stage = Stage::Over,
                Stage::Staged | Stage::Rest { .. } | Stage::Over => {}
            }
        }
    }
}

fn match_id(n: u8) -> String {
    format!("match-{}", n % 3)
}

fn party_id(n: u8) -> String {
    format!("party-{}", n % 3)
}

fn watch<R: Request>(game: &mut TestGame, seen: &Arc<Mutex<Seen>>) {
    let seen = seen.clone();
    game.observe(move |reply: On<Replied<R>>| {
        let mut seen = seen.lock().expect("no observer panics");
        let outcomes = seen.by_all.entry(reply.request).or_default();
        outcomes.push(outcome(&reply.result));
    });
}

fn is_connected(game: &TestGame) -> bool {
    let connection = game.app.world().resource::<NakamaConnection>();
    connection.is_connected()
}

fn outcome<T, E: std::error::Error>(result: &Result<T, RequestError<E>>) -> Outcome {
    match result {
        Ok(_) => Outcome::Consent,
        Err(RequestError::Refused(_)) => Outcome::Refused,
        Err(RequestError::UnexpectedReply { .. }) => Outcome::Unexpected,
        Err(RequestError::Withdrawn) => Outcome::Withdrawn,
        Err(RequestError::Timeout { .. }) => Outcome::Timeout,
        Err(RequestError::NotConnected) => Outcome::NotConnected,
        Err(RequestError::ConnectionLost { maybe_executed }) => Outcome::Lost {
            sent: *maybe_executed,
        },
        Err(RequestError::WrongEntity { .. }) => Outcome::WrongEntity,
        Err(RequestError::TooLarge { .. }) => Outcome::TooLarge,
        Err(_) => Outcome::Other,
    }
}
