//! The log reports once what goes wrong and the game does not observe. It also names a plugin that the game forgot.

mod a_missing_plugin;
mod data_that_is_not_sent;
mod ends_and_errors_of_the_server;
mod failed_requests;

use crate::common::log::listen;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};

/// A game in a match, whose warnings are kept.
fn listening() -> TestGame {
    let game = TestGame::joined("m1", &["ada"]);
    listen();
    game
}
