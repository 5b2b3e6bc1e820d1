//! Who may do what with groups and accounts.

use super::{bearer, call, pass, world};
use bevy_nakama::{__testing::Transmit, local_server::LocalServerConfig};
use bytes::Bytes;
use serde_json::json;

#[test]
fn groups_are_managed_by_those_who_may() {
    let mut world = world(LocalServerConfig::default());
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| bearer(&mut world, name));
    let mut ids = ["ada", "bob", "eve"].into_iter().map(|name| {
        let (_, body) = call(
            &mut world,
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
    let (_, group) = call(&mut world, &ada, "POST", "/v2/group", &details);
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
        let (status, body) = call(&mut world, who, method, &target, &json!({}));
        let message = body["message"].as_str().unwrap_or_default();
        assert_eq!((status, message), expected, "{action} {whom}");
    }
}

#[test]
fn groups_are_found_by_name_in_any_case() {
    let mut world = world(LocalServerConfig::default());
    let ada = bearer(&mut world, "ada");
    let details = json!({"name": "Knights", "open": true});
    call(&mut world, &ada, "POST", "/v2/group", &details);
    for (pattern, is_found) in [
        ("knights", true),
        ("KNIGHTS", true),
        ("kNi%25", true),
        ("k_i%25s", true),
        ("%25ght", false),
        ("kn", false),
    ] {
        let target = format!("/v2/group?limit=10&name={pattern}");
        let (_, listed) = call(&mut world, &ada, "GET", &target, &json!({}));
        let found = listed["groups"].as_array().map_or(0, Vec::len);
        assert_eq!(found == 1, is_found, "{pattern}: {listed}");
    }
}

#[test]
fn deleting_an_account_ends_its_sockets_and_tokens() {
    let mut world = world(LocalServerConfig::default());
    let socket = world.open_as("ada");
    let token = bearer(&mut world, "ada");
    pass(&mut world, 1);
    assert_eq!(
        call(&mut world, &token, "DELETE", "/v2/account", &json!({})),
        (200, json!({}))
    );
    let close = Transmit::Close(Some((1000, "server-side session disconnect")));
    assert_eq!(world.take(socket), [close]);
    assert_eq!(
        call(&mut world, &token, "GET", "/v2/account", &json!({})).0,
        401
    );
}

#[test]
fn pages_of_other_origins_may_make_all_calls() {
    let mut world = world(LocalServerConfig::default());
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
        let response = world.server.request(world.now, &request);
        let allows = response.headers().get("Access-Control-Allow-Origin");
        assert_eq!(response.status(), status, "{method} {headers}");
        assert_eq!(allows.is_some(), status == 200, "{method} {headers}");
    }
}
