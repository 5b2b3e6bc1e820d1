//! A session step by step, with a model of what every request must come to.
//!
//! The steps are any interleaving of what a game does and what a server and a network may do. After each frame, each
//! request has exactly the outcomes that the model foretells: none, or one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bevy::{
    diagnostic::{Diagnostic, DiagnosticPath, DiagnosticsPlugin, DiagnosticsStore},
    prelude::*,
};
use bevy_nakama::{
    diagnostics::{self, NakamaDiagnosticsPlugin},
    prelude::*,
    proto::{Envelope, Kind, Message, realtime},
    testing::*,
};

/// How many frames a request may take, and a socket to open.
const DEADLINE: u64 = 50;
/// A ping leaves, and is answered, every so many frames.
const PING: u64 = 500;
/// Match data of one frame that leave at once.
const BURST: usize = 30;

/// Something happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Connect,
    Disconnect,
    Accept,
    Break,
    /// The server sends what is no envelope.
    Garbage,
    Ask(Ask),
    /// The server answers one of what it was asked.
    Answer(u8, Say),
    /// The server answers what nobody asked.
    Stray(u8),
    Push(Push),
    /// The game despawns what it got for one of its requests.
    Despawn(u8),
    Send(u8),
    Frame,
    /// So many frames.
    Wait(u8),
}

/// A request of the game's. Numbers choose from a few ids.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ask {
    CreateMatch(u8),
    JoinMatch(u8),
    LeaveMatch(u8),
    CreateParty,
    JoinParty(u8),
    LeaveParty(u8),
    UpdateParty(u8),
    Follow,
    TooLarge,
    LogIn,
}

/// How the server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Say {
    Yes,
    No,
    SomethingElse,
}

/// What the server says by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Push {
    MatchPresence(u8, bool),
    MatchData(u8),
    Party(u8),
    PartyClose(u8),
    PartyLeader(u8, bool),
    PartyPresence(u8, bool),
    Error,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Outcome {
    Consent,
    Refused,
    Unexpected,
    Withdrawn,
    Timeout,
    NotConnected,
    Lost { sent: bool },
    WrongEntity,
    TooLarge,
    Other,
}

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
        watch::<LogIn>(&mut game, &seen);
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
                    let options = ConnectOptions::default();
                    commands
                        .nakama()
                        .connect(&server(), &session("ada"), options);
                });
                self.staged.push(Command::Connect);
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

    fn ask(&mut self, ask: Ask) {
        let number = self.asked.len().to_string();
        let find_match = |game: &TestGame, n| {
            let index = game.app.world().resource::<MatchIndex>();
            index.get(&MatchId::from(match_id(n)))
        };
        let find_party = |game: &TestGame, n| {
            let index = game.app.world().resource::<PartyIndex>();
            index.get(&PartyId::from(party_id(n)))
        };
        let nowhere = Entity::PLACEHOLDER;
        let mut is_wrong = false;
        let (entity, key) = match ask {
            Ask::CreateMatch(n) => {
                let request = CreateMatch::named(match_id(n));
                let entity = self.chain::<CreateMatch>(|nakama| nakama.create_match(request));
                (entity, (Kind::MatchCreate, match_id(n)))
            }
            Ask::JoinMatch(n) => {
                let request = JoinMatch::by_id(match_id(n)).with_metadata("n", number.as_str());
                let entity = self.chain::<JoinMatch>(|nakama| nakama.join_match(request));
                (
                    entity,
                    (Kind::MatchJoin, format!("{} {number}", match_id(n))),
                )
            }
            Ask::LeaveMatch(n) => {
                let about = find_match(&self.game, n);
                is_wrong = about.is_none();
                let about = about.unwrap_or(nowhere);
                let entity = self.chain::<LeaveMatch>(|nakama| nakama.leave_match(about));
                (entity, (Kind::MatchLeave, match_id(n)))
            }
            Ask::CreateParty => {
                let request = CreateParty::open(8).label(number.as_str());
                let entity = self.chain::<CreateParty>(|nakama| nakama.create_party(request));
                (entity, (Kind::PartyCreate, number))
            }
            Ask::JoinParty(n) => {
                let id = party_id(n);
                let entity = self.chain::<JoinParty>(|nakama| nakama.join_party(id));
                (entity, (Kind::PartyJoin, party_id(n)))
            }
            Ask::LeaveParty(n) => {
                let about = find_party(&self.game, n);
                is_wrong = about.is_none();
                let about = about.unwrap_or(nowhere);
                let entity = self.chain::<LeaveParty>(|nakama| nakama.leave_party(about));
                (entity, (Kind::PartyLeave, party_id(n)))
            }
            Ask::UpdateParty(n) => {
                let about = find_party(&self.game, n);
                is_wrong = about.is_none();
                let about = about.unwrap_or(nowhere);
                let update = UpdateParty::default().label(number.as_str());
                let entity = self.chain::<UpdateParty>(|nakama| nakama.update_party(about, update));
                (entity, (Kind::PartyUpdate, number))
            }
            Ask::Follow | Ask::TooLarge => {
                let size = if ask == Ask::TooLarge { 5000 } else { 0 };
                let name = format!("{number}{}", "x".repeat(size));
                let message = Message::StatusFollow(realtime::StatusFollow {
                    user_ids: vec![name.clone()],
                    usernames: vec![],
                });
                let entity = self.chain::<RawRequest>(|nakama| nakama.raw(message));
                (entity, (Kind::StatusFollow, name))
            }
            Ask::LogIn => {
                let login = Login::device("a-device-of-adas");
                let entity = self.chain::<LogIn>(|nakama| nakama.log_in(&server(), login));
                (entity, (Kind::Ping, String::new()))
            }
        };
        // About nothing, and also without a connection: that comes first.
        let wrong = if is_connected(&self.game) {
            Outcome::WrongEntity
        } else {
            Outcome::NotConnected
        };
        self.asked.push(Asked {
            entity,
            key,
            stage: if is_wrong { Stage::Over } else { Stage::Staged },
            expected: is_wrong.then_some((wrong, self.frame + 1)),
            is_gone: false,
            is_sent: false,
            is_skipped: false,
            question: None,
        });
        if !is_wrong {
            self.staged.push(Command::Ask(self.asked.len() - 1));
        }
    }

    /// Makes a request with an observer chained to the call.
    fn chain<R: Request>(
        &mut self,
        make: impl for<'a> FnOnce(NakamaCommands<'a, '_, '_>) -> EntityCommands<'a>,
    ) -> Entity {
        let seen = self.seen.clone();
        let note = move |reply: On<Replied<R>>| {
            let mut seen = seen.lock().expect("no observer panics");
            let outcomes = seen.chained.entry(reply.request).or_default();
            outcomes.push(outcome(&reply.result));
        };
        self.game
            .commands(|commands| make(commands.nakama()).observe(note).id())
    }

    fn answer(&mut self, which: u8, say: Say) {
        if self.answer_rest(which, say) || !self.is_open() {
            return;
        }
        let is_orderly = self.is_orderly;
        let can_be_asked = |asked: &&Asked| match asked.stage {
            Stage::Open { place, .. } => place.is_some() && !asked.is_skipped,
            Stage::Late { .. } => !asked.is_skipped,
            Stage::Over => !is_orderly && asked.question.is_some(),
            Stage::Staged | Stage::Rest { .. } => false,
        };
        let count = self.asked.iter().filter(can_be_asked).count();
        if count == 0 {
            return;
        }
        let mut candidates = (0..self.asked.len()).filter(|&i| can_be_asked(&&self.asked[i]));
        let Some(index) = candidates.nth(usize::from(which) % count) else {
            return;
        };
        drop(candidates);
        let (kind, about) = self.asked[index].key.clone();
        let is_leave = matches!(kind, Kind::MatchLeave | Kind::PartyLeave);
        let say = if is_orderly && is_leave && say == Say::SomethingElse {
            Say::No // a server that answers anything would leave open what it means
        } else {
            say
        };
        let Some(question) = self.asked[index].question.clone() else {
            return;
        };
        match say {
            Say::No => self.game.refuse(&question, 3, "no"),
            Say::SomethingElse => {
                let notice = Message::Notifications(realtime::Notifications::default());
                self.game.answer(&question, notice);
            }
            Say::Yes => {
                let about = about.split(' ').next().unwrap_or_default().to_owned();
                match kind {
                    Kind::MatchCreate | Kind::MatchJoin => {
                        self.game
                            .answer(&question, match_joined(&about, &["ada", "bob"]));
                        self.matches.insert(about);
                    }
                    Kind::PartyCreate => {
                        let id = format!("created-{about}");
                        self.game.answer(&question, party(&id, "ada", &["ada"]));
                        self.parties.insert(id);
                    }
                    Kind::StatusFollow => self
                        .game
                        .answer(&question, Message::Status(Default::default())),
                    _ => {
                        self.game.acknowledge(&question);
                        match kind {
                            Kind::MatchLeave => drop(self.matches.remove(&about)),
                            Kind::PartyLeave => drop(self.parties.remove(&about)),
                            Kind::PartyJoin if !self.parties.contains(&about) => {
                                self.asks.insert(about);
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        self.on_answered(index, say);
    }

    fn on_answered(&mut self, index: usize, say: Say) {
        let asked = &mut self.asked[index];
        let place = match asked.stage {
            Stage::Open {
                place: Some(place), ..
            } => {
                let is_raw = asked.key.0 == Kind::StatusFollow;
                let outcome = match say {
                    Say::Yes => Outcome::Consent,
                    Say::No => Outcome::Refused,
                    Say::SomethingElse if is_raw => Outcome::Consent,
                    Say::SomethingElse => Outcome::Unexpected,
                };
                asked.expected = Some((outcome, self.frame + 1));
                place
            }
            Stage::Late { place } => place,
            _ => return,
        };
        asked.stage = Stage::Over;
        self.on_handled(place);
    }

    /// The server works in order: what it was asked before is done with.
    fn on_handled(&mut self, before: u64) {
        for asked in &mut self.asked {
            match asked.stage {
                Stage::Late { place } if place < before => asked.stage = Stage::Over,
                Stage::Open {
                    place: Some(place), ..
                } if self.is_orderly && place < before => asked.is_skipped = true,
                _ => {}
            }
        }
    }

    /// A REST call is answered if there is one; whether there was.
    fn answer_rest(&mut self, which: u8, say: Say) -> bool {
        if self.rest.is_empty() || which.is_multiple_of(2) {
            return false;
        }
        let token = session("ada").token().expose().to_owned();
        let token = serde_json::json!({ "token": token, "refresh_token": token });
        let error = serde_json::json!({ "code": 16, "message": "no" });
        let (status, body, outcome) = match say {
            Say::Yes => (200, token, Outcome::Consent),
            Say::No => (401, error, Outcome::Refused),
            Say::SomethingElse => (200, serde_json::Value::Null, Outcome::Unexpected),
        };
        self.game.answer_rest(status, &body);
        let asked = &mut self.asked[self.rest.remove(0)];
        asked.expected = Some((outcome, self.frame + 1));
        asked.stage = Stage::Over;
        true
    }

    fn stray(&mut self, which: u8) {
        let cids = [
            "999999",
            "0",
            "x",
            "p1",
            "p99",
            "+1",
            "01",
            "18446744073709551616",
        ];
        let question = Envelope {
            cid: cids[usize::from(which) % cids.len()].into(),
            message: None,
        };
        self.game.answer(&question, match_joined("stray", &["ada"]));
    }

    fn push(&mut self, push: Push) {
        let lists = |joins: bool| {
            if joins {
                (&["eve"][..], &[][..])
            } else {
                (&[][..], &["eve"][..])
            }
        };
        let message = match push {
            Push::MatchPresence(n, joins) => {
                let (joins, leaves) = lists(joins);
                match_presences(&match_id(n), joins, leaves)
            }
            Push::MatchData(n) => match_data(&match_id(n), Some("eve"), 1, &b"x"[..]),
            Push::Party(n) => {
                let id = party_id(n);
                let is_let_in = self.asks.remove(&id);
                if self.is_orderly && !is_let_in {
                    return;
                }
                if self.is_open() {
                    self.parties.insert(id.clone());
                }
                party(&id, "ada", &["bob", "ada"])
            }
            Push::PartyClose(n) => {
                let id = party_id(n);
                if !self.parties.remove(&id) && self.is_orderly {
                    return;
                }
                party_closed(&id)
            }
            Push::PartyLeader(n, is_me) => {
                party_leader(&party_id(n), if is_me { "ada" } else { "bob" })
            }
            Push::PartyPresence(n, joins) => {
                let (joins, leaves) = lists(joins);
                party_presences(&party_id(n), joins, leaves)
            }
            Push::Error => Message::Error(realtime::Error::default()),
        };
        self.game.server_says(message);
    }

    fn despawn(&mut self, which: u8) {
        let world = self.game.app.world();
        let alive = |asked: &Asked| world.get_entity(asked.entity).is_ok();
        let count = self.asked.iter().filter(|asked| alive(asked)).count();
        let mut candidates = (0..self.asked.len()).filter(|&i| alive(&self.asked[i]));
        let Some(index) = candidates.nth(usize::from(which) % count.max(1)) else {
            return;
        };
        drop(candidates);
        let entity = self.asked[index].entity;
        let world = self.game.app.world_mut();
        world.despawn(entity);
        world.flush();
        self.asked[index].is_gone = true;
    }

    fn send(&mut self, which: u8) {
        let world = self.game.app.world();
        let entity = world
            .resource::<MatchIndex>()
            .get(&MatchId::from(match_id(which)));
        let Some(here) = entity.filter(|_| self.data_in_frame < BURST) else {
            return;
        };
        self.data_in_frame += 1;
        self.game.commands(|commands| {
            let data = OutgoingData::raw(1, "x");
            commands.nakama().send_data(here, data);
        });
    }

    fn update(&mut self) {
        self.frame += 1;
        self.data_in_frame = 0;
        self.pass_time();
        self.game.update();
        self.hand_over();
        self.note_sent();
        self.verify();
    }

    /// What happens by itself in this frame.
    fn pass_time(&mut self) {
        let frame = self.frame;
        for index in 0..self.asked.len() {
            let asked = &mut self.asked[index];
            match asked.stage {
                Stage::Open { until, place } if until <= frame => {
                    asked.expected = Some((Outcome::Timeout, frame));
                    asked.stage = place.map_or(Stage::Over, |place| Stage::Late { place });
                }
                Stage::Rest { until } if until <= frame => {
                    asked.expected = Some((Outcome::Timeout, frame));
                    asked.stage = Stage::Over;
                    self.rest.retain(|call| *call != index);
                }
                _ => {}
            }
        }
        match self.socket {
            Socket::Opening { until } if until <= frame => self.end_of_socket(frame),
            Socket::Open { since } if (frame - since).is_multiple_of(PING) => {
                self.on_handled(u64::MAX);
            }
            _ => {}
        }
    }

    /// What the game staged leaves.
    fn hand_over(&mut self) {
        let (frame, due) = (self.frame, self.frame + 1);
        // What was asked for before the end is answered before it.
        let mut is_over = !self.is_open() && self.ended == frame;
        let (mut is_draining, mut is_queued) = (false, false);
        for command in std::mem::take(&mut self.staged) {
            match command {
                Command::Connect => {
                    if self.socket != Socket::Idle {
                        self.end_of_socket(due);
                    }
                    is_draining = false;
                    is_queued = false;
                    is_over = false;
                    self.ended = 0;
                    let until = frame + DEADLINE;
                    self.socket = Socket::Opening { until };
                }
                Command::Disconnect if self.is_open() && is_queued => is_draining = true,
                Command::Disconnect => self.end_of_socket(due),
                Command::Ask(index) => {
                    let is_open = self.is_open() && !is_draining;
                    let asked = &mut self.asked[index];
                    let until = frame + DEADLINE;
                    if asked.key.0 == Kind::Ping {
                        asked.stage = Stage::Rest { until };
                        self.rest.push(index);
                    } else if !is_open {
                        asked.stage = Stage::Over;
                        let due = if is_over { frame } else { due };
                        asked.expected = Some((Outcome::NotConnected, due));
                    } else if asked.key.1.len() > 4096 {
                        asked.stage = Stage::Over;
                        asked.expected = Some((Outcome::TooLarge, due));
                    } else {
                        asked.stage = Stage::Open { until, place: None };
                        is_queued = true;
                    }
                }
            }
        }
        // Match data was staged, too, but that makes no difference: it leaves with what is staged, or is refused with it.
        if self.is_open() {
            for asked in &mut self.asked {
                if let Stage::Open { until, place: None } = asked.stage
                    && until == frame + DEADLINE
                {
                    self.places += 1;
                    let place = Some(self.places);
                    asked.stage = Stage::Open { until, place };
                    asked.is_sent = true;
                }
            }
            if is_draining {
                self.end_of_socket(due);
            }
        }
    }

    /// What arrived at the server.
    fn note_sent(&mut self) {
        for envelope in self.game.sent() {
            let Some(key) = envelope.message.as_ref().and_then(key_of) else {
                continue;
            };
            let is_it =
                |asked: &&mut Asked| asked.is_sent && asked.question.is_none() && asked.key == key;
            if let Some(asked) = self.asked.iter_mut().find(is_it) {
                asked.question = Some(envelope);
            } else if self.is_open() && matches!(key.0, Kind::MatchLeave | Kind::PartyLeave) {
                // The plugin takes something back. The server does that at once, and with it everything before.
                self.matches.remove(&key.1);
                self.parties.remove(&key.1);
                self.game.acknowledge(&envelope);
                self.places += 1;
                self.on_handled(self.places);
            }
        }
    }

    /// Every request has come to what it should by now.
    fn verify(&mut self) {
        let seen = self.seen.lock().expect("no observer panics");
        let world = self.game.app.world();
        for (index, asked) in self.asked.iter_mut().enumerate() {
            let none = Vec::new();
            let by_all = seen.by_all.get(&asked.entity).unwrap_or(&none);
            let chained = seen.chained.get(&asked.entity).unwrap_or(&none);
            let at = format!(
                "frame {}, request {index}: {:?} {:?}",
                self.frame, asked.key, asked.stage
            );
            let Some((outcome, due)) = &mut asked.expected else {
                assert_eq!((by_all, chained), (&none, &none), "{at}");
                let is_pending = world.get::<PendingRequest>(asked.entity).is_some();
                assert_eq!(is_pending, !asked.is_gone, "{at}");
                continue;
            };
            if *due > self.frame {
                assert_eq!((by_all, chained), (&none, &none), "{at}");
                continue;
            }
            if *due == self.frame {
                let is_consent = matches!(outcome, Outcome::Consent | Outcome::Unexpected);
                if asked.is_gone && is_consent && asked.key.0 != Kind::Ping {
                    *outcome = Outcome::Withdrawn;
                }
                let witnesses = if asked.is_gone { 0 } else { 1 };
                assert_eq!(*chained, vec![*outcome; witnesses], "{at}, chained");
            }
            assert_eq!(*by_all, [*outcome], "{at}, for all");
            assert!(chained.len() <= 1, "{at}");
            assert!(
                world.get::<PendingRequest>(asked.entity).is_none(),
                "{at}: it is pending for ever"
            );
            let is_failed = *outcome != Outcome::Consent;
            assert!(
                !is_failed || world.get_entity(asked.entity).is_err(),
                "{at}: a failed request leaves something behind"
            );
        }
    }

    /// Lets everything come to its end, and looks for what is left.
    fn finish(mut self) -> Vec<Outcome> {
        if !self.is_open() {
            self.step(Step::Connect);
            self.update();
            self.step(Step::Accept);
        }
        (0..=DEADLINE).for_each(|_| self.update());
        // One more answer, and nothing before it can come any more.
        self.step(Step::Ask(Ask::Follow));
        self.update();
        if let Some(question) = self.asked.last().and_then(|asked| asked.question.clone()) {
            self.game.acknowledge(&question);
            self.on_answered(self.asked.len() - 1, Say::Yes);
        }
        (0..=DEADLINE).for_each(|_| self.update());

        for path in [
            &diagnostics::PENDING_REQUESTS,
            &diagnostics::LATE_REQUESTS,
            &diagnostics::QUEUED,
        ] {
            assert_eq!(self.read(path), Some(0.0), "{path}");
        }
        if self.is_orderly {
            let world = self.game.app.world();
            let matches = world.resource::<MatchIndex>().iter();
            let matches: BTreeSet<_> = matches.map(|(id, _)| id.to_string()).collect();
            assert_eq!(matches, self.matches, "the game's and the server's matches");
            let parties = world.resource::<PartyIndex>().iter();
            let parties: BTreeSet<_> = parties.map(|(id, _)| id.to_string()).collect();
            assert_eq!(parties, self.parties, "the game's and the server's parties");
        }
        self.step(Step::Disconnect);
        // What is left lives on as long as a message may name it.
        (0..8).for_each(|_| self.update());
        let world = self.game.app.world();
        assert_eq!(
            world.entities().count_spawned(),
            self.entities_before,
            "entities are left"
        );
        assert_eq!(self.read(&diagnostics::HELD), Some(0.0));
        let outcomes = self.asked.iter().filter_map(|asked| asked.expected);
        outcomes.map(|(outcome, _)| outcome).collect()
    }
}

impl Session {
    /// A number that the plugin publishes.
    fn read(&self, path: &DiagnosticPath) -> Option<f64> {
        let store = self.game.app.world().resource::<DiagnosticsStore>();
        store.get(path).and_then(Diagnostic::value)
    }
}

/// What tells requests of one kind apart on the wire.
fn key_of(message: &Message) -> Option<(Kind, String)> {
    let about = match message {
        Message::MatchCreate(create) => create.name.clone(),
        Message::MatchJoin(join) => {
            let Some(realtime::match_join::Id::MatchId(id)) = &join.id else {
                return None;
            };
            format!("{id} {}", join.metadata.get("n")?)
        }
        Message::MatchLeave(leave) => leave.match_id.clone(),
        Message::PartyCreate(create) => create.label.clone(),
        Message::PartyJoin(join) => join.party_id.clone(),
        Message::PartyLeave(leave) => leave.party_id.clone(),
        Message::PartyUpdate(update) => update.label.clone(),
        Message::StatusFollow(follow) => follow.user_ids.first()?.clone(),
        _ => return None,
    };
    Some((Kind::of(message), about))
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
