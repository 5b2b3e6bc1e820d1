//! A small multiplayer arena: everybody in the match is an avatar that moves, and can let off a shockwave.
//!
//! `cargo run --example arena` needs nothing else: it starts an embedded server and three bots. A second one on the same
//! machine joins the server of the first, as another player. `-- --server http://127.0.0.1:7350` uses a Nakama instead,
//! `-- --help` tells the rest.
//!
//! Pull the cable, stop the server, or let `-- --chaos 8` do it: everybody is back as soon as the server is, as the same entities. If the
//! arena with the server ends, another one takes its place, and the others go on there.
//!
//! Read it in this order: `account.rs` says who plays, `online.rs` logs in, connects and joins; `movement.rs` and `shockwave.rs` send and receive typed
//! match data; `chat.rs` and `party.rs` are for the people; `host.rs` is about the server; `bots.rs` and `headless.rs` are the same game without
//! a window; `view` draws it.

mod account;
mod bots;
mod chaos;
mod chat;
mod check;
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

use self::{
    account::Account,
    bots::Bots,
    chaos::Chaos,
    host::{Host, Place},
    online::Player,
    options::Options,
};
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

/// What is around the game of the player, and not around those of the bots.
#[derive(Clone)]
struct Surroundings {
    place: Option<Place>,
    chaos: Option<Chaos>,
}

impl Plugin for Surroundings {
    fn build(&self, app: &mut App) {
        if let Some(place) = &self.place {
            app.add_plugins(place.clone());
        }
        if let Some(chaos) = &self.chaos {
            app.add_plugins(chaos.clone());
        }
    }
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
    let chaos = match Chaos::find(&options, &host.server) {
        Ok(chaos) => chaos,
        Err(error) => {
            eprintln!("The bad line could not be made: {error}");
            return ExitCode::FAILURE;
        }
    };
    let account = Account::find(&options);
    let mut player = Player::new(&host.server, &account.device, &account.name, &options.arena);
    let number_of_bots = options.bots.unwrap_or(host.bots);
    let bots = Bots::start(number_of_bots, &player, &network);
    match &chaos {
        // The address is another one each time: a session for it is not worth keeping.
        Some(chaos) => player.server = chaos.server(&options),
        None => player = player.kept_in(account.store.clone()),
    }
    let around = Surroundings {
        place: host.place.clone(),
        chaos,
    };

    let exit = if options.headless {
        headless::run(player, &network, &options, number_of_bots, around)
    } else {
        view::run(player.clone(), &network, &options, around.clone()).unwrap_or_else(|| {
            println!("There is no display (or no graphics driver): going on without a window.");
            headless::run(player, &network, &options, number_of_bots, around)
        })
    };
    // They say goodbye before their server goes.
    let problem = bots.end();
    drop(host);
    match problem {
        Some(problem) if options.headless => {
            println!("{problem}");
            ExitCode::FAILURE
        }
        _ => exit,
    }
}
