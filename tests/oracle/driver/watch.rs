//! What the game is told.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bevy::prelude::*;
use bevy_nakama::prelude::*;

use super::{Client, kind_of};

impl Client {
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
        self.watch::<RawRequest>();
    }

    pub(super) fn watch_data(&mut self) {
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
    pub(super) fn watch_world(&mut self) {
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
