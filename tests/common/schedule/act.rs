//! What a game does.

use std::collections::BTreeMap;

use bevy::prelude::*;
use bevy_nakama::{prelude::*, request::Request};

use super::super::history::{Tape, What};

/// What a game does. If it makes no sense at that moment, nothing happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Act {
    Connect,
    Disconnect,
    /// Enters the match with this name, or makes it.
    EnterNamed(u8),
    /// Makes a match without a name. Everybody learns its id, in this slot.
    MakeMatch(u8),
    /// Joins the match of a slot by its id.
    JoinMade(u8),
    /// Leaves one of the matches that the game is in.
    LeaveMatch(u8),
    DespawnMatch(u8),
    /// Sends data to one of the matches.
    SendData(u8),
    /// The same, and it may wait while the connection is lost.
    QueueData(u8),
    /// Makes a party. Everybody learns its id, in this slot.
    MakeParty {
        slot: u8,
        is_open: bool,
        size: u8,
    },
    JoinParty(u8),
    LeaveParty(u8),
    CloseParty(u8),
    /// Accepts all who ask to join.
    Accept,
    Decline,
    /// Removes one of the others.
    Kick(u8),
    Promote(u8),
    /// Opens or closes the doors of a party.
    SetOpen(u8, bool),
    SendToParty(u8),
    JoinRoom(u8),
    LeaveRoom(u8),
    Say(u8),
    /// Looks for so many players.
    AddTicket(u8),
    /// Adds a party to the matchmaker.
    AddPartyTicket(u8),
    RemoveTicket(u8),
    /// Follows the user of a game.
    Follow(u8),
    Unfollow(u8),
    SetStatus(Option<u8>),
    /// Withdraws the oldest request that has no answer.
    Withdraw,
}

/// What the games tell each other outside of Nakama: ids of matches and parties.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    pub(crate) matches: BTreeMap<u8, MatchId>,
    pub(crate) parties: BTreeMap<u8, PartyId>,
    /// What becomes a match or party that has a slot: game, entity and slot.
    awaited: Vec<(usize, Entity, Slot)>,
    sent: u32,
    realm: String,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Match(u8),
    Party(u8),
}

/// A game that does something.
pub(crate) struct Actor<'a> {
    pub(crate) app: &'a mut App,
    pub(crate) game: usize,
    pub(crate) tape: &'a Tape,
    pub(crate) board: &'a mut Board,
}

impl Board {
    /// An empty one. All names begin with this.
    pub(crate) fn of(realm: String) -> Self {
        Self {
            realm,
            ..Self::default()
        }
    }

    /// Learns the ids of what was made.
    pub(crate) fn learn(&mut self, game: usize, app: &App) {
        let world = app.world();
        let (matches, parties) = (&mut self.matches, &mut self.parties);
        self.awaited.retain(|(owner, entity, slot)| {
            if *owner != game {
                return true;
            }
            let Ok(entity) = world.get_entity(*entity) else {
                return false;
            };
            match slot {
                Slot::Match(slot) => entity.get::<MatchId>().is_none_or(|id| {
                    matches.insert(*slot, id.clone());
                    false
                }),
                Slot::Party(slot) => entity.get::<PartyId>().is_none_or(|id| {
                    parties.insert(*slot, id.clone());
                    false
                }),
            }
        });
    }
}

impl Actor<'_> {
    pub(crate) fn act(&mut self, act: Act) {
        match act {
            Act::Connect => {
                let connection = self.app.world().resource::<NakamaConnection>();
                if connection.state() == ConnectionState::Disconnected {
                    self.run(|n| n.connect_with(ConnectOptions::default().appear_online(true)));
                }
            }
            Act::Disconnect => self.run(|n| n.disconnect()),
            Act::EnterNamed(name) => {
                let request = CreateMatch::named(format!("{}named {name}", self.board.realm));
                self.ask::<CreateMatch>(|n| n.create_match(request).id());
            }
            Act::MakeMatch(slot) => {
                let made = self.ask::<CreateMatch>(|n| n.create_match(CreateMatch::new()).id());
                self.await_id(made, Slot::Match(slot));
            }
            Act::JoinMade(slot) => {
                if let Some(id) = self.board.matches.get(&slot).cloned() {
                    self.ask::<JoinMatch>(|n| n.join_match(JoinMatch::by_id(id)).id());
                }
            }
            Act::LeaveMatch(nth) => {
                if let Some(here) = self.nth::<With<Match>>(nth) {
                    self.ask::<LeaveMatch>(|n| n.leave_match(here).id());
                }
            }
            Act::DespawnMatch(nth) => {
                if let Some(here) = self.nth::<With<Match>>(nth) {
                    self.despawn(here);
                }
            }
            Act::SendData(nth) | Act::QueueData(nth) => {
                if let Some(here) = self.nth::<With<Match>>(nth) {
                    let mut data = OutgoingData::raw(1, self.datum());
                    if matches!(act, Act::QueueData(_)) {
                        data = data.policy(SendPolicy::default());
                    }
                    self.run(|n| n.send_data(here, data));
                }
            }
            Act::MakeParty {
                slot,
                is_open,
                size,
            } => {
                let size = u32::from(size.max(1));
                let request = match is_open {
                    true => CreateParty::open(size),
                    false => CreateParty::closed(size),
                };
                let made = self.ask::<CreateParty>(|n| n.create_party(request).id());
                self.await_id(made, Slot::Party(slot));
            }
            Act::JoinParty(slot) => {
                if let Some(id) = self.board.parties.get(&slot).cloned() {
                    self.ask::<JoinParty>(|n| n.join_party(id).id());
                }
            }
            Act::LeaveParty(nth) => {
                if let Some(here) = self.nth::<With<Party>>(nth) {
                    self.ask::<LeaveParty>(|n| n.leave_party(here).id());
                }
            }
            Act::CloseParty(nth) => {
                if let Some(here) = self.nth::<With<Party>>(nth) {
                    self.ask::<CloseParty>(|n| n.close_party(here).id());
                }
            }
            Act::Accept => {
                for asker in self.all::<With<PartyJoinRequester>>() {
                    self.ask::<AcceptPartyJoin>(|n| n.accept_party_join(asker).id());
                }
            }
            Act::Decline => {
                for asker in self.all::<With<PartyJoinRequester>>() {
                    self.ask::<DeclinePartyJoin>(|n| n.decline_party_join(asker).id());
                }
            }
            Act::Kick(nth) => {
                if let Some(member) = self.nth::<(With<PartyMemberOf>, Without<IsSelf>)>(nth) {
                    self.ask::<KickFromParty>(|n| n.kick_from_party(member).id());
                }
            }
            Act::Promote(nth) => {
                if let Some(member) = self.nth::<(With<PartyMemberOf>, Without<IsSelf>)>(nth) {
                    self.ask::<PromotePartyMember>(|n| n.promote_party_member(member).id());
                }
            }
            Act::SetOpen(nth, is_open) => {
                if let Some(here) = self.nth::<With<Party>>(nth) {
                    let update = UpdateParty::default().open(is_open).label("{}");
                    self.ask::<UpdateParty>(|n| n.update_party(here, update).id());
                }
            }
            Act::SendToParty(nth) => {
                if let Some(here) = self.nth::<With<Party>>(nth) {
                    let datum = self.datum();
                    self.run(|n| n.send_party_data(here, 1, datum));
                }
            }
            Act::JoinRoom(room) => {
                let request = JoinChat::room(format!("{}room {room}", self.board.realm));
                self.ask::<JoinChat>(|n| n.join_chat(request).id());
            }
            Act::LeaveRoom(nth) => {
                if let Some(here) = self.nth::<With<ChatChannel>>(nth) {
                    self.ask::<LeaveChat>(|n| n.leave_chat(here).id());
                }
            }
            Act::Say(nth) => {
                if let Some(here) = self.nth::<With<ChatChannel>>(nth) {
                    let line = format!(r#"{{"text":"{}"}}"#, self.datum());
                    self.ask::<SendChatMessage>(|n| n.send_chat_json(here, line).id());
                }
            }
            Act::AddTicket(players) => {
                let players = u32::from(players.max(2));
                let mut request = AddMatchmaker::players(players, players);
                let realm = &self.board.realm;
                if !realm.is_empty() {
                    let query = format!("+properties.realm:{realm}");
                    request = request.query(query).string_property("realm", realm);
                }
                self.ask::<AddMatchmaker>(|n| n.add_matchmaker(request).id());
            }
            Act::AddPartyTicket(nth) => {
                if let Some(here) = self.nth::<With<Party>>(nth) {
                    // Nobody is matched with it: so many are never here.
                    let request = AddMatchmaker::players(40, 40);
                    self.ask::<AddPartyToMatchmaker>(|n| {
                        n.add_party_to_matchmaker(here, request).id()
                    });
                }
            }
            Act::RemoveTicket(nth) => {
                if let Some(here) = self.nth::<With<MatchmakerTicket>>(nth) {
                    self.ask::<RemoveMatchmakerTicket>(|n| n.remove_matchmaker_ticket(here).id());
                }
            }
            Act::Follow(game) => {
                if let Some(user) = self.user(game) {
                    self.ask::<FollowUsers>(|n| n.follow(FollowUsers::ids([user])).id());
                }
            }
            Act::Unfollow(game) => {
                if let Some(user) = self.user(game) {
                    self.ask::<UnfollowUsers>(|n| n.unfollow(UnfollowUsers::ids([user])).id());
                }
            }
            Act::SetStatus(status) => {
                let status = status.map(|status| format!("status {status}"));
                self.ask::<UpdateStatus>(|n| n.set_status(status.as_deref()).id());
            }
            Act::Withdraw => {
                // Those that become something: what another asks for is done anyway.
                if let Some(request) = self.nth::<(With<PendingRequest>, With<Joining>)>(0) {
                    self.despawn(request);
                }
            }
        }
    }

    fn run<T>(&mut self, run: impl FnOnce(NakamaCommands) -> T) -> T {
        let world = self.app.world_mut();
        let result = run(world.commands().nakama());
        world.flush();
        result
    }

    fn ask<R: Request>(&mut self, ask: impl FnOnce(NakamaCommands) -> Entity) -> Entity {
        let request = self.run(ask);
        let asked = What::Asked {
            request: request.to_bits(),
            name: R::NAME,
        };
        self.tape.add(self.game, asked);
        request
    }

    fn despawn(&mut self, entity: Entity) {
        let request = entity.to_bits();
        self.tape.add(self.game, What::Withdrawn { request });
        self.app.world_mut().despawn(entity);
        self.app.world_mut().flush();
    }

    fn await_id(&mut self, entity: Entity, slot: Slot) {
        self.board.awaited.push((self.game, entity, slot));
    }

    /// A text that nobody has sent before.
    fn datum(&mut self) -> String {
        self.board.sent += 1;
        let datum = format!("{}#{}", self.game, self.board.sent);
        let words = format!("[{datum}]");
        self.tape.add(self.game, What::Sent { datum });
        words
    }

    fn user(&self, game: u8) -> Option<String> {
        let user = self.tape.users().get(usize::from(game)).cloned();
        user.filter(|_| usize::from(game) != self.game)
    }

    /// All entities of a kind that the game may use, oldest first.
    fn all<F: bevy::ecs::query::QueryFilter>(&mut self) -> Vec<Entity> {
        let world = self.app.world_mut();
        let mut query = world.query_filtered::<Entity, (F, Without<Departed>)>();
        let mut all: Vec<_> = query.iter(world).collect();
        all.sort_unstable();
        all
    }

    fn nth<F: bevy::ecs::query::QueryFilter>(&mut self, nth: u8) -> Option<Entity> {
        let all = self.all::<F>();
        let index = usize::from(nth) % all.len().max(1);
        all.get(index).copied()
    }
}
