//! Members leave, or the leader kicks them.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn somebody_leaves() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.server_says(party_presences("p1", &[], &["zoe"]));
        game.update();
        assert_eq!(log.take(), ["-bob"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)*");
    });
}

#[test]
fn somebody_is_kicked() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().kick_from_party(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        assert_eq!(
            asked.message,
            Some(Message::PartyRemove(realtime::PartyRemove {
                party_id: "p1".into(),
                presence: Some(user_presence("bob")),
            }))
        );
        game.acknowledge(&asked);
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["kick", "-bob Kicked"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)*");
        game.server_says(party_presences("p1", &["bob"], &[]));
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["+bob Arrived", "-bob"], "that is his own wish");
    });
}

/// They are removed and come back in the same moment. Later they leave by themselves.
#[test]
fn somebody_who_was_kicked_comes_back_at_once() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().kick_from_party(bob);
            c.nakama().kick_from_party(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        game.acknowledge(&asked);
        let again = game.expect_sent(Kind::PartyRemove);
        game.acknowledge(&again);
        game.server_says(party_presences("p1", &["bob"], &["bob"]));
        game.update();
        log.take();
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["-bob"]);
    });
}

/// They leave by themselves and come back, and only then the server tells that it has removed them before.
#[test]
fn a_late_answer_to_a_kick_is_not_about_who_came_back() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().kick_from_party(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        game.advance(NakamaSettings::default().request_timeout + Duration::from_secs(1));
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.server_says(party_presences("p1", &["bob"], &[]));
        game.update();
        game.acknowledge(&asked);
        game.update();
        log.take();
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["-bob"]);
    });
}

#[test]
fn somebody_leaves_who_could_not_be_kicked() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().kick_from_party(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        game.refuse(&asked, 3, "party leader only");
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take()[1], "-bob");
    });
}

#[test]
fn the_leader_cannot_kick_themselves() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let ada = member(&game, "p1", "ada");
        game.commands(|c| {
            c.nakama().kick_from_party(ada);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        let text = "Error removing party member or join request: party cannot remove self";
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(log.take(), [format!("kick: {text} (bad input)")]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob");
    });
}
