//! Sockets that are full, quiet or say what an old server does not know.

use std::time::Duration;

use super::{pass, world};
use bevy_nakama::{
    __testing::{Incoming, Transmit},
    local_server::LocalServerConfig,
    proto::PartyLayout,
};
use serde_json::json;

#[test]
fn the_65th_message_that_waits_ends_the_socket() {
    let mut world = world(LocalServerConfig::default());
    let session = world.open_as("ada");
    let ping = json!({"cid": "1", "ping": {}});
    for _ in 0..64 {
        world.send(session, &ping);
    }
    assert!(matches!(
        world.server.transmit(session),
        Some(Transmit::Message(_))
    ));
    world.send(session, &ping); // in the place of the one taken
    assert!(!world.server.is_gone(session));

    world.send(session, &ping);
    let close = Transmit::Close(Some((1000, "session outgoing queue full")));
    assert_eq!(world.take(session), [close], "and what was queued is lost");
    pass(&mut world, 2);
    assert_eq!(world.server.transmit(session), Some(Transmit::Drop));
}

#[test]
fn a_quiet_socket_is_pinged_once_and_then_closed() {
    let mut world = world(LocalServerConfig::default());
    let [pongs, silent] = ["ada", "bob"].map(|name| world.open_as(name));
    pass(&mut world, 14);
    assert_eq!(world.take(silent), []);
    pass(&mut world, 1);
    assert_eq!(world.take(pongs), [Transmit::Ping]);
    world.receive(pongs, Incoming::Pong);
    pass(&mut world, 9);
    assert_eq!(world.take(silent), [Transmit::Ping]);
    pass(&mut world, 1);
    assert_eq!(
        world.take(silent),
        [Transmit::Close(Some((1000, "i/o timeout")))]
    );
    assert_eq!(world.take(pongs), []);
    pass(&mut world, 5);
    assert_eq!(world.take(pongs), [Transmit::Ping]);
}

#[test]
fn twenty_messages_are_a_sign_of_life_and_nineteen_are_not() {
    let mut world = world(LocalServerConfig::default());
    for (messages, is_alive) in [(19, false), (20, true)] {
        let session = world.open_as("ada");
        pass(&mut world, 14);
        for _ in 0..messages {
            world.send(session, &json!({"pong": {}}));
        }
        pass(&mut world, 1);
        assert_eq!(
            world.take(session).is_empty(),
            is_alive,
            "after {messages} messages"
        );
        pass(&mut world, 10);
        let is_closed = matches!(world.take(session)[..], [Transmit::Close(_)]);
        assert_eq!(is_closed, !is_alive, "after {messages} messages");
    }
}

#[test]
fn the_next_deadline_is_never_late() {
    let mut world = world(LocalServerConfig::default());
    assert_eq!(world.server.next_deadline(), None);
    let session = world.open_as("ada");
    assert_eq!(world.server.next_deadline(), Some(Duration::from_secs(15)));
    world.send(session, &json!({}));
    assert_eq!(
        world.server.next_deadline(),
        Some(Duration::from_secs(2)),
        "the end of the socket"
    );
    pass(&mut world, 2);
    assert_eq!(world.server.next_deadline(), None);
}

#[test]
fn an_old_server_closes_json_sockets_at_fields_it_does_not_know() {
    let mut world = world(LocalServerConfig {
        party_layout: PartyLayout::Before3_28,
        ..LocalServerConfig::default()
    });
    for (request, is_known) in [
        (json!({"party_create": {"max_size": 2, "open": true}}), true),
        (
            json!({"party_create": {"max_size": 2, "hidden": false}}),
            false,
        ),
        (json!({"party_update": {}}), false),
    ] {
        let session = world.open_as("ada");
        world.send(session, &request);
        let is_closed = world.take(session).contains(&Transmit::Close(None));
        assert_eq!(is_closed, !is_known, "{request}");
    }
}
