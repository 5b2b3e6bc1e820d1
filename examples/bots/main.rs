//! Bots: a load test for a Nakama server, and how many sessions live in one process on one network thread.
//!
//! `cargo run --release --example bots -- --count 200 --rate 20 --room 20 --server http://127.0.0.1:7350` has 200 players in rooms of 20, and
//! each sends 20 messages a second to the others in its room. Without `--server` it starts an embedded server. A line a second says how it goes, and a table
//! in the end what was measured (`--json`: the same as an object). Whoever loses the connection comes back, and is
//! counted. It fails if anybody is not back in the end, or if a message was lost although nobody had lost the connection.
//!
//! Each bot is a small Bevy app. They all share one `Network`, and few threads run the frames of all of them, see `crew.rs`.
//!
//! Read it in this order: `bot.rs` is one player; `crew.rs` runs their frames; `run.rs` leads them through the test; `tally.rs` counts and `report.rs`
//! tells.

mod beat;
mod bot;
mod crew;
mod machine;
mod options;
mod report;
mod run;
mod tally;

use std::{error::Error, process::ExitCode};

use bevy_nakama::{
    connection::Network,
    local_server::{LocalServer, LocalServerConfig},
    prelude::NakamaServer,
};
use clap::Parser as _;

use self::{options::Options, run::Run};

fn main() -> ExitCode {
    let options = Options::parse();
    match test(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn test(options: &Options) -> Result<bool, Box<dyn Error>> {
    // It lives until the bots have gone.
    let mut embedded = None;
    let server = match &options.server {
        Some(url) => NakamaServer::new(url, &options.key),
        None => {
            let local = embedded.insert(LocalServer::start(LocalServerConfig::default())?);
            NakamaServer::new(local.url(), local.server_key())
        }
    };
    let run = Run::new(options, server);
    ctrlc::set_handler({
        let run = run.clone();
        move || run.interrupt()
    })?;
    let crew = crew::start(&run, &Network::new()?);
    let end = run::lead(&run, &crew);
    crew.join();
    let report = end?;
    if options.json {
        println!("{:#}", report.json());
    } else {
        println!("{report}");
    }
    Ok(report.is_good())
}
