//! Who somebody is depends on what they log in with, and on nothing else.

use std::time::Duration;

use super::{call, world};
use crate::common::by_hand::{BASIC, ByHand};
use bevy_nakama::{__testing::Incoming, local_server::LocalServerConfig};
use serde_json::{Value, json};

/// Another server, whose random numbers are others.
fn other_world() -> ByHand {
    ByHand::new(
        LocalServerConfig::default(),
        2,
        Duration::from_secs(1_900_000_000),
    )
}

/// Logs in, and returns the token.
fn log_in(world: &mut ByHand, kind: &str, query: &str, body: &Value) -> String {
    let target = format!("/v2/account/authenticate/{kind}?{query}");
    let (status, session) = call(world, BASIC, "POST", &target, body);
    assert_eq!(status, 200, "{session}");
    session["token"].as_str().expect("a token").to_owned()
}

/// The id and the name that a login gets.
fn who(world: &mut ByHand, kind: &str, query: &str, body: &Value) -> [String; 2] {
    let bearer = format!("Bearer {}", log_in(world, kind, query, body));
    let (_, account) = call(world, &bearer, "GET", "/v2/account", &json!({}));
    ["id", "username"].map(|field| {
        let text = account["user"][field].as_str();
        text.expect("a text").to_owned()
    })
}

#[test]
fn the_same_credential_is_the_same_user_on_every_server() {
    let (mut first, mut second) = (world(LocalServerConfig::default()), other_world());
    let email = |address: &str| json!({"email": address, "password": "long enough"});
    let logins = [
        ("device", json!({"id": "0123456789"})),
        ("device", json!({"id": "0123456780"})),
        ("custom", json!({"id": "0123456789"})),
        ("email", email("ada@example.com")),
    ];
    // Others are there already.
    who(&mut second, "device", "", &json!({"id": "somebody-else"}));
    let mut seen = Vec::new();
    for (kind, body) in &logins {
        let [id, name] = who(&mut first, kind, "", body);
        assert_eq!(
            who(&mut second, kind, "", body),
            [id.clone(), name.clone()],
            "{kind}"
        );
        let uuid = uuid::Uuid::parse_str(&id).expect("a UUID");
        assert_eq!(uuid.get_version_num(), 4, "{id}");
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122, "{id}");
        assert_eq!(name.len(), 10, "{name}");
        seen.extend([id, name]);
    }
    let in_capitals = who(&mut second, "email", "", &email("ADA@example.com"));
    assert_eq!(in_capitals, seen[6..]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 8, "all are different");
}

#[test]
fn a_name_that_somebody_else_asked_for_is_not_generated() {
    let (mut first, mut second) = (world(LocalServerConfig::default()), other_world());
    let ada = json!({"id": "device-of-ada"});
    let [id, name] = who(&mut first, "device", "", &ada);
    let query = format!("username={name}");
    who(
        &mut second,
        "device",
        &query,
        &json!({"id": "device-of-eve"}),
    );
    let [same_id, other_name] = who(&mut second, "device", "", &ada);
    assert_eq!(same_id, id);
    assert_ne!(other_name, name);
}

/// The new account has the id of the old one, and nothing else of it.
#[test]
fn who_deletes_the_account_starts_anew() {
    let mut world = world(LocalServerConfig::default());
    let (ada, eve) = (
        json!({"id": "device-of-ada"}),
        json!({"id": "device-of-eve"}),
    );
    let [id, _] = who(&mut world, "device", "", &ada);
    // Eve wants to chat, which is a notification that is kept.
    let token = log_in(&mut world, "device", "", &eve);
    let socket = world.open("/ws", &token);
    let chat = json!({"cid": "1", "channel_join": {"type": 2, "target": id}});
    world.receive(socket, Incoming::Text(chat.to_string().into()));

    let kept = |world: &mut ByHand| {
        let bearer = format!("Bearer {}", log_in(world, "device", "", &ada));
        let (_, list) = call(world, &bearer, "GET", "/v2/notification", &json!({}));
        let count = list["notifications"].as_array().map_or(0, Vec::len);
        (count, bearer)
    };
    let (count, bearer) = kept(&mut world);
    assert_eq!(count, 1);
    call(&mut world, &bearer, "DELETE", "/v2/account", &json!({}));
    assert_eq!(kept(&mut world).0, 0);
}
