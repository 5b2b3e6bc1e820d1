//! A game that lives through what a recorded client lived through: it asks what the client asked, by the plugin's own methods, and is
//! sent what the client was sent.

mod ask;
pub(crate) mod rest;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, Message as M, PartyLayout},
    testing::{TestGame, server},
};

use self::ask::{Asked, as_said_by_the_plugin, joined_id};
use super::transcripts::{Dir, Line, Scenario};

/// What a server reads, in bytes.
pub(crate) const MAX_ENVELOPE: usize = 4096;

/// How a recorded message was sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum How {
    /// By a method of its own.
    Typed,
    /// As raw envelope.
    Raw,
    /// The plugin refused it, because the server would close the socket over it.
    Refused,
    /// It is not a message, or the plugin cannot send it.
    NotSent,
}

/// A game in the place of a recorded client.
pub(crate) struct Player {
    pub(crate) game: TestGame,
    client: String,
    session: NakamaSession,
    /// Where we are in the recording, in milliseconds.
    now: u64,
    layout: PartyLayout,
    /// Recorded `cid` to the plugin's, oldest first.
    cids: HashMap<String, VecDeque<String>>,
    /// What raw requests are about, and what joins asked for.
    pub(crate) asked: Arc<Mutex<HashMap<Entity, (Kind, String)>>>,
    /// Who the game was matched with last.
    matched: Arc<Mutex<Option<MatchmakerMatched>>>,
    /// How many requests the plugin made by itself.
    pub(crate) by_itself: usize,
}

impl Player {
    /// A client before it has done anything.
    pub(crate) fn new(scenario: &Scenario, client: &str) -> Self {
        let settings = NakamaSettings {
            receive_budget: Duration::MAX,
            ..NakamaSettings::default()
        };
        Self::of(TestGame::with_settings(settings), scenario, client)
    }

    /// The same, with a game of the test's.
    pub(crate) fn of(mut game: TestGame, scenario: &Scenario, client: &str) -> Self {
        let matched = Arc::<Mutex<Option<MatchmakerMatched>>>::default();
        let kept = matched.clone();
        game.observe(move |matched: On<MatchmakerMatched>| {
            *kept.lock().expect("no test panics while it writes") = Some(matched.clone());
        });
        Self {
            game,
            client: client.to_owned(),
            session: scenario.who(client).session(),
            now: 0,
            layout: scenario.party_layout(),
            cids: HashMap::new(),
            asked: Arc::default(),
            matched,
            by_itself: 0,
        }
    }

    /// A client whose socket has just opened.
    pub(crate) fn connected(scenario: &Scenario, client: &str) -> Self {
        Self::new(scenario, client).connect(scenario)
    }

    /// Lives through the opening of the socket.
    pub(crate) fn connect(mut self, scenario: &Scenario) -> Self {
        let is_open = |line: &&Line| line.kind.as_deref() == Some("ws_open");
        let client = self.client.clone();
        for line in scenario.lines_of(&client).filter(is_open).take(2) {
            self.live(line);
        }
        self
    }

    /// Lives through everything that is said over the socket. It stays open.
    pub(crate) fn play(&mut self, scenario: &Scenario) {
        self.play_while(scenario, |_| true);
    }

    /// The same, as long as this holds for the next line.
    pub(crate) fn play_while(&mut self, scenario: &Scenario, is_next: impl Fn(&Line) -> bool) {
        let client = self.client.clone();
        for line in scenario.lines_of(&client).take_while(|line| is_next(line)) {
            self.say(line);
        }
    }

    /// Lives through a line, but for what opens and ends the socket.
    pub(crate) fn say(&mut self, line: &Line) {
        if line.is_envelope() {
            self.live(line);
        } else {
            self.pass(line.t_ms);
        }
    }

    pub(crate) fn user_id(&self) -> &UserId {
        self.session.user_id()
    }

    /// Whether the token that was matched last is good now.
    pub(crate) fn is_token_valid(&self) -> bool {
        let matched = self.matched.lock().expect("no test panics");
        let now = self.game.app.world().resource::<Time<Real>>().elapsed();
        matched.as_ref().expect("a match").is_token_valid(now)
    }

    /// How many there are of a component.
    pub(crate) fn count<C: Component>(&mut self) -> usize {
        let world = self.game.app.world_mut();
        world.query::<&C>().iter(world).count()
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, until: u64) {
        let passed = until.saturating_sub(self.now);
        self.game.update_by(Duration::from_millis(passed));
        self.now = until;
    }

    /// Lives through one line.
    pub(crate) fn live(&mut self, line: &Line) -> How {
        self.pass(line.t_ms);
        let how = match line.dir {
            Dir::Send => self.send(line),
            Dir::Recv => {
                self.receive(line);
                How::NotSent
            }
            Dir::Rest => How::NotSent,
        };
        for extra in self.game.sent() {
            let kind = extra.message.as_ref().map(Kind::of);
            assert_eq!(
                kind,
                Some(Kind::PartyJoinRequestList),
                "the plugin sent this by itself: {extra:?}"
            );
            self.by_itself += 1;
        }
        how
    }

    fn send(&mut self, line: &Line) -> How {
        match line.kind.as_deref() {
            Some("ws_open") => {
                let target = line.json["target"].as_str().expect("a path");
                let is_online = target.contains("status=true") || target.contains("status=1");
                let options = ConnectOptions::default()
                    .appear_online(is_online)
                    .heal(false); // what was recorded is one socket
                self.game.commands(|c| {
                    c.nakama().use_session(&server(), self.session.clone());
                    c.nakama().connect_with(options);
                });
                self.game.update_by(Duration::ZERO);
                return How::NotSent;
            }
            Some("ws_close") => {
                self.game.commands(|c| c.nakama().disconnect());
                self.game.update_by(Duration::ZERO);
                self.game.update_by(Duration::ZERO);
                return How::NotSent;
            }
            _ if !line.is_envelope() => return How::NotSent,
            _ => {}
        }
        let wire = line.wire.clone().expect("an envelope has bytes");
        let size = wire.len();
        let Ok(proto::Envelope {
            message: Some(message),
            ..
        }) = proto::decode(wire)
        else {
            return How::NotSent;
        };
        let asked = self.ask(&message);
        let how = match &asked {
            Asked::Raw(_) => How::Raw,
            Asked::Typed(_) => How::Typed,
        };
        if let Asked::Raw(Some(entity)) | Asked::Typed(Some(entity)) = asked {
            let what = (Kind::of(&message), joined_id(&message));
            self.asked
                .lock()
                .expect("no test panics while it writes")
                .insert(entity, what);
        }
        self.game.update_by(Duration::ZERO);
        let mut sent = self.game.sent();
        if sent.is_empty() {
            let is_unsupported =
                matches!(message, M::PartyUpdate(_)) && self.layout == PartyLayout::Before3_28;
            assert!(
                size > MAX_ENVELOPE || is_unsupported,
                "the plugin did not send {message:?}"
            );
            self.game.update_by(Duration::ZERO);
            return How::Refused;
        }
        assert_eq!(sent.len(), 1, "{sent:?}");
        let sent = sent.remove(0);
        let expected = match how {
            How::Typed => as_said_by_the_plugin(message),
            _ => message,
        };
        assert_eq!(
            sent.message,
            Some(expected),
            "the plugin sends something else"
        );
        self.cids
            .entry(line.json["cid"].as_str().unwrap_or_default().to_owned())
            .or_default()
            .push_back(sent.cid);
        how
    }

    fn receive(&mut self, line: &Line) {
        match line.kind.as_deref() {
            Some("ws_open") => self.game.server_accepts(),
            Some("ws_close") => self.game.server_ends(DisconnectReason::ClosedByServer {
                code: line.json["code"]
                    .as_u64()
                    .and_then(|code| u16::try_from(code).ok()),
                reason: line.json["reason"].as_str().unwrap_or_default().to_owned(),
            }),
            Some("tcp_eof") => self.game.connection_breaks(),
            _ if !line.is_envelope() => {}
            _ => {
                let frame = self.translate(line);
                self.game.server_sends(frame);
            }
        }
        self.game.update_by(Duration::ZERO);
    }

    /// The recorded frame with the plugin's `cid`, and not a byte changed otherwise.
    fn translate(&mut self, line: &Line) -> Vec<u8> {
        let wire = line.wire.as_deref().expect("an envelope has bytes");
        let recorded = line.json["cid"].as_str().unwrap_or_default();
        let is_answer = match line.kind.as_deref() {
            None | Some("rpc" | "pong" | "channel_message_ack") => true,
            Some(_) => !recorded.is_empty(),
        };
        if !is_answer {
            return wire.to_vec();
        }
        let cid = self.cids.get_mut(recorded).and_then(VecDeque::pop_front);
        let cid = cid.unwrap_or_else(|| "nobody".into());
        let rest = match recorded.len() {
            0 => wire,
            short @ 1..128 => {
                assert_eq!(wire[..2], [0x0a, u8::try_from(short).expect("checked")]);
                &wire[2 + short..]
            }
            long => &wire[3 + long..],
        };
        let length = u8::try_from(cid.len()).expect("the plugin's are short");
        [&[0x0a, length], cid.as_bytes(), rest].concat()
    }
}
