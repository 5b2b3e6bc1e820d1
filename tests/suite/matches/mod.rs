//! Matches: who is in them, in which order the game sees what happens, and how requests may cross.

mod a_join_becomes_the_match;
mod an_unwanted_join_is_taken_back;
mod leaving_ends_the_match;
mod members_are_followed;
mod nothing_is_seen_before_its_time;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::presence::Sender;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind},
    testing::*,
};

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| match &reply.result {
        Ok(joined) if joined.entity == reply.request => seen.add("joined"),
        Ok(_) => seen.add("joined what we were in"),
        Err(error) => seen.add(format!("join: {error}")),
    });
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LeaveMatch>>| match &reply.result {
        Ok(()) => seen.add("left"),
        Err(error) => seen.add(format!("leave: {error}")),
    });
    let seen = log.clone();
    game.observe(
        move |added: On<Joined<Match>>, who: Query<(&Username, &JoinedAs, Has<IsSelf>)>| {
            let (name, how, is_self) = who
                .get(added.presence)
                .expect("a presence is spawned whole");
            seen.add(format!(
                "+{name} {how:?}{}",
                if is_self { " (self)" } else { "" }
            ));
        },
    );
    let seen = log.clone();
    game.observe(move |left: On<Left<Match>>| {
        let name = &left.info.username;
        seen.add(match left.why {
            LeaveReason::Left => format!("-{name}"),
            why => format!("-{name} {why:?}"),
        });
    });
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
            for data in data.read() {
                let text = String::from_utf8_lossy(&data.data);
                seen.add(match &data.sender {
                    Some(Sender {
                        entity: Some(_),
                        presence,
                    }) => format!("{}: {text}", presence.username),
                    Some(Sender {
                        entity: None,
                        presence,
                    }) => format!("{} (not here): {text}", presence.username),
                    None => format!("server: {text}"),
                });
            }
        });
    (game, log)
}

/// Asks to join `m1`; returns the entity and what was sent.
fn ask_to_join(game: &mut TestGame) -> (Entity, proto::Envelope) {
    let entity = game.commands(|c| c.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.update();
    (entity, game.expect_sent(Kind::MatchJoin))
}

fn says(sender: &str, text: &'static str) -> proto::Message {
    match_data_sent("m1", Some(sender), 1, text)
}
