//! Scenario 20: another member loses the connection and is back, and the server still has their old session.

#![expect(
    clippy::cloned_ref_to_slice_refs,
    reason = "whoever joins is a list, be it of one"
)]

mod adoption;
mod after_a_loss;
mod in_each_area;
mod marks;

use bevy::prelude::*;
use bevy_nakama::{
    healing::{AdoptReconnecting, Adopted, MaybeGhost},
    prelude::*,
    proto::{Message, UserPresence, realtime},
    testing::{TestGame, match_data_sent, match_presences, user_presence},
};

use super::steps::{hear_of, listen, lose, match_with, reopen, wait};
use crate::common::log::Log;

/// A session of a user, made in this second. Its id is a UUID of version 1, as a server makes them.
fn made_at(name: &str, second: u64) -> UserPresence {
    // Steps of 100 ns, since 1582.
    let time = 0x01F0_0000_0000_0000_u64 + second * 10_000_000;
    let (high, middle, low) = (time >> 48, (time >> 32) & 0xFFFF, time & 0xFFFF_FFFF);
    UserPresence {
        session_id: format!(
            "{low:08x}-{middle:04x}-1{high:03x}-8000-0000000000{}",
            first(name)
        ),
        ..user_presence(name)
    }
}

/// The first letter of a name, in hexadecimal digits.
fn first(name: &str) -> String {
    format!("{:02x}", name.bytes().next().unwrap_or_default())
}

fn event(joins: &[UserPresence], leaves: &[UserPresence]) -> Message {
    let mut event = match_presences("m", &[], &[]);
    if let Message::MatchPresenceEvent(event) = &mut event {
        event.joins = joins.to_vec();
        event.leaves = leaves.to_vec();
    }
    event
}

/// What somebody says in the match.
fn data(who: &UserPresence, op_code: i64) -> Message {
    let mut message = match_data_sent("m", None, op_code, "");
    if let Message::MatchData(data) = &mut message {
        data.presence = Some(who.clone());
    }
    message
}

/// A game in a match with these others. With `adopts`, it keeps the entities of members who are back.
fn game(adopts: bool, others: &[UserPresence]) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let log = listen(&mut game);
    let to = log.clone();
    game.observe(move |back: On<Adopted>, names: Query<&Username>| {
        let name = names.get(back.presence).expect("a presence has a name");
        to.add(format!("{name} is back"));
    });
    let to = log.clone();
    game.observe(move |on: On<Add, MaybeGhost>, names: Query<&Username>| {
        to.add(format!("{}?", names.get(on.entity).expect("a name")));
    });
    let to = log.clone();
    game.observe(move |on: On<Remove, MaybeGhost>, names: Query<&Username>| {
        to.add(format!("{}!", names.get(on.entity).expect("a name")));
    });
    let entity = game.commands(|commands| {
        let mut joining = commands.nakama().join_match(JoinMatch::by_id("m"));
        if adopts {
            joining.insert(AdoptReconnecting);
        }
        joining.id()
    });
    game.update();
    let asked = game.expect_sent(bevy_nakama::proto::Kind::MatchJoin);
    let everybody: Vec<_> = [user_presence("ada")]
        .into_iter()
        .chain(others.iter().cloned())
        .collect();
    game.answer(&asked, match_with("m", &everybody));
    game.update();
    (game, entity, log)
}

/// The presence of a session.
fn presence(game: &TestGame, context: Entity, who: &UserPresence) -> Option<Entity> {
    let index = game.app.world().resource::<PresenceIndex>();
    index.get(context, &SessionId::from(&*who.session_id))
}

fn is_ghost(game: &TestGame, entity: Entity) -> bool {
    game.app.world().get::<MaybeGhost>(entity).is_some()
}

/// How many are there with an entity, and how many without.
fn counts(game: &TestGame, context: Entity) -> (usize, usize) {
    let index = game.app.world().resource::<PresenceIndex>();
    (index.count(context), index.hidden_ghosts(context))
}

fn says(game: &mut TestGame, message: Message) {
    game.server_says(message);
    game.update();
}
