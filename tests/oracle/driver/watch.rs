//! What the game is told.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex},
};

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{
        Message, UserPresence, api,
        api::ChannelMessage,
        realtime::{
            self, MatchData, PartyData, StreamData,
            matchmaker_matched::{Id, MatchmakerUser},
        },
    },
};
use serde_json::{Value, json};

use super::{Client, kind_of, picture::names_of};
use bevy_nakama::presence::Sender;
use bevy_nakama::request::Request;
use bevy_nakama::stream::Stream;

impl Client {
    fn watch<R: Request>(&mut self) {
        self.watch_with::<R>(|_| String::new());
    }

    /// Writes down what becomes of requests, with the server's word, or else with what there is to see of the reply.
    fn watch_with<R: Request>(
        &mut self,
        see: impl Fn(&R::Reply) -> String + Send + Sync + 'static,
    ) {
        let (asked, outcomes) = (self.player.asked.clone(), self.outcomes.clone());
        let told = self.told.clone();
        self.player.game.observe(move |reply: On<Replied<R>>| {
            let asked = asked.lock().expect("no test panics while it reads");
            let asked = asked.get(&reply.request).map(|(kind, _)| *kind);
            let kind = kind_of(R::NAME).or(asked).expect("somebody asked for it");
            let outcome = match &reply.result {
                Ok(reply) => format!("ok {}", see(reply)),
                Err(error) => outcome(error),
            };
            let line = format!("{kind} {outcome}");
            told.add(format!("replied: {line}"));
            let outcomes = outcomes.lock();
            outcomes.expect("no test panics while it writes").push(line);
        });
    }

    pub(super) fn watch_requests(&mut self) {
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
        self.watch::<AddMatchmaker>();
        self.watch::<AddPartyToMatchmaker>();
        self.watch::<RemoveMatchmakerTicket>();
        self.watch::<FollowUsers>();
        self.watch::<UnfollowUsers>();
        self.watch::<UpdateStatus>();
        self.watch_with::<Rpc>(|reply| reply.payload.clone());
        self.watch_with::<RawRequest>(|reply| match &reply.message {
            Some(Message::Rpc(rpc)) => rpc.payload.clone(),
            Some(_) | None => String::new(),
        });
    }

    /// Data and lines for the game, as the protocol's messages that they mirror.
    pub(super) fn watch_data(&mut self) {
        let (data, told) = (self.data.clone(), self.told.clone());
        let write = move |message: Value| {
            told.add(format!("data: {message}"));
            data.add(message.to_string());
        };
        let channels: Arc<Mutex<HashMap<Entity, Value>>> = Arc::default();
        let joined = channels.clone();
        let join = move |added: On<Add, ChatChannel>,
                         channels: Query<(&ChannelId, &ChatChannel)>| {
            let (id, channel) = channels.get(added.entity).expect("it is there");
            let mut facts = json!({ "channel_id": id.as_str() });
            for (field, value) in names_of(&channel.kind) {
                facts[field] = value.into();
            }
            let joined = joined.lock();
            joined.expect("no test panics").insert(added.entity, facts);
        };
        self.player.game.observe(join);
        let (write_match, write_chat) = (write.clone(), write.clone());
        let (write_matched, write_notification) = (write.clone(), write.clone());
        let write_stream = write.clone();
        let match_data = move |mut inbox: MessageReader<MatchDataReceived>,
                               ids: Query<&MatchId>| {
            for data in inbox.read() {
                write_match(json!(MatchData {
                    match_id: ids
                        .get(data.context)
                        .expect("its context is there")
                        .to_string(),
                    presence: data.sender.as_ref().map(presence),
                    op_code: data.op_code,
                    data: data.data.clone(),
                    reliable: data.reliable,
                }));
            }
        };
        let party_data = move |mut inbox: MessageReader<PartyDataReceived>,
                               ids: Query<&PartyId>| {
            for data in inbox.read() {
                write(json!(PartyData {
                    party_id: ids
                        .get(data.context)
                        .expect("its context is there")
                        .to_string(),
                    presence: data.sender.as_ref().map(presence),
                    op_code: data.op_code,
                    data: data.data.clone(),
                }));
            }
        };
        let chat = move |mut inbox: MessageReader<ChatMessageReceived>| {
            for ChatMessageReceived {
                context, message, ..
            } in inbox.read()
            {
                let mut line = json!(ChannelMessage {
                    message_id: message.message_id.to_string(),
                    code: Some(message.kind.code()),
                    sender_id: message.sender_id.to_string(),
                    username: message.username.to_string(),
                    content: message.json.to_string(),
                    create_time: Some(message.create_time),
                    update_time: Some(message.update_time),
                    persistent: Some(message.persistent),
                    ..ChannelMessage::default()
                });
                let channels = channels.lock().expect("no test panics");
                let facts = channels[context].as_object().into_iter().flatten();
                for (field, value) in facts {
                    line[field] = value.clone();
                }
                write_chat(line);
            }
        };
        let write = write_notification;
        let notifications = move |mut inbox: MessageReader<NotificationReceived>| {
            for NotificationReceived { notification, .. } in inbox.read() {
                write(notification_json(notification));
            }
        };
        let stream_data = move |mut inbox: MessageReader<StreamDataReceived>,
                                streams: Query<&Stream>| {
            for data in inbox.read() {
                write_stream(json!(StreamData {
                    stream: Some(stream_of(streams.get(data.context).expect("a stream"))),
                    sender: data.sender.as_ref().map(presence),
                    data: String::from_utf8(data.data.to_vec()).expect("text"),
                    reliable: data.reliable,
                }));
            }
        };
        let app = &mut self.player.game.app;
        app.add_systems(
            Update,
            (match_data, party_data, chat, notifications, stream_data),
        );
        self.player
            .game
            .observe(move |matched: On<MatchmakerMatched>| {
                let users = matched.users.iter().map(matched_user).collect();
                let matched = realtime::MatchmakerMatched {
                    ticket: matched.ticket_id.to_string(),
                    users,
                    self_: matched.me().map(matched_user),
                    id: Some(match &matched.join {
                        JoinWith::Id(id) => Id::MatchId(id.to_string()),
                        JoinWith::Token(token) => Id::Token(token.expose().to_owned()),
                    }),
                };
                write_matched(json!(matched));
            });
    }

    /// Writes down whatever becomes of presences and of those who ask to join.
    pub(super) fn watch_world(&mut self) {
        self.watch_component::<PresentIn>("is present");
        self.watch_component::<PartyMemberOf>("is a member");
        self.watch_component::<ChatMemberOf>("is in the channel");
        self.watch_component::<ChatChannel>("is a channel");
        self.watch_component::<PartyLeader>("leads");
        self.watch_component::<PartyJoinRequester>("asks to join");
        self.watch_component::<Match>("is a match");
        self.watch_component::<Party>("is a party");
        self.watch_component::<PendingApproval>("waits for approval");
        self.watch_component::<MatchmakerTicket>("is a ticket");
        self.watch_component::<FollowedUser>("is followed");
        self.watch_component::<SessionOf>("is online");
        self.watch_component::<StreamPresenceOf>("is in the stream");
        self.watch_component::<Stream>("is a stream");
        let told = self.told.clone();
        self.player.game.observe(
            move |status: On<Insert, UserStatus>, all: Query<&UserStatus>| {
                let status = all.get(status.entity).expect("it is there");
                told.add(format!("status {:?}", status.0));
            },
        );
        let told = self.told.clone();
        self.player
            .game
            .observe(move |_: On<PartyClosed>| told.add("the party closed"));
        let told = self.told.clone();
        self.player
            .game
            .observe(move |error: On<UnsolicitedError>| told.add(error.error.to_string()));
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
        self.player
            .game
            .observe(move |added: On<Add, C>, all: Query<Anything>| {
                told.add(line('+', what, all.get(added.entity).expect("it is there")));
            });
        let told = self.told.clone();
        self.player
            .game
            .observe(move |gone: On<Remove, C>, all: Query<Anything>| {
                told.add(line(
                    '-',
                    what,
                    all.get(gone.entity).expect("still readable"),
                ));
            });
    }
}

fn presence(sender: &Sender) -> UserPresence {
    presence_of(&sender.presence)
}

fn presence_of(info: &PresenceInfo) -> UserPresence {
    UserPresence {
        user_id: info.user_id.to_string(),
        session_id: info.session_id.to_string(),
        username: info.username.to_string(),
        ..UserPresence::default()
    }
}

fn matched_user(user: &MatchedUser) -> MatchmakerUser {
    MatchmakerUser {
        presence: Some(presence_of(&user.presence)),
        party_id: user
            .party_id
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        string_properties: user.string_properties.clone(),
        numeric_properties: user.numeric_properties.clone(),
    }
}

pub(super) fn stream_of(stream: &Stream) -> realtime::Stream {
    realtime::Stream {
        mode: stream.mode,
        subject: stream.subject.clone(),
        subcontext: stream.subcontext.clone(),
        label: stream.label.clone(),
    }
}

const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// As the server wrote it: nobody is the nil UUID.
pub(super) fn notification_json(notification: &Notification) -> Value {
    let sender = notification.sender.as_ref().map(ToString::to_string);
    json!(api::Notification {
        id: notification.id.to_string(),
        subject: notification.subject.to_string(),
        content: notification.json.to_string(),
        code: notification.code.code(),
        sender_id: sender.unwrap_or_else(|| NOBODY.to_owned()),
        create_time: Some(notification.create_time),
        persistent: notification.persistent,
    })
}

/// How an error's text says its code. The server's own words come before it, and sometimes more of ours behind it.
const CODES: [&str; 6] = [
    " (runtime exception)",
    " (bad input)",
    " (match not found)",
    " (match join rejected)",
    " (runtime function not found)",
    " (runtime function exception)",
];

fn outcome<E: Error>(error: &RequestError<E>) -> String {
    match error {
        RequestError::Refused(refusal) => {
            let text = refusal.to_string();
            let message = CODES.iter().find_map(|code| text.split_once(code));
            let message = message.map_or(text.as_str(), |(message, _)| message);
            format!("refused {message}")
        }
        RequestError::Timeout { .. } => "timeout".into(),
        RequestError::TooLarge { .. } => "too large".into(),
        RequestError::ConnectionLost { .. } => "lost".into(),
        RequestError::Unsupported { .. } => "unsupported".into(),
        other => other.to_string(),
    }
}
