//! A join that the game does not want any more is undone, whenever the server accepts it.

use super::*;
use bevy_nakama::proto::{Envelope, Kind};

/// The server has a join request of the local user already.
fn stands(game: &mut TestGame, asked: &Envelope) {
    game.refuse(
        asked,
        3,
        "Error joining party: party join request duplicate",
    );
    game.update();
}

fn leaves(game: &mut TestGame, party: Entity) {
    game.commands(|c| {
        c.nakama().leave_party(party);
    });
    game.update();
    let left = game.expect_sent(Kind::PartyLeave);
    game.acknowledge(&left);
    game.update();
}

/// The leader accepts the local user, who does not want that any more.
fn is_accepted_for_nothing(game: &mut TestGame) {
    game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
    game.update();
    game.expect_sent(Kind::PartyLeave);
    assert_eq!(seen(game, "p1"), "none");
}

#[test]
fn the_local_user_leaves_while_they_ask() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.advance(2 * SECOND);
        log.take();
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);

        // The leader accepts nonetheless.
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn a_join_is_despawned_before_its_answer() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.acknowledge(&asked);
        game.server_says(party_joined("p1", "ada", &["bob", "ada"]));
        game.update();
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
        assert_eq!(log.take(), ["join taken: it was withdrawn"]);
    });
}

#[test]
fn a_withdrawn_join_can_be_asked_for_again() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.update();
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);
        let (again, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(party_entity(&game, "p1"), again, "{:?}", log.take());
        assert!(game.sent().is_empty(), "nobody leaves");
    });
}

/// The server has kept the first request, and refuses the second.
#[test]
fn who_withdraws_and_asks_again_still_asks() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.update();
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);
        log.take();
        let (again, asked) = ask_to_join_party(&mut game, "p1");
        stands(&mut game, &asked);
        assert_eq!(log.take(), ["waiting for the leader", "join taken"]);
        // It may be a request of another device.
        game.advance(4 * SECOND);
        let asked = game.expect_sent(Kind::PartyJoin);
        game.refuse(&asked, 3, "Error joining party: party join requests full");
        game.update();

        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(party_entity(&game, "p1"), again);
        game.advance(10 * SECOND);
        assert!(game.sent().is_empty(), "nobody leaves, and nobody asks");
        assert_eq!(
            log.take(),
            ["+bob Present", "+ada Present (self)", "bob leads"]
        );
    });
}

/// The leader accepts when the local user is about to ask once more. As they are a member then, the server refuses, or keeps that request.
#[test]
fn who_is_accepted_while_they_ask_once_more_stays() {
    both_layouts(|mut game, log| {
        for is_kept in [true, false] {
            let (again, asked) = ask_to_join_party(&mut game, "p1");
            stands(&mut game, &asked);
            game.advance(4 * SECOND);
            let asked = game.expect_sent(Kind::PartyJoin);
            game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
            game.update();
            if is_kept {
                game.acknowledge(&asked);
            } else {
                game.refuse(&asked, 3, "Error joining party: party full");
            }
            game.advance(40 * SECOND);
            assert_eq!(party_entity(&game, "p1"), again);
            assert!(game.sent().is_empty());

            leaves(&mut game, again);
            log.take();
            if is_kept {
                is_accepted_for_nothing(&mut game);
                assert_eq!(log.take(), [""; 0]);
            }
        }
    });
}

/// The plugin asks until the server takes a request.
#[test]
fn who_asks_twice_asks_until_one_request_is_taken() {
    both_layouts(|mut game, _| {
        let (first, asked) = ask_to_join_party(&mut game, "p1");
        stands(&mut game, &asked);
        let (second, asked) = ask_to_join_party(&mut game, "p1");
        stands(&mut game, &asked);
        game.advance(4 * SECOND);
        let asked = game.expect_sent(Kind::PartyJoin);
        assert!(game.sent().is_empty(), "they ask once");
        stands(&mut game, &asked);
        assert!(game.app.world().get_entity(second).is_err());
        // The leader has answered the other request.
        let (_, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.advance(10 * SECOND);
        assert!(game.sent().is_empty());
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(party_entity(&game, "p1"), first);
    });
}

/// An entity may also be cleared, which is a withdrawal, too.
#[test]
fn who_withdraws_while_they_ask_once_more_is_not_asking() {
    for answer in ["duplicate", "taken", "not found"] {
        both_layouts(|mut game, _| {
            let (entity, asked) = ask_to_join_party(&mut game, "p1");
            stands(&mut game, &asked);
            game.advance(4 * SECOND);
            let asked = game.expect_sent(Kind::PartyJoin);
            game.commands(|c| {
                c.entity(entity).clear();
            });
            game.update();
            game.expect_sent(Kind::PartyLeave);
            match answer {
                "duplicate" => stands(&mut game, &asked),
                "taken" => game.acknowledge(&asked),
                _ => game.refuse(&asked, 3, "Error joining party: party not found"),
            }
            game.update();
            game.sent();
            let cleared = game
                .app
                .world()
                .get_entity(entity)
                .expect("it is the game's");
            assert!(!cleared.contains::<PendingApproval>(), "{answer}");
            game.advance(10 * SECOND);
            assert!(game.sent().is_empty(), "{answer}");
            is_accepted_for_nothing(&mut game);
        });
    }
}

#[test]
fn a_join_that_timed_out_is_undone() {
    both_layouts(|mut game, log| {
        let (_, asked) = ask_to_join_party(&mut game, "p1");
        game.advance(11 * SECOND);
        assert_eq!(log.take(), ["join taken: no answer within 10.0 s"]);
        game.acknowledge(&asked);
        game.server_says(party_joined("p1", "ada", &["bob", "ada"]));
        game.update();
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
    });
}

/// A member asks to join once more, which they need not do, and leaves.
fn asks_as_a_member_and_leaves(game: &mut TestGame, joined: Message) {
    let (party, asked) = ask_to_join_party(game, "p1");
    game.acknowledge(&asked);
    game.server_says(joined);
    game.update();
    let (_, asked) = ask_to_join_party(game, "p1");
    game.acknowledge(&asked);
    game.update();
    leaves(game, party);
}

/// The server keeps what a member of a closed party asks for.
#[test]
fn who_asks_as_a_member_and_leaves_does_not_come_back() {
    both_layouts(|mut game, log| {
        let joined = closed_party("p1", "ada", &["bob", "ada"]);
        asks_as_a_member_and_leaves(&mut game, joined);
        log.take();

        is_accepted_for_nothing(&mut game);
        assert_eq!(log.take(), [""; 0]);
    });
}

/// In an open party, nothing is left of a second request. The next one is a new one, and the party may come before its answer.
#[test]
fn who_asks_as_a_member_and_leaves_can_come_back() {
    both_layouts(|mut game, log| {
        let joined = party_joined("p1", "ada", &["bob", "ada"]);
        asks_as_a_member_and_leaves(&mut game, joined);

        let (again, asked) = ask_to_join_party(&mut game, "p1");
        game.server_says(party_joined("p1", "ada", &["bob", "ada"]));
        game.update();
        game.acknowledge(&asked);
        game.update();
        assert_eq!(party_entity(&game, "p1"), again, "{:?}", log.take());
        assert!(game.sent().is_empty(), "nobody leaves");
    });
}
