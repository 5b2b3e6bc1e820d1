//! Matches: who is in them, in which order things become visible, and what happens when requests cross.

use crate::{common::log::Log, mirror::departures::goes};
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{self, Kind, UserPresence},
    testing::*,
};

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| match &reply.result {
        Ok(joined) if joined.entity == reply.request => seen.add("joined"),
        Ok(_) => seen.add("joined what we were in"),
        Err(error) => seen.add(format!("join: {error}")),
    });
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LeaveMatch>>| match &reply.result {
        Ok(()) => seen.add("left"),
        Err(error) => seen.add(format!("leave: {error}")),
    });
    let seen = log.clone();
    game.observe(
        move |added: On<Add, PresentIn>, who: Query<(&Username, &JoinedAs, Has<IsSelf>)>| {
            let (name, how, is_self) = who.get(added.entity).expect("a presence is spawned whole");
            seen.add(format!(
                "+{name} {how:?}{}",
                if is_self { " (self)" } else { "" }
            ));
        },
    );
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, PresentIn>, who: Query<&Username>| {
            seen.add(format!(
                "-{}",
                who.get(removed.entity).expect("still readable")
            ));
        },
    );
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
            for data in data.read() {
                let text = String::from_utf8_lossy(&data.data);
                seen.add(match &data.sender {
                    Some(Sender {
                        entity: Some(_),
                        presence,
                    }) => format!("{}: {text}", presence.username),
                    Some(Sender {
                        entity: None,
                        presence,
                    }) => format!("{} (not here): {text}", presence.username),
                    None => format!("server: {text}"),
                });
            }
        });
    (game, log)
}

/// Asks to join `m1`; returns the entity and what was sent.
fn ask_to_join(game: &mut TestGame) -> (Entity, proto::Envelope) {
    let entity = game.commands(|c| c.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.update();
    (entity, game.expect_sent(Kind::MatchJoin))
}

fn says(sender: &str, text: &'static str) -> proto::Message {
    match_data("m1", Some(sender), 1, text)
}

#[test]
fn a_join_makes_its_entity_the_match() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    assert!(game.app.world().get::<Joining>(entity).is_some());

    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();

    assert_eq!(
        log.take(),
        ["+bob Snapshot", "+ada Snapshot (self)", "joined"]
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

    // One's own join event follows; there is nothing new in it.
    game.server_says(match_presences("m1", &["ada"], &[]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn joins_and_leaves_are_followed() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    game.server_says(match_presences("m1", &["bob", "carol"], &[]));
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.server_says(match_presences("m1", &[], &["bob", "nobody"]));
    game.update();
    assert_eq!(log.take(), ["+bob Event", "+carol Event", "-bob"]);
    assert_eq!(game.roster("m1"), ["ada", "carol"]);
}

#[test]
fn leave_and_join_of_one_session_in_one_event_is_no_flicker() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let bob = game.presence_of("m1", "bob");
    game.server_says(match_presences("m1", &["bob"], &["bob"]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(game.presence_of("m1", "bob"), bob);
}

#[test]
fn a_session_under_a_new_name_keeps_its_entity() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let bob = game.presence_of("m1", "bob");
    let renamed = UserPresence {
        username: "robert".into(),
        ..presence("bob")
    };
    game.server_says(proto::Message::MatchPresenceEvent(
        proto::realtime::MatchPresenceEvent {
            match_id: "m1".into(),
            joins: vec![renamed],
            leaves: vec![],
        },
    ));
    game.update();
    assert_eq!(
        game.app.world().get::<Username>(bob).map(Username::as_str),
        Some("robert")
    );
    assert_eq!(game.roster("m1"), ["ada", "robert"]);
}

#[test]
fn data_and_events_before_the_answer_come_after_it() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);

    // Seen on the wire: an authoritative match greets first, and events overtake the answer.
    game.server_says(match_data("m1", None, 1, "welcome"));
    game.server_says(match_presences("m1", &["ada"], &[]));
    game.server_says(says("bob", "hello"));
    game.update();
    assert_eq!(
        log.take(),
        [""; 0],
        "nothing may be seen of a match that we are not in yet"
    );

    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+bob Snapshot",
            "+ada Snapshot (self)",
            "joined",
            "server: welcome",
            "bob: hello"
        ]
    );
}

#[test]
fn what_came_early_for_a_match_that_is_not_joined_goes() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    game.server_says(says("bob", "hello"));
    game.refuse(&asked, 4, "Match not found");
    game.update();
    assert_eq!(log.take(), ["join: Match not found (match not found)"]);

    game.join("m1", &["ada", "bob"]);
    game.advance(std::time::Duration::from_secs(1));
    assert_eq!(
        log.take(),
        ["+bob Snapshot", "+ada Snapshot (self)", "joined"]
    );
}

#[test]
fn data_before_the_join_of_its_sender_waits_for_it() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    game.server_says(says("bob", "one"));
    game.server_says(says("carol", "two"));
    game.server_says(says("bob", "three"));
    game.update();
    assert_eq!(log.take(), [""; 0]);

    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update();
    assert_eq!(log.take(), ["+bob Event", "bob: one", "bob: three"]);

    // Carol's join does not come.
    game.advance(std::time::Duration::from_millis(300));
    assert_eq!(log.take(), ["carol (not here): two"]);
}

#[test]
fn data_waits_a_quarter_of_a_second_and_no_longer() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    game.server_says(says("bob", "one"));
    game.update();
    game.advance(std::time::Duration::from_millis(230));
    assert_eq!(log.take(), [""; 0], "240 ms");
    game.advance(std::time::Duration::from_millis(20));
    assert_eq!(log.take(), ["bob (not here): one"], "260 ms");
}

#[test]
fn data_after_a_leave_and_from_the_server_comes_at_once() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    game.server_says(match_presences("m1", &[], &["bob"]));
    game.server_says(says("bob", "bye"));
    game.server_says(match_data("m1", None, 1, "bob is gone"));
    game.update();
    assert_eq!(
        log.take(),
        ["-bob", "bob (not here): bye", "server: bob is gone"]
    );
}

#[test]
fn a_thousand_early_frames_are_held_and_the_oldest_go_first() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    for _ in 0..1025 {
        game.server_says(says("bob", "x"));
    }
    game.update();
    assert_eq!(
        log.take(),
        ["bob (not here): x"],
        "1,024 are held, the oldest is delivered"
    );

    game.server_says(says("bob", "y"));
    game.server_says(match_data(
        "m1",
        Some("bob"),
        1,
        vec![b'z'; 1024 * 1024 + 1],
    ));
    game.update();
    assert_eq!(log.take().len(), 1026, "more than a MiB is not held either");
}

#[test]
fn a_thousand_early_events_are_applied_one_by_one() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    for _ in 0..500 {
        game.server_says(match_presences("m1", &["bob"], &[]));
        game.server_says(match_presences("m1", &[], &["bob"]));
    }
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();
    assert_eq!(log.take().len(), 2 + 1_000);
    assert_eq!(game.roster("m1"), ["ada"]);
}

#[test]
fn a_second_join_finds_the_same_match() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let first = game.match_entity("m1");
    let (second, asked) = ask_to_join(&mut game);

    // A repeated join lists oneself among the presences, and may know somebody new.
    let mut answer = match_joined("m1", &["ada", "bob", "carol"]);
    if let proto::Message::Match(joined) = &mut answer {
        joined.presences.push(presence("ada"));
    }
    game.answer(&asked, answer);
    game.update();

    assert_eq!(log.take(), ["+carol Snapshot", "joined what we were in"]);
    assert_eq!(game.match_entity("m1"), first);
    assert!(
        game.app.world().get_entity(second).is_err(),
        "the request's entity goes"
    );
    assert_eq!(game.roster("m1"), ["ada", "bob", "carol"]);
}

#[test]
fn an_answer_does_not_bring_back_who_left_meanwhile() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let (_, asked) = ask_to_join(&mut game);
    game.server_says(match_presences("m1", &[], &["bob"]));
    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(game.roster("m1"), ["ada"]);
}

#[test]
fn a_join_that_was_despawned_is_taken_back() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    game.commands(|c| c.entity(entity).despawn());
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();

    assert_eq!(log.take(), ["join: it was withdrawn"]);
    let left = game.expect_sent(Kind::MatchLeave);
    assert_eq!(
        left.message,
        Some(proto::Message::MatchLeave(proto::realtime::MatchLeave {
            match_id: "m1".into()
        }))
    );
}

#[test]
fn a_join_that_succeeds_too_late_is_taken_back() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join(&mut game);
    game.advance(std::time::Duration::from_secs(11));
    assert_eq!(log.take(), ["join: no answer within 10.0 s"]);
    assert!(
        game.app.world().get_entity(entity).is_err(),
        "a failed request's entity goes"
    );

    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);
    assert_eq!(game.roster("m1"), [""; 0]);
    assert_eq!(log.take(), [""; 0], "a request has one answer");
}

#[test]
fn a_late_join_is_kept_if_another_one_is_in() {
    let (mut game, _) = watched(TestGame::connected());
    let (_, asked) = ask_to_join(&mut game);
    game.advance(std::time::Duration::from_secs(11));
    game.join("m1", &["ada", "bob"]);
    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(game.sent(), [], "no leave");
    assert_eq!(game.roster("m1"), ["ada", "bob"]);
}

#[test]
fn leaving_ends_with_the_servers_consent() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let here = game.match_entity("m1");
    game.commands(|c| c.nakama().leave_match(here).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchLeave);
    game.server_says(says("bob", "still here?"));
    game.update();
    assert_eq!(log.take(), ["bob: still here?"]);

    game.acknowledge(&asked);
    game.update();
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada", "-bob", "left"]);
    goes(&mut game, here);
}

#[test]
fn leaving_what_is_no_match_is_refused_in_the_next_frame() {
    let (mut game, log) = watched(TestGame::connected());
    let nothing = game.app.world_mut().spawn_empty().id();
    game.commands(|c| c.nakama().leave_match(nothing).id());
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    assert_eq!(log.take(), ["leave: the entity is no match"]);
}

#[test]
fn despawning_a_match_is_leaving() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let here = game.match_entity("m1");
    game.commands(|c| c.entity(here).despawn());
    game.update();
    game.expect_sent(Kind::MatchLeave);
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada", "-bob"]);

    game.server_says(says("bob", "anybody?"));
    game.advance(std::time::Duration::from_secs(1));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn a_match_can_be_left_and_joined_again() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let here = game.match_entity("m1");
    game.commands(|c| c.entity(here).despawn());
    game.update();
    game.sent();
    log.take();
    game.join("m1", &["ada", "bob"]);
    game.server_says(says("bob", "welcome back"));
    game.update();
    assert_eq!(
        log.take(),
        [
            "+bob Snapshot",
            "+ada Snapshot (self)",
            "joined",
            "bob: welcome back"
        ]
    );
}

#[test]
fn a_game_may_despawn_a_presence_and_its_data_still_arrives() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let bob = game.presence_of("m1", "bob");
    game.commands(|c| c.entity(bob).despawn());
    log.take();
    game.server_says(says("bob", "hello"));
    game.server_says(match_presences("m1", &[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["bob (not here): hello"]);
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
    let json = serde_json::to_value(&asked).expect("proto JSON");
    assert_eq!(
        json["match_join"],
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
                let variant = format!("{refusal:?}");
                let variant = variant.split('(').next().unwrap_or_default();
                seen.add(format!("{variant}: {refusal}"));
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

#[test]
fn a_match_that_was_left_by_despawning_stays_left_although_a_second_join_was_on_its_way() {
    let mut game = TestGame::joined("m1", &["ada"]);
    let here = game.match_entity("m1");
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m1")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    // The server has answered the join when the game leaves.
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.commands(|commands| commands.entity(here).despawn());
    game.update();
    let leave = game.expect_sent(Kind::MatchLeave);
    game.acknowledge(&leave);
    game.update();
    let index = game.app.world().resource::<MatchIndex>();
    assert_eq!(index.get(&MatchId::from("m1")), None);
    assert_eq!(game.sent(), [], "and the server knows");
}
