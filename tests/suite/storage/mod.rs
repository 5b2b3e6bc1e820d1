//! What a game keeps on the server.

mod a_player_saves_on_two_devices;
mod values_are_of_any_type;

use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

use crate::common::game::{Game, serve};
use bevy_nakama::local_server::{LocalServer, LocalServerConfig};

/// A save game.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Save {
    level: u32,
}

/// A game that is logged in, on a server.
fn game() -> (LocalServer, NakamaServer, Game) {
    let (local, server) = serve(LocalServerConfig::default());
    let game = Game::online(&server, Login::device("device-of-ada"));
    (local, server, game)
}
