//! The connection as a game sees it: phases, reasons, heartbeats, and what is left afterwards.

mod a_frame_has_a_time_budget;
mod an_end_says_why;
mod connecting_takes_its_phases;
mod disconnecting_sends_what_is_queued;
mod heartbeats_find_a_silent_server;
mod nothing_of_the_last_connection_is_in_the_next;
mod phases;
mod the_state_is_for_looking_at;
mod tokens_that_have_ended_are_replaced;
mod traffic_is_reported_while_somebody_asks;
mod what_is_old_is_known_to_be_old;

use crate::common::{log::Log, steps::connect_as};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::*};

fn watch(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |connected: On<Connected>| {
        seen.add(format!("connected, resumed: {}", connected.resumed))
    });
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    (game, log)
}

fn state(game: &TestGame) -> ConnectionState {
    *game.app.world().resource::<State<ConnectionState>>().get()
}

fn start_connecting(game: &mut TestGame) {
    connect_as(game, "ada");
    game.update();
    game.update();
}
