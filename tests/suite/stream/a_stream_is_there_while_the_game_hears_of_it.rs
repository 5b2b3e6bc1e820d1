//! A stream appears with the first thing that the game hears of it, and goes with the game or the connection.

use super::*;
use bevy_nakama::proto::{Message, UserPresence, realtime};
use bevy_nakama::stream::Stream;

#[test]
fn a_stream_appears_with_the_first_thing_that_is_heard_of_it() {
    let (mut game, log) = watched();
    assert_eq!(entity(&game, &town()), None);
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.server_says(stream_data(&mill(), "flour"));
    game.update();
    let town_here = entity(&game, &town()).expect("it was heard of");
    let mill_here = entity(&game, &mill()).expect("it was heard of");
    assert_eq!(log.take(), ["+bob in town", "mill: flour"]);
    let world = game.app.world();
    assert_eq!(world.get::<Stream>(mill_here), Some(&mill()));
    let name = world.get::<Name>(town_here).map(Name::as_str);
    assert_eq!(name, Some("stream 130...town"));
    assert!(world.get::<StreamPresences>(mill_here).is_none());
    assert_eq!(world.resource::<StreamIndex>().iter().count(), 2);

    // An update is a change of the same presence, and hiding is leaving.
    let bob = |persistence| UserPresence {
        persistence,
        ..user_presence("bob")
    };
    let session = SessionId::from("session-bob");
    let before = world.resource::<PresenceIndex>().get(town_here, &session);
    game.server_says(Message::StreamPresenceEvent(
        realtime::StreamPresenceEvent {
            stream: Some((&town()).into()),
            joins: vec![bob(true)],
            leaves: vec![bob(false)],
        },
    ));
    game.update();
    assert_eq!(log.take(), ["bob in town persistent"]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.get(town_here, &session), before);
    game.server_says(stream_presences(&town(), &[], &["bob", "stranger"]));
    game.update();
    assert_eq!(log.take(), ["-bob"]);
    assert_eq!(entity(&game, &town()), Some(town_here), "it stays");
}

#[test]
fn a_stream_goes_with_the_game_or_the_connection() {
    let (mut game, log) = watched();
    game.server_says(stream_presences(&town(), &["ada", "bob"], &[]));
    game.update();
    let first = entity(&game, &town()).expect("a stream");
    game.app.world_mut().despawn(first);
    assert_eq!(entity(&game, &town()), None);
    game.update();
    assert!(game.sent().is_empty(), "nothing is left by that");
    let mut lines = log.take();
    lines.sort();
    assert_eq!(
        lines,
        [
            "+ada in town (self)",
            "+bob in town",
            "-ada YouLeft",
            "-bob YouLeft"
        ]
    );

    game.server_says(stream_data(&town(), "rain"));
    game.server_says(stream_presences(&town(), &["cat"], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["+cat in town", "town: rain"]);
    assert!(entity(&game, &town()).is_some_and(|again| again != first));

    game.connection_ends();
    game.update();
    assert_eq!(entity(&game, &town()), None);
    let world = game.app.world_mut();
    assert_eq!(world.query::<&Presence>().iter(world).count(), 0);
    assert_eq!(world.query::<&Stream>().iter(world).count(), 0);
}

#[test]
fn a_stream_that_is_despawned_when_it_appears_does_no_harm() {
    let (mut game, log) = watched();
    game.observe(|came: On<Add, Stream>, mut commands: Commands| {
        commands.entity(came.entity).despawn();
    });
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    let world = game.app.world_mut();
    let mut strangers = world.query_filtered::<(), (With<Presence>, Without<SessionOf>)>();
    assert_eq!(strangers.iter(world).count(), 0);
}
