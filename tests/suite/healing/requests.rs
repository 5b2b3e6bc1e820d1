//! Requests have one outcome each, whatever the connection does meanwhile.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    connection::ConnectionState,
    prelude::*,
    proto::{Envelope, Kind, Message},
    request::Request,
    testing::*,
};

use super::steps::{again, lose, match_with, reopen, state, wait};
use crate::{
    common::log::Log,
    request::every_request::{Case, Consent, answered, cases, made},
};

/// What becomes of a request if the connection is lost and comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It is made again, and answered then.
    Carried,
    /// It has what it wanted.
    Done,
    Ends,
}

fn fate(case: &Case) -> Fate {
    match case.name {
        "CreateMatch"
        | "JoinMatch"
        | "CreateParty"
        | "JoinParty"
        | "JoinChat"
        | "AddMatchmaker"
        | "AddPartyToMatchmaker"
        | "FollowUsers"
        | "UpdateStatus" => Fate::Carried,
        "LeaveMatch" | "LeaveParty" | "LeaveChat" | "RemoveMatchmakerTicket" | "UnfollowUsers" => {
            Fate::Done
        }
        _ => Fate::Ends,
    }
}

/// All that go over the socket.
fn over_the_socket() -> impl Iterator<Item = Case> {
    cases().into_iter().filter(|case| !case.consent.is_rest())
}

fn kind_of(envelope: &Envelope) -> Kind {
    Kind::of(envelope.message.as_ref().expect("a message"))
}

fn consent(case: &Case, game: &mut TestGame, asked: &Envelope) {
    match case.consent {
        Consent::Acknowledge => game.acknowledge(asked),
        Consent::Answer(message) => game.answer(asked, message()),
        Consent::Rest(_) | Consent::RestOfAnybody(_) => panic!("{} is no such", case.name),
    }
}

/// Asks without looking at what is sent.
fn ask(case: &Case, game: &mut TestGame, about: Entity) -> Log {
    let log = Log::default();
    (case.ask)(game, about, log.clone());
    game.update();
    log
}

#[test]
fn scenario_31_a_loss_before_the_answer() {
    for case in over_the_socket() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let asked = made(&case, &mut game, &log).expect("over the socket");
        lose(&mut game);
        match fate(&case) {
            Fate::Ends => answered(&case, &mut game, &log, "lost, maybe executed: true"),
            Fate::Done => answered(&case, &mut game, &log, "consent"),
            Fate::Carried => {
                assert_eq!(log.take(), [""; 0], "{}", case.name);
                reopen(&mut game);
                let again = game.expect_sent(kind_of(&asked));
                assert_eq!(log.take(), [""; 0], "{}", case.name);
                consent(&case, &mut game, &again);
                answered(&case, &mut game, &log, "consent");
            }
        }
    }
}

#[test]
fn scenario_31_an_answer_right_before_the_loss() {
    for case in over_the_socket() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let asked = made(&case, &mut game, &log).expect("over the socket");
        consent(&case, &mut game, &asked);
        lose(&mut game);
        assert_eq!(log.take(), ["consent"], "{}", case.name);
        reopen(&mut game);
        wait(&mut game, 30);
        assert_eq!(log.take(), [""; 0], "{}", case.name);
    }
}

/// It waits behind a request that holds up all others.
#[test]
fn scenario_31_a_loss_before_it_has_left() {
    for case in over_the_socket() {
        let settings = NakamaSettings {
            requests_in_flight: 1,
            ..default()
        };
        let mut game = TestGame::with_settings(settings);
        game.connect();
        let about = (case.before)(&mut game);
        game.commands(|commands| {
            commands.nakama().rpc(Rpc::new("slow"));
        });
        game.sent();
        let log = ask(&case, &mut game, about);
        assert_eq!(game.sent().len(), 1, "{}", case.name);
        lose(&mut game);
        let expected = match fate(&case) {
            Fate::Ends => ["lost, maybe executed: false"].as_slice(),
            Fate::Done => &["consent"],
            Fate::Carried => &[],
        };
        assert_eq!(log.take(), expected, "{}", case.name);
    }
}

#[test]
fn scenario_33_what_is_asked_for_while_away() {
    for case in over_the_socket() {
        let mut game = TestGame::connected();
        let about = (case.before)(&mut game);
        lose(&mut game);
        let log = ask(&case, &mut game, about);
        assert_eq!(game.sent(), [], "{}", case.name);
        match fate(&case) {
            Fate::Ends => answered(&case, &mut game, &log, "not connected"),
            Fate::Done => answered(&case, &mut game, &log, "consent"),
            Fate::Carried => {
                assert_eq!(log.take(), [""; 0], "{}", case.name);
                reopen(&mut game);
                let kind = kind_of(&sent_by(&case));
                // A party may have to be entered again first.
                let asked = wait_for(&mut game, kind);
                consent(&case, &mut game, &asked);
                answered(&case, &mut game, &log, "consent");
            }
        }
    }
}

/// What the request sends.
fn sent_by(case: &Case) -> Envelope {
    let (mut game, log) = (TestGame::connected(), Log::default());
    made(case, &mut game, &log).expect("over the socket")
}

/// Looks for what a game sends for a second.
#[track_caller]
fn wait_for(game: &mut TestGame, kind: Kind) -> Envelope {
    for _ in 0..100 {
        let sent = game.sent();
        if let Some(found) = sent.iter().find(|sent| kind_of(sent) == kind) {
            return found.clone();
        }
        game.update();
    }
    panic!("the game sends no {kind}");
}

/// The deadline of a wish counts from the call.
#[test]
fn scenario_33_a_wish_has_its_deadline() {
    for case in over_the_socket().filter(|case| fate(case) == Fate::Carried) {
        for is_under_way in [true, false] {
            let mut game = TestGame::connected();
            let about = (case.before)(&mut game);
            let log = if is_under_way {
                let log = ask(&case, &mut game, about);
                lose(&mut game);
                log
            } else {
                lose(&mut game);
                ask(&case, &mut game, about)
            };
            wait(&mut game, 9);
            assert_eq!(log.take(), [""; 0], "{}", case.name);
            wait(&mut game, 4);
            assert_eq!(log.take(), ["timeout"], "{}", case.name);
            game.server_goes_silent();
            reopen(&mut game);
            wait(&mut game, 5);
            assert_eq!(log.take(), [""; 0], "{}", case.name);
        }
    }
}

/// It does not wait for ever, and its failure says whether the server may have done it.
#[test]
fn scenario_34_a_wish_ends_with_the_connection() {
    for case in over_the_socket().filter(|case| fate(case) == Fate::Carried) {
        for (is_under_way, expected) in [
            (true, "lost, maybe executed: true"),
            (false, "not connected"),
        ] {
            let mut game = TestGame::connected();
            let about = (case.before)(&mut game);
            let log = if is_under_way {
                let log = ask(&case, &mut game, about);
                lose(&mut game);
                log
            } else {
                lose(&mut game);
                ask(&case, &mut game, about)
            };
            game.commands(|commands| commands.nakama().disconnect());
            game.update();
            game.update();
            assert_eq!(state(&game), ConnectionState::Disconnected);
            answered(&case, &mut game, &log, expected);
        }
    }
}

#[test]
fn a_wish_is_carried_over_several_losses() {
    for case in over_the_socket().filter(|case| fate(case) == Fate::Carried) {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let asked = made(&case, &mut game, &log).expect("over the socket");
        for _ in 0..3 {
            lose(&mut game);
            reopen(&mut game);
            let again = wait_for(&mut game, kind_of(&asked));
            assert_ne!(again.cid, asked.cid);
        }
        lose(&mut game);
        reopen(&mut game);
        let again = wait_for(&mut game, kind_of(&asked));
        consent(&case, &mut game, &again);
        answered(&case, &mut game, &log, "consent");
    }
}

/// A game that logs what comes of this kind of request.
fn watched<R: Request>() -> (TestGame, Log) {
    let (mut game, log) = (TestGame::connected(), Log::default());
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add("done"),
        Err(error) => seen.add(error.to_string()),
    });
    (game, log)
}

/// What the game despawns while away is not asked for.
#[test]
fn a_wish_that_is_withdrawn_is_not_made() {
    for is_under_way in [true, false] {
        let (mut game, log) = watched::<JoinMatch>();
        if !is_under_way {
            lose(&mut game);
        }
        let entity =
            game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id());
        game.update();
        if is_under_way {
            lose(&mut game);
        }
        game.sent();
        game.app.world_mut().despawn(entity);
        reopen(&mut game);
        game.advance(Duration::from_secs(1));
        assert_eq!(game.sent(), []);
        let heard = log.take();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(game.app.world().resource::<MatchIndex>().iter().count(), 0);
    }
}

/// The game leaves what it waits for, and asks for it anew.
#[test]
fn the_last_wish_counts() {
    let (mut game, log) = watched::<JoinMatch>();
    lose(&mut game);
    let join = |game: &mut TestGame| {
        game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id())
    };
    let first = join(&mut game);
    game.update();
    game.commands(|commands| {
        commands.nakama().leave_match(first);
    });
    game.update();
    let second = join(&mut game);
    reopen(&mut game);
    let asked = wait_for(&mut game, Kind::MatchJoin);
    assert_eq!(game.sent(), [], "it is asked for once");
    game.answer(&asked, match_with("m", &[again("ada")]));
    game.update();
    assert_eq!(game.match_entity("m"), second);
    assert_eq!(log.take().last().map(String::as_str), Some("done"));
}

/// A follow in several messages starts over: what the first of them brought was the old session's.
#[test]
fn a_follow_in_parts_starts_over() {
    let (mut game, log) = watched::<FollowUsers>();
    let ids: Vec<_> = (0..150)
        .map(|number| format!("00000000-0000-4000-8000-{number:012}"))
        .collect();
    let asked_for = |envelope: &Envelope| match &envelope.message {
        Some(Message::StatusFollow(follow)) => follow.user_ids.clone(),
        other => panic!("{other:?}"),
    };
    let request = FollowUsers::ids(ids.clone());
    game.commands(|commands| {
        commands.nakama().follow(request);
    });
    game.update();
    let first = game.expect_sent(Kind::StatusFollow);
    game.answer(&first, followed(&[]));
    game.update();
    game.expect_sent(Kind::StatusFollow);
    lose(&mut game);
    assert_eq!(log.take(), [""; 0]);
    reopen(&mut game);
    let mut all = Vec::new();
    for _ in 0..2 {
        let part = wait_for(&mut game, Kind::StatusFollow);
        all.extend(asked_for(&part));
        assert_eq!(log.take(), [""; 0]);
        game.answer(&part, followed(&[]));
        game.update();
    }
    assert_eq!(all, ids);
    assert_eq!(log.take(), ["done"]);
}

/// A leave that the server has not answered is done with the loss; a game may join again at once.
#[test]
fn what_is_left_and_joined_again_while_away_is_joined() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = game.match_entity("m");
    game.commands(|commands| {
        commands.nakama().leave_match(here);
    });
    game.update();
    lose(&mut game);
    assert_eq!(game.app.world().resource::<MatchIndex>().iter().count(), 0);
    let there = game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id());
    game.sent();
    reopen(&mut game);
    let asked = wait_for(&mut game, Kind::MatchJoin);
    assert_eq!(game.sent(), []);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    assert_eq!(game.match_entity("m"), there);
    assert_eq!(game.roster("m"), ["ada", "bob"]);
}

/// A follow that waits for the connection, and an unfollow after it.
#[test]
fn the_last_of_follow_and_unfollow_counts() {
    for is_under_way in [true, false] {
        let (mut game, log) = watched::<UnfollowUsers>();
        if !is_under_way {
            lose(&mut game);
        }
        game.commands(|commands| {
            let eve = || ["user-eve"];
            commands.nakama().follow(FollowUsers::ids(eve()));
            commands.nakama().unfollow(UnfollowUsers::ids(eve()));
        });
        game.update();
        if is_under_way {
            game.sent();
            lose(&mut game);
        }
        reopen(&mut game);
        game.update();
        let asked = game.expect_sent(Kind::StatusFollow);
        game.answer(&asked, followed(&[("eve", "here")]));
        let asked = game.expect_sent(Kind::StatusUnfollow);
        game.acknowledge(&asked);
        game.update();
        let index = game.app.world().resource::<FollowedUserIndex>();
        assert_eq!(index.get(&UserId::from("user-eve")), None);
        assert_eq!(log.take(), ["done"]);
    }
}
