//! Servers that never stop talking. Each gets no more of the network thread than its share.

use std::{process, sync::mpsc, thread, time::Duration};

use crate::common::{
    game::Game,
    scripted::{binary, flood, next_of, websocket_server},
};
use bevy_nakama::{connection::Network, prelude::*, proto::Kind, testing::match_joined};

/// How soon an app ends, at the latest, also on a busy machine. If a server holds the thread up, it never does.
const LIMIT: Duration = Duration::from_secs(20);

/// What a server writes once, and what it writes again and again.
#[derive(Clone, Copy, Debug)]
struct Flood {
    first: &'static [u8],
    then: &'static [u8],
}

const PINGS: Flood = Flood {
    first: &[],
    then: &[0x89, 0],
};
const EMPTY_MESSAGES: Flood = Flood {
    first: &[],
    then: &[0x82, 0],
};
/// One message in pieces without anything in them, and without a last one.
const EMPTY_PIECES: Flood = Flood {
    first: &[0x02, 0],
    then: &[0x00, 0],
};
/// The same, with a ping behind each piece.
const PIECES_AND_PINGS: Flood = Flood {
    first: &[0x02, 0],
    then: &[0x00, 0, 0x89, 0],
};

const ALL: [Flood; 4] = [PINGS, EMPTY_MESSAGES, EMPTY_PIECES, PIECES_AND_PINGS];

/// A server that floods whoever connects, and reads nothing.
fn flooding(Flood { first, then }: Flood) -> NakamaServer {
    websocket_server(move |socket| {
        let mut stream = socket.get_ref().try_clone().expect("a handle");
        thread::spawn(move || flood(&mut stream, first, then));
    })
}

fn connected_to(server: &NakamaServer) -> Game {
    let mut game = Game::new();
    game.connect_to(server);
    assert_eq!(game.next_phase(), "connected");
    game
}

/// Ends an app. If it does not end, the whole program fails: this thread hangs with the app.
fn end(game: Game, kind: Flood) {
    let (ended, end) = mpsc::channel::<()>();
    thread::spawn(move || {
        if end.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{kind:?}: the app does not end");
            process::exit(1);
        }
    });
    drop(game);
    drop(ended);
}

#[test]
fn an_app_ends_although_its_server_never_stops_talking() {
    for kind in ALL {
        end(connected_to(&flooding(kind)), kind);
    }
}

#[test]
fn an_app_ends_although_the_server_talks_on_after_the_goodbye() {
    for kind in ALL {
        let mut game = connected_to(&flooding(kind));
        game.commands(|commands| commands.nakama().disconnect());
        game.next_phase();
        end(game, kind);
    }
}

#[test]
fn a_flood_does_not_hold_up_other_games_on_the_same_thread() {
    for kind in ALL {
        let network = Network::new().expect("a thread");
        let mut flooded = Game::on(&network);
        flooded.connect_to(&flooding(kind));
        assert_eq!(flooded.next_phase(), "connected");

        let quiet = websocket_server(|mut socket| {
            let join = next_of(&mut socket, Kind::MatchJoin);
            let _ = socket.send(binary(&join.cid, match_joined("m1", &["ada"])));
            while socket.read().is_ok() {}
        });
        let mut game = Game::on(&network);
        game.connect_to(&quiet);
        assert_eq!(game.next_phase(), "connected", "{kind:?}");
        let joined = game.ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id("m1")).id());
        assert!(joined.is_ok(), "{kind:?}: {joined:?}");
    }
}

#[test]
fn a_flood_does_not_put_off_a_deadline_for_ever() {
    for kind in [PINGS, EMPTY_MESSAGES] {
        let settings = NakamaSettings {
            request_timeout: Duration::from_millis(300),
            ..NakamaSettings::default()
        };
        let mut game = Game::with(NakamaPlugin::new(settings));
        game.connect_to(&flooding(kind));
        assert_eq!(game.next_phase(), "connected");
        let joined = game.ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id("m1")).id());
        assert!(
            matches!(joined, Err(RequestError::Timeout { .. })),
            "{kind:?}: {joined:?}"
        );
    }
}

#[test]
fn a_message_in_endless_pieces_ends_the_connection() {
    for kind in [EMPTY_PIECES, PIECES_AND_PINGS] {
        let mut game = connected_to(&flooding(kind));
        assert_eq!(
            game.next_phase(),
            "the server broke the protocol: a message in too many pieces",
            "{kind:?}"
        );
    }
}
