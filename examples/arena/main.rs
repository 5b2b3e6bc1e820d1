//! A small multiplayer arena: everybody in the match is an avatar that moves, and can let off a shockwave.
//!
//! `cargo run --example arena` needs nothing else: it starts an embedded server and three bots. A second one on the same
//! machine joins the server of the first, as another player. `-- --server http://127.0.0.1:7350` uses a Nakama instead,
//! `-- --help` tells the rest.
//!
//! Read it in this order: `account.rs` says who plays, `online.rs` logs in, connects and joins; `movement.rs` and `shockwave.rs` send and receive typed
//! match data; `chat.rs` and `party.rs` are for the people; `bots.rs` and `headless.rs` are the same game without a window; `view` draws it.

mod account;
mod bots;
mod chat;
mod headless;
mod host;
mod log;
mod movement;
mod notice;
mod online;
mod options;
mod party;
mod shockwave;
mod view;

use std::process::ExitCode;

use bevy::prelude::*;
use clap::Parser as _;

use self::{account::Account, bots::Bots, host::Host, online::Player, options::Options};
use bevy_nakama::connection::Network;

/// The game, without a window.
fn game(app: &mut App) {
    app.add_plugins((
        online::plugin,
        movement::plugin,
        shockwave::plugin,
        chat::plugin,
        party::plugin,
        notice::plugin,
    ));
}

fn main() -> ExitCode {
    let options = Options::parse();
    log::start();
    let host = match Host::find(&options) {
        Ok(host) => host,
        Err(error) => {
            eprintln!("The arena's server could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Playing on {} ({}).", host.server.url(), host.what);
    let network = match Network::new() {
        Ok(network) => network,
        Err(error) => {
            eprintln!("The network thread could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let account = Account::find(&options);
    let player = Player::new(&host.server, &account.device, &account.name, &options.arena)
        .kept_in(account.store.clone());
    let number_of_bots = options.bots.unwrap_or(host.bots);
    let bots = Bots::start(number_of_bots, &player, &network);

    let exit = if options.headless {
        headless::run(player, &network, &options, number_of_bots)
    } else {
        view::run(player.clone(), &network, &options).unwrap_or_else(|| {
            println!("There is no display (or no graphics driver): going on without a window.");
            headless::run(player, &network, &options, number_of_bots)
        })
    };
    drop(bots); // they say goodbye before their server goes
    exit
}
