//! A game that lives through what a recorded client lived through: asks what it asked, by the plugin's own methods, and is
//! sent what it was sent.

mod ask;
mod other_areas;
mod picture;
mod watch;

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
use crate::{
    MAX_ENVELOPE,
    common::{
        log::Log,
        transcripts::{Dir, Line, Who},
    },
};

/// How a recorded message was sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum How {
    /// By a method of its own.
    Typed,
    /// As raw envelope.
    Raw,
    /// The plugin refused it, because the server would close the socket over it.
    Refused,
    /// It is not a message, or one that a plugin cannot send.
    NotSent,
}

pub(crate) struct Client {
    pub(crate) game: TestGame,
    session: NakamaSession,
    /// One's session id, if the recorded client got to see it.
    session_id: Option<String>,
    now: u64,
    layout: PartyLayout,
    /// Recorded `cid` to the plugin's, oldest first.
    cids: HashMap<String, VecDeque<String>>,
    /// What raw requests are about, and what joins asked for.
    asked: Arc<Mutex<HashMap<Entity, (Kind, String)>>>,
    outcomes: Arc<Mutex<Vec<String>>>,
    /// Match and party data and lines, in order.
    pub(crate) data: Log,
    /// Everything that the game is told, in order.
    pub(crate) told: Log,
    /// How many requests the plugin made by itself.
    pub(crate) by_itself: usize,
}

impl Client {
    pub(crate) fn new(generation: &str, who: &Who) -> Self {
        let mut settings = NakamaSettings::default();
        settings.receive_budget = Duration::MAX;
        let mut client = Self {
            game: TestGame::with_settings(settings),
            session: who.session(),
            session_id: who.session_id.clone(),
            now: 0,
            layout: match generation {
                "nakama-3.27" => PartyLayout::Before3_28,
                _ => PartyLayout::Current,
            },
            cids: HashMap::new(),
            asked: Arc::default(),
            outcomes: Arc::default(),
            data: Log::default(),
            told: Log::default(),
            by_itself: 0,
        };
        client.watch_requests();
        client.watch_data();
        client.watch_world();
        client
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, until: u64) {
        self.game.update_by(Duration::from_millis(until - self.now));
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
                self.game.commands(|c| {
                    c.nakama()
                        .connect(&server(), &self.session, ConnectOptions::default());
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

/// The kind of message that a request sends; `None` if it may be different ones.
fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "CreateMatch" => Kind::MatchCreate,
        "JoinMatch" => Kind::MatchJoin,
        "LeaveMatch" => Kind::MatchLeave,
        "JoinChat" => Kind::ChannelJoin,
        "LeaveChat" => Kind::ChannelLeave,
        "SendChatMessage" => Kind::ChannelMessageSend,
        "UpdateChatMessage" => Kind::ChannelMessageUpdate,
        "RemoveChatMessage" => Kind::ChannelMessageRemove,
        "CreateParty" => Kind::PartyCreate,
        "JoinParty" => Kind::PartyJoin,
        "LeaveParty" => Kind::PartyLeave,
        "CloseParty" => Kind::PartyClose,
        "PromotePartyMember" => Kind::PartyPromote,
        "KickFromParty" | "DeclinePartyJoin" => Kind::PartyRemove,
        "UpdateParty" => Kind::PartyUpdate,
        "AcceptPartyJoin" => Kind::PartyAccept,
        "ListPartyJoinRequests" => Kind::PartyJoinRequestList,
        "AddMatchmaker" => Kind::MatchmakerAdd,
        "AddPartyToMatchmaker" => Kind::PartyMatchmakerAdd,
        "Rpc" => Kind::Rpc,
        "FollowUsers" => Kind::StatusFollow,
        "UnfollowUsers" => Kind::StatusUnfollow,
        "UpdateStatus" => Kind::StatusUpdate,
        // Of oneself, or of a party.
        "RemoveMatchmakerTicket" | "RawRequest" => return None,
        other => panic!("what {other} sends is not known"),
    })
}
