//! The same steps with a connection that heals. When a request has its outcome depends on much then, so this foretells less: no request has
//! two outcomes, in the end each has one, and nothing is left.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::atomic::{AtomicU32, Ordering},
};

use bevy_nakama::{
    diagnostics,
    prelude::*,
    proto::{Envelope, Message, realtime},
    testing::*,
};

use super::{
    Session, Socket,
    steps::{Ask, Outcome, Say, Step},
};

/// How many frames it may take until everything has come to its end.
const PATIENCE: usize = 4000;

/// How often connections have come back in all sessions.
pub(crate) static RECONNECTS: AtomicU32 = AtomicU32::new(0);

struct Healing {
    session: Session,
    /// How many sockets have been open: each has a session of its own.
    sockets: usize,
    /// What the server has heard over the socket and not answered, oldest first.
    unanswered: VecDeque<Envelope>,
    /// The game has asked for another connection in this frame.
    is_replaced: bool,
}

/// Runs a session to its end, and returns what came of its requests.
///
/// # Panics
///
/// Something is not as it should be.
pub(crate) fn run_healing(steps: &[Step], is_orderly: bool) -> Vec<Outcome> {
    let mut healing = Healing {
        session: Session::new(is_orderly),
        sockets: 0,
        unanswered: VecDeque::new(),
        is_replaced: false,
    };
    for step in steps {
        healing.step(*step);
    }
    healing.finish()
}

impl Healing {
    fn step(&mut self, step: Step) {
        let game = &mut self.session.game;
        match step {
            Step::Connect => self.connect(),
            Step::Disconnect => game.commands(|commands| commands.nakama().disconnect()),
            Step::Accept => {
                // A connection that comes back asks for a token first.
                for _ in 0..3 {
                    self.accept();
                    if self.session.is_open() {
                        break;
                    }
                    self.update();
                }
            }
            Step::Break => {
                game.connection_breaks();
                self.is_cut();
            }
            Step::Garbage => {
                game.server_sends(&[0xff; 9][..]);
                self.is_cut();
            }
            Step::Ask(ask) => self.session.ask(ask),
            Step::Answer(which, say) => self.answer(which, say),
            Step::Stray(which) => self.session.stray(which),
            Step::Push(push) => self.session.push(push),
            Step::Despawn(which) => self.session.despawn(which),
            Step::Send(which) => self.session.send(which),
            Step::Frame => self.update(),
            Step::Wait(frames) => (0..frames).for_each(|_| self.update()),
        }
    }

    fn connect(&mut self) {
        let game = &mut self.session.game;
        game.commands(|commands| {
            commands.nakama().use_session(&server(), session_of("ada"));
            commands.nakama().connect();
        });
        // If it is coming back, it only comes sooner.
        let state = game.app.world().resource::<NakamaConnection>().state();
        self.is_replaced |= state != ConnectionState::Reconnecting;
    }

    fn accept(&mut self) {
        if !self.session.is_open() && self.session.game.opens_a_socket() {
            self.session.game.server_accepts();
            self.session.socket = Socket::Open { since: 0 };
            self.sockets += 1;
        }
    }

    /// The server knows nothing any more of the session that the socket had.
    fn is_cut(&mut self) {
        self.session.socket = Socket::Idle;
        self.session.matches.clear();
        self.session.parties.clear();
        self.session.asks.clear();
        self.unanswered.clear();
    }

    fn update(&mut self) {
        self.session.staged.clear();
        self.session.data_in_frame = 0;
        self.session.game.update();
        if std::mem::take(&mut self.is_replaced) || !self.session.game.opens_a_socket() {
            self.is_cut();
        }
        let sent = self.session.game.sent();
        if self.session.is_open() {
            self.unanswered.extend(sent);
        }
        self.verify();
    }

    fn answer(&mut self, which: u8, say: Say) {
        if which % 2 == 1 && !self.session.game.rest_calls().is_empty() {
            let (status, body) = match say {
                Say::Yes => (200, serde_json::json!({ "payload": "hello" })),
                Say::No => (401, serde_json::json!({ "code": 16, "message": "no" })),
                Say::SomethingElse => (200, serde_json::Value::Null),
            };
            return self.session.game.answer_rest(status, &body);
        }
        if !self.session.is_open() || self.unanswered.is_empty() {
            return;
        }
        let index = if self.session.is_orderly {
            0
        } else {
            usize::from(which) % self.unanswered.len()
        };
        let Some(question) = self.unanswered.remove(index) else {
            return;
        };
        if !self.session.is_orderly && which.is_multiple_of(5) {
            self.unanswered.push_back(question.clone()); // it answers twice
        }
        self.answer_to(&question, say);
    }

    fn answer_to(&mut self, question: &Envelope, say: Say) {
        let Some(message) = &question.message else {
            return;
        };
        let is_leave = matches!(message, Message::MatchLeave(_) | Message::PartyLeave(_));
        let is_certain = self.session.is_orderly && is_leave;
        let session = &mut self.session;
        match say {
            Say::No if !is_certain => return session.game.refuse(question, 3, "no"),
            Say::SomethingElse if !is_certain => {
                let notice = Message::Notifications(realtime::Notifications::default());
                return session.game.answer(question, notice);
            }
            _ => {}
        }
        let own = format!("session-ada-{}", self.sockets);
        let answer = match message {
            Message::MatchCreate(create) => Some(is_in(&create.name, own)),
            Message::MatchJoin(join) => match &join.id {
                Some(realtime::match_join::Id::MatchId(id)) => Some(is_in(id, own)),
                _ => None,
            },
            Message::PartyCreate(create) => Some(party_joined(
                &format!("created-{}", create.label),
                "ada",
                &["ada"],
            )),
            Message::StatusFollow(_) => Some(followed(&[])),
            _ => None,
        };
        match &answer {
            Some(Message::Match(joined)) => drop(session.matches.insert(joined.match_id.clone())),
            Some(Message::Party(party)) => drop(session.parties.insert(party.party_id.clone())),
            _ => {}
        }
        match message {
            Message::MatchLeave(leave) => drop(session.matches.remove(&leave.match_id)),
            Message::PartyLeave(leave) => drop(session.parties.remove(&leave.party_id)),
            Message::PartyJoin(join) if !session.parties.contains(&join.party_id) => {
                session.asks.insert(join.party_id.clone());
            }
            _ => {}
        }
        match answer {
            Some(answer) => session.game.answer(question, answer),
            None => session.game.acknowledge(question),
        }
    }

    /// No request has two outcomes.
    fn verify(&self) {
        let seen = self.session.seen.lock().expect("no observer panics");
        let world = self.session.game.app.world();
        let none = Vec::new();
        for (index, asked) in self.session.asked.iter().enumerate() {
            let by_all = seen.by_all.get(&asked.entity).unwrap_or(&none);
            let chained = seen.chained.get(&asked.entity).unwrap_or(&none);
            let at = format!("request {index}: {:?}, {by_all:?}", asked.key);
            assert!(by_all.len() <= 1 && chained.len() <= 1, "{at}");
            assert!(!by_all.contains(&Outcome::Other), "{at}");
            assert!(asked.is_gone || chained == by_all, "{at}, {chained:?}");
            let is_pending = world.get::<PendingRequest>(asked.entity).is_some();
            assert_eq!(is_pending, !asked.is_gone && by_all.is_empty(), "{at}");
            let is_failed = by_all.iter().any(|outcome| *outcome != Outcome::Consent);
            let is_alive = world.get_entity(asked.entity).is_ok();
            assert!(!(is_failed && is_alive), "{at}: it leaves something behind");
        }
    }

    /// Lets everything come to its end, and looks for what is left.
    fn finish(mut self) -> Vec<Outcome> {
        self.settle();
        // One more answer, and nothing before it can come any more.
        self.step(Step::Ask(Ask::Follow));
        self.update();
        self.settle();
        for path in [
            &diagnostics::PENDING_REQUESTS,
            &diagnostics::LATE_REQUESTS,
            &diagnostics::QUEUED,
        ] {
            assert_eq!(self.session.read(path), Some(0.0), "{path}");
        }
        if self.session.is_orderly {
            let world = self.session.game.app.world();
            let matches = world.resource::<MatchIndex>().iter();
            let matches: BTreeSet<_> = matches.map(|(id, _)| id.to_string()).collect();
            let known = &self.session.matches;
            assert_eq!(matches, *known, "the game's and the server's matches");
        }
        let reconnects = self.session.read(&diagnostics::RECONNECTS);
        RECONNECTS.fetch_add(reconnects.unwrap_or_default() as u32, Ordering::Relaxed);
        self.step(Step::Disconnect);
        // What is left lives on as long as a message may name it.
        (0..40).for_each(|_| self.update());
        let entities = self.session.game.app.world().entities();
        let before = self.session.entities_before;
        assert_eq!(entities.count_spawned(), before, "entities are left");
        assert_eq!(self.session.read(&diagnostics::HELD), Some(0.0));
        let seen = self.session.seen.lock().expect("no observer panics");
        let outcomes = self.session.asked.iter().enumerate().map(|(index, asked)| {
            let outcome = seen.by_all.get(&asked.entity);
            let outcome = outcome.and_then(|outcomes| outcomes.first().copied());
            outcome.unwrap_or_else(|| panic!("request {index} has no outcome: {:?}", asked.key))
        });
        outcomes.collect()
    }

    /// The server is there, and consents to everything.
    fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..PATIENCE {
            let connection = self.session.game.app.world().resource::<NakamaConnection>();
            if connection.state() == ConnectionState::Disconnected {
                self.connect();
            }
            self.update();
            self.accept();
            while let Some(question) = self.unanswered.pop_front() {
                self.answer_to(&question, Say::Yes);
                quiet = 0;
            }
            while !self.session.game.rest_calls().is_empty() {
                let body = serde_json::json!({ "payload": "hello" });
                self.session.game.answer_rest(200, &body);
            }
            let connection = self.session.game.app.world().resource::<NakamaConnection>();
            quiet = if connection.is_connected() {
                quiet + 1
            } else {
                0
            };
            // Longer than any request may take.
            if quiet > 150 {
                return;
            }
        }
        panic!("the game does not come to rest");
    }
}

/// The local user is in a match, with this session.
fn is_in(match_id: &str, own: String) -> Message {
    let mut joined = match_joined(match_id, &["ada", "bob"]);
    if let Message::Match(joined) = &mut joined
        && let Some(me) = &mut joined.self_
    {
        me.session_id = own;
    }
    joined
}
