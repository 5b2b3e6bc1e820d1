//! Rules about time and queues, on a virtual clock.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use super::{Core, Incoming, Transmit, ids::SessionId};
use crate::local_server::LocalServerConfig;

/// A server and its virtual clock.
struct World {
    core: Core,
    now: Duration,
}

impl World {
    fn new(config: LocalServerConfig) -> Self {
        Self {
            core: Core::new(
                config,
                StdRng::seed_from_u64(1),
                Duration::from_secs(1_800_000_000),
            ),
            now: Duration::ZERO,
        }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.core.advance(self.now);
    }

    /// Makes an account of that name and opens a JSON socket.
    fn open(&mut self, username: &str) -> SessionId {
        let target = format!("/v2/account/authenticate/device?username={username}");
        let body = json!({ "id": format!("device-of-{username}") }).to_string();
        let request = http::Request::post(target)
            .header("Authorization", "Basic ZGVmYXVsdGtleTo=")
            .body(body.into())
            .expect("a request");
        let response = self.core.request(self.now, &request);
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        let target = format!("/ws?token={}", body["token"].as_str().expect("a token"));
        let request = http::Request::get(target)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .expect("a request");
        self.core
            .open(self.now, &request)
            .socket
            .expect("a socket")
            .0
    }

    fn send(&mut self, session: SessionId, envelope: &Value) {
        let incoming = Incoming::Text(envelope.to_string().into());
        self.core.receive(self.now, session, incoming);
    }

    /// Takes all that is to be written to a socket.
    fn take(&mut self, session: SessionId) -> Vec<Transmit> {
        std::iter::from_fn(|| self.core.transmit(session))
            .take(1_000)
            .collect()
    }

    /// The envelopes in what is to be written.
    fn envelopes(&mut self, session: SessionId) -> Vec<Value> {
        let transmits = self.take(session).into_iter();
        transmits
            .filter_map(|transmit| match transmit {
                Transmit::Message(frame) => serde_json::from_slice(&frame).ok(),
                _ => None,
            })
            .collect()
    }

    /// The first answer to a request, without what was waiting before.
    fn ask(&mut self, session: SessionId, request: &Value) -> Value {
        self.take(session);
        self.send(session, request);
        self.envelopes(session).swap_remove(0)
    }
}

#[test]
fn a_match_token_needs_no_match_and_lasts_for_30_seconds() {
    let mut world = World::new(LocalServerConfig {
        ping_period: Duration::from_secs(3600),
        pong_wait: Duration::from_secs(3600),
        ..LocalServerConfig::default()
    });
    let [ada, bob] = ["ada", "bob"].map(|name| world.open(name));
    let id = "11111111-1111-4111-8111-111111111111.";
    let join = |token: String| json!({"cid": "1", "match_join": {"token": token}});
    let join_here = join(world.core.tokens.issue_match(id, &world.core.clock));

    world.pass(29);
    let answer = world.ask(ada, &join_here);
    assert_eq!(answer["match"]["match_id"], id);
    assert_eq!(answer["match"].get("size"), None, "oneself is not counted");
    assert_eq!(world.ask(bob, &join_here)["match"]["size"], 1);

    world.pass(1);
    let answer = world.ask(ada, &join_here);
    assert_eq!(answer["error"]["message"], "Invalid match token");

    let other = Core::new(
        world.core.config.clone(),
        StdRng::seed_from_u64(2),
        Duration::ZERO,
    );
    let forged = join(other.tokens.issue_match(id, &world.core.clock));
    let answer = world.ask(ada, &forged);
    assert_eq!(answer["error"]["message"], "Invalid match token");
}

#[test]
fn the_65th_message_that_waits_ends_the_socket() {
    let mut world = World::new(LocalServerConfig::default());
    let session = world.open("ada");
    let ping = json!({"cid": "1", "ping": {}});
    for _ in 0..64 {
        world.send(session, &ping);
    }
    assert!(matches!(
        world.core.transmit(session),
        Some(Transmit::Message(_))
    ));
    world.send(session, &ping); // in the place of the one taken
    assert!(!world.core.is_gone(session));

    world.send(session, &ping);
    let close = Transmit::Close(Some((1000, "session outgoing queue full")));
    assert_eq!(world.take(session), [close], "and what was queued is lost");
    world.pass(2);
    assert_eq!(world.core.transmit(session), Some(Transmit::Drop));
}

#[test]
fn a_quiet_socket_is_pinged_once_and_then_closed() {
    let mut world = World::new(LocalServerConfig::default());
    let [pongs, silent] = ["ada", "bob"].map(|name| world.open(name));
    world.pass(14);
    assert_eq!(world.take(silent), []);
    world.pass(1);
    assert_eq!(world.take(pongs), [Transmit::Ping]);
    world.core.receive(world.now, pongs, Incoming::Pong);
    world.pass(9);
    assert_eq!(world.take(silent), [Transmit::Ping]);
    world.pass(1);
    assert_eq!(
        world.take(silent),
        [Transmit::Close(Some((1000, "i/o timeout")))]
    );
    assert_eq!(world.take(pongs), []);
    world.pass(5);
    assert_eq!(world.take(pongs), [Transmit::Ping]);
}

#[test]
fn twenty_messages_are_a_sign_of_life_and_nineteen_are_not() {
    let mut world = World::new(LocalServerConfig::default());
    for (messages, is_alive) in [(19, false), (20, true)] {
        let session = world.open("ada");
        world.pass(14);
        for _ in 0..messages {
            world.send(session, &json!({"pong": {}}));
        }
        world.pass(1);
        assert_eq!(
            world.take(session).is_empty(),
            is_alive,
            "after {messages} messages"
        );
        world.pass(10);
        let is_closed = matches!(world.take(session)[..], [Transmit::Close(_)]);
        assert_eq!(is_closed, !is_alive, "after {messages} messages");
    }
}

#[test]
fn the_next_deadline_is_never_late() {
    let mut world = World::new(LocalServerConfig::default());
    assert_eq!(world.core.next_deadline(), None);
    let session = world.open("ada");
    assert_eq!(world.core.next_deadline(), Some(Duration::from_secs(15)));
    world.send(session, &json!({}));
    assert_eq!(
        world.core.next_deadline(),
        Some(Duration::from_secs(2)),
        "the end of the socket"
    );
    world.pass(2);
    assert_eq!(world.core.next_deadline(), None);
}

#[test]
fn an_old_server_closes_json_sockets_at_fields_it_does_not_know() {
    let mut world = World::new(LocalServerConfig {
        party_layout: crate::proto::PartyLayout::Before3_28,
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
        let session = world.open("ada");
        world.send(session, &request);
        let is_closed = world.take(session).contains(&Transmit::Close(None));
        assert_eq!(is_closed, !is_known, "{request}");
    }
}
