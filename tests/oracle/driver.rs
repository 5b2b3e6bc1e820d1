//! A game that lives through what a recorded client lived through: asks what it asked, by the plugin's own methods, and is
//! sent what it was sent.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    error::Error,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, Message as M, PartyLayout, UserPresence, realtime::match_join::Id},
    testing::{TestGame, server},
};

use serde_json::{Value, json};

use crate::common::{
    log::Log,
    transcripts::{Dir, Line},
};

/// What the server reads, in bytes.
const MAX_ENVELOPE: usize = 4096;

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
    now: u64,
    layout: PartyLayout,
    /// Recorded `cid` to the plugin's, oldest first.
    cids: HashMap<String, VecDeque<String>>,
    /// What raw requests are about, and what joins asked for.
    asked: Arc<Mutex<HashMap<Entity, (Kind, String)>>>,
    outcomes: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Match and party data, in order.
    pub(crate) data: Log,
    /// Everything that the game is told, in order.
    pub(crate) told: Log,
    /// How many requests the plugin made by itself.
    pub(crate) by_itself: usize,
}

impl Client {
    pub(crate) fn new(generation: &str, who: &Value) -> Self {
        let mut settings = NakamaSettings::default();
        settings.receive_budget = Duration::MAX;
        let mut client = Self {
            game: TestGame::with_settings(settings),
            session: session_of(who),
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

    fn watch<R: Request>(&mut self) {
        let (asked, outcomes) = (self.asked.clone(), self.outcomes.clone());
        let told = self.told.clone();
        self.game.observe(move |reply: On<Replied<R>>| {
            let asked = asked.lock().expect("no test panics while it reads");
            let asked = asked.get(&reply.request).map(|(kind, _)| *kind);
            let kind = kind_of(R::NAME).or(asked).expect("somebody asked for it");
            let line = format!("{kind} {}", outcome(reply.result.as_ref().err()));
            told.add(format!("replied: {line}"));
            let mut outcomes = outcomes.lock().expect("no test panics while it counts");
            *outcomes.entry(line).or_default() += 1;
        });
    }

    fn watch_requests(&mut self) {
        self.watch::<CreateMatch>();
        self.watch::<JoinMatch>();
        self.watch::<LeaveMatch>();
        self.watch::<JoinChat>();
        self.watch::<LeaveChat>();
        self.watch::<SendChatMessage>();
        self.watch::<UpdateChatMessage>();
        self.watch::<RemoveChatMessage>();
        self.watch::<CreateParty>();
        self.watch::<JoinParty>();
        self.watch::<LeaveParty>();
        self.watch::<CloseParty>();
        self.watch::<PromotePartyMember>();
        self.watch::<KickFromParty>();
        self.watch::<UpdateParty>();
        self.watch::<AcceptPartyJoin>();
        self.watch::<DeclinePartyJoin>();
        self.watch::<ListPartyJoinRequests>();
        self.watch::<RawRequest>();
    }

    fn watch_data(&mut self) {
        let (data, told) = (self.data.clone(), self.told.clone());
        let write = move |line: String| {
            told.add(format!("data: {line}"));
            data.add(line);
        };
        let channels: Arc<Mutex<HashMap<Entity, String>>> = Arc::default();
        let joined = channels.clone();
        self.game
            .observe(move |added: On<Add, ChannelId>, ids: Query<&ChannelId>| {
                let id = ids.get(added.entity).expect("it is there").to_string();
                joined
                    .lock()
                    .expect("no test panics while it writes")
                    .insert(added.entity, id);
            });
        let (write_match, write_chat) = (write.clone(), write.clone());
        self.game.app.add_systems(
            Update,
            (
                move |mut inbox: MessageReader<MatchDataReceived>, ids: Query<&MatchId>| {
                    for data in inbox.read() {
                        let id = ids.get(data.context).map_or("gone", MatchId::as_str);
                        write_match(data_line(
                            "match",
                            id,
                            &data.sender,
                            data.op_code,
                            &data.data,
                            data.reliable,
                        ));
                    }
                },
                move |mut inbox: MessageReader<ChatMessageReceived>| {
                    for ChatMessageReceived {
                        context, message, ..
                    } in inbox.read()
                    {
                        let id = &channels.lock().expect("no test panics while it reads")[context];
                        let (from, code) = (&message.sender_id, message.kind.code());
                        write_chat(format!("channel {id} from {from}: {code} {}", message.json));
                    }
                },
                move |mut inbox: MessageReader<PartyDataReceived>, ids: Query<&PartyId>| {
                    for data in inbox.read() {
                        let id = ids.get(data.context).map_or("gone", PartyId::as_str);
                        write(data_line(
                            "party",
                            id,
                            &data.sender,
                            data.op_code,
                            &data.data,
                            false,
                        ));
                    }
                },
            ),
        );
    }

    /// Writes down whatever becomes of presences and of those who ask to join.
    fn watch_world(&mut self) {
        self.watch_component::<PresentIn>("is present");
        self.watch_component::<MemberOf>("is a member");
        self.watch_component::<ChatMemberOf>("is in the channel");
        self.watch_component::<ChatChannel>("is a channel");
        self.watch_component::<PartyLeader>("leads");
        self.watch_component::<AsksToJoin>("asks to join");
        self.watch_component::<Match>("is a match");
        self.watch_component::<Party>("is a party");
        self.watch_component::<PendingApproval>("waits for approval");
        let told = self.told.clone();
        self.game
            .observe(move |_: On<PartyClosed>| told.add("the party closed"));
        let told = self.told.clone();
        self.game
            .observe(move |error: On<ErrorPushed>| told.add(error.error.to_string()));
    }

    fn watch_component<C: Component>(&mut self, what: &'static str) {
        type Anything<'a> = (Option<&'a Username>, Option<&'a JoinedAs>, Has<IsSelf>);
        fn line(
            sign: char,
            what: &str,
            (name, how, is_self): (Option<&Username>, Option<&JoinedAs>, bool),
        ) -> String {
            let name = name.map_or("it", Username::as_str);
            format!("{sign} {name} {what} {how:?} self={is_self}")
        }
        let told = self.told.clone();
        self.game
            .observe(move |added: On<Add, C>, all: Query<Anything>| {
                told.add(line('+', what, all.get(added.entity).expect("it is there")));
            });
        let told = self.told.clone();
        self.game
            .observe(move |gone: On<Remove, C>, all: Query<Anything>| {
                told.add(line(
                    '-',
                    what,
                    all.get(gone.entity).expect("still readable"),
                ));
            });
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

    /// Asks the server for something, as the game would.
    fn ask(&mut self, message: &M) -> Asked {
        let world = self.game.app.world();
        let raw = message.clone();
        match message {
            M::MatchCreate(create) => {
                let create = match create.name.as_str() {
                    "" => CreateMatch::new(),
                    name => CreateMatch::named(name),
                };
                self.typed(|n| n.create_match(create).id())
            }
            M::MatchJoin(join) => {
                let request = match &join.id {
                    Some(Id::MatchId(id)) => JoinMatch::by_id(id.as_str()),
                    Some(Id::Token(token)) => JoinMatch::by_token(token),
                    None => return self.raw(raw),
                };
                let request = join
                    .metadata
                    .iter()
                    .fold(request, |request, (name, value)| {
                        request.with_metadata(name, value)
                    });
                self.typed(|n| n.join_match(request).id())
            }
            M::MatchLeave(leave) => match self.match_of(&leave.match_id) {
                Some(here) => self.typed(|n| n.leave_match(here).id()),
                None => self.raw(raw),
            },
            M::MatchDataSend(send) => {
                let Some(here) = self.match_of(&send.match_id) else {
                    return self.raw(raw);
                };
                let mut data =
                    OutgoingData::raw(send.op_code, send.data.clone()).reliable(send.reliable);
                if !send.presences.is_empty() {
                    let known: Option<Vec<_>> = send
                        .presences
                        .iter()
                        .map(|one| find(world, here, one))
                        .collect();
                    let Some(known) = known else {
                        return self.raw(raw);
                    };
                    data = data.to(known);
                }
                self.game.commands(|c| c.nakama().send_data(here, data));
                Asked::Typed(None)
            }
            M::PartyCreate(create) => {
                let Ok(max_size) = u32::try_from(create.max_size) else {
                    return self.raw(raw);
                };
                let request = match create.open {
                    true => CreateParty::open(max_size),
                    false => CreateParty::closed(max_size),
                };
                let request = request.label(&create.label).hidden(create.hidden);
                self.typed(|n| n.create_party(request).id())
            }
            M::PartyJoin(join) => {
                let id = join.party_id.as_str();
                self.typed(|n| n.join_party(id).id())
            }
            M::PartyLeave(leave) => match self.party_of(&leave.party_id) {
                Some(here) => self.typed(|n| n.leave_party(here).id()),
                None => self.raw(raw),
            },
            M::PartyClose(close) => match self.party_of(&close.party_id) {
                Some(here) => self.typed(|n| n.close_party(here).id()),
                None => self.raw(raw),
            },
            M::PartyUpdate(update) => match self.party_of(&update.party_id) {
                Some(here) => {
                    let update = UpdateParty::default()
                        .open(update.open)
                        .hidden(update.hidden)
                        .label(&update.label);
                    self.typed(|n| n.update_party(here, update).id())
                }
                None => self.raw(raw),
            },
            M::PartyPromote(promote) => {
                match self.member(&promote.party_id, promote.presence.as_ref()) {
                    Some(member) => self.typed(|n| n.promote_party_member(member).id()),
                    None => self.raw(raw),
                }
            }
            M::PartyAccept(accept) => {
                match self.asker(&accept.party_id, accept.presence.as_ref()) {
                    Some(asker) => self.typed(|n| n.accept_party_join(asker).id()),
                    None => self.raw(raw),
                }
            }
            M::PartyRemove(remove) => {
                let who = remove.presence.as_ref();
                match (
                    self.asker(&remove.party_id, who),
                    self.member(&remove.party_id, who),
                ) {
                    (Some(asker), _) => self.typed(|n| n.decline_party_join(asker).id()),
                    (None, Some(member)) => self.typed(|n| n.kick_from_party(member).id()),
                    (None, None) => self.raw(raw),
                }
            }
            M::PartyJoinRequestList(list) => match self.party_of(&list.party_id) {
                Some(here) => self.typed(|n| n.list_party_join_requests(here).id()),
                None => self.raw(raw),
            },
            M::PartyDataSend(send) => match self.party_of(&send.party_id) {
                Some(here) => {
                    let (op_code, data) = (send.op_code, send.data.clone());
                    self.game
                        .commands(|c| c.nakama().send_party_data(here, op_code, data));
                    Asked::Typed(None)
                }
                None => self.raw(raw),
            },
            M::ChannelJoin(join) => {
                let target = join.target.as_str();
                let request = match join.r#type {
                    0 | 1 => JoinChat::room(target),
                    2 => JoinChat::direct(target),
                    3 => JoinChat::group(target),
                    _ => return self.raw(raw),
                };
                let request = request
                    .persistent(join.persistence.unwrap_or(true))
                    .hidden(join.hidden.unwrap_or(false));
                self.typed(|n| n.join_chat(request).id())
            }
            M::ChannelLeave(leave) => match self.channel_of(&leave.channel_id) {
                Some(here) => self.typed(|n| n.leave_chat(here).id()),
                None => self.raw(raw),
            },
            M::ChannelMessageSend(send) => match self.channel_of(&send.channel_id) {
                Some(here) => self.typed(|n| n.send_chat_json(here, &send.content).id()),
                None => self.raw(raw),
            },
            M::ChannelMessageUpdate(edit) => match self.channel_of(&edit.channel_id) {
                Some(here) => self.typed(|n| {
                    n.update_chat_message_json(here, edit.message_id.as_str(), &edit.content)
                        .id()
                }),
                None => self.raw(raw),
            },
            M::ChannelMessageRemove(remove) => match self.channel_of(&remove.channel_id) {
                Some(here) => {
                    self.typed(|n| n.remove_chat_message(here, remove.message_id.as_str()).id())
                }
                None => self.raw(raw),
            },
            // Their areas have no methods yet.
            M::MatchmakerAdd(_)
            | M::MatchmakerRemove(_)
            | M::PartyMatchmakerAdd(_)
            | M::PartyMatchmakerRemove(_)
            | M::Rpc(_)
            | M::StatusFollow(_)
            | M::StatusUnfollow(_)
            | M::StatusUpdate(_) => self.raw(raw),
            // The plugin sends these by itself.
            M::Ping(_) | M::Pong(_) => self.raw(raw),
            // Only a server sends these; the recorder tried one.
            M::Channel(_)
            | M::ChannelMessage(_)
            | M::ChannelMessageAck(_)
            | M::ChannelPresenceEvent(_)
            | M::Error(_)
            | M::Match(_)
            | M::MatchData(_)
            | M::MatchPresenceEvent(_)
            | M::MatchmakerMatched(_)
            | M::MatchmakerTicket(_)
            | M::Notifications(_)
            | M::Party(_)
            | M::PartyData(_)
            | M::PartyJoinRequest(_)
            | M::PartyLeader(_)
            | M::PartyMatchmakerTicket(_)
            | M::PartyPresenceEvent(_)
            | M::Status(_)
            | M::StatusPresenceEvent(_)
            | M::StreamData(_)
            | M::StreamPresenceEvent(_) => self.raw(raw),
        }
    }

    fn typed(&mut self, ask: impl FnOnce(NakamaCommands) -> Entity) -> Asked {
        Asked::Typed(Some(self.game.commands(|c| ask(c.nakama()))))
    }

    fn raw(&mut self, message: M) -> Asked {
        Asked::Raw(Some(self.game.commands(|c| c.nakama().raw(message).id())))
    }

    fn match_of(&self, id: &str) -> Option<Entity> {
        self.game
            .app
            .world()
            .resource::<MatchIndex>()
            .get(&id.into())
    }

    fn party_of(&self, id: &str) -> Option<Entity> {
        self.game
            .app
            .world()
            .resource::<PartyIndex>()
            .get(&id.into())
    }

    fn channel_of(&self, id: &str) -> Option<Entity> {
        self.game
            .app
            .world()
            .resource::<ChatIndex>()
            .get(&id.into())
    }

    fn member(&self, party: &str, who: Option<&UserPresence>) -> Option<Entity> {
        find(self.game.app.world(), self.party_of(party)?, who?)
    }

    fn asker(&self, party: &str, who: Option<&UserPresence>) -> Option<Entity> {
        let world = self.game.app.world();
        let who = who?;
        let askers = world.get::<PartyJoinRequests>(self.party_of(party)?)?;
        askers.iter().find(|asker| is_it(world, *asker, who))
    }

    /// The world, sorted.
    pub(crate) fn text(&mut self) -> String {
        let mut lines = Vec::new();
        let world = self.game.app.world_mut();
        let mut matches = world.query::<(Entity, &MatchId, &Match)>();
        let mut parties = world.query::<(
            Entity,
            &PartyId,
            &Party,
            Option<&PartyMembers>,
            Option<&PartyJoinRequests>,
        )>();
        let mut present = world.query::<(&PresentIn, Who)>();
        let mut members = world.query::<(&MemberOf, Who)>();
        let mut channels = world.query::<(Entity, &ChannelId, &ChatChannel, &ChatLog)>();
        let mut listeners = world.query::<(&ChatMemberOf, Who)>();
        let mut who = world.query::<Who>();
        let mut asking = world.query::<(&AsksToJoin, &SessionId, &UserId, &Username)>();
        let mut joining = world.query_filtered::<(Entity, Has<PendingApproval>), With<Joining>>();
        let mut open = world.query::<(Entity, &PendingRequest)>();

        for (
            entity,
            id,
            Match {
                authoritative,
                label,
            },
        ) in matches.iter(world)
        {
            assert_eq!(
                world.resource::<MatchIndex>().get(id),
                Some(entity),
                "the index knows {id}"
            );
            let label = json!(label);
            lines.push(format!(
                "match {id} authoritative={authoritative} label={label}"
            ));
        }
        for (PresentIn(context), person) in present.iter(world) {
            let id = world
                .get::<MatchId>(*context)
                .expect("nobody is present in nothing");
            lines.push(format!("match {id} has - {}", line_of(person)));
        }
        for (entity, id, ChatChannel { kind }, log) in channels.iter(world) {
            assert_eq!(
                world.resource::<ChatIndex>().get(id),
                Some(entity),
                "the index knows {id}"
            );
            let [room, group, one, two] = match kind {
                ChatChannelKind::Room { name } => {
                    [json!(name), Value::Null, Value::Null, Value::Null]
                }
                ChatChannelKind::Group { id } => [Value::Null, json!(id), Value::Null, Value::Null],
                ChatChannelKind::Direct { users: [one, two] } => [
                    Value::Null,
                    Value::Null,
                    json!(one.as_str()),
                    json!(two.as_str()),
                ],
                other => panic!("a channel for {other:?}"),
            };
            lines.push(format!(
                "channel {id} group_id={group} room_name={room} user_id_one={one} user_id_two={two}"
            ));
            for (number, line) in log.iter().enumerate() {
                let ChatMessage {
                    message_id,
                    kind,
                    sender_id,
                    username,
                    json,
                    ..
                } = line;
                let (code, is_edited) = (kind.code(), line.update_time != line.create_time);
                lines.push(format!("channel {id} line {number} {message_id} {sender_id} {username} {code} {json} edited={is_edited}"));
            }
        }
        for (ChatMemberOf(context), person) in listeners.iter(world) {
            let id = world
                .get::<ChannelId>(*context)
                .expect("nobody is in no channel");
            lines.push(format!("channel {id} has - {}", line_of(person)));
        }
        let (mut listed, mut asked) = (0, 0);
        for (entity, id, party, members, askers) in parties.iter(world) {
            assert_eq!(
                world.resource::<PartyIndex>().get(id),
                Some(entity),
                "the index knows {id}"
            );
            let Party {
                open,
                max_size,
                hidden,
                label,
            } = party;
            let mut facts = vec![format!("max_size={max_size} open={open}")];
            facts.extend(hidden.map(|hidden| format!("hidden={hidden}")));
            facts.extend(
                label
                    .as_ref()
                    .map(|label| format!("label={}", json!(label))),
            );
            facts.sort();
            lines.push(format!("party {id} {}", facts.join(" ")));
            for (number, member) in members.into_iter().flat_map(PartyMembers::iter).enumerate() {
                let person = line_of(who.get(world, member).expect("a member is whole"));
                lines.push(format!("party {id} has {number} {person}"));
                listed += 1;
            }
            for (number, asker) in askers
                .into_iter()
                .flat_map(PartyJoinRequests::iter)
                .enumerate()
            {
                let (_, session, user, name) = asking.get(world, asker).expect("an asker is whole");
                lines.push(format!(
                    "party {id} asked by {number} {session} {user} {name}"
                ));
                asked += 1;
            }
        }
        assert_eq!(members.iter(world).count(), listed, "members of nothing");
        assert_eq!(
            asking.iter(world).count(),
            asked,
            "people who ask to join nothing"
        );
        let known = self.asked.lock().expect("no test panics while it reads");
        for (entity, is_pending) in joining.iter(world) {
            let (_, id) = known.get(&entity).expect("nothing joins by itself");
            lines.push(format!("joining {id} pending={is_pending}"));
        }
        for (entity, request) in open.iter(world) {
            let kind = kind_of(request.name).unwrap_or_else(|| known[&entity].0);
            // What the plugin cannot ask for joins nothing, but the recorded client may have hoped so.
            if request.name == "RawRequest"
                && matches!(
                    kind,
                    Kind::MatchJoin | Kind::PartyCreate | Kind::ChannelJoin
                )
            {
                lines.push(format!("joining {} pending=false", known[&entity].1));
            }
            if !matches!(kind, Kind::MatchDataSend | Kind::PartyDataSend | Kind::Pong) {
                lines.push(format!("open {kind}"));
            }
        }
        let outcomes = self
            .outcomes
            .lock()
            .expect("no test panics while it counts");
        for (outcome, count) in outcomes.iter() {
            let kind = outcome.split(' ').next().unwrap_or_default();
            if !["match_data_send", "party_data_send", "pong"].contains(&kind) {
                lines.push(format!("answered {outcome} {count}"));
            }
        }
        lines.sort();
        lines.join("\n")
    }
}

/// The session of a recorded client.
fn session_of(who: &Value) -> NakamaSession {
    let claims = json!({ "uid": who["user_id"], "usn": who["username"], "exp": u32::MAX });
    let token = format!(
        "e30.{}.x",
        BASE64_URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    NakamaSession::restore(&token, None).expect("our own token")
}

/// What the plugin is to send for a message. It says of every channel whether one is hidden and stored, and which type it
/// is; left out, it is `false`, `true` and a room.
fn as_said_by_the_plugin(mut message: M) -> M {
    if let M::ChannelJoin(join) = &mut message {
        join.hidden.get_or_insert(false);
        join.persistence.get_or_insert(true);
        join.r#type = join.r#type.max(1);
    }
    message
}

enum Asked {
    Typed(Option<Entity>),
    Raw(Option<Entity>),
}

type Who = (
    &'static SessionId,
    &'static UserId,
    &'static Username,
    &'static JoinedAs,
    Has<IsSelf>,
    Has<PartyLeader>,
);

fn line_of(
    (session, user, name, how, is_self, leads): (
        &SessionId,
        &UserId,
        &Username,
        &JoinedAs,
        bool,
        bool,
    ),
) -> String {
    let how = match how {
        JoinedAs::Snapshot => "snapshot",
        JoinedAs::Event => "event",
    };
    format!("{session} {user} {name} {how} self={is_self} leader={leads}")
}

fn data_line(
    area: &str,
    id: &str,
    sender: &Option<Sender>,
    op_code: i64,
    data: &[u8],
    reliable: bool,
) -> String {
    let from = sender
        .as_ref()
        .map_or("server", |sender| sender.presence.session_id.as_str());
    let data = BASE64_STANDARD.encode(data);
    format!("{area} {id} from {from}: {op_code} {data:?} {reliable}")
}

fn find(world: &World, context: Entity, who: &UserPresence) -> Option<Entity> {
    let session = SessionId::from(who.session_id.as_str());
    let found = world.resource::<PresenceIndex>().get(context, &session)?;
    is_it(world, found, who).then_some(found)
}

fn is_it(world: &World, entity: Entity, who: &UserPresence) -> bool {
    let has = |found: Option<&str>, wanted: &str| found == Some(wanted);
    has(
        world.get::<SessionId>(entity).map(SessionId::as_str),
        &who.session_id,
    ) && has(
        world.get::<UserId>(entity).map(UserId::as_str),
        &who.user_id,
    ) && has(
        world.get::<Username>(entity).map(Username::as_str),
        &who.username,
    )
}

/// What a join wants to be in, as far as it is known.
fn joined_id(message: &M) -> String {
    match message {
        M::MatchJoin(join) => match &join.id {
            Some(Id::MatchId(id)) => id.clone(),
            _ => String::new(),
        },
        M::PartyJoin(join) => join.party_id.clone(),
        M::ChannelJoin(join) => join.target.clone(),
        _ => String::new(),
    }
}

/// The kind of message that a request sends; `None` for a raw one.
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
        "RawRequest" => return None,
        other => panic!("what {other} sends is not known"),
    })
}

fn outcome<E: Error>(error: Option<&RequestError<E>>) -> String {
    match error {
        None => "ok".into(),
        Some(RequestError::Refused(_)) => "refused".into(),
        Some(RequestError::Timeout { .. }) => "timeout".into(),
        Some(RequestError::TooLarge { .. }) => "too large".into(),
        Some(RequestError::ConnectionLost { .. }) => "lost".into(),
        Some(RequestError::Unsupported { .. }) => "unsupported".into(),
        Some(other) => other.to_string(),
    }
}
