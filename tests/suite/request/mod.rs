//! Requests: what a game asks, and the one answer that it gets.

mod a_request_without_an_answer_fails;
mod an_answer_reaches_the_game_once;
mod an_observer_may_use_a_question_mark;
pub(crate) mod every_request;
mod few_are_in_flight;
mod large;
mod what_is_known_at_once_is_told_in_the_next_frame;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

/// A game that notes every answer to a raw request, through a global observer.
fn watched() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<RawRequest>>| {
        seen.add(format!("global: {}", outcome(&reply)))
    });
    (game, log)
}

fn outcome(reply: &Replied<RawRequest>) -> String {
    match &reply.result {
        Ok(envelope) => envelope
            .message
            .as_ref()
            .map_or_else(|| "ack".into(), |message| Kind::of(message).to_string()),
        Err(error) => error.to_string(),
    }
}

/// Asks for something, with an observer chained to the call.
fn ask(game: &mut TestGame, log: &Log, message: Message) -> Entity {
    let seen = log.clone();
    game.commands(|commands| {
        commands
            .nakama()
            .send_raw(message)
            .observe(move |reply: On<Replied<RawRequest>>| {
                seen.add(format!("chained: {}", outcome(&reply)))
            })
            .id()
    })
}

fn follow() -> Message {
    Message::StatusFollow(realtime::StatusFollow {
        user_ids: vec!["user-bob".into()],
        usernames: vec![],
    })
}

fn both(outcome: &str) -> [String; 2] {
    [format!("global: {outcome}"), format!("chained: {outcome}")]
}
