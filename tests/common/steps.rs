//! Steps that several tests of a [`TestGame`] take.

use std::fmt::Debug;

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Envelope, Kind},
    testing::*,
};

use super::log::Log;
use bevy_nakama::request::Request;

/// Logs each reply to a request: the name alone, or the name and the error.
pub(crate) fn log_replies<R: Request>(game: &mut TestGame, log: &Log, name: &'static str) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add(name),
        Err(error) => seen.add(format!("{name}: {error}")),
    });
}

/// Takes the messages of a type that no test has taken yet.
pub(crate) fn drain<M: Message>(game: &mut TestGame) -> Vec<M> {
    let mut messages = game.app.world_mut().resource_mut::<Messages<M>>();
    messages.drain().collect()
}

/// The name of a refusal's variant.
pub(crate) fn variant(refusal: &impl Debug) -> String {
    let text = format!("{refusal:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// What was sent, as proto JSON and without its `cid`.
pub(crate) fn sent_json(envelope: &Envelope) -> serde_json::Value {
    let mut json = serde_json::to_value(envelope).expect("proto JSON");
    json.as_object_mut().expect("an object").remove("cid");
    json
}

/// A game that is connected, and for which a loss of the connection is the end of it.
pub(crate) fn connected_without_healing() -> TestGame {
    let mut game = TestGame::new();
    game.connect_with(ConnectOptions::default().heal(false));
    game
}

/// Asks for a connection as this user.
pub(crate) fn connect_as(game: &mut TestGame, name: &str) {
    let session = session_of(name);
    game.commands(|commands| {
        commands.nakama().use_session(&server(), session.clone());
        commands.nakama().connect();
    });
}

/// Creates a party; the server gives this answer.
pub(crate) fn create_party(
    game: &mut TestGame,
    request: CreateParty,
    answer: proto::Message,
) -> Entity {
    let entity = game.commands(|c| c.nakama().create_party(request).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    game.answer(&asked, answer);
    game.update();
    entity
}

/// Asks to join a party; returns the entity and what was sent.
pub(crate) fn ask_to_join_party(game: &mut TestGame, id: &str) -> (Entity, Envelope) {
    let entity = game.commands(|c| c.nakama().join_party(id).id());
    game.update();
    (entity, game.expect_sent(Kind::PartyJoin))
}

/// Joins an open party as `ada`. The first member leads it.
pub(crate) fn join_party(game: &mut TestGame, id: &str, members: &[&str]) -> Entity {
    let (entity, asked) = ask_to_join_party(game, id);
    game.acknowledge(&asked);
    game.server_says(party_joined(id, "ada", members));
    game.update();
    entity
}

/// The local user has left this match, party, channel or user: it is out of everything at once, and despawned a few frames later.
#[track_caller]
pub(crate) fn goes(game: &mut TestGame, left: Entity) {
    let left_now = game.app.world().entity(left);
    assert!(left_now.contains::<Departed>());
    assert!(!left_now.contains::<Match>() && !left_now.contains::<Party>());
    assert!(!left_now.contains::<ChatChannel>() && !left_now.contains::<FollowedUser>());
    for _ in 0..6 {
        game.update();
    }
    assert!(game.app.world().get_entity(left).is_err(), "it goes");
}
