//! An open party is joined at once, and only once.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn an_open_party_is_joined_at_once() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["join taken"]);
        assert!(game.app.world().get::<Joining>(entity).is_some());
        assert_eq!(seen(&game, "p1"), "none", "taken is not let in");

        game.server_says(party_joined("p1", "ada", &["bob", "cat", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();

        assert_eq!(
            log.take(),
            [
                "+bob Present",
                "+cat Present",
                "+ada Present (self)",
                "bob leads"
            ]
        );
        assert_eq!(seen(&game, "p1"), "open 8: bob* cat ada(me)");
        assert_eq!(party_entity(&game, "p1"), entity);
        let joined = game.app.world().entity(entity);
        assert!(!joined.contains::<Joining>());
        assert!(!joined.contains::<PendingApproval>());
        let party = joined.get::<Party>().expect("a party");
        assert_eq!((&party.label, party.hidden), (&None, None), "nobody told");
    });
}

#[test]
fn pushes_may_come_before_the_answer_to_a_join() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.server_says(party_joined("p1", "ada", &["bob", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.server_says(party_data("p1", "bob", 1, "hello"));
        game.update();
        assert_eq!(log.take(), [""; 0], "nothing before the answer");

        game.acknowledge(&asked);
        game.update();

        assert_eq!(
            log.take(),
            [
                "join taken",
                "+bob Present",
                "+ada Present (self)",
                "bob leads",
                "bob: hello"
            ]
        );
        assert_eq!(party_entity(&game, "p1"), entity);
        game.advance(2 * SECOND);
        assert_eq!(log.take(), [""; 0], "nobody waits for anything");
    });
}

#[test]
fn the_local_user_asks_twice() {
    both_layouts(|mut game, log| {
        let (first, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.update();
        let (second, asked) = ask_to_join_party(&mut game, "p1");
        let text = "Error joining party: party join request duplicate";
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(log.take(), ["join taken", "join taken"]);
        game.update();
        assert!(game.app.world().get_entity(second).is_err());
        game.advance(4 * SECOND);
        assert!(game.sent().is_empty(), "nothing is in the way of the first");

        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(party_entity(&game, "p1"), first);
    });
}

#[test]
fn a_second_join_finds_the_same_party() {
    // The server acknowledges the second join and does nothing.
    both_layouts(|mut game, log| {
        let first = let_in_by_bob(&mut game, &log);
        let answered = Log::default();
        let seen_by_caller = answered.clone();
        let second = game.commands(|c| {
            c.nakama()
                .join_party("p1")
                .observe(move |reply: On<Replied<JoinParty>>| {
                    let taken = reply.result.as_ref().expect("the server agrees");
                    seen_by_caller.add(format!("{}", taken.entity));
                })
                .id()
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyJoin);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(answered.take(), [format!("{first}")]);
        assert!(game.app.world().get_entity(second).is_err());
        assert_eq!(seen(&game, "p1"), "closed 8: bob* ada(me)");
    });
}

#[test]
fn a_full_party_refuses_a_join() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.refuse(&asked, 3, "Error joining party: party full");
        game.update();
        assert_eq!(
            log.take(),
            ["join taken: Error joining party: party full (bad input)"]
        );
        assert!(game.app.world().get_entity(entity).is_err());
    });
}
