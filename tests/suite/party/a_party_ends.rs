//! A party ends for the local user: they are kicked, they leave or close it, or the connection breaks.

use super::*;
use crate::common::steps::goes;
use bevy_nakama::proto::Kind;

#[test]
fn the_local_user_is_kicked() {
    both_layouts(|mut game, log| {
        let entity = let_in_by_bob(&mut game, &log);
        game.server_says(party_closed("p1"));
        game.update();
        assert_eq!(
            log.take(),
            ["closed with 2", "-bob YouLeft", "-ada YouLeft"]
        );
        assert_eq!(seen(&game, "p1"), "none");
        goes(&mut game, entity);
    });
}

#[test]
fn the_local_user_closes_the_party() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        log.take();
        game.commands(|c| {
            c.nakama().close_party(party);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyClose);
        game.server_says(party_closed("p1"));
        game.acknowledge(&asked);
        game.update();
        let mut noticed = log.take();
        assert_eq!(noticed.first().map(String::as_str), Some("closed with 2"));
        assert_eq!(noticed.last().map(String::as_str), Some("close"));
        noticed.sort();
        assert_eq!(
            noticed,
            [
                "-ada YouLeft",
                "-bob YouLeft",
                "cat asks no more",
                "close",
                "closed with 2"
            ]
        );
        assert_eq!(seen(&game, "p1"), "none");
        goes(&mut game, party);
    });
}

#[test]
fn the_local_user_leaves() {
    both_layouts(|mut game, log| {
        let party = let_in_by_bob(&mut game, &log);
        game.commands(|c| {
            c.nakama().leave_party(party);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "closed 8: bob* ada(me)", "not yet");
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["-bob YouLeft", "-ada YouLeft", "left"]);
        assert_eq!(seen(&game, "p1"), "none");
    });
}

#[test]
fn despawning_a_party_is_leaving_it() {
    both_layouts(|mut game, log| {
        let party = let_in_by_bob(&mut game, &log);
        game.commands(|c| c.entity(party).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
        log.take();
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.server_says(party_data("p1", "bob", 1, "late"));
        game.update();
        assert_eq!(
            log.take(),
            [""; 0],
            "what is still on its way is for nobody"
        );
    });
}

#[test]
fn the_end_of_the_connection_is_the_end_of_the_party() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        let (asking, asked) = ask_to_join_party(&mut game, "p2");
        game.acknowledge(&asked);
        game.update();
        game.connection_ends();
        game.update();
        assert_eq!(seen(&game, "p1"), "none");
        assert!(game.app.world().get_entity(asking).is_err());
        goes(&mut game, party);
    });
}
