//! An id on an entity is for the game to read. Without it, everything goes on.

use super::*;

/// A stream's id is what makes it one.
fn in_each_with_an_id(test: impl Fn(&Place, TestGame)) {
    in_each(|place, game| {
        if place.leave.is_some() {
            test(place, game);
        }
    });
}

#[test]
fn others_come_and_go() {
    in_each_with_an_id(|place, mut game| {
        let entity = (place.enter)(&mut game);
        (place.remove_id)(&mut game.app.world_mut().entity_mut(entity));
        let Some(people) = place.people else { return };
        let before = game.app.world().resource::<PresenceIndex>().count(entity);
        game.server_says(people(&["cat"], &[]));
        game.update();
        let index = game.app.world().resource::<PresenceIndex>();
        assert_eq!(index.count(entity), before + 1, "{}", place.name);
    });
}

#[test]
fn it_can_be_left() {
    in_each_with_an_id(|place, mut game| {
        let entity = (place.enter)(&mut game);
        (place.remove_id)(&mut game.app.world_mut().entity_mut(entity));
        game.commands(|commands| (place.ask_to_leave)(commands, entity));
        game.update();
        assert_eq!(leaves(&mut game), expected(place), "{}", place.name);
        assert_eq!((place.find)(game.app.world()), None, "{}", place.name);
        frames(&mut game, 6);
        assert!(!is_alive(&game, entity), "{}", place.name);
        assert_eq!(leaves(&mut game), [], "{}", place.name);
    });
}

#[test]
fn data_arrives_and_can_be_sent() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = game.match_entity("m");
    game.app.world_mut().entity_mut(here).remove::<MatchId>();
    game.server_says(match_data_sent("m", Some("bob"), 1, "hello"));
    game.update();
    let data = crate::common::steps::drain::<MatchDataReceived>(&mut game);
    assert_eq!(data.len(), 1);
    assert_eq!(data[0].context, here);
    game.commands(|c| c.nakama().send_data(here, OutgoingData::raw(1, "hi")));
    game.update();
    game.expect_sent(Kind::MatchDataSend);
}

#[test]
fn a_party_without_its_id_plays_with_others() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["ada", "bob"]);
    game.app.world_mut().entity_mut(here).remove::<PartyId>();
    let add = AddMatchmaker::players(4, 4);
    game.commands(|c| c.nakama().add_party_to_matchmaker(here, add).id());
    game.update();
    game.expect_sent(Kind::PartyMatchmakerAdd);
    game.server_says(party_matchmaker_ticket("p", "u"));
    game.server_says(party_leader("p", "bob"));
    game.update();
    game.server_says(party_closed("p"));
    game.update();
    assert_eq!(game.app.world().resource::<PartyIndex>().iter().count(), 0);
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}

/// Whoever asks to join a party is found without the ids on their entity.
#[test]
fn an_asker_without_ids_is_let_in() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["ada", "bob"]);
    game.server_says(party_join_request("p", &["cat"]));
    game.update();
    let asks = game.app.world().get::<PartyJoinRequests>(here);
    let cat = asks.and_then(|asks| asks.iter().next()).expect("cat asks");
    let mut entity = game.app.world_mut().entity_mut(cat);
    entity.remove::<(UserId, SessionId, Username)>();
    game.server_says(party_join_request("p", &["cat"]));
    game.update();
    let asks = game.app.world().get::<PartyJoinRequests>(here);
    assert_eq!(asks.map_or(0, |asks| asks.iter().count()), 1, "once");
    game.commands(|c| c.nakama().accept_party_join(cat).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyAccept);
    game.acknowledge(&asked);
    game.server_says(party_presences("p", &["cat"], &[]));
    game.update();
    assert!(!is_alive(&game, cat));
}

/// The leader is who the server says, whatever marks the game takes away.
#[test]
fn a_leader_without_marks_hears_who_asks_no_more() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["ada", "bob"]);
    game.server_says(party_join_request("p", &["cat"]));
    game.update();
    let ada = member(&game, here, "ada").expect("ada");
    let mut ada = game.app.world_mut().entity_mut(ada);
    ada.remove::<(IsSelf, PartyLeader)>();
    game.server_says(party_leader("p", "bob"));
    game.update();
    assert_eq!(
        super::super::count::<With<PartyJoinRequester>>(&mut game),
        0
    );
}
