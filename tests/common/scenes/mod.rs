//! Scenes of several games, for any server: the embedded one and real ones have to play them alike.

pub(crate) mod chat;
pub(crate) mod friends;
pub(crate) mod kick;
pub(crate) mod matchmaking;
pub(crate) mod party;
pub(crate) mod party_lines;
pub(crate) mod server_code;
pub(crate) mod storage;

use std::time::{SystemTime, UNIX_EPOCH};

use bevy_nakama::prelude::*;

use super::game::Game;

/// A name that no earlier run has used.
pub(crate) fn fresh(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("{name}-{:x}", now.expect("a clock").as_nanos())
}

/// A new player, connected.
#[track_caller]
pub(crate) fn player(server: &NakamaServer, name: &str) -> Game {
    let name = fresh(name);
    Game::online(
        server,
        Login::device(format!("device-of-{name}")).username(name),
    )
}
