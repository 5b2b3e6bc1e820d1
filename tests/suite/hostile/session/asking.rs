//! What the game asks and does.

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

use super::{
    Asked, BURST, Command, Session, Stage, is_connected, match_id, outcome, party_id,
    steps::{Ask, Outcome},
};
use bevy_nakama::request::Request;

impl Session {
    pub(super) fn ask(&mut self, ask: Ask) {
        let number = self.asked.len().to_string();
        let find_match = |game: &TestGame, n| {
            let index = game.app.world().resource::<MatchIndex>();
            index.get(&MatchId::from(match_id(n)))
        };
        let find_party = |game: &TestGame, n| {
            let index = game.app.world().resource::<PartyIndex>();
            index.get(&PartyId::from(party_id(n)))
        };
        let nowhere = Entity::PLACEHOLDER;
        let mut is_wrong = false;
        let (entity, key) = match ask {
            Ask::CreateMatch(n) => {
                let request = CreateMatch::named(match_id(n));
                let entity = self.chain::<CreateMatch>(|nakama| nakama.create_match(request));
                (entity, (Kind::MatchCreate, match_id(n)))
            }
            Ask::JoinMatch(n) => {
                let request = JoinMatch::by_id(match_id(n)).with_metadata("n", number.as_str());
                let entity = self.chain::<JoinMatch>(|nakama| nakama.join_match(request));
                (
                    entity,
                    (Kind::MatchJoin, format!("{} {number}", match_id(n))),
                )
            }
            Ask::LeaveMatch(n) => {
                let about = find_match(&self.game, n);
                is_wrong = about.is_none();
                let about = about.unwrap_or(nowhere);
                let entity = self.chain::<LeaveMatch>(|nakama| nakama.leave_match(about));
                (entity, (Kind::MatchLeave, match_id(n)))
            }
            Ask::CreateParty => {
                let request = CreateParty::open(8).label(number.as_str());
                let entity = self.chain::<CreateParty>(|nakama| nakama.create_party(request));
                (entity, (Kind::PartyCreate, number))
            }
            Ask::JoinParty(n) => {
                let id = party_id(n);
                let entity = self.chain::<JoinParty>(|nakama| nakama.join_party(id));
                (entity, (Kind::PartyJoin, party_id(n)))
            }
            Ask::LeaveParty(n) => {
                let about = find_party(&self.game, n);
                is_wrong = about.is_none();
                let about = about.unwrap_or(nowhere);
                let entity = self.chain::<LeaveParty>(|nakama| nakama.leave_party(about));
                (entity, (Kind::PartyLeave, party_id(n)))
            }
            Ask::UpdateParty(n) => {
                let about = find_party(&self.game, n);
                is_wrong = about.is_none();
                let about = about.unwrap_or(nowhere);
                let update = UpdateParty::default().label(number.as_str());
                let entity = self.chain::<UpdateParty>(|nakama| nakama.update_party(about, update));
                (entity, (Kind::PartyUpdate, number))
            }
            Ask::Follow | Ask::TooLarge => {
                let size = if ask == Ask::TooLarge { 5000 } else { 0 };
                let name = format!("{number}{}", "x".repeat(size));
                let message = Message::StatusFollow(realtime::StatusFollow {
                    user_ids: vec![name.clone()],
                    usernames: vec![],
                });
                let entity = self.chain::<RawRequest>(|nakama| nakama.send_raw(message));
                (entity, (Kind::StatusFollow, name))
            }
            Ask::Rest => {
                let rpc = Rpc::new("greet");
                let entity =
                    self.chain::<RpcWithKey>(|nakama| nakama.rpc_with_key(&server(), "key", rpc));
                (entity, (Kind::Ping, String::new()))
            }
        };
        // About nothing, and also without a connection: that comes first.
        let wrong = if is_connected(&self.game) {
            Outcome::WrongEntity
        } else {
            Outcome::NotConnected
        };
        self.asked.push(Asked {
            entity,
            key,
            stage: if is_wrong { Stage::Over } else { Stage::Staged },
            expected: is_wrong.then_some((wrong, self.frame + 1)),
            is_gone: false,
            is_sent: false,
            is_skipped: false,
            question: None,
        });
        if !is_wrong {
            self.staged.push(Command::Ask(self.asked.len() - 1));
        }
    }

    /// Makes a request with an observer chained to the call.
    fn chain<R: Request>(
        &mut self,
        make: impl for<'a> FnOnce(NakamaCommands<'a, '_, '_>) -> EntityCommands<'a>,
    ) -> Entity {
        let seen = self.seen.clone();
        let note = move |reply: On<Replied<R>>| {
            let mut seen = seen.lock().expect("no observer panics");
            let outcomes = seen.chained.entry(reply.request).or_default();
            outcomes.push(outcome(&reply.result));
        };
        self.game
            .commands(|commands| make(commands.nakama()).observe(note).id())
    }

    pub(super) fn despawn(&mut self, which: u8) {
        let world = self.game.app.world();
        let alive = |asked: &Asked| world.get_entity(asked.entity).is_ok();
        let count = self.asked.iter().filter(|asked| alive(asked)).count();
        let mut candidates = (0..self.asked.len()).filter(|&i| alive(&self.asked[i]));
        let Some(index) = candidates.nth(usize::from(which) % count.max(1)) else {
            return;
        };
        drop(candidates);
        let entity = self.asked[index].entity;
        let world = self.game.app.world_mut();
        world.despawn(entity);
        world.flush();
        self.asked[index].is_gone = true;
    }

    pub(super) fn send(&mut self, which: u8) {
        let world = self.game.app.world();
        let entity = world
            .resource::<MatchIndex>()
            .get(&MatchId::from(match_id(which)));
        let Some(here) = entity.filter(|_| self.data_in_frame < BURST) else {
            return;
        };
        self.data_in_frame += 1;
        self.game.commands(|commands| {
            let data = OutgoingData::raw(1, "x");
            commands.nakama().send_data(here, data);
        });
    }
}
