//! One of two games is behind the fault proxy.

mod a_game_stands_still;
mod a_line_breaks;
mod a_line_is_silent;
mod a_match_is_left_while_away;
mod a_match_with_a_handler;
mod a_member_comes_back;
mod a_server_says_why;
mod a_server_starts_again;
mod a_status_is_shown_again;
mod damaged_frames;
mod members_change_while_away;
mod parties;
mod requests_under_way;
mod the_game_has_a_say;
mod tickets_are_added_again;
mod tries_are_repeated;
mod what_is_sent_while_away;
mod what_was_said_while_away;

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Frames, Rule, RuleId},
    connection::ConnectionState,
    healing::{LoginNeeded, Reentered},
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
    proto::Kind,
};

use super::stage::{Line, Player, enter_by_name, login, millis, seconds};
use crate::common::{
    game::{Game, serve},
    log::Log,
};

/// Ada plays through the proxy, Bob and the others do not.
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
        Self::entering(config, settings, enter_by_name)
    }

    /// The same in another match, which each of them enters in this way.
    fn entering(
        config: LocalServerConfig,
        settings: NakamaSettings,
        enter: impl FnMut(&mut Game) -> Entity,
    ) -> Self {
        let (local, direct) = serve(config);
        let proxy = ChaosProxy::start(local.url()).expect("a proxy");
        let through = NakamaServer::new(proxy.url(), local.server_key());
        let line = Proxied { proxy, local };
        Self::entered(line, &through, &direct, settings, enter)
    }

    /// Where the players connect who do not use the proxy.
    fn direct(&self) -> NakamaServer {
        NakamaServer::new(self.local.url(), self.local.server_key())
    }

    /// One more player in the match `m`, of whom Ada and Bob have heard.
    fn joins(&mut self, name: &str) {
        let player = Player::new(&self.direct(), name, NakamaSettings::default());
        let session = player.session();
        self.others.push(player);
        self.until("everybody sees them", |stage| {
            let games = [&mut stage.ada, &mut stage.bob];
            let mut see = games.into_iter().filter(|it| !it.is_away());
            see.all(|it| it.members().iter().any(|who| who.1 == session))
                .then_some(())
        });
    }

    /// Ada loses the server, and does not find it again until she [comes back](Self::ada_comes_back). The server knows.
    #[track_caller]
    fn ada_goes_away(&mut self) {
        let session = self.ada.session();
        self.proxy.stop_listening().expect("it stops");
        self.proxy.add(Rule::reset().for_open_connections());
        self.until_ada_hears("lost");
        self.until("bob sees that she is gone", |stage| {
            let members = stage.bob.members();
            members.iter().all(|who| who.1 != session).then_some(())
        });
    }

    /// What she hears up to the end of re-entry.
    #[track_caller]
    fn ada_comes_back(&mut self) -> Vec<String> {
        self.proxy.listen_again().expect("it listens");
        let game = &mut self.ada.game;
        game.commands(|commands| commands.nakama().network_is_back());
        self.until_ada_hears("resumed").1
    }
}

/// A cable that is cut: whatever is open is half-open, and new connections get no answer. Returns what to remove when it is in again.
fn cut(proxy: &ChaosProxy) -> Vec<RuleId> {
    proxy.add(Rule::half_open().for_open_connections());
    let holds = Direction::BOTH.map(|way| Rule::hold(way).for_new_connections());
    holds.map(|rule| proxy.add(rule)).into()
}

/// The server drops the ghost after 20 s, so the test need not wait for 25.
fn quick_server() -> LocalServerConfig {
    LocalServerConfig {
        pong_wait: seconds(20),
        ..Default::default()
    }
}

/// Lines whose order does not matter.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
