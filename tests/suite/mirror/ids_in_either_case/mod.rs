//! Ids as people type them. The server compares UUIDs whatever their case, and messages of others may carry either.

mod channels;
mod matches_and_parties;
mod players_meet_over_sockets;
mod streams_and_other_ids;
mod users_and_sessions;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::presence::Sender;
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Message},
    testing::*,
};

const LOWER: &str = "4c2ae592-b2a7-445e-98ec-697694478b1c";

const UPPER: &str = "4C2AE592-B2A7-445E-98EC-697694478B1C";

fn message(sent: Envelope) -> Message {
    sent.message.expect("a message")
}

/// Logs the data of matches and parties, with its sender.
fn listen(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.app.add_systems(
        Update,
        move |mut matches: MessageReader<MatchDataReceived>,
              mut parties: MessageReader<PartyDataReceived>| {
            let name = |sender: &Option<Sender>| {
                let sender = sender.as_ref().expect("a sender");
                assert!(sender.entity.is_some(), "the sender is there");
                sender.presence.username.to_string()
            };
            for data in matches.read() {
                seen.add(format!("{}: {}", name(&data.sender), data.op_code));
            }
            for data in parties.read() {
                seen.add(format!("{}: {}", name(&data.sender), data.op_code));
            }
        },
    );
    log
}
