//! Servers that never stop talking. Each gets no more of the network thread than its share.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::common::{
    game::Game,
    scripted::{binary, flood, next_of, websocket_server},
};
use bevy_nakama::{connection::Network, prelude::*, proto::Kind, testing::match_joined};

/// How soon an app has to end.
const LIMIT: Duration = Duration::from_millis(250);
/// On a busy machine one try may be late. If a server holds the thread up, each try is.
const TRIES: usize = 5;

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

/// The shortest time in which such an app ended.
fn ends_within(mut game: impl FnMut() -> Game) -> Duration {
    let times = (0..TRIES).map(|_| {
        let game = game();
        let begin = Instant::now();
        drop(game);
        begin.elapsed()
    });
    times.min().expect("some tries")
}

#[test]
fn an_app_ends_at_once_although_its_server_never_stops_talking() {
    for kind in ALL {
        let server = flooding(kind);
        let took = ends_within(|| connected_to(&server));
        assert!(took < LIMIT, "{kind:?}: {took:?}");
    }
}

#[test]
fn an_app_ends_at_once_although_the_server_talks_on_after_the_goodbye() {
    for kind in ALL {
        let server = flooding(kind);
        let took = ends_within(|| {
            let mut game = connected_to(&server);
            game.commands(|commands| commands.nakama().disconnect());
            game.next_phase();
            game
        });
        assert!(took < LIMIT, "{kind:?}: {took:?}");
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
        let mut settings = NakamaSettings::default();
        settings.request_timeout = Duration::from_millis(300);
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
