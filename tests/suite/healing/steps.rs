//! What all scenarios do.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    connection::{Connected, ConnectionState, Disconnected, NakamaConnection},
    healing::{ConnectionLost, Reentered, ReentryOutcome},
    matches::Match,
    mirror::HasMembers,
    prelude::*,
    proto::{Message, UserPresence, realtime},
    testing::{TestGame, user_presence},
};

use crate::common::log::Log;

/// Writes down what a game hears of the connection, and of matches and who is in them.
pub(super) fn listen(game: &mut TestGame) -> Log {
    let log = Log::default();
    let to = log.clone();
    game.observe(move |lost: On<ConnectionLost>| to.add(format!("lost: {}", lost.cause)));
    let to = log.clone();
    game.observe(move |on: On<Connected>| {
        to.add(if on.resumed { "resumed" } else { "connected" }.to_owned());
    });
    let to = log.clone();
    game.observe(move |end: On<Disconnected>| to.add(format!("ended: {}", end.reason)));
    let to = log.clone();
    game.observe(move |back: On<Reentered<Match>>| to.add(format!("match: {:?}", back.outcome)));
    let to = log.clone();
    game.observe(move |joined: On<Joined<Match>>, names: Query<&Username>| {
        if let Ok(name) = names.get(joined.presence) {
            to.add(format!("+{name} {:?}", joined.how));
        }
    });
    let to = log.clone();
    game.observe(move |left: On<Left<Match>>| {
        to.add(format!("-{} {:?}", left.info.username, left.why));
    });
    log
}

/// The connection breaks, and the game hears of it.
pub(super) fn lose(game: &mut TestGame) {
    game.connection_breaks();
    game.update();
    assert_eq!(state(game), ConnectionState::Reconnecting);
}

/// The game opens a socket again, and the server accepts it.
#[track_caller]
pub(super) fn reopen(game: &mut TestGame) {
    for _ in 0..3000 {
        game.update();
        if game.opens_a_socket() {
            game.server_accepts();
            return game.update();
        }
    }
    panic!(
        "within 30 s the game opens no socket: {:?}",
        game.app.world().resource::<NakamaConnection>()
    );
}

pub(super) fn state(game: &TestGame) -> ConnectionState {
    game.app.world().resource::<NakamaConnection>().state()
}

/// This user, in a later session.
pub(super) fn again(name: &str) -> UserPresence {
    UserPresence {
        session_id: format!("session-{name}-2"),
        ..user_presence(name)
    }
}

/// The answer to a join: the first is the local user.
pub(super) fn match_with(match_id: &str, everybody: &[UserPresence]) -> Message {
    Message::Match(realtime::Match {
        match_id: match_id.into(),
        presences: everybody[1..].to_vec(),
        self_: everybody.first().cloned(),
        ..Default::default()
    })
}

/// Runs frames until so much time has passed.
pub(super) fn wait(game: &mut TestGame, seconds: u64) {
    game.advance(Duration::from_secs(seconds));
}

/// Writes down who joins and who leaves, what came of each item of this kind, and that the connection is back.
pub(super) fn hear_of<C: HasMembers>(game: &mut TestGame) -> Log {
    let log = Log::default();
    let to = log.clone();
    game.observe(move |joined: On<Joined<C>>, names: Query<&Username>| {
        let name = names.get(joined.presence).expect("a presence has a name");
        to.add(format!("+{name} {:?}", joined.how));
    });
    let to = log.clone();
    game.observe(move |left: On<Left<C>>| {
        to.add(format!("-{} {:?}", left.info.username, left.why));
    });
    let to = log.clone();
    game.observe(move |back: On<Reentered<C>>| match &back.outcome {
        ReentryOutcome::Lost(reason) => to.add(format!("lost: {reason}")),
        outcome => to.add(format!("{outcome:?}")),
    });
    let to = log.clone();
    game.observe(move |on: On<Connected>| {
        to.add(if on.resumed { "resumed" } else { "connected" }.to_owned());
    });
    log
}
