//! The connection is lost and comes back: what the local user was in goes on.

mod status;

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    healing::*,
    mirror::HasMembers,
    prelude::*,
    proto::{UserPresence, realtime},
    testing::*,
};

use crate::common::log::Log;

/// The line breaks, and the game hears of it.
fn lose(game: &mut TestGame) {
    game.connection_breaks();
    game.update();
    assert_eq!(state(game), ConnectionState::Reconnecting);
}

/// The server lets the game in again, which asks for what it was in. Nothing of that is answered.
fn reopen(game: &mut TestGame) {
    game.sent();
    game.advance(Duration::from_millis(300));
    game.server_accepts();
    game.update();
}

fn state(game: &TestGame) -> ConnectionState {
    game.app.world().resource::<NakamaConnection>().state()
}

/// A session of a user that is not the one from before.
fn again(name: &str) -> UserPresence {
    UserPresence {
        session_id: format!("session-{name}-2"),
        ..user_presence(name)
    }
}

/// Logs who joins and who leaves, what came of the item, and that the connection is back.
fn watch<C: HasMembers>(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |joined: On<Joined<C>>, names: Query<&Username>| {
        let name = names.get(joined.presence).expect("a presence has a name");
        seen.add(format!("+{name} {:?}", joined.how));
    });
    let seen = log.clone();
    game.observe(move |left: On<Left<C>>| {
        seen.add(format!("-{} {:?}", left.info.username, left.why));
    });
    let seen = log.clone();
    game.observe(move |back: On<Reentered<C>>| match &back.outcome {
        ReentryOutcome::Lost(reason) => seen.add(format!("lost: {reason}")),
        outcome => seen.add(format!("{outcome:?}")),
    });
    let seen = log.clone();
    game.observe(move |connected: On<Connected>| {
        seen.add(if connected.resumed {
            "connected again"
        } else {
            "connected"
        });
    });
    log
}
