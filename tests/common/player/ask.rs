//! What was asked of the server, by the plugin's own methods.

use std::collections::BTreeMap;

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Message as M, UserPresence, realtime::match_join::Id},
};

use super::Player;

pub(super) enum Asked {
    Typed(Option<Entity>),
    Raw(Option<Entity>),
}

impl Player {
    /// Asks the server for something, as the game would.
    pub(super) fn ask(&mut self, message: &M) -> Asked {
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
                    Some(Id::Token(token)) => self.join_with(token),
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
                let mut data = OutgoingData::raw(send.op_code, send.data.clone());
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
            M::MatchmakerAdd(add) => {
                let counts = (add.min_count, add.max_count, add.count_multiple);
                let properties = (&add.string_properties, &add.numeric_properties);
                match matchmaker(counts, &add.query, properties) {
                    Some(request) => self.typed(|n| n.add_matchmaker(request).id()),
                    None => self.raw(raw),
                }
            }
            M::PartyMatchmakerAdd(add) => {
                let counts = (add.min_count, add.max_count, add.count_multiple);
                let properties = (&add.string_properties, &add.numeric_properties);
                let request = matchmaker(counts, &add.query, properties);
                match (self.party_of(&add.party_id), request) {
                    (Some(party), Some(request)) => {
                        self.typed(|n| n.add_party_to_matchmaker(party, request).id())
                    }
                    (None, _) | (_, None) => self.raw(raw),
                }
            }
            M::MatchmakerRemove(remove) => match self.ticket_of(&remove.ticket, None) {
                Some(ticket) => self.typed(|n| n.remove_matchmaker_ticket(ticket).id()),
                None => self.raw(raw),
            },
            M::PartyMatchmakerRemove(remove) => {
                let party = self.party_of(&remove.party_id);
                match party.and_then(|party| self.ticket_of(&remove.ticket, Some(party))) {
                    Some(ticket) => self.typed(|n| n.remove_matchmaker_ticket(ticket).id()),
                    None => self.raw(raw),
                }
            }
            M::Rpc(rpc) if rpc.http_key.is_empty() => {
                let call = Rpc::new(&rpc.id).payload(&rpc.payload);
                self.typed(|n| n.rpc(call).id())
            }
            // A key is for REST.
            M::Rpc(_) => self.raw(raw),
            M::StatusFollow(follow) => {
                let users = FollowUsers::ids(follow.user_ids.iter().map(String::as_str));
                let users = users.usernames(follow.usernames.iter().map(String::as_str));
                self.typed(|n| n.follow(users).id())
            }
            M::StatusUnfollow(unfollow) => {
                let users = UnfollowUsers::ids(unfollow.user_ids.iter().map(String::as_str));
                self.typed(|n| n.unfollow(users).id())
            }
            M::StatusUpdate(update) => self.typed(|n| n.set_status(update.status.as_deref()).id()),
            // The plugin sends pings by itself, and only a server sends the rest: the recorder tried one. A kind that a game can ask
            // for and that is not above shows in the oracle's count of raw sends.
            _ => self.raw(raw),
        }
    }

    /// Who was matched joins with what the event brought.
    fn join_with(&self, token: &str) -> JoinMatch {
        let matched = self.matched.lock().expect("no test panics");
        let join = matched.as_ref().map(|matched| &matched.join);
        let join =
            join.filter(|join| matches!(join, JoinWith::Token(given) if given.expose() == token));
        join.map_or_else(|| JoinMatch::by_token(token), JoinMatch::from)
    }

    fn typed(&mut self, ask: impl FnOnce(NakamaCommands) -> Entity) -> Asked {
        Asked::Typed(Some(self.game.commands(|c| ask(c.nakama()))))
    }

    fn raw(&mut self, message: M) -> Asked {
        Asked::Raw(Some(
            self.game.commands(|c| c.nakama().send_raw(message).id()),
        ))
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

    fn ticket_of(&self, id: &str, party: Option<Entity>) -> Option<Entity> {
        let world = self.game.app.world();
        let ticket = world.resource::<TicketIndex>().get(&id.into())?;
        let of = world.get::<TicketOf>(ticket).map(|of| of.0);
        (of == party).then_some(ticket)
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
}

/// What is asked of the matchmaker, if a game can ask for it.
fn matchmaker(
    (min_count, max_count, multiple): (i32, i32, Option<i32>),
    query: &str,
    (strings, numbers): (&BTreeMap<String, String>, &BTreeMap<String, f64>),
) -> Option<AddMatchmaker> {
    let mut request =
        AddMatchmaker::players(min_count.try_into().ok()?, max_count.try_into().ok()?);
    if let Some(multiple) = multiple {
        request = request.count_multiple(multiple.try_into().ok()?);
    }
    for (name, value) in strings {
        request = request.string_property(name, value);
    }
    for (name, value) in numbers {
        request = request.numeric_property(name, *value);
    }
    Some(request.query(query))
}

/// What the plugin should send for a message. It says of every channel whether the user is hidden, whether messages are stored, and
/// of which type the channel is. What the recorded client left out is `false`, `true` and a room.
pub(super) fn as_said_by_the_plugin(mut message: M) -> M {
    if let M::ChannelJoin(join) = &mut message {
        join.hidden.get_or_insert(false);
        join.persistence.get_or_insert(true);
        join.r#type = join.r#type.max(1);
    }
    if let M::MatchDataSend(data) = &mut message {
        data.reliable = true;
    }
    // Ids are brought to how the server writes them.
    if let M::MatchJoin(join) = &mut message
        && let Some(Id::MatchId(id)) = &mut join.id
    {
        *id = MatchId::from(&**id).to_string();
    }
    message
}

/// What a join wants to be in, as far as it is known.
pub(super) fn joined_id(message: &M) -> String {
    match message {
        M::MatchJoin(join) => match &join.id {
            Some(Id::MatchId(id)) => id.clone(),
            _ => String::new(),
        },
        M::PartyJoin(join) => join.party_id.clone(),
        M::PartyMatchmakerAdd(add) => add.party_id.clone(),
        M::ChannelJoin(join) => join.target.clone(),
        _ => String::new(),
    }
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
