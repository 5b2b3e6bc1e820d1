//! The tickets of a party end with every change of its members, and when the server does not know them.

use std::time::Duration;

use super::*;

#[test]
fn whoever_comes_or_goes_ends_the_tickets_of_a_party() {
    let (mut game, log, party) = in_party(PartyLayout::Current, &["bob", "ada"]);
    let ticket = |game: &mut TestGame, id: &str| {
        game.server_says(party_matchmaker_ticket("p1", id));
        game.update();
    };
    ticket(&mut game, "t1");
    ticket(&mut game, "t2");
    game.server_says(party_presences("p1", &["bob"], &[]));
    game.server_says(party_presences("p1", &[], &["nobody"]));
    game.update();
    assert_eq!(log.take(), ["+t1", "+t2"], "bob was there before");

    game.server_says(party_presences("p1", &["carol"], &[]));
    game.update();
    assert_eq!(log.take(), ["-t1", "-t2"]);
    ticket(&mut game, "t3");
    // She may come back.
    game.server_says(party_presences("p1", &[], &["carol"]));
    game.update();
    assert_eq!(log.take(), ["+t3"]);
    game.advance(Duration::from_secs(31));
    assert_eq!(log.take(), ["-t3"]);

    ticket(&mut game, "t4");
    game.server_says(party_leader("p1", "ada"));
    game.update();
    assert_eq!(log.take(), ["+t4"], "a new leader changes nothing");
    assert_eq!(tickets_of(&game, party).len(), 1);
    game.server_says(party_closed("p1"));
    game.update();
    assert_eq!(log.take(), ["-t4"]);
    assert_eq!(tickets(&game), 0);
    let kinds: Vec<_> = game
        .sent()
        .into_iter()
        .filter_map(|sent| sent.message)
        .collect();
    let removed = kinds
        .iter()
        .any(|sent| matches!(sent, Message::PartyMatchmakerRemove(_)));
    assert!(!removed, "the server knows");
}

#[test]
fn who_leaves_a_party_ends_its_tickets_also_if_the_game_has_despawned_them() {
    let (mut game, log, _) = in_party(PartyLayout::Current, &["bob", "ada"]);
    let world = game.app.world_mut();
    let mut members = world.query::<(Entity, &Username, &PartyMemberOf)>();
    let mut members = members.iter(world);
    let bob = members.find(|(_, name, _)| *name == "bob");
    let bob = bob.expect("a member").0;
    world.despawn(bob);
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.server_says(party_presences("p1", &["bob"], &[]));
    game.update();
    assert_eq!(log.take(), ["+t1"], "for the server, bob was there before");
    game.server_says(party_presences("p1", &[], &["bob"]));
    game.update();
    game.advance(Duration::from_secs(31));
    assert_eq!(log.take(), ["-t1"]);
    assert_eq!(tickets(&game), 0);
}

#[test]
fn despawning_a_partys_ticket_is_removing_it_and_leaving_is_enough() {
    let (mut game, _, party) = in_party(PartyLayout::Current, &["ada", "bob"]);
    let (first, asked) = add_party(&mut game, party);
    game.answer(&asked, party_matchmaker_ticket("p1", "t1"));
    let (_, asked) = add_party(&mut game, party);
    game.answer(&asked, party_matchmaker_ticket("p1", "t2"));
    game.update();
    game.commands(|c| c.entity(first).despawn());
    game.update();
    let removed = game.expect_sent(Kind::PartyMatchmakerRemove);
    assert_eq!(removed.message, party_removal("t1"));

    let (late, asked) = add_party(&mut game, party);
    game.commands(|c| c.entity(party).despawn());
    game.update();
    assert_eq!(tickets(&game), 0);
    game.answer(&asked, party_matchmaker_ticket("p1", "t3"));
    game.update();
    assert!(!is_alive(&game, late), "the party has no tickets any more");
    let sent: Vec<_> = game
        .sent()
        .into_iter()
        .filter_map(|sent| sent.message)
        .collect();
    let kinds: Vec<_> = sent.iter().map(Kind::of).collect();
    assert_eq!(kinds, [Kind::PartyLeave]);
}

#[test]
fn a_partys_ticket_that_the_server_does_not_know_is_none() {
    let (mut game, log, party) = in_party(PartyLayout::Current, &["bob", "ada"]);
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.update();
    let ticket = tickets_of(&game, party)[0];
    for (text, expected) in [
        ("Error closing party: party leader only", 1),
        ("Error closing party: matchmaker ticket not found", 0),
    ] {
        game.commands(|c| c.nakama().remove_matchmaker_ticket(ticket).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyMatchmakerRemove);
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(tickets(&game), expected, "{text}");
    }
    assert_eq!(
        log.take()[1..2],
        ["RemoveMatchmakerTicket: Error closing party: party leader only (bad input)"]
    );
}
