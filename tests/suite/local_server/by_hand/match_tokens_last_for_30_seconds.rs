//! Match tokens.

use std::time::Duration;

use super::{ask, pass, world};
use crate::common::by_hand::ByHand;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bevy_nakama::local_server::LocalServerConfig;
use serde_json::{Value, json};

fn config() -> LocalServerConfig {
    LocalServerConfig {
        ping_period: Duration::from_secs(3600),
        pong_wait: Duration::from_secs(3600),
        ..LocalServerConfig::default()
    }
}

/// The token that two users are matched with, made in this moment.
fn token(world: &mut ByHand) -> String {
    let sockets = ["eve", "mallory"].map(|name| world.open_as(name));
    for socket in sockets {
        let add = json!({"min_count": 2, "max_count": 2, "query": "*"});
        world.send(socket, &json!({"cid": "1", "matchmaker_add": add}));
    }
    pass(world, 3);
    let seen = world.envelopes(sockets[0]);
    let matched = seen.iter().find_map(|it| it.get("matchmaker_matched"));
    let token = matched.expect("they are matched")["token"].as_str();
    token.expect("a token").to_owned()
}

/// The id of the match that a token is for.
fn match_of(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("three parts");
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["mid"].as_str().expect("a match").to_owned()
}

#[test]
fn a_match_token_needs_no_match_and_lasts_for_30_seconds() {
    let mut world = world(config());
    let [ada, bob] = ["ada", "bob"].map(|name| world.open_as(name));
    let token_here = token(&mut world);
    let id = match_of(&token_here);
    let join = |token: String| json!({"cid": "1", "match_join": {"token": token}});
    let join_here = join(token_here);

    pass(&mut world, 29);
    let answer = ask(&mut world, ada, &join_here);
    assert_eq!(answer["match"]["match_id"], id);
    assert_eq!(
        answer["match"].get("size"),
        None,
        "the local user is not counted"
    );
    assert_eq!(ask(&mut world, bob, &join_here)["match"]["size"], 1);

    pass(&mut world, 1);
    let answer = ask(&mut world, ada, &join_here);
    assert_eq!(answer["error"]["message"], "Invalid match token");

    // Another server of the same time has other keys.
    let epoch = Duration::from_secs(1_800_000_000) + world.now;
    let forged = join(token(&mut ByHand::new(config(), 2, epoch)));
    pass(&mut world, 3);
    let answer = ask(&mut world, ada, &forged);
    assert_eq!(answer["error"]["message"], "Invalid match token");
}
