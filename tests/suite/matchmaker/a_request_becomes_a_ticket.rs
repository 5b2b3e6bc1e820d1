//! A request becomes a ticket. It is sent as the game made it, or refused.

use super::*;
use crate::common::steps::sent_json;
use serde_json::json;

#[test]
fn everything_that_was_asked_for_is_sent() {
    let mut game = TestGame::connected();
    game.commands(|c| {
        let request = AddMatchmaker::players(2, 4)
            .count_multiple(2)
            .query("+properties.mode:duel")
            .string_property("mode", "duel")
            .numeric_property("rank", -1.5);
        c.nakama().add_matchmaker(request);
        c.nakama()
            .add_matchmaker(AddMatchmaker::players(u32::MAX, 0));
    });
    game.update();
    let sent = game.expect_sent(Kind::MatchmakerAdd);
    assert_eq!(
        sent_json(&sent)["matchmaker_add"],
        json!({
            "min_count": 2, "max_count": 4, "count_multiple": 2, "query": "+properties.mode:duel",
            "string_properties": {"mode": "duel"}, "numeric_properties": {"rank": -1.5},
        })
    );
    let sent = game.expect_sent(Kind::MatchmakerAdd);
    assert_eq!(
        sent_json(&sent)["matchmaker_add"],
        json!({"min_count": i32::MAX, "query": "*"}),
        "whoever they are"
    );
}

#[test]
fn a_request_becomes_the_ticket_and_goes_with_its_match() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = add(&mut game);
    assert!(game.app.world().get::<Joining>(entity).is_some());

    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    assert_eq!(log.take(), ["+t1", "AddMatchmaker"]);
    let world = game.app.world();
    let ticket = world.get::<MatchmakerTicket>(entity).expect("a ticket");
    assert_eq!(ticket.request, Some(AddMatchmaker::players(2, 4)));
    assert_eq!(world.get::<TicketId>(entity).expect("an id").as_str(), "t1");
    assert!(world.get::<Joining>(entity).is_none());
    assert!(world.get::<TicketOf>(entity).is_none());
    let index = world.resource::<TicketIndex>();
    assert_eq!(index.get(&"t1".into()), Some(entity));

    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), ["t1 matched ada (self), bob", "-t1"]);
    assert!(!is_alive(&game, entity), "it goes in `Last` of that frame");
    assert_eq!(game.sent(), [], "a ticket that was matched is not removed");
}

#[test]
fn only_a_ticket_can_be_removed() {
    let (mut game, log) = watched(TestGame::connected());
    let (_, asked) = add(&mut game);
    let nothing = game.app.world_mut().spawn_empty().id();
    game.commands(|c| {
        c.nakama().remove_matchmaker_ticket(nothing);
        c.nakama()
            .add_party_to_matchmaker(nothing, AddMatchmaker::players(2, 2));
    });
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    assert_eq!(
        log.take(),
        [
            "RemoveMatchmakerTicket: the entity is not a matchmaker ticket",
            "AddPartyToMatchmaker: the entity is not a party",
        ]
    );
    game.answer(&asked, match_joined("m1", &["ada"]));
    game.update();
    assert_eq!(
        log.take(),
        ["AddMatchmaker: the server answered with match"]
    );
}
