//! Somebody else becomes the leader.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn the_local_user_promotes_a_member() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        log.take();
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().promote_party_member(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyPromote);
        game.server_says(party_leader("p1", "bob"));
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["bob leads", "cat asks no more", "promote"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me) bob*");
    });
}

#[test]
fn somebody_can_be_promoted_as_soon_as_they_are_seen() {
    both_layouts(|mut game, log| {
        game.observe(
            |joined: On<Add, PartyMemberOf>,
             mut commands: Commands,
             others: Query<(), Without<IsSelf>>| {
                if others.contains(joined.entity) {
                    commands.nakama().promote_party_member(joined.entity);
                }
            },
        );
        leading_bob(&mut game, &log);
        game.update();
        game.expect_sent(Kind::PartyPromote);
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn the_local_user_is_promoted() {
    both_layouts(|mut game, log| {
        let_in_by_bob(&mut game, &log);
        game.server_says(party_leader("p1", "ada"));
        game.update();
        assert_eq!(log.take(), ["ada leads"]);
        assert_eq!(seen(&game, "p1"), "closed 8: bob ada(me)*");

        // The server does not tell a new leader who is waiting, so the plugin asks.
        game.update();
        let asked = game.expect_sent(Kind::PartyJoinRequestList);
        game.answer(&asked, party_join_request("p1", &["cat", "dan"]));
        game.update();
        assert_eq!(log.take(), ["cat asks to join", "dan asks to join", "list"]);
        assert_eq!(seen(&game, "p1"), "closed 8: bob ada(me)* cat? dan?");
    });
}

#[test]
fn the_local_user_leads_when_the_leader_is_gone() {
    both_layouts(|mut game, log| {
        let_in_by_bob(&mut game, &log);
        game.server_says(party_leader("p1", "ada"));
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["ada leads", "-bob"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)*");
        game.update();
        game.expect_sent(Kind::PartyJoinRequestList);
    });
}
