//! A leader sees who asks to join, lets them in or declines, whatever crosses meanwhile.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn somebody_asks_and_is_let_in() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        assert_eq!(log.take(), ["cat asks to join"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob cat?");

        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().accept_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        assert_eq!(
            asked.message,
            Some(Message::PartyAccept(realtime::PartyAccept {
                party_id: "p1".into(),
                presence: Some(user_presence("cat")),
            }))
        );
        game.acknowledge(&asked);
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.update();

        assert_eq!(log.take(), ["cat asks no more", "accept", "+cat Arrived"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob cat");
    });
}

#[test]
fn the_answer_comes_before_who_is_let_in_whatever_the_wire_says() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().accept_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        log.take();
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["cat asks no more", "accept", "+cat Arrived"]);
    });
}

#[test]
fn somebody_asks_and_is_declined() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().decline_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(
            log.take(),
            ["cat asks to join", "cat asks no more", "decline"]
        );
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob");
    });
}

#[test]
fn whoever_is_gone_cannot_be_let_in() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().accept_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        let text = "Error accepting party join request: party could not accept request";
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(
            log.take(),
            [
                "cat asks to join",
                "cat asks no more",
                &format!("accept: {text} (bad input)")
            ]
        );
    });
}

#[test]
fn who_asks_twice_is_seen_once() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        assert_eq!(log.take(), ["cat asks to join"]);
    });
}

#[test]
fn a_list_of_who_asks_is_compared_with_what_is_known() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat", "dan"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().list_party_join_requests(party);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyJoinRequestList);
        log.take();
        // `dan` has left; `eve` asked after the server made the list.
        game.server_says(party_join_request("p1", &["eve"]));
        game.answer(&asked, party_join_request("p1", &["cat"]));
        game.update();
        assert_eq!(log.take(), ["eve asks to join", "dan asks no more", "list"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob cat? eve?");
        assert_eq!(asker(&game, "p1", "cat"), cat, "the same entity");
    });
}

/// The local user leads and declines cat, who asks to join. The server refuses with this text. Returns the entity of cat.
fn decline_cat(game: &mut TestGame, log: &Log, text: &str) -> Entity {
    leading_bob(game, log);
    game.server_says(party_join_request("p1", &["cat"]));
    game.update();
    log.take();
    let cat = asker(game, "p1", "cat");
    game.commands(|c| c.nakama().decline_party_join(cat).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    game.refuse(&asked, 3, text);
    game.update();
    cat
}

#[test]
fn who_does_not_ask_any_more_is_gone_when_the_decline_fails() {
    both_layouts(|mut game, log| {
        // Cat has left: they are not a member, and their join request is gone.
        let text = "Error removing party member or join request: party member not found";
        let cat = decline_cat(&mut game, &log, text);
        let error = format!("decline: {text} (bad input)");
        assert_eq!(log.take(), ["cat asks no more", &error]);
        let world = game.app.world();
        assert!(world.get_entity(cat).is_err(), "there is nobody to answer");
    });
}

#[test]
fn who_still_asks_stays_when_the_decline_fails() {
    both_layouts(|mut game, log| {
        let text = "Error removing party member or join request: party leader only";
        let cat = decline_cat(&mut game, &log, text);
        assert_eq!(log.take(), [format!("decline: {text} (bad input)")]);
        let world = game.app.world();
        assert!(world.get::<PartyJoinRequester>(cat).is_some());
    });
}
