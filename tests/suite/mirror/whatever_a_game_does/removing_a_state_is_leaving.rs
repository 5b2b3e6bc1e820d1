//! Whoever takes away what makes an entity a match, a party, a channel, … has left it, as if the entity were despawned.

use super::*;

/// The local user is out, and may come again.
fn is_left_once(place: &Place, game: &mut TestGame, left: Entity) {
    game.update();
    assert_eq!(leaves(game), expected(place), "{}", place.name);
    assert_eq!((place.find)(game.app.world()), None, "{}", place.name);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.count(left), 0, "{}", place.name);
    if let Ok(left) = game.app.world_mut().get_entity_mut(left) {
        left.despawn();
    }
    frames(game, 2);
    assert_eq!(leaves(game), [], "{} is left once", place.name);
    // Whatever the server has to say about it does no harm.
    if let Some(people) = place.people.filter(|_| place.leave.is_some()) {
        game.server_says(people(&["cat"], &["bob"]));
        game.update();
    }
    let again = (place.enter)(game);
    assert!(is_alive(game, again), "{}", place.name);
    assert!((place.is_it)(game.app.world(), again), "{}", place.name);
    assert_eq!((place.find)(game.app.world()), Some(again));
}

#[test]
fn what_is_cleared_and_despawned_is_left() {
    in_each(|place, mut game| {
        let entity = (place.enter)(&mut game);
        game.app.world_mut().entity_mut(entity).clear();
        is_left_once(place, &mut game, entity);
    });
}

#[test]
fn what_loses_its_id_and_is_despawned_is_left() {
    in_each(|place, mut game| {
        let entity = (place.enter)(&mut game);
        (place.remove_id)(&mut game.app.world_mut().entity_mut(entity));
        game.update();
        game.app.world_mut().despawn(entity);
        is_left_once(place, &mut game, entity);
    });
}

#[test]
fn what_loses_its_state_is_left() {
    in_each(|place, mut game| {
        let entity = (place.enter)(&mut game);
        (place.remove_state)(&mut game.app.world_mut().entity_mut(entity));
        is_left_once(place, &mut game, entity);
    });
}

#[test]
fn what_loses_its_state_departs_with_everybody() {
    in_each(|place, mut game| {
        let entity = (place.enter)(&mut game);
        let bob = member(&game, entity, "bob");
        (place.remove_state)(&mut game.app.world_mut().entity_mut(entity));
        game.update();
        // No message names a ticket, so it goes at once.
        let named = Some(entity).filter(|_| place.people.is_some());
        for gone in [named, bob].into_iter().flatten() {
            let gone = game.app.world().get_entity(gone);
            let gone = gone.expect("messages may name it");
            assert!(gone.contains::<Departed>() && !gone.contains::<Presence>());
        }
        frames(&mut game, 6);
        assert!(!is_alive(&game, entity), "{}", place.name);
        assert!(bob.is_none_or(|bob| !is_alive(&game, bob)));
    });
}

/// The issue's own words: a pushed `party` for what was cleared.
#[test]
fn a_party_is_pushed_after_it_was_cleared() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["bob", "ada"]);
    game.app.world_mut().entity_mut(here).clear();
    game.app.world_mut().despawn(here);
    game.server_says(party_joined("p", "ada", &["bob", "ada"]));
    frames(&mut game, 2);
    assert_eq!(leaves(&mut game), [Kind::PartyLeave]);
    assert_eq!(game.app.world().resource::<PartyIndex>().iter().count(), 0);
}

#[test]
fn a_join_that_waits_for_a_leader_is_cleared() {
    let mut game = TestGame::connected();
    let here = game.commands(|c| c.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.update();
    game.app.world_mut().entity_mut(here).clear();
    game.app.world_mut().despawn(here);
    game.update();
    assert_eq!(leaves(&mut game), [Kind::PartyLeave], "it is withdrawn");
    game.server_says(party_joined("p", "ada", &["bob", "ada"]));
    frames(&mut game, 2);
    assert_eq!(leaves(&mut game), [Kind::PartyLeave], "and undone");
    assert_eq!(game.app.world().resource::<PartyIndex>().iter().count(), 0);
}

/// The same of a ticket for the local user alone is in `a_game_may_despawn_at_any_moment`.
#[test]
fn a_ticket_of_a_party_that_is_despawned_as_it_comes_about_is_removed() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["ada", "bob"]);
    game.observe(|asked: On<Remove, Joining>, mut commands: Commands| {
        commands.entity(asked.entity).despawn();
    });
    let add = AddMatchmaker::players(4, 4);
    game.commands(|c| c.nakama().add_party_to_matchmaker(here, add).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyMatchmakerAdd);
    game.answer(&asked, party_matchmaker_ticket("p", "t"));
    game.update();
    assert_eq!(leaves(&mut game), [Kind::PartyMatchmakerRemove]);
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}

/// Removing the ticket needs its party, and whoever removes the relation has not removed that.
#[test]
fn a_ticket_of_a_party_is_removed_there() {
    let mut game = TestGame::connected();
    join_party(&mut game, "p", &["ada", "bob"]);
    game.server_says(party_matchmaker_ticket("p", "t"));
    game.update();
    let ticket = game.app.world().resource::<TicketIndex>().get(&"t".into());
    let ticket = ticket.expect("a ticket");
    let mut entity = game.app.world_mut().entity_mut(ticket);
    entity.remove::<TicketOf>();
    game.update();
    game.commands(|c| c.nakama().remove_matchmaker_ticket(ticket).id());
    game.update();
    assert_eq!(leaves(&mut game), [Kind::PartyMatchmakerRemove]);
    frames(&mut game, 4);
    assert!(!is_alive(&game, ticket));
}

/// The server drops the tickets of a party whose members change, whatever their entities say.
#[test]
fn a_ticket_without_its_relation_goes_with_the_members() {
    let mut game = TestGame::connected();
    join_party(&mut game, "p", &["ada", "bob"]);
    game.server_says(party_matchmaker_ticket("p", "t"));
    game.update();
    let ticket = game.app.world().resource::<TicketIndex>().get(&"t".into());
    let ticket = ticket.expect("a ticket");
    let mut entity = game.app.world_mut().entity_mut(ticket);
    entity.remove::<TicketOf>();
    game.server_says(party_presences("p", &["cat"], &[]));
    game.update();
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}
