//! A join becomes the match, once, whichever way the game names it. What the server refuses has a name.

use super::*;
use crate::common::steps::{sent_json, variant};

#[test]
fn a_join_makes_its_entity_the_match() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    assert!(game.app.world().get::<Joining>(entity).is_some());

    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();

    assert_eq!(
        log.take(),
        ["+bob Present", "+ada Present (self)", "joined"]
    );
    let world = game.app.world();
    assert_eq!(
        world
            .get::<MatchId>(entity)
            .expect("the entity is the match")
            .as_str(),
        "m1"
    );
    assert!(world.get::<Joining>(entity).is_none());
    assert_eq!(
        world.get::<Match>(entity),
        Some(&Match {
            authoritative: false,
            label: None
        })
    );
    assert_eq!(game.roster("m1"), ["ada", "bob"]);

    // The event about the local user's join follows; there is nothing new in it.
    game.server_says(match_presences("m1", &["ada"], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_second_join_finds_the_same_match() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let first = game.match_entity("m1");
    let (second, asked) = ask_to_join(&mut game);

    // A repeated join lists the local user among the presences, and may know somebody new.
    let mut answer = match_joined("m1", &["ada", "bob", "carol"]);
    if let proto::Message::Match(joined) = &mut answer {
        joined.presences.push(user_presence("ada"));
    }
    game.answer(&asked, answer);
    game.update();

    assert_eq!(log.take(), ["+carol Present", "joined what we were in"]);
    assert_eq!(game.match_entity("m1"), first);
    assert!(
        game.app.world().get_entity(second).is_err(),
        "the request's entity goes"
    );
    assert_eq!(game.roster("m1"), ["ada", "bob", "carol"]);
}

#[test]
fn created_and_named_matches_are_joined_alike() {
    let mut game = TestGame::connected();
    let entity = game.commands(|c| c.nakama().create_match(CreateMatch::named("lobby")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchCreate);
    assert_eq!(
        asked.message,
        Some(proto::Message::MatchCreate(proto::realtime::MatchCreate {
            name: "lobby".into()
        }))
    );
    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(game.match_entity("m1"), entity);
    assert_eq!(game.roster("m1"), ["ada", "bob"]);
}

#[test]
fn tokens_and_metadata_are_sent() {
    let mut game = TestGame::connected();
    game.commands(|c| {
        c.nakama()
            .join_match(JoinMatch::by_token("t").with_metadata("team", "red"))
            .id()
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    assert_eq!(
        sent_json(&asked)["match_join"],
        serde_json::json!({ "token": "t", "metadata": { "team": "red" } })
    );
}

#[test]
fn refusals_are_told_apart() {
    let cases = [
        (4, "Match not found", "NotFound"),
        (5, "only on Tuesdays", "JoinRejected"),
        (3, "Invalid match ID", "InvalidId"),
        (3, "Invalid match token", "InvalidToken"),
        (3, "No match ID or token found", "Other"),
    ];
    for (code, text, expected) in cases {
        let mut game = TestGame::connected();
        let log = Log::default();
        let seen = log.clone();
        game.observe(move |reply: On<Replied<JoinMatch>>| {
            if let Err(RequestError::Refused(refusal)) = &reply.result {
                seen.add(format!("{}: {refusal}", variant(refusal)));
            }
        });
        let (_, asked) = ask_to_join(&mut game);
        game.refuse(&asked, code, text);
        game.update();
        let seen = log.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(
            seen[0].starts_with(&format!("{expected}: {text}")),
            "the server's text is kept: {seen:?}"
        );
    }
}
