//! A core on a line to a server that does as it is told, on a clock of their own.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use prost::Message as _;

use crate::{
    proto::{Envelope, Kind, Message, realtime},
    transport::{
        Action, Answer, ConnectPlan, Core, DisconnectReason, Epoch, Input, LinkCommand, LinkEvent,
        LinkSettings, MatchId, NakamaServer, OutgoingMatchData, RequestId, SendPolicy, SocketId,
        Terms, TransportError, link::Batch,
    },
};

/// What a server does with a socket that somebody wants to open.
#[derive(Clone, Debug)]
pub(super) enum Door {
    Opens,
    /// Nothing is heard of it.
    IsMute,
    Refuses(DisconnectReason),
}

/// The game, the core, and the server. The game gives a token as soon as it is asked for one.
pub(super) struct Line {
    pub(super) core: Core,
    events: Receiver<Batch>,
    start: Instant,
    pub(super) now: Instant,
    /// What a server does with the next socket.
    pub(super) door: Door,
    /// Whether it answers pings.
    pub(super) answers_pings: bool,
    /// Whether the game gives tokens.
    pub(super) gives_tokens: bool,
    /// The socket that is open, or being opened.
    pub(super) socket: Option<SocketId>,
    /// When each socket was asked for.
    pub(super) dialed: Vec<Duration>,
    /// What the game was told: words that begin with what it is.
    log: Vec<String>,
    /// What the server has received, but for pings.
    pub(super) received: Vec<Envelope>,
    /// The pings that it has received: when, and their `cid`s.
    pub(super) pings: Vec<(Duration, String)>,
    last_id: u64,
}

pub(super) fn broken() -> DisconnectReason {
    DisconnectReason::Lost(TransportError::Eof)
}

pub(super) fn refused() -> DisconnectReason {
    let server = NakamaServer::new("http://test.invalid", "key");
    DisconnectReason::Unreachable(TransportError::Eof.at(&server))
}

pub(super) fn status(status: u16) -> DisconnectReason {
    DisconnectReason::Refused {
        status,
        message: String::new(),
    }
}

pub(super) fn closed(code: Option<u16>, reason: &str) -> DisconnectReason {
    DisconnectReason::of_close(code.map(|code| (code, reason.to_owned())))
}

impl Line {
    /// A connection that heals, and was opened.
    pub(super) fn open() -> Self {
        let mut line = Self::idle(1);
        line.connect(true, false);
        line
    }

    /// Nothing was asked for yet.
    pub(super) fn idle(seed: u64) -> Self {
        Self::of(Some(seed))
    }

    /// The same, with a seed of its own if it gets none.
    pub(super) fn of(seed: Option<u64>) -> Self {
        let settings = LinkSettings {
            seed,
            ..LinkSettings::default()
        };
        let (core, events, _) = Core::new(settings);
        let start = Instant::now();
        Self {
            core,
            events,
            start,
            now: start,
            door: Door::Opens,
            answers_pings: true,
            gives_tokens: true,
            socket: None,
            dialed: Vec::new(),
            log: Vec::new(),
            received: Vec::new(),
            pings: Vec::new(),
            last_id: 0,
        }
    }

    pub(super) fn connect(&mut self, heals: bool, retries: bool) {
        let plan = ConnectPlan {
            epoch: Epoch(self.core.epoch.0 + 1),
            server: NakamaServer::new("http://test.invalid", "key"),
            token: "token".into(),
            appear_online: true,
            lang: "en".into(),
            heals,
            retries,
        };
        self.say(LinkCommand::Connect(Box::new(plan)));
        self.turn();
    }

    /// Since the beginning.
    pub(super) fn time(&self) -> Duration {
        self.now - self.start
    }

    /// What the game was told since the last call.
    pub(super) fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// What the game was told since the last call, without the waits and tries in between.
    pub(super) fn told_in_short(&mut self) -> Vec<String> {
        let mut told = self.told();
        told.retain(|it| !it.starts_with("waiting") && !it.starts_with("due"));
        told
    }

    /// The game wants something. It is heard in the next turn.
    pub(super) fn say(&mut self, command: LinkCommand) {
        self.core.handle(self.now, Input::Command(command));
    }

    /// The game wants something, at once.
    pub(super) fn command(&mut self, command: LinkCommand) {
        self.say(command);
        self.turn();
    }

    /// The game asks for something, which gets this number.
    pub(super) fn ask(&mut self, message: Message, for_reentry: bool) -> u64 {
        self.last_id += 1;
        self.command(LinkCommand::Request {
            id: RequestId(self.last_id),
            message: Box::new(message),
            timeout: Duration::from_secs(10),
            terms: None,
            for_reentry,
        });
        self.last_id
    }

    /// The game sends data for a match. Without a policy of its own, the default one holds while it is connected.
    pub(super) fn send(&mut self, context: u64, op_code: i64, policy: Option<SendPolicy>) {
        let terms = Terms {
            policy: policy.unwrap_or_default(),
            waits_while_away: policy.is_some(),
            ..Terms::default()
        };
        self.command(LinkCommand::Send {
            origin: context,
            data: OutgoingMatchData {
                match_id: MatchId::from("2fbbc3e5-7d64-4f0a-a1e5-3c70eb6a7a33."),
                op_code,
                data: vec![7; 12].into(),
                receivers: Vec::new(),
                reliable: true,
            },
            terms,
        });
    }

    /// The game sends data for a party, with a policy of its own. It is a request, which gets this number.
    pub(super) fn send_to_party(&mut self, context: u64, op_code: i64) -> u64 {
        self.last_id += 1;
        self.command(LinkCommand::Request {
            id: RequestId(self.last_id),
            message: Box::new(Message::PartyDataSend(realtime::PartyDataSend {
                op_code,
                ..Default::default()
            })),
            timeout: Duration::from_secs(10),
            terms: Some(Terms {
                context,
                waits_while_away: true,
                ..Terms::default()
            }),
            for_reentry: false,
        });
        self.last_id
    }

    /// The server sends something.
    pub(super) fn server_says(&mut self, cid: &str, message: Message) {
        if let Some(socket) = self.socket {
            self.server_says_over(socket, cid, message);
        }
    }

    /// The server sends something over this socket, which may be an old one.
    pub(super) fn server_says_over(&mut self, socket: SocketId, cid: &str, message: Message) {
        let envelope = Envelope {
            cid: cid.to_owned(),
            message: Some(message),
        };
        let frame = envelope.encode_to_vec().into();
        self.core.handle(self.now, Input::Frame(socket, frame));
        self.turn();
    }

    /// The socket ends.
    pub(super) fn ends(&mut self, reason: DisconnectReason) {
        if let Some(socket) = self.socket {
            self.core.handle(self.now, Input::Ended(socket, reason));
            self.turn();
        }
    }

    /// Time passes; what is due at a moment in between happens at that moment.
    pub(super) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let due = [self.core.next_timeout(), self.core.next_frame_due(self.now)];
            let next = due.into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= until) else {
                break;
            };
            self.now = next.max(self.now);
            self.turn();
        }
        self.now = until;
        self.turn();
    }

    /// Runs in steps, and lets the server send something in each.
    pub(super) fn run_with_traffic(&mut self, duration: Duration, step: Duration) {
        let until = self.now + duration;
        while self.now < until {
            self.run(step);
            self.server_says("", Message::StatusPresenceEvent(Default::default()));
        }
    }

    /// Time passes while nobody has a turn.
    pub(super) fn stop(&mut self, duration: Duration) {
        self.now += duration;
    }

    pub(super) fn turn(&mut self) {
        self.core.handle(self.now, Input::Tick);
        let mut is_asked = false;
        loop {
            while let Some(frame) = self.core.next_frame(self.now) {
                self.on_frame(Envelope::decode(frame).expect("an envelope"));
            }
            self.core.flush();
            is_asked |= self.read();
            let action = self.core.next_action();
            match action {
                Some(Action::Open(socket, ..)) => self.on_dialed(socket),
                Some(Action::Close(socket)) => {
                    self.socket.take_if(|current| *current == socket);
                }
                Some(action) => panic!("{action:?}"),
                None if is_asked => {
                    is_asked = false;
                    self.say(LinkCommand::Reopen {
                        token: "token".into(),
                        appear_online: true,
                    });
                }
                None => break,
            }
        }
    }

    fn on_dialed(&mut self, socket: SocketId) {
        self.dialed.push(self.time());
        assert_eq!(self.socket.replace(socket), None, "two sockets at once");
        let input = match &self.door {
            Door::Opens => Input::Opened(socket),
            Door::IsMute => return,
            Door::Refuses(reason) => Input::Ended(socket, reason.clone()),
        };
        self.core.handle(self.now, input);
    }

    fn on_frame(&mut self, envelope: Envelope) {
        if envelope.cid.starts_with('p') {
            let cid = envelope.cid;
            self.pings.push((self.time(), cid.clone()));
            if self.answers_pings {
                self.pong(&cid);
            }
        } else {
            self.received.push(envelope);
        }
    }

    pub(super) fn pong(&mut self, cid: &str) {
        let pong = Envelope {
            cid: cid.to_owned(),
            message: Some(Message::Pong(realtime::Pong {})),
        };
        if let Some(socket) = self.socket {
            let frame = pong.encode_to_vec().into();
            self.core.handle(self.now, Input::Frame(socket, frame));
        }
    }

    /// What the server has received since the last call, by kind or, for data, op code.
    pub(super) fn taken(&mut self) -> Vec<String> {
        let received = self.received.drain(..);
        let words = received.filter_map(|envelope| match envelope.message? {
            Message::MatchDataSend(data) => Some(format!("match {}", data.op_code)),
            Message::PartyDataSend(data) => Some(format!("party {}", data.op_code)),
            message => Some(Kind::of(&message).to_string()),
        });
        words.collect()
    }

    /// Hears what the core says to the game. Whether it asks for a token that the game gives.
    fn read(&mut self) -> bool {
        let mut is_asked = false;
        let told: Vec<_> = self.events.try_iter().flat_map(|it| it.events).collect();
        for event in told.into_iter().map(|told| told.event) {
            is_asked |= matches!(event, LinkEvent::Due { .. }) && self.gives_tokens;
            self.log.extend(words(event));
        }
        is_asked
    }
}

fn words(event: LinkEvent) -> Option<String> {
    Some(match event {
        LinkEvent::Opened => "opened".into(),
        LinkEvent::Closed(reason) => format!("closed: {reason}"),
        LinkEvent::Lost(reason) => format!("lost: {reason}"),
        LinkEvent::Waiting {
            attempt, reason, ..
        } => match reason {
            None => format!("waiting for {attempt}"),
            Some(reason) => format!("waiting for {attempt}: {reason}"),
        },
        LinkEvent::Due { attempt, refused } => {
            let word = if refused { " with another token" } else { "" };
            format!("due: {attempt}{word}")
        }
        LinkEvent::Answer { id, answer, .. } => match answer {
            Answer::Failed(failure) => format!("{}: {failure:?}", id.0),
            _ => format!("{}: answered", id.0),
        },
        LinkEvent::GivenUp { id } => format!("{}: given up", id.0),
        LinkEvent::Pushed(pushed) => format!("pushed: {}", pushed.kind()),
        LinkEvent::SendFailed {
            origin,
            op_code,
            reason,
        } => format!("unsent: {op_code} of {origin}: {reason:?}"),
        LinkEvent::RoundTrip(_)
        | LinkEvent::Dropped { .. }
        | LinkEvent::PartyLayout(_)
        | LinkEvent::Raw(_) => return None,
    })
}
