//! The embedded server over real connections. What it answers is compared with recordings elsewhere
//! (`recorded::embedded_server`); here it is about sockets, threads and bytes.

mod a_server_starts_again;
mod a_server_starts_and_stops;
mod bursts_cost_what_they_cost_on_a_real_server;
mod by_hand;
mod code_of_the_game_runs_on_it;
mod games_see_each_other;
mod sockets_carry_both_formats;

use bevy_nakama::local_server::{LocalServer, LocalServerConfig};

fn start() -> LocalServer {
    LocalServer::start(LocalServerConfig::default()).expect("a server")
}
