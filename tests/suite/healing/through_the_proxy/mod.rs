//! One of two games is behind the fault proxy.

mod a_line_breaks;
mod a_line_is_silent;
mod a_server_says_why;
mod damaged_frames;
mod requests_under_way;
mod the_game_has_a_say;
mod tries_are_repeated;

use std::time::Instant;

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Frames, Rule, RuleId},
    connection::ConnectionState,
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    proto::Kind,
};

use super::stage::{Line, Player, login, millis, seconds};
use crate::common::{game::serve, log::Log};

/// Ada plays through the proxy, Bob does not.
type Stage = super::stage::Stage<Proxied>;

struct Proxied {
    proxy: ChaosProxy,
    local: LocalServer,
}

impl Line for Proxied {
    fn told(&self) -> String {
        self.proxy.log().to_string()
    }
}

impl Stage {
    fn new() -> Self {
        Self::with(LocalServerConfig::default(), NakamaSettings::default())
    }

    fn with(config: LocalServerConfig, settings: NakamaSettings) -> Self {
        let (local, direct) = serve(config);
        let proxy = ChaosProxy::start(local.url()).expect("a proxy");
        let through = NakamaServer::new(proxy.url(), local.server_key());
        Self::open(Proxied { proxy, local }, &through, &direct, settings)
    }
}
