//! Streams, tickets, messages and notifications are the same in either case.

use super::*;
use bevy_nakama::stream::Stream;

#[test]
fn a_stream_is_the_same_in_either_case() {
    let stream = |subject: &str| Stream {
        mode: 130,
        subject: subject.into(),
        subcontext: subject.into(),
        label: "Town".into(),
    };
    let mut game = TestGame::connected();
    game.server_says(stream_presences(&stream(LOWER), &["bob"], &[]));
    game.server_says(stream_data(&stream(UPPER), "{}"));
    game.server_says(stream_presences(&stream(UPPER), &["cat"], &[]));
    game.update();
    let world = game.app.world_mut();
    let mut streams = world.query::<(Entity, &Stream)>();
    let (entity, _) = streams.single(world).expect("one stream");
    let index = world.resource::<StreamIndex>();
    assert_eq!(index.get(&stream(UPPER)), Some(entity));
    assert_eq!(index.get(&stream(LOWER)), Some(entity));
    let here = world.get::<StreamPresences>(entity).expect("somebody");
    assert_eq!(here.iter().count(), 2);
}

#[test]
fn other_ids_are_the_same_in_either_case() {
    assert_eq!(TicketId::from(UPPER), TicketId::from(LOWER));
    assert_eq!(MessageId::from(UPPER), MessageId::from(LOWER));
    assert_eq!(NotificationId::from(UPPER), NotificationId::from(LOWER));
    assert_ne!(Username::from("Bob"), Username::from("bob"));
    assert_ne!(
        UserId::from("user-Bob"),
        UserId::from("user-bob"),
        "no UUID"
    );

    let mut game = TestGame::connected();
    game.server_says(notification_sent(LOWER, 1, "hello", "{}", true));
    game.server_says(notification_sent(UPPER, 1, "hello", "{}", true));
    game.update();
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.len(), 1);
    assert!(inbox.get(UPPER).is_some());
}
