//! The command line.

use std::time::Duration;

use clap::Parser;

/// Many players on a Nakama server, who send and count messages: a load test.
///
/// Each has an account of its own, `bot-1` and so on, which stays on the server. They meet in matches that nobody else knows of.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Options {
    /// A Nakama server, like `http://127.0.0.1:7350`. Without it, the example starts an embedded server.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The server key.
    #[arg(long, default_value = "defaultkey")]
    pub(crate) key: String,
    /// How many bots play.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
    /// How many messages each sends a second.
    #[arg(long, default_value_t = 20.0, value_parser = rate)]
    pub(crate) rate: f64,
    /// How many are in a match.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) room: u32,
    /// The size of a message's data in bytes, 16 or more.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(16..=3500))]
    pub(crate) bytes: u16,
    /// How long they send.
    #[arg(long, default_value_t = 30)]
    pub(crate) seconds: u64,
    /// How many frames a second each bot has, as your game has. A message waits for the receiver's next frame.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) frames: u32,
    /// How many threads run the bots' frames. [default: all cores but one]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Print what was measured as a JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Options {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How long a bot waits between two messages.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }

    /// How many rooms there are.
    pub(crate) fn rooms(&self) -> u32 {
        self.count.div_ceil(self.room)
    }

    /// How many bots are in the room of a bot, itself included. The last room may be smaller.
    pub(crate) fn members(&self, bot: u32) -> u32 {
        let first = bot - bot % self.room;
        self.room.min(self.count - first)
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=10_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("a rate is between 0.01 and 10000".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_room_takes_who_is_left() {
        let options = Options::parse_from(["bots", "--count", "25", "--room", "10"]);
        assert_eq!(options.rooms(), 3);
        let members = [0, 9, 10, 20, 24].map(|bot| options.members(bot));
        assert_eq!(members, [10, 10, 10, 5, 5]);
    }

    #[test]
    fn a_rate_of_nothing_is_refused() {
        for rate in ["0", "-1", "NaN", "inf", "many"] {
            assert!(Options::try_parse_from(["bots", "--rate", rate]).is_err());
        }
        let options = Options::try_parse_from(["bots", "--rate", "0.5"]).unwrap();
        assert_eq!(options.interval(), Duration::from_secs(2));
    }
}
