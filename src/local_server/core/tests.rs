//! Rules about time and queues, on a virtual clock.

use std::time::Duration;

use bytes::Bytes;
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

    /// Logs in, and makes an account of that name at first.
    fn log_in(&mut self, username: &str) -> String {
        let target = format!("/v2/account/authenticate/device?username={username}");
        let body = json!({ "id": format!("device-of-{username}") });
        let (_, body) = self.call("Basic ZGVmYXVsdGtleTo=", "POST", &target, &body);
        format!("Bearer {}", body["token"].as_str().expect("a token"))
    }

    /// Makes a REST call.
    fn call(
        &mut self,
        authorization: &str,
        method: &str,
        target: &str,
        body: &Value,
    ) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(target)
            .header("Authorization", authorization)
            .body(body.to_string().into())
            .expect("a request");
        let response = self.core.request(self.now, &request);
        let body = serde_json::from_slice(response.body()).expect("JSON");
        (response.status().as_u16(), body)
    }

    /// Logs in and opens a JSON socket.
    fn open(&mut self, username: &str) -> SessionId {
        let request = http::Request::get("/ws")
            .header("Authorization", self.log_in(username))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .body(())
            .expect("a request");
        let handshake = self.core.open(self.now, &request);
        handshake.socket.expect("a socket").0
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

#[test]
fn groups_are_managed_by_those_who_may() {
    let mut world = World::new(LocalServerConfig::default());
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| world.log_in(name));
    let mut ids = ["ada", "bob", "eve"].into_iter().map(|name| {
        let (_, body) = world.call(
            &ada,
            "GET",
            &format!("/v2/user?usernames={name}"),
            &json!({}),
        );
        body["users"][0]["id"].as_str().expect("an id").to_owned()
    });
    let (ada_id, bob_id) = (ids.next().expect("Ada"), ids.next().expect("Bob"));
    drop(ids);
    let details = json!({"name": "knights", "open": true, "max_count": 2});
    let (_, group) = world.call(&ada, "POST", "/v2/group", &details);
    let group = group["id"].as_str().expect("an id").to_owned();

    let denied = (404, "Group not found or permission denied.");
    let last_owner = (400, "Cannot leave group when you are the last superadmin.");
    let not_owner = (400, "Group not found or you're not allowed to delete.");
    for (who, action, whom, expected) in [
        (&bob, "join", "", (200, "")),
        (&bob, "join", "", (400, "Group is full.")),
        (&eve, "join", "", (400, "Group is full.")),
        (&bob, "kick", &*ada_id, denied),
        (&bob, "DELETE", "", not_owner),
        (&ada, "leave", "", last_owner),
        (&ada, "promote", &bob_id, (200, "")),
        (&bob, "kick", &ada_id, (200, "")), // an admin cannot: nothing happens
        (&bob, "promote", &bob_id, (200, "")), // nor this
        (&bob, "DELETE", "", not_owner),
        (&ada, "leave", "", last_owner),
        (&ada, "promote", &bob_id, (200, "")),
        (&ada, "leave", "", (200, "")), // now Bob is an owner, too
        (&ada, "add", &ada_id, denied),
        (
            &bob,
            "add",
            "11111111-1111-4111-8111-111111111111",
            (400, "One or more users not found."),
        ),
        (&bob, "add", "nobody", (400, "User ID must be a valid ID.")),
        (&bob, "leave", "", (200, "")), // the last one takes the group along
        (&bob, "join", "", (404, "Group not found.")),
    ] {
        let (method, target) = match action {
            "DELETE" => ("DELETE", format!("/v2/group/{group}")),
            action if whom.is_empty() => ("POST", format!("/v2/group/{group}/{action}")),
            action => (
                "POST",
                format!("/v2/group/{group}/{action}?user_ids={whom}"),
            ),
        };
        let (status, body) = world.call(who, method, &target, &json!({}));
        let message = body["message"].as_str().unwrap_or_default();
        assert_eq!((status, message), expected, "{action} {whom}");
    }
}

#[test]
fn deleting_an_account_ends_its_sockets_and_tokens() {
    let mut world = World::new(LocalServerConfig::default());
    let socket = world.open("ada");
    let token = world.log_in("ada");
    world.pass(1);
    assert_eq!(
        world.call(&token, "DELETE", "/v2/account", &json!({})),
        (200, json!({}))
    );
    let close = Transmit::Close(Some((1000, "server-side session disconnect")));
    assert_eq!(world.take(socket), [close]);
    assert_eq!(world.call(&token, "GET", "/v2/account", &json!({})).0, 401);
}

#[test]
fn pages_of_other_origins_may_make_all_calls() {
    let mut world = World::new(LocalServerConfig::default());
    for (method, headers, status) in [
        ("POST", "authorization, content-type", 200),
        ("PATCH", "", 405),
        ("GET", "x-other", 403),
    ] {
        let mut request = http::Request::options("/v2/account")
            .header("Origin", "http://example.com")
            .header("Access-Control-Request-Method", method);
        if !headers.is_empty() {
            request = request.header("Access-Control-Request-Headers", headers);
        }
        let request = request.body(Bytes::new()).expect("a request");
        let response = world.core.request(world.now, &request);
        let allows = response.headers().get("Access-Control-Allow-Origin");
        assert_eq!(response.status(), status, "{method} {headers}");
        assert_eq!(allows.is_some(), status == 200, "{method} {headers}");
    }
}
