//! Matches stay, and so does everybody in them.

use bevy::prelude::*;
use bevy_nakama::{
    connection::ConnectionState,
    healing::{Reentered, ReentryPolicy, Stale},
    matches::{CreateMatch, JoinMatch, Match, MatchPresences},
    prelude::*,
    proto::{Kind, Message, UserPresence},
    send::SendFailed,
    testing::{TestGame, match_joined, match_presences, user_presence},
};

use super::steps::{again, listen, lose, match_with, reopen, state, wait};
use crate::common::log::Log;

/// A game in a match that it has entered by its id.
fn in_match(names: &[&str]) -> (TestGame, Log) {
    let mut game = TestGame::joined("m", names);
    let log = listen(&mut game);
    (game, log)
}

fn joins(names: &[UserPresence]) -> Message {
    let mut event = match_presences("m", &[], &[]);
    if let Message::MatchPresenceEvent(event) = &mut event {
        event.joins = names.to_vec();
    }
    event
}

fn is_stale(game: &TestGame, entity: Entity) -> bool {
    game.app.world().get::<Stale>(entity).is_some()
}

#[test]
fn scenario_1_after_a_reset_everybody_is_who_they_were() {
    let (mut game, log) = in_match(&["ada", "bob", "cat"]);
    let the_match = game.match_entity("m");
    let [ada, bob, cat] = ["ada", "bob", "cat"].map(|name| game.presence_of("m", name));
    lose(&mut game);
    assert_eq!(
        log.take(),
        ["lost: the connection was lost: the server hung up"]
    );
    for entity in [the_match, ada, bob, cat] {
        assert!(is_stale(&game, entity));
    }
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with(
            "m",
            &[again("ada"), user_presence("bob"), user_presence("cat")],
        ),
    );
    game.update();
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    assert_eq!(state(&game), ConnectionState::Connected);
    assert_eq!(game.match_entity("m"), the_match);
    assert_eq!(game.presence_of("m", "bob"), bob);
    assert_eq!(game.presence_of("m", "cat"), cat);
    let world = game.app.world();
    assert_eq!(world.get::<SessionId>(ada), Some(&"session-ada-2".into()));
    assert!(world.get::<IsSelf>(ada).is_some());
    for entity in [the_match, ada, bob, cat] {
        assert!(!is_stale(&game, entity));
    }
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_18_who_left_leaves_once_and_who_is_new_joins_once() {
    let (mut game, log) = in_match(&["ada", "bob", "cat"]);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with(
            "m",
            &[again("ada"), user_presence("bob"), user_presence("dave")],
        ),
    );
    game.update();
    assert_eq!(
        log.take(),
        [
            "+dave WhileAway",
            "-cat WhileAway",
            "match: Restored",
            "resumed"
        ]
    );
}

#[test]
fn scenario_18_a_user_with_a_new_session_keeps_the_entity() {
    let (mut game, log) = in_match(&["ada", "bob", "cat"]);
    let bob = game.presence_of("m", "bob");
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), again("bob"), user_presence("cat")]),
    );
    game.update();
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    assert_eq!(
        game.app.world().get::<SessionId>(bob),
        Some(&"session-bob-2".into())
    );
}

#[test]
fn scenario_18_two_devices_of_a_user_stay_two() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    game.server_says(joins(&[again("bob")]));
    game.update();
    let bob = game.presence_of("m", "bob");
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    let third = UserPresence {
        session_id: "session-bob-3".into(),
        ..user_presence("bob")
    };
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob"), third]),
    );
    game.update();
    // One of the two has come back with another session.
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    assert_eq!(game.presence_of("m", "bob"), bob);
}

#[test]
fn scenario_4_the_own_ghost_is_hidden() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let the_match = game.match_entity("m");
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with(
            "m",
            &[again("ada"), user_presence("ada"), user_presence("bob")],
        ),
    );
    game.update();
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(
        (index.count(the_match), index.own_ghosts(the_match)),
        (2, 1)
    );
    game.server_says(match_presences("m", &[], &["ada"]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(
        (index.count(the_match), index.own_ghosts(the_match)),
        (2, 0)
    );
}

#[test]
fn scenario_19_events_wait_for_the_answer() {
    let (mut game, log) = in_match(&["ada", "bob", "cat"]);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.server_says(match_presences("m", &["dave"], &["cat"]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    // The answer was made before cat left, and after dave came.
    let everybody = [
        again("ada"),
        user_presence("bob"),
        user_presence("cat"),
        user_presence("dave"),
    ];
    game.answer(&asked, match_with("m", &everybody));
    game.update();
    assert_eq!(
        log.take(),
        ["+dave WhileAway", "match: Restored", "-cat Left", "resumed"]
    );
}

/// A game in a match that it has entered by its name, with bob and cat.
fn in_named_match() -> (TestGame, Log, Entity) {
    let mut game = TestGame::connected();
    let entity = game.commands(|commands| {
        commands
            .nakama()
            .create_match(CreateMatch::named("lobby"))
            .id()
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchCreate);
    let everybody = ["ada", "bob", "cat"].map(user_presence);
    game.answer(&asked, match_with("m", &everybody));
    game.update();
    let log = listen(&mut game);
    (game, log, entity)
}

#[test]
fn scenario_21_after_a_restart_everybody_comes_back_at_a_different_second() {
    let (mut game, log, entity) = in_named_match();
    let [bob, cat] = ["bob", "cat"].map(|name| game.presence_of("m", name));
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchCreate);
    game.answer(&asked, match_with("m", &[again("ada")]));
    game.update();
    assert_eq!(log.take(), ["match: Recreated", "resumed"]);
    assert_eq!(game.match_entity("m"), entity);
    assert!(is_stale(&game, bob) && is_stale(&game, cat));
    wait(&mut game, 3);
    game.server_says(joins(&[again("bob")]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert!(!is_stale(&game, bob) && is_stale(&game, cat));
    assert_eq!(
        game.app.world().get::<SessionId>(bob),
        Some(&"session-bob-2".into())
    );
    wait(&mut game, 20);
    assert_eq!(log.take(), ["-cat WhileAway"]);
}

#[test]
fn scenario_21_who_entered_by_id_asks_until_somebody_has_made_it_anew() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let bob = game.presence_of("m", "bob");
    lose(&mut game);
    reopen(&mut game);
    log.take();
    for _ in 0..3 {
        let asked = game.expect_sent(Kind::MatchJoin);
        game.refuse(&asked, 4, "Match not found");
        game.update();
        wait(&mut game, 1);
    }
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_with("m", &[again("ada"), again("bob")]));
    game.update();
    assert_eq!(log.take(), ["match: Recreated", "resumed"]);
    assert_eq!(
        game.app.world().get::<SessionId>(bob),
        Some(&"session-bob-2".into())
    );
}

#[test]
fn scenario_22_a_match_that_is_gone_is_lost_once() {
    let (mut game, log) = in_match(&["ada"]);
    let entity = game.match_entity("m");
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    let heard = log.take();
    assert!(heard[0].starts_with("match: Lost(Refused("), "{heard:?}");
    assert_eq!(heard[1..], ["-ada Disconnected", "resumed"]);
    assert!(game.app.world().get::<Match>(entity).is_none());
    wait(&mut game, 30);
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_22_a_match_that_nobody_makes_anew_is_lost_in_the_end() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    for _ in 0..2300 {
        game.update();
        for asked in game.sent() {
            game.refuse(&asked, 4, "Match not found");
        }
    }
    let heard = log.take();
    assert_eq!(heard[0], "resumed", "after 5 s it is usable");
    assert!(heard[1].starts_with("match: Lost(Refused("), "{heard:?}");
    assert_eq!(heard[2..], ["-bob Disconnected", "-ada Disconnected"]);
}

#[test]
fn scenario_23_a_handler_that_refuses_is_a_loss_with_its_reason() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 5, "the gates are shut");
    game.update();
    let heard = log.take();
    assert!(heard[0].contains("the gates are shut"), "{heard:?}");
    assert_eq!(heard[3..], ["resumed"]);
}

#[test]
fn a_policy_to_drop_a_match_drops_it() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let entity = game.match_entity("m");
    game.app
        .world_mut()
        .entity_mut(entity)
        .insert(ReentryPolicy::Drop);
    lose(&mut game);
    reopen(&mut game);
    assert_eq!(game.sent(), []);
    let heard = log.take();
    assert_eq!(
        heard[1..],
        [
            "match: Lost(Policy)",
            "-bob Disconnected",
            "-ada Disconnected",
            "resumed"
        ]
    );
}

#[test]
fn scenario_33_a_match_that_is_despawned_while_away_is_not_entered_again() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let entity = game.match_entity("m");
    lose(&mut game);
    game.app.world_mut().despawn(entity);
    game.update();
    reopen(&mut game);
    assert_eq!(game.sent(), []);
    let heard = log.take();
    assert_eq!(heard[1..], ["-bob YouLeft", "-ada YouLeft", "resumed"]);
}

#[test]
fn scenario_33_a_match_that_is_left_while_away_goes_at_once() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let entity = game.match_entity("m");
    let replies = Log::default();
    let to = replies.clone();
    game.observe(move |reply: On<Replied<LeaveMatch>>| to.add(format!("{:?}", reply.result)));
    lose(&mut game);
    game.commands(|commands| {
        commands.nakama().leave_match(entity);
    });
    game.update();
    assert_eq!(replies.take(), ["Ok(())"]);
    assert_eq!(log.take()[1..], ["-bob YouLeft", "-ada YouLeft"]);
    reopen(&mut game);
    assert_eq!(game.sent(), []);
    assert_eq!(log.take(), ["resumed"]);
}

#[test]
fn scenario_33_a_join_while_away_is_made_when_the_connection_is_back() {
    let mut game = TestGame::connected();
    let log = listen(&mut game);
    lose(&mut game);
    log.take();
    let entity =
        game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("other")).id());
    game.update();
    assert_eq!(game.sent(), []);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    assert_eq!(log.take(), ["resumed"]);
    game.answer(&asked, match_with("other", &[again("ada")]));
    game.update();
    assert_eq!(log.take(), ["+ada Present"]);
    assert_eq!(game.match_entity("other"), entity);
}

#[test]
fn scenario_12_an_outage_during_re_entry_starts_it_over() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    let first = game.expect_sent(Kind::MatchJoin);
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    assert_ne!(first.cid, asked.cid);
    assert_eq!(game.sent(), [], "nothing is asked twice");
    let third = UserPresence {
        session_id: "session-ada-3".into(),
        ..user_presence("ada")
    };
    game.answer(&asked, match_with("m", &[third, user_presence("bob")]));
    game.update();
    let cause = "lost: the connection was lost: the server hung up";
    assert_eq!(log.take(), [cause, cause, "match: Restored", "resumed"]);
}

#[test]
fn scenario_23_a_handler_may_take_eleven_seconds() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.server_goes_silent(); // it is at work on the join
    wait(&mut game, 11);
    assert_eq!(log.take(), ["resumed"], "the rest is usable after 5 s");
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    assert_eq!(log.take(), ["match: Restored"]);
}

#[test]
fn a_match_that_does_not_answer_is_lost_and_left() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.server_goes_silent();
    wait(&mut game, 13);
    let heard = log.take();
    assert_eq!(heard[0], "resumed");
    assert!(heard[1].contains("no answer within 12.0 s"), "{heard:?}");
    game.expect_sent(Kind::MatchLeave);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_33_a_leave_in_the_frame_of_the_loss_succeeds_at_once() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let entity = game.match_entity("m");
    let replies = Log::default();
    let to = replies.clone();
    game.observe(move |reply: On<Replied<LeaveMatch>>| to.add(format!("{:?}", reply.result)));
    game.connection_breaks();
    game.commands(|commands| {
        commands.nakama().leave_match(entity);
    });
    game.update();
    game.update();
    assert_eq!(replies.take(), ["Ok(())"]);
    reopen(&mut game);
    assert_eq!(game.sent(), []);
    assert_eq!(log.take()[1..], ["-bob YouLeft", "-ada YouLeft", "resumed"]);
}

#[test]
fn scenario_32_what_waits_is_not_for_a_match_that_was_made_anew() {
    for by_name in [true, false] {
        let (mut game, log, entity) = if by_name {
            in_named_match()
        } else {
            let (game, log) = in_match(&["ada", "bob"]);
            let entity = game.match_entity("m");
            (game, log, entity)
        };
        let failed = Log::default();
        let to = failed.clone();
        game.observe(move |it: On<SendFailed>| to.add(it.reason.to_string()));
        lose(&mut game);
        game.commands(|commands| {
            let waits = OutgoingData::raw(1, "old").policy(SendPolicy::default());
            commands.nakama().send_data(entity, waits);
        });
        reopen(&mut game);
        assert_eq!(failed.take(), [""; 0]);
        let kind = if by_name {
            Kind::MatchCreate
        } else {
            Kind::MatchJoin
        };
        let asked = game.expect_sent(kind);
        game.answer(&asked, match_with("m", &[again("ada"), again("bob")]));
        game.update();
        game.update();
        assert_eq!(failed.take(), ["not connected"], "by name: {by_name}");
        assert_eq!(game.sent(), []);
        assert!(log.take().contains(&"match: Recreated".to_owned()));
    }
}

#[test]
fn scenario_32_what_waits_goes_on_in_the_same_match() {
    let (mut game, _) = in_match(&["ada", "bob"]);
    let entity = game.match_entity("m");
    lose(&mut game);
    game.commands(|commands| {
        let waits = OutgoingData::raw(1, "still").policy(SendPolicy::default());
        commands.nakama().send_data(entity, waits);
    });
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    assert_eq!(game.sent(), []);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    game.update();
    game.expect_sent(Kind::MatchDataSend);
}

/// After 5 s everything else is usable, and this is not.
#[test]
fn scenario_32_nothing_is_sent_to_a_match_that_is_not_back() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    let entity = game.match_entity("m");
    let failed = Log::default();
    let to = failed.clone();
    game.observe(move |it: On<SendFailed>| to.add(it.reason.to_string()));
    let send = |game: &mut TestGame| {
        game.commands(|commands| {
            let waits = OutgoingData::raw(1, "early").policy(SendPolicy::default());
            commands.nakama().send_data(entity, waits);
        });
    };
    lose(&mut game);
    send(&mut game);
    reopen(&mut game);
    for _ in 0..550 {
        game.update();
        for asked in game.sent() {
            game.refuse(&asked, 4, "Match not found");
        }
    }
    assert!(log.take().contains(&"resumed".to_owned()));
    assert_eq!(failed.take(), ["not connected"]);
    send(&mut game);
    game.update();
    game.update();
    assert_eq!(failed.take(), ["not connected"]);
}

#[test]
fn after_a_token_that_has_ended_the_id_is_asked_for() {
    let mut game = TestGame::connected();
    let join = JoinMatch::by_token("token");
    game.commands(|commands| commands.nakama().join_match(join).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob"]));
    game.update();
    let log = listen(&mut game);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 3, "Invalid match token");
    wait(&mut game, 2);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    assert_eq!(log.take(), [""; 0], "bob may make it anew");
    wait(&mut game, 2);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_with("m", &[again("ada")]));
    game.update();
    let heard = log.take();
    let is_back = |line: &String| line == "match: Recreated";
    assert!(heard.iter().any(is_back), "{heard:?}");
}

/// The server stood still: it has seen the end of Bob's socket before the end of ours.
#[test]
fn scenario_18_a_server_that_stood_still_has_our_ghost_and_not_yet_the_others() {
    let (mut game, log) = in_match(&["ada", "bob", "cat"]);
    let bob = game.presence_of("m", "bob");
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("ada")]),
    );
    game.update();
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    wait(&mut game, 1);
    game.server_says(joins(&[again("bob")]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(
        game.app.world().get::<SessionId>(bob),
        Some(&"session-bob-2".into())
    );
    wait(&mut game, 5);
    assert_eq!(log.take(), ["-cat WhileAway"]);
}

/// As the page about healing says: the game asks the others for what it has missed when it hears that a match is there again.
#[test]
fn what_is_sent_when_a_match_is_there_again_waits_for_the_end_of_re_entry() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    game.join("n", &["ada", "bob"]);
    let to = log.clone();
    game.observe(move |failed: On<SendFailed>| to.add(format!("unsent: {}", failed.reason)));
    game.observe(
        move |back: On<Reentered<Match>>,
              members: Query<&MatchPresences>,
              mut commands: Commands| {
            let here: Vec<_> = members
                .get(back.context)
                .expect("somebody")
                .iter()
                .collect();
            let to_all = OutgoingData::raw(7, "what have I missed?");
            let to_some = OutgoingData::raw(8, "what have I missed?").to(here);
            commands.nakama().send_data(back.context, to_all);
            commands.nakama().send_data(back.context, to_some);
        },
    );
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let mut asked = game.sent();
    asked.retain(|sent| sent.message.as_ref().map(Kind::of) == Some(Kind::MatchJoin));
    let [m, n] = &asked[..] else {
        panic!("{asked:?}");
    };
    game.answer(m, match_with("m", &[again("ada"), user_presence("bob")]));
    game.update();
    game.update();
    assert_eq!(game.sent(), [], "the other match is still missing");
    game.answer(n, match_with("n", &[again("ada"), user_presence("bob")]));
    game.update();
    game.update();
    let sent = game.sent();
    let op_codes: Vec<_> = sent
        .iter()
        .filter_map(|sent| match &sent.message {
            Some(Message::MatchDataSend(data)) => Some(data.op_code),
            _ => None,
        })
        .collect();
    assert_eq!(op_codes, [7, 8, 7, 8]);
    let heard = log.take();
    assert!(
        !heard.iter().any(|it| it.starts_with("unsent")),
        "{heard:?}"
    );
}

/// It is for those who are there now.
#[test]
fn what_is_sent_in_re_entry_does_not_outlive_another_loss() {
    let (mut game, log) = in_match(&["ada", "bob"]);
    game.join("n", &["ada", "bob"]);
    let to = log.clone();
    game.observe(move |failed: On<SendFailed>| to.add(format!("unsent: {}", failed.reason)));
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    let the_match = game.match_entity("m");
    game.commands(|commands| {
        let data = OutgoingData::raw(7, "ask");
        commands.nakama().send_data(the_match, data);
    });
    game.update();
    log.take();
    lose(&mut game);
    let heard = log.take();
    assert_eq!(heard[0], "unsent: not connected", "{heard:?}");
}

/// The local user's presence in the match.
fn own_presence(game: &mut TestGame) -> Entity {
    let world = game.app.world_mut();
    let mut own = world.query_filtered::<Entity, (With<IsSelf>, With<PresentIn>)>();
    own.single(world).expect("the local user is there once")
}

/// Ada with the session that was made at this time: its id is a UUID of version 1.
fn ada_since(time: u32) -> UserPresence {
    UserPresence {
        session_id: format!("{time:08x}-0000-1000-8000-00000000000a"),
        ..user_presence("ada")
    }
}

/// The second socket is lost before the server's first word over it. The server has let its session in all the same.
#[test]
fn scenario_12_a_session_that_was_never_known_is_hidden_too() {
    let mut game = TestGame::connected();
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with("m", &[ada_since(10), user_presence("bob")]),
    );
    game.update();
    let log = listen(&mut game);
    let ada = own_presence(&mut game);
    lose(&mut game);
    reopen(&mut game);
    game.expect_sent(Kind::MatchJoin);
    lose(&mut game);
    reopen(&mut game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    let everybody = [
        ada_since(30),
        ada_since(10),
        ada_since(20),
        user_presence("bob"),
    ];
    game.answer(&asked, match_with("m", &everybody));
    game.update();
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    assert_eq!(own_presence(&mut game), ada);
    let the_match = game.match_entity("m");
    let ghosts = |game: &TestGame| {
        let index = game.app.world().resource::<PresenceIndex>();
        index.own_ghosts(the_match)
    };
    assert_eq!(ghosts(&game), 2);
    // Another device of hers, which came later, is nobody's ghost.
    game.server_says(joins(&[ada_since(40)]));
    game.update();
    assert_eq!(log.take(), ["+ada Arrived"]);
    assert_eq!(ghosts(&game), 2);
}
