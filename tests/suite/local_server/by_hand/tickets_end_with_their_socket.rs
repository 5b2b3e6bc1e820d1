//! A socket that is gone keeps its tickets until the server notices.

use serde_json::{Value, json};

use super::{ask, pass, world};
use crate::common::by_hand::ByHand;
use bevy_nakama::{
    __testing::{Incoming, SessionId},
    local_server::LocalServerConfig,
};

fn add(world: &mut ByHand, socket: SessionId) {
    let wish =
        json!({"cid": "1", "matchmaker_add": {"min_count": 2, "max_count": 2, "query": "*"}});
    let answer = ask(world, socket, &wish);
    assert!(answer.get("matchmaker_ticket").is_some(), "{answer}");
}

fn is_matched(world: &mut ByHand, socket: SessionId) -> bool {
    let matched = |it: &Value| it.get("matchmaker_matched").is_some();
    world.envelopes(socket).iter().any(matched)
}

/// N2: who comes back at once is matched with their own old socket, and who waits until that is gone is not.
#[test]
fn a_user_is_matched_with_their_own_old_socket_until_the_server_drops_it() {
    for (seconds, is_too_early) in [(20, true), (25, false)] {
        let mut world = world(LocalServerConfig::default());
        let (token, _) = world.log_in("ada");
        let old = world.open("/ws", &token);
        add(&mut world, old);
        // The line is cut: nothing comes from the old socket any more.
        pass(&mut world, seconds - 4);
        let new = world.open("/ws", &token);
        pass(&mut world, 4);
        add(&mut world, new);
        pass(&mut world, 3);
        assert_eq!(is_matched(&mut world, new), is_too_early, "{seconds} s");
    }
}

/// The same for a party: its ticket ends with the socket of any member.
#[test]
fn the_ticket_of_a_party_ends_with_the_socket_of_a_member() {
    let mut world = world(LocalServerConfig::default());
    let [ada, bob, cat] = ["ada", "bob", "cat"].map(|name| world.open_as(name));
    let party = json!({"cid": "1", "party_create": {"open": true, "max_size": 4}});
    let party = ask(&mut world, ada, &party)["party"]["party_id"].clone();
    let join = json!({"cid": "1", "party_join": {"party_id": party}});
    world.send(bob, &join);
    let wish = json!({"cid": "1", "party_matchmaker_add": {
        "party_id": party, "min_count": 3, "max_count": 3, "query": "*",
    }});
    let ticket = ask(&mut world, ada, &wish);
    let ticket = ticket["party_matchmaker_ticket"]["ticket"].clone();
    world.receive(bob, Incoming::Closed);
    let alone =
        json!({"cid": "1", "matchmaker_add": {"min_count": 3, "max_count": 3, "query": "*"}});
    ask(&mut world, cat, &alone);
    pass(&mut world, 3);
    assert!(!is_matched(&mut world, cat));
    let remove =
        json!({"cid": "1", "party_matchmaker_remove": {"party_id": party, "ticket": ticket}});
    let answer = ask(&mut world, ada, &remove);
    let text = "Error closing party: matchmaker ticket not found";
    assert_eq!(answer["error"]["message"], text);
}
