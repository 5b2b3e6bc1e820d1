//! A match or a party is the same in either case.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn a_match_id_may_be_typed_in_capitals() {
    for node in ["", "nakama-Node-1"] {
        let (lower, upper) = (format!("{LOWER}.{node}"), format!("{UPPER}.{node}"));
        let mut game = TestGame::connected();
        let log = listen(&mut game);
        // The server answers with the id as it was typed.
        let here = game.join(&upper, &["ada", "bob"]);
        assert_eq!(game.match_entity(&lower), here);
        assert_eq!(game.match_entity(&upper), here, "typed again");

        // Data carries the id as its sender typed it; events carry it as the server writes it.
        game.server_says(match_data_sent(&lower, Some("bob"), 1, "x"));
        game.server_says(match_data_sent(&upper, Some("bob"), 2, "x"));
        game.server_says(match_presences(&lower, &["cat"], &[]));
        game.server_says(match_data_sent(&lower, Some("cat"), 3, "x"));
        game.update();
        assert_eq!(log.take(), ["bob: 1", "bob: 2", "cat: 3"]);

        game.commands(|commands| commands.nakama().send_data(here, OutgoingData::raw(4, "x")));
        game.update();
        match message(game.expect_sent(Kind::MatchDataSend)) {
            Message::MatchDataSend(data) => assert_eq!(data.match_id, lower, "so others know it"),
            other => panic!("{other:?}"),
        }

        game.join(&lower, &["ada", "bob", "cat"]);
        assert_eq!(game.match_entity(&lower), here, "joining again is the same");
        let world = game.app.world_mut();
        assert_eq!(world.query::<&Match>().iter(world).count(), 1);
    }
}

#[test]
fn what_came_before_the_answer_is_found_in_either_case() {
    let mut game = TestGame::connected();
    let log = listen(&mut game);
    game.commands(|commands| {
        let join = JoinMatch::by_id(format!("{UPPER}."));
        commands.nakama().join_match(join);
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.server_says(match_presences(&format!("{LOWER}."), &["bob"], &[]));
    game.server_says(match_data_sent(&format!("{UPPER}."), Some("bob"), 1, "x"));
    game.answer(&asked, match_joined(&format!("{LOWER}."), &["ada"]));
    game.update();
    assert_eq!(game.roster(&format!("{UPPER}.")), ["ada", "bob"]);
    assert_eq!(log.take(), ["bob: 1"]);
}

#[test]
fn a_party_id_may_be_typed_in_capitals() {
    let (lower, upper) = (format!("{LOWER}.Node"), format!("{UPPER}.Node"));
    let mut game = TestGame::connected();
    let log = listen(&mut game);
    let here = game.commands(|commands| commands.nakama().join_party(&*upper).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party_joined(&lower, "ada", &["bob", "ada"]));
    game.server_says(party_data(&lower, "bob", 1, "x"));
    game.server_says(party_data(&upper, "bob", 2, "x"));
    game.update();
    assert_eq!(log.take(), ["bob: 1", "bob: 2"]);
    let index = game.app.world().resource::<PartyIndex>();
    assert_eq!(index.get(&PartyId::from(&*upper)), Some(here));
    game.commands(|commands| commands.nakama().send_party_data(here, 3, "x"));
    game.update();
    match message(game.expect_sent(Kind::PartyDataSend)) {
        Message::PartyDataSend(data) => assert_eq!(data.party_id, lower),
        other => panic!("{other:?}"),
    }
}
