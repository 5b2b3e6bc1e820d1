//! What a game notices of matches and of the matchmaker, while it plays the part of a recorded client.

use std::fmt::Debug;

use crate::common::{log::Log, player::Player, steps::variant, transcripts::Scenario};
use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::{prelude::*, testing::TestGame};

/// A recording from its beginning to its end, as one client, and what the game noticed.
pub(super) fn played(scenario: &Scenario, client: &str) -> (Player, Vec<String>) {
    let (mut player, log) = watched(scenario, client);
    player.play(scenario);
    (player, log.take())
}

/// A client whose socket has just opened.
pub(super) fn watched(scenario: &Scenario, client: &str) -> (Player, Log) {
    let mut player = Player::connected(scenario, client);
    let log = Log::default();
    watch_replies::<AddMatchmaker>(&mut player.game, &log);
    watch_replies::<AddPartyToMatchmaker>(&mut player.game, &log);
    watch_replies::<RemoveMatchmakerTicket>(&mut player.game, &log);
    watch_replies::<JoinMatch>(&mut player.game, &log);
    watch_replies::<LeaveMatch>(&mut player.game, &log);
    watch_world(&mut player.game, &log);
    (player, log)
}

/// Every reply: the name of the request, and if it was refused, the variant and the text.
pub(super) fn watch_replies<R: Request<Refusal: Debug>>(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add(R::NAME),
        Err(RequestError::Refused(refusal)) => {
            seen.add(format!("{}: {} {refusal}", R::NAME, variant(refusal)));
        }
        Err(error) => seen.add(format!("{}: {error}", R::NAME)),
    });
}

/// Who comes and goes, tickets, matches that were found, and data.
fn watch_world(game: &mut TestGame, log: &Log) {
    let seen = log.clone();
    game.observe(move |_: On<Add, MatchmakerTicket>| seen.add("+ticket"));
    let seen = log.clone();
    game.observe(move |_: On<Remove, MatchmakerTicket>| seen.add("-ticket"));
    let seen = log.clone();
    game.observe(move |matched: On<MatchmakerMatched>| seen.add(describe(&matched)));
    let seen = log.clone();
    game.observe(move |here: On<Add, PresentIn>, names: Query<&Username>| {
        seen.add(format!("+{}", names.get(here.entity).expect("a name")));
    });
    let seen = log.clone();
    game.observe(
        move |gone: On<Remove, PresentIn>, names: Query<&Username>| {
            seen.add(format!("-{}", names.get(gone.entity).expect("a name")));
        },
    );
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
            for data in data.read() {
                let text = String::from_utf8_lossy(&data.data);
                seen.add(match &data.sender {
                    Some(sender) => format!("{}: {text}", sender.presence.username),
                    None => format!("server: {text}"),
                });
            }
        });
}

/// Everybody who was matched, by name: a star for the local user, the party if there is one, and the properties.
fn describe(matched: &MatchmakerMatched) -> String {
    let mut users: Vec<_> = matched
        .users
        .iter()
        .map(|user| {
            let mut text = user.presence.username.to_string();
            if user.is_self {
                text += "*";
            }
            if user.party_id.is_some() {
                text += " (party)";
            }
            let strings = user.string_properties.iter();
            let mut properties: Vec<_> = strings.map(|(name, it)| format!("{name}={it}")).collect();
            let numbers = user.numeric_properties.iter();
            properties.extend(numbers.map(|(name, it)| format!("{name}={it}")));
            if !properties.is_empty() {
                text += &format!(" {{{}}}", properties.join(", "));
            }
            text
        })
        .collect();
    users.sort();
    format!(
        "matched by {}: {}",
        variant(&matched.join),
        users.join("; ")
    )
}
