//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// A small multiplayer arena on Nakama.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Options {
    /// A Nakama server, like `http://127.0.0.1:7350`. Without it, an embedded one is used.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The server key.
    #[arg(long, default_value = "defaultkey")]
    pub(crate) key: String,
    /// Where the embedded server listens. If another arena's server listens there already, you join that.
    #[arg(long, default_value_t = 7360)]
    pub(crate) port: u16,
    /// Your name. With another name you are another player.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The device id to log in with: 10 to 128 bytes, as good as a password. By default a random one, which is kept for the next
    /// time. A second arena on this machine has another id.
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<String>,
    /// The name of the arena. You meet everybody who gives the same name.
    #[arg(long, default_value = "arena")]
    pub(crate) arena: String,
    /// How many bots play along. Three by default with a server of our own, otherwise none.
    #[arg(long)]
    pub(crate) bots: Option<usize>,
    /// No window: walk about, and say what was seen.
    #[arg(long)]
    pub(crate) headless: bool,
    /// The size of the window, from 480x360 on.
    #[arg(long, default_value = "960x600", value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub(crate) size: (u32, u32),
    /// Open the overlay from the start; F1 does so at any time.
    #[arg(long)]
    pub(crate) overlay: bool,
    /// Cut the line this many seconds after each time it was connected, in another way each time.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) chaos: Option<f32>,
    /// End after this many seconds.
    #[arg(long)]
    pub(crate) seconds: Option<f32>,
    /// Save a picture of the window, then end.
    #[arg(long, value_name = "FILE")]
    pub(crate) screenshot: Option<PathBuf>,
    /// When the picture is taken, in seconds.
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS")]
    pub(crate) after: f32,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let pixels = |text: &str| text.parse::<u32>().ok().filter(|pixels| *pixels > 0);
    text.split_once('x')
        .and_then(|(width, height)| Some((pixels(width)?, pixels(height)?)))
        .ok_or_else(|| "a size looks like 960x600".into())
}
