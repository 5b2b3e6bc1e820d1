//! A join of a closed party waits until its leader accepts it. A decline is not told.

use super::*;

#[test]
fn the_leader_lets_the_local_user_in() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.advance(2 * SECOND);
        assert_eq!(log.take(), ["join taken", "waiting for the leader"]);
        let asking = game.app.world().entity(entity);
        assert!(asking.contains::<Joining>() && asking.contains::<PendingApproval>());

        game.advance(120 * SECOND);
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();

        assert_eq!(seen(&game, "p1"), "closed 8: bob* ada(me)");
        assert_eq!(party_entity(&game, "p1"), entity);
        let joined = game.app.world().entity(entity);
        assert!(!joined.contains::<Joining>() && !joined.contains::<PendingApproval>());
    });
}

#[test]
fn the_event_may_come_before_the_party() {
    both_layouts(|mut game, log| {
        let (_, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        game.advance(2 * SECOND);
        log.take();
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(
            log.take(),
            ["+bob Present", "+ada Present (self)", "bob leads"]
        );
    });
}

#[test]
fn a_decline_is_never_told() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join_party(&mut game, "p1");
        game.acknowledge(&asked);
        for _ in 0..600 {
            game.update_by(SECOND);
        }
        assert_eq!(log.take(), ["join taken", "waiting for the leader"]);
        let asking = game.app.world().entity(entity);
        assert!(asking.contains::<Joining>() && asking.contains::<PendingApproval>());
    });
}
