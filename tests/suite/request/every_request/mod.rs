//! Every kind of request has one answer, whatever happens, and an observer that is chained to the call sees it.

mod before;
mod cases;
mod each_has_one_answer;
mod late_answers_change_nothing;
mod none_is_missing;

pub(crate) use cases::cases;

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Message},
    testing::*,
};
use serde_json::Value;

/// Longer than any deadline.
const LONG: Duration = Duration::from_secs(30);

/// A kind of request.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Brings the game to where it can make the request; returns what the request is about.
    pub(crate) before: fn(&mut TestGame) -> Entity,
    /// Makes the request, with an observer chained to the call.
    pub(crate) ask: Box<dyn Fn(&mut TestGame, Entity, Log)>,
    pub(crate) consent: Consent,
}

/// How the server consents.
#[derive(Clone, Copy)]
pub(crate) enum Consent {
    Acknowledge,
    Answer(fn() -> Message),
    Rest(fn() -> Value),
    /// The same, and nobody needs to be logged in.
    RestOfAnybody(fn() -> Value),
}

impl Consent {
    pub(crate) fn is_rest(self) -> bool {
        matches!(self, Self::Rest(_) | Self::RestOfAnybody(_))
    }
}

fn case<R: Request>(
    before: fn(&mut TestGame) -> Entity,
    make: for<'a> fn(NakamaCommands<'a, '_, '_>, Entity) -> EntityCommands<'a>,
    consent: Consent,
) -> Case {
    let ask = move |game: &mut TestGame, about: Entity, log: Log| {
        game.commands(|commands| {
            make(commands.nakama(), about).observe(move |reply: On<Replied<R>>| {
                log.add(match &reply.result {
                    Ok(_) => "consent".to_owned(),
                    Err(RequestError::Refused(refusal)) => format!("refused: {refusal}"),
                    Err(RequestError::Timeout { .. }) => "timeout".to_owned(),
                    Err(RequestError::ConnectionLost { maybe_executed }) => {
                        format!("lost, maybe executed: {maybe_executed}")
                    }
                    Err(RequestError::Unreachable(_)) => "unreachable".to_owned(),
                    Err(RequestError::TooLarge { size, limit }) => {
                        format!("too large: {size} > {limit}")
                    }
                    Err(RequestError::NotConnected) => "not connected".to_owned(),
                    Err(RequestError::NotLoggedIn) => "not logged in".to_owned(),
                    Err(other) => format!("something else: {other:?}"),
                });
            });
        });
    };
    Case {
        name: R::NAME,
        before,
        ask: Box::new(ask),
        consent,
    }
}

/// Makes the request, and returns what was sent, unless it goes over REST.
pub(crate) fn made(case: &Case, game: &mut TestGame, log: &Log) -> Option<Envelope> {
    let about = (case.before)(game);
    game.sent();
    (case.ask)(game, about, log.clone());
    assert_eq!(
        log.take(),
        [""; 0],
        "{}: never before the next frame",
        case.name
    );
    game.update();
    if case.consent.is_rest() {
        assert_eq!(game.rest_calls().len(), 1, "{}", case.name);
        return None;
    }
    let mut sent = game.sent();
    assert_eq!(sent.len(), 1, "{}: {sent:?}", case.name);
    sent.pop()
}

/// The request has this answer, and no other answer comes, whatever happens.
#[track_caller]
pub(crate) fn answered(case: &Case, game: &mut TestGame, log: &Log, expected: &str) {
    game.update();
    let outcomes = log.take();
    let [outcome] = outcomes.as_slice() else {
        panic!("{}: {outcomes:?}", case.name);
    };
    assert!(outcome.starts_with(expected), "{}: {outcome}", case.name);
    game.update_by(LONG);
    game.connection_breaks();
    game.update_by(LONG);
    game.update();
    assert_eq!(log.take(), [""; 0], "{}: one answer", case.name);
}
