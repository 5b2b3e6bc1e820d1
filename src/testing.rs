//! Tests without a server, without sockets and without waiting.
//!
//! A [`TestGame`] is an app with the plugin whose other end is the test: it says what the server says, sees what the game
//! sends, and the clock moves when it is told to. The whole path from the frame to the world is the real one; only the
//! socket and the thread are missing.
//!
//! ```
//! use bevy_nakama::{prelude::*, testing::*};
//!
//! let mut game = TestGame::joined("m1", &["ada", "bob"]);
//! assert_eq!(game.roster("m1"), ["ada", "bob"]);
//!
//! game.server_says(match_presences("m1", &[], &["bob"]));
//! game.update();
//! assert_eq!(game.roster("m1"), ["ada"]);
//! ```

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod matchmaker;
mod status;

use std::{
    collections::VecDeque,
    fmt, mem,
    sync::Arc,
    time::{Duration, Instant},
};

use bevy_app::{App, Plugins, TaskPoolPlugin};
use bevy_ecs::{prelude::*, schedule::SingleThreadedExecutor, system::IntoObserverSystem};
use bevy_state::app::StatesPlugin;
use bevy_time::{TimePlugin, TimeUpdateStrategy};
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use prost::Message as _;

pub use self::matchmaker::{matchmaker_matched, matchmaker_ticket, party_matchmaker_ticket};
pub use self::status::{followed, status_presences, stream_data, stream_presences};
use crate::{
    chat::{ChatIndex, ChatLog, ChatMembers, ChatMessageKind, JoinChat, Timestamp},
    commands::NakamaCommandsExt as _,
    connection::{ConnectOptions, DisconnectReason, NakamaServer, TransportError},
    matches::{JoinMatch, MatchIndex, MatchPresences},
    plugin::{NakamaPlugin, NakamaSettings},
    presence::{ChannelId, MatchId, PresenceIndex, SessionId, Username},
    proto::{self, Envelope, Kind, Message, PartyLayout, UserPresence, api, realtime},
    session::NakamaSession,
    transport::{
        Action, Attempt, Auth, Core, Driver, HandOver, Input, Link, LinkCommand, LinkSettings,
        LinkStats, RestCall, RestResponse, Ticket, parse_request_cid,
    },
};

/// How much time passes in one [`TestGame::update`].
pub const FRAME: Duration = Duration::from_millis(10);

/// A game without a server, see the [module](self).
pub struct TestGame {
    /// The app. Call [`TestGame::update`] instead of its own.
    pub app: App,
    wire: Wire,
}

impl Default for TestGame {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestGame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestGame").finish_non_exhaustive()
    }
}

impl TestGame {
    /// A game that is not connected. Everything that arrives is applied in one frame, however slow the machine is.
    #[must_use]
    pub fn new() -> Self {
        Self::with_settings(NakamaSettings {
            receive_budget: Duration::MAX,
            ..NakamaSettings::default()
        })
    }

    /// The same, with settings of the plugin, as they are.
    #[must_use]
    pub fn with_settings(settings: NakamaSettings) -> Self {
        Self::with_plugins(settings, ())
    }

    /// The same, with plugins of your own: later than this, an app takes none.
    #[must_use]
    pub fn with_plugins<M>(settings: NakamaSettings, plugins: impl Plugins<M>) -> Self {
        let (wire, link) = Wire::new(settings.to_link_settings());
        let mut app = App::new();
        app.add_plugins((
            TaskPoolPlugin::default(),
            TimePlugin,
            StatesPlugin,
            NakamaPlugin::new(settings).with_link(link),
        ))
        .insert_resource(TimeUpdateStrategy::ManualDuration(FRAME))
        .add_plugins(plugins);
        app.finish();
        app.cleanup();
        // A frame of a test is too short to be worth other threads.
        for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        Self { app, wire }
    }

    /// A game that is connected as `ada`.
    #[must_use]
    pub fn connected() -> Self {
        let mut game = Self::new();
        game.connect();
        game
    }

    /// A game that is in a match. The first name is one's own.
    #[must_use]
    pub fn joined(match_id: &str, names: &[&str]) -> Self {
        let mut game = Self::connected();
        game.join(match_id, names);
        game
    }

    /// Connects as `ada`, and lets the server accept.
    pub fn connect(&mut self) {
        let session = session("ada");
        self.commands(|commands| {
            commands
                .nakama()
                .connect(&server(), &session, ConnectOptions::default());
        });
        self.update();
        self.server_accepts();
        self.update();
    }

    /// Joins a match, and lets the server agree. The first name is one's own. Returns the match.
    pub fn join(&mut self, match_id: &str, names: &[&str]) -> Entity {
        let request = JoinMatch::by_id(match_id);
        let entity = self.commands(|commands| commands.nakama().join_match(request).id());
        self.update();
        let asked = self.expect_sent(Kind::MatchJoin);
        self.answer(&asked, match_joined(match_id, names));
        self.update();
        entity
    }

    /// Joins a chat room, and lets the server agree. The first name is one's own. Returns the channel.
    pub fn join_room(&mut self, room: &str, names: &[&str]) -> Entity {
        let request = JoinChat::room(room);
        let entity = self.commands(|commands| commands.nakama().join_chat(request).id());
        self.update();
        let asked = self.expect_sent(Kind::ChannelJoin);
        self.answer(&asked, chat_joined(room, names));
        self.update();
        entity
    }

    /// Runs commands in the world, as a system would.
    pub fn commands<T>(&mut self, run: impl FnOnce(&mut Commands) -> T) -> T {
        let world = self.app.world_mut();
        let result = run(&mut world.commands());
        world.flush();
        result
    }

    /// Adds a global observer.
    pub fn observe<E: Event, B: Bundle, M>(
        &mut self,
        observer: impl IntoObserverSystem<E, B, M>,
    ) -> &mut Self {
        self.app.add_observer(observer);
        self
    }

    /// Runs one frame: [`FRAME`] passes, what the server said arrives, and what the game sends leaves.
    pub fn update(&mut self) {
        self.update_by(FRAME);
    }

    /// Runs one frame that takes this long: any time, also none.
    pub fn update_by(&mut self, duration: Duration) {
        self.wire.arrive();
        self.wire.pass(duration);
        self.app
            .insert_resource(TimeUpdateStrategy::ManualDuration(duration));
        self.app.update();
        self.wire.turn();
    }

    /// Runs frames until so much time has passed.
    pub fn advance(&mut self, duration: Duration) {
        let until = self.wire.now + duration;
        while self.wire.now < until {
            self.update();
        }
    }

    /// Lets the server accept the socket.
    ///
    /// # Panics
    ///
    /// The game does not connect.
    pub fn server_accepts(&mut self) {
        let attempt = self.wire.attempt.expect("the game opens no socket");
        self.wire.input(Input::Opened(attempt));
    }

    /// The server ends the socket, or does not accept it. Does nothing if there is none.
    pub fn server_ends(&mut self, reason: DisconnectReason) {
        if let Some(attempt) = self.wire.attempt {
            self.wire.input(Input::Ended(attempt, reason));
        }
    }

    /// The socket breaks without a word.
    pub fn connection_breaks(&mut self) {
        self.server_ends(DisconnectReason::Lost(TransportError::Eof));
    }

    /// The server sends a message; it is seen with the next [`update`](Self::update).
    pub fn server_says(&mut self, message: impl Into<Message>) {
        let envelope = Envelope {
            cid: String::new(),
            message: Some(message.into()),
        };
        self.server_sends(proto::encode(&envelope, self.wire.layout));
    }

    /// From now on the server writes parties as this version of it does.
    pub fn server_writes(&mut self, layout: PartyLayout) {
        self.wire.layout = layout;
    }

    /// The server sends a frame, whatever it may be.
    pub fn server_sends(&mut self, frame: impl Into<Bytes>) {
        if let Some(attempt) = self.wire.attempt {
            self.wire.input(Input::Frame(attempt, frame.into()));
        }
    }

    /// The server answers an envelope.
    pub fn answer(&mut self, asked: &Envelope, message: impl Into<Message>) {
        let answer = Envelope {
            cid: asked.cid.clone(),
            message: Some(message.into()),
        };
        self.server_sends(proto::encode(&answer, self.wire.layout));
    }

    /// The server acknowledges an envelope, without a message.
    pub fn acknowledge(&mut self, asked: &Envelope) {
        self.server_sends(
            Envelope {
                cid: asked.cid.clone(),
                message: None,
            }
            .encode_to_vec(),
        );
    }

    /// The server answers an envelope with an error.
    pub fn refuse(&mut self, asked: &Envelope, code: i32, text: &str) {
        let error = realtime::Error {
            code,
            message: text.into(),
            ..Default::default()
        };
        self.answer(asked, Message::Error(error));
    }

    /// Everything that the game has sent since the last call, but for heartbeats. Those are answered.
    pub fn sent(&mut self) -> Vec<Envelope> {
        self.wire.sent.drain(..).collect()
    }

    /// The oldest envelope of that kind that the game has sent; those before it are forgotten.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn expect_sent(&mut self, kind: Kind) -> Envelope {
        let sent = self.sent();
        let mut kinds = sent
            .iter()
            .map(|envelope| envelope.message.as_ref().map(Kind::of));
        let Some(index) = kinds.position(|sent| sent == Some(kind)) else {
            panic!("the game sent no {kind}, but {sent:?}");
        };
        self.wire.sent.extend(sent[index + 1..].iter().cloned());
        sent[index].clone()
    }

    /// The REST calls that are not answered yet: method and path with query.
    pub fn rest_calls(&mut self) -> Vec<(&'static str, String)> {
        self.wire
            .calls
            .iter()
            .map(|(_, call)| (call.method, call.target.clone()))
            .collect()
    }

    /// What the REST calls that are not answered yet carry, in the same order; null where there is nothing.
    pub fn rest_bodies(&mut self) -> Vec<serde_json::Value> {
        let bodies = self.wire.calls.iter().map(|(_, call)| call.body.as_deref());
        bodies
            .map(|body| serde_json::from_str(body.unwrap_or("null")).expect("our own JSON"))
            .collect()
    }

    /// The session tokens that the REST calls carry that are not answered yet, in the same order; `None` for those that show a
    /// key instead.
    pub fn rest_tokens(&mut self) -> Vec<Option<String>> {
        let calls = self.wire.calls.iter();
        calls
            .map(|(_, call)| match &call.auth {
                Auth::Bearer(token) => Some(token.expose().to_owned()),
                Auth::ServerKey | Auth::HttpKey(_) => None,
            })
            .collect()
    }

    /// Answers the oldest REST call.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn answer_rest(&mut self, status: u16, body: &serde_json::Value) {
        self.answer_rest_with(status, body.to_string());
    }

    /// Answers the oldest REST call with a body that need not be JSON.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn answer_rest_with(&mut self, status: u16, body: impl Into<Bytes>) {
        let (ticket, _) = self
            .wire
            .calls
            .pop_front()
            .expect("the game made no REST call");
        let response = RestResponse {
            status,
            body: body.into(),
        };
        self.wire.input(Input::RestDone(ticket, Ok(response)));
    }

    /// The oldest REST call fails on its way: the server cannot be reached.
    ///
    /// # Panics
    ///
    /// There is none.
    pub fn rest_breaks(&mut self) {
        let call = self.wire.calls.pop_front();
        let (ticket, _) = call.expect("the game made no REST call");
        self.wire
            .input(Input::RestDone(ticket, Err(TransportError::Eof)));
    }

    /// Lets heartbeats go unanswered.
    pub fn server_goes_silent(&mut self) {
        self.wire.is_silent = true;
    }

    /// The network thread ends, as it would after a fault of its own. From now on nobody is at the other end.
    pub fn network_thread_dies(&mut self) {
        self.wire = Wire::new(LinkSettings::default()).0;
    }

    /// The names of everybody in a match, sorted; nothing if there is no such match.
    #[must_use]
    pub fn roster(&self, match_id: &str) -> Vec<String> {
        let world = self.app.world();
        let here = world.resource::<MatchIndex>().get(&MatchId::from(match_id));
        self.names(here.and_then(|entity| world.get::<MatchPresences>(entity)))
    }

    /// The names of everybody in a chat room, sorted; nothing if there is no such room.
    #[must_use]
    pub fn chat_roster(&self, room: &str) -> Vec<String> {
        let world = self.app.world();
        let here = world.resource::<ChatIndex>().get(&room_id(room));
        self.names(here.and_then(|entity| world.get::<ChatMembers>(entity)))
    }

    fn names(&self, here: Option<&impl RelationshipTarget>) -> Vec<String> {
        let everybody = here.into_iter().flat_map(RelationshipTarget::iter);
        let mut names: Vec<_> = everybody
            .filter_map(|who| self.app.world().get::<Username>(who))
            .map(ToString::to_string)
            .collect();
        names.sort();
        names
    }

    /// The lines of a chat room as they stand now, oldest first: `name: content`. Nothing if there is no such room.
    #[must_use]
    pub fn chat_lines(&self, room: &str) -> Vec<String> {
        let world = self.app.world();
        let here = world.resource::<ChatIndex>().get(&room_id(room));
        let log = here.and_then(|entity| world.get::<ChatLog>(entity));
        log.into_iter()
            .flat_map(ChatLog::iter)
            .map(|line| format!("{}: {}", line.username, line.json))
            .collect()
    }

    /// The entity of a match.
    ///
    /// # Panics
    ///
    /// The game is not in it.
    #[must_use]
    pub fn match_entity(&self, match_id: &str) -> Entity {
        let found = self
            .app
            .world()
            .resource::<MatchIndex>()
            .get(&MatchId::from(match_id));
        found.unwrap_or_else(|| panic!("the game is not in {match_id}"))
    }

    /// The presence of somebody in a match.
    ///
    /// # Panics
    ///
    /// They are not there.
    #[must_use]
    pub fn presence_of(&self, match_id: &str, name: &str) -> Entity {
        let session = SessionId::from(presence(name).session_id);
        let found = self
            .app
            .world()
            .resource::<PresenceIndex>()
            .get(self.match_entity(match_id), &session);
        found.unwrap_or_else(|| panic!("{name} is not in {match_id}"))
    }
}

/// The other end of a link, in the same thread and on a clock of its own.
struct Wire {
    core: Core,
    commands: Receiver<Vec<LinkCommand>>,
    now: Instant,
    inbox: Vec<Input>,
    attempt: Option<Attempt>,
    layout: PartyLayout,
    sent: VecDeque<Envelope>,
    calls: VecDeque<(Ticket, RestCall)>,
    is_silent: bool,
}

struct ByHand(Sender<Vec<LinkCommand>>);

impl Driver for ByHand {
    fn hand_over(&self, commands: Vec<LinkCommand>) {
        // Without a wire nobody listens; the link sees that itself.
        let _ = self.0.send(commands);
    }
}

impl Wire {
    fn new(settings: LinkSettings) -> (Self, Link) {
        let stats = Arc::new(LinkStats::default());
        let (to_game, events) = unbounded();
        let (to_wire, commands) = unbounded();
        let hand_over = HandOver::new(to_game, stats.clone(), settings.hand_over_limit);
        let wire = Self {
            core: Core::new(settings, stats.clone(), hand_over),
            commands,
            now: Instant::now(),
            inbox: Vec::new(),
            attempt: None,
            layout: PartyLayout::default(),
            sent: VecDeque::new(),
            calls: VecDeque::new(),
            is_silent: false,
        };
        (wire, Link::new(Box::new(ByHand(to_wire)), events, stats))
    }

    /// Something happens on the server's side; the game hears of it with the next frame.
    fn input(&mut self, input: Input) {
        self.inbox.push(input);
    }

    /// Everything that has happened arrives, in one turn.
    fn arrive(&mut self) {
        for input in mem::take(&mut self.inbox) {
            self.core.handle(self.now, input);
        }
        self.turn();
    }

    /// Time passes; what is due at a moment in between happens at that moment.
    fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let due = [self.core.next_timeout(), self.core.next_frame_due(self.now)];
            let Some(next) = due
                .into_iter()
                .flatten()
                .min()
                .filter(|next| *next <= until)
            else {
                break;
            };
            self.now = next.max(self.now);
            self.turn();
        }
        self.now = until;
        self.turn();
    }

    fn turn(&mut self) {
        for commands in self.commands.try_iter() {
            for command in commands {
                self.core.handle(self.now, Input::Command(command));
            }
        }
        self.core.handle(self.now, Input::Tick);
        loop {
            while let Some(frame) = self.core.next_frame(self.now) {
                self.on_sent(frame);
            }
            self.core.flush();
            match self.core.next_action() {
                Some(Action::Open(attempt, _)) => self.attempt = Some(attempt),
                Some(Action::Close(attempt)) => {
                    self.attempt.take_if(|current| *current == attempt);
                }
                Some(Action::Rest(ticket, call)) => self.calls.push_back((ticket, *call)),
                Some(Action::AbandonRest(ticket)) => self.calls.retain(|(call, _)| *call != ticket),
                None => break,
            }
        }
    }

    fn on_sent(&mut self, frame: Bytes) {
        let Ok(envelope) = Envelope::decode(frame) else {
            return;
        };
        let is_heartbeat = matches!(envelope.message, Some(Message::Ping(_)))
            && parse_request_cid(&envelope.cid).is_none();
        if !is_heartbeat {
            return self.sent.push_back(envelope);
        }
        if let Some(attempt) = self.attempt.filter(|_| !self.is_silent) {
            let pong = Envelope {
                cid: envelope.cid,
                message: Some(Message::Pong(realtime::Pong {})),
            };
            self.core
                .handle(self.now, Input::Frame(attempt, pong.encode_to_vec().into()));
        }
    }
}

/// A server that is nowhere.
#[must_use]
pub fn server() -> NakamaServer {
    NakamaServer::new("http://test.invalid:7350", "defaultkey")
}

/// A session of the user with this name: user id `user-NAME`.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn session(name: &str) -> NakamaSession {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

    let claims = serde_json::json!({ "uid": format!("user-{name}"), "usn": name, "exp": u32::MAX });
    let token = format!(
        "e30.{}.signature",
        BASE64_URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    NakamaSession::restore(&token, Some(&token)).expect("our own token")
}

/// The presence of the user with this name: user id `user-NAME`, session id `session-NAME`.
#[must_use]
pub fn presence(name: &str) -> UserPresence {
    UserPresence {
        user_id: format!("user-{name}"),
        session_id: format!("session-{name}"),
        username: name.into(),
        ..Default::default()
    }
}

fn presences(names: &[&str]) -> Vec<UserPresence> {
    names.iter().map(|name| presence(name)).collect()
}

/// The answer to a join: a relayed match with these people in it. The first is oneself.
#[must_use]
pub fn match_joined(match_id: &str, names: &[&str]) -> Message {
    let others = presences(names.get(1..).unwrap_or_default());
    Message::Match(realtime::Match {
        match_id: match_id.into(),
        size: i32::try_from(others.len()).unwrap_or(i32::MAX),
        presences: others,
        self_: names.first().map(|me| presence(me)),
        ..Default::default()
    })
}

/// Somebody joined or left a match.
#[must_use]
pub fn match_presences(match_id: &str, joins: &[&str], leaves: &[&str]) -> Message {
    Message::MatchPresenceEvent(realtime::MatchPresenceEvent {
        match_id: match_id.into(),
        joins: presences(joins),
        leaves: presences(leaves),
    })
}

/// The id of a chat room.
#[must_use]
pub fn room_id(room: &str) -> ChannelId {
    format!("2...{room}").into()
}

/// The answer to a join: a chat room with these people in it. The first is oneself.
#[must_use]
pub fn chat_joined(room: &str, names: &[&str]) -> Message {
    Message::Channel(realtime::Channel {
        id: room_id(room).to_string(),
        presences: presences(names.get(1..).unwrap_or_default()),
        self_: names.first().map(|me| presence(me)),
        room_name: room.into(),
        ..Default::default()
    })
}

/// Somebody joined or left a chat room.
#[must_use]
pub fn chat_presences(room: &str, joins: &[&str], leaves: &[&str]) -> Message {
    Message::ChannelPresenceEvent(realtime::ChannelPresenceEvent {
        channel_id: room_id(room).to_string(),
        joins: presences(joins),
        leaves: presences(leaves),
        room_name: room.into(),
        ..Default::default()
    })
}

/// Somebody said something in a chat room, or edited or removed a message, `at` so long after 1970.
#[must_use]
pub fn chat_message(
    room: &str,
    sender: &str,
    kind: ChatMessageKind,
    message_id: &str,
    json: &str,
    at: Duration,
) -> Message {
    let at = Timestamp {
        seconds: i64::try_from(at.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(at.subsec_nanos()).unwrap_or_default(),
    };
    let sender = presence(sender);
    Message::ChannelMessage(api::ChannelMessage {
        channel_id: room_id(room).to_string(),
        message_id: message_id.into(),
        code: Some(kind.code()),
        sender_id: sender.user_id,
        username: sender.username,
        content: json.into(),
        create_time: Some(at),
        update_time: Some(at),
        persistent: Some(true),
        room_name: room.into(),
        ..Default::default()
    })
}

/// Somebody sent data to a match; without a name, the server's match handler did.
#[must_use]
pub fn match_data(
    match_id: &str,
    sender: Option<&str>,
    op_code: i64,
    data: impl Into<Bytes>,
) -> Message {
    Message::MatchData(realtime::MatchData {
        match_id: match_id.into(),
        presence: sender.map(presence),
        op_code,
        data: data.into(),
        reliable: true,
    })
}

/// One is in a party: open, for eight, led by the first of its members. An answer to its creation, or a push.
#[must_use]
pub fn party(party_id: &str, me: &str, members: &[&str]) -> Message {
    Message::Party(realtime::Party {
        party_id: party_id.into(),
        open: true,
        max_size: 8,
        self_: Some(presence(me)),
        leader: members.first().map(|leader| presence(leader)),
        presences: presences(members),
        ..Default::default()
    })
}

/// Somebody joined or left a party.
#[must_use]
pub fn party_presences(party_id: &str, joins: &[&str], leaves: &[&str]) -> Message {
    Message::PartyPresenceEvent(realtime::PartyPresenceEvent {
        party_id: party_id.into(),
        joins: presences(joins),
        leaves: presences(leaves),
    })
}

/// A party has a new leader.
#[must_use]
pub fn party_leader(party_id: &str, leader: &str) -> Message {
    Message::PartyLeader(realtime::PartyLeader {
        party_id: party_id.into(),
        presence: Some(presence(leader)),
    })
}

/// These people ask to join a party: a push to its leader, or the answer to a list.
#[must_use]
pub fn party_join_request(party_id: &str, askers: &[&str]) -> Message {
    Message::PartyJoinRequest(realtime::PartyJoinRequest {
        party_id: party_id.into(),
        presences: presences(askers),
    })
}

/// A party was closed, or one was thrown out of it.
#[must_use]
pub fn party_closed(party_id: &str) -> Message {
    Message::PartyClose(realtime::PartyClose {
        party_id: party_id.into(),
    })
}

/// Somebody sent data to a party.
#[must_use]
pub fn party_data(party_id: &str, sender: &str, op_code: i64, data: impl Into<Bytes>) -> Message {
    Message::PartyData(realtime::PartyData {
        party_id: party_id.into(),
        presence: Some(presence(sender)),
        op_code,
        data: data.into(),
    })
}

/// The server tells the user something, at the beginning of 1970 and in nobody's name. `persistent`: and keeps it.
#[must_use]
pub fn notification(id: &str, code: i32, subject: &str, json: &str, persistent: bool) -> Message {
    let notification = api::Notification {
        id: id.into(),
        subject: subject.into(),
        content: json.into(),
        code,
        sender_id: "00000000-0000-0000-0000-000000000000".into(),
        create_time: Some(Timestamp::default()),
        persistent,
    };
    Message::Notifications(realtime::Notifications {
        notifications: vec![notification],
    })
}
