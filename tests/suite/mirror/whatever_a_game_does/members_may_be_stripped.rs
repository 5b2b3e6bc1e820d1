//! What a game does to the entity of a member.

use super::*;

fn bobs_presence(game: &TestGame) -> Presence {
    let bob = game.presence_of("m", "bob");
    game.app.world().get::<Presence>(bob).expect("bob").clone()
}

#[test]
fn a_presence_put_elsewhere_is_nobody() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let (here, bob) = (game.match_entity("m"), game.presence_of("m", "bob"));
    let presence = bobs_presence(&game);
    let portrait = game.app.world_mut().spawn(presence).id();
    game.server_says(match_data_sent("m", Some("bob"), 1, "hello"));
    game.update();
    let data = crate::common::steps::drain::<MatchDataReceived>(&mut game);
    let sender = data[0].sender.as_ref().expect("bob");
    assert_eq!(sender.entity, Some(bob));
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.of_user(here, "user-bob"), [bob]);
    game.commands(|c| {
        let data = OutgoingData::raw(1, "psst").to([portrait]);
        c.nakama().send_data(here, data);
    });
    game.update();
    assert_eq!(leaves(&mut game), [], "the portrait is not a player");
    game.app.world_mut().despawn(portrait);
    game.update();
    assert_eq!(game.presence_of("m", "bob"), bob);
    game.server_says(match_presences("m", &[], &["bob"]));
    frames(&mut game, 8);
    assert!(!is_alive(&game, bob));
}

/// The game has no use for bob's avatar; for the server he is still there.
#[test]
fn a_member_without_their_presence_is_out_of_the_mirror() {
    for is_cleared in [true, false] {
        let mut game = TestGame::joined("m", &["ada", "bob"]);
        let (here, bob) = (game.match_entity("m"), game.presence_of("m", "bob"));
        let mut entity = game.app.world_mut().entity_mut(bob);
        if is_cleared {
            entity.clear();
        } else {
            entity.remove::<Presence>();
        }
        game.update();
        assert_eq!(member(&game, here, "bob"), None);
        assert_eq!(game.roster("m"), ["ada"]);
        game.server_says(match_data_sent("m", Some("bob"), 1, "hello"));
        game.update();
        let data = crate::common::steps::drain::<MatchDataReceived>(&mut game);
        assert_eq!(data.len(), 1, "he is heard");
        frames(&mut game, 8);
        assert!(!is_alive(&game, bob));
        game.server_says(match_presences("m", &["bob"], &["bob"]));
        game.update();
        assert_eq!(game.roster("m"), ["ada", "bob"], "and may come back");
    }
}

#[test]
fn a_member_who_becomes_another_is_nobody() {
    let mut game = TestGame::joined("m", &["ada", "bob", "cat"]);
    let (here, cat) = (game.match_entity("m"), game.presence_of("m", "cat"));
    let bob = game.presence_of("m", "bob");
    let presence = bobs_presence(&game);
    game.app.world_mut().entity_mut(cat).insert(presence);
    game.update();
    assert_eq!(member(&game, here, "bob"), Some(bob));
    assert_eq!(member(&game, here, "cat"), None);
    game.server_says(match_presences("m", &[], &["bob", "cat"]));
    frames(&mut game, 8);
    assert_eq!(game.roster("m"), ["ada"]);
    assert!(!is_alive(&game, bob) && !is_alive(&game, cat));
}

/// The relation is one thing, and who is there is another.
#[test]
fn a_member_without_the_relation_leaves_all_the_same() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let (here, bob) = (game.match_entity("m"), game.presence_of("m", "bob"));
    game.app.world_mut().entity_mut(bob).remove::<PresentIn>();
    game.update();
    assert_eq!(member(&game, here, "bob"), Some(bob));
    game.commands(|c| c.nakama().leave_match(here).id());
    game.update();
    assert_eq!(leaves(&mut game), [Kind::MatchLeave]);
    frames(&mut game, 8);
    assert!(!is_alive(&game, bob) && !is_alive(&game, here));
}

#[test]
fn a_leader_is_marked_whatever_is_taken_from_the_list() {
    let mut game = TestGame::connected();
    let here = join_party(&mut game, "p", &["ada", "bob"]);
    let mut party = game.app.world_mut().entity_mut(here);
    party.remove::<PartyMembers>();
    game.update();
    game.server_says(party_leader("p", "bob"));
    game.update();
    let bob = member(&game, here, "bob").expect("bob");
    assert!(game.app.world().entity(bob).contains::<PartyLeader>());
}

/// A user is found by name, whether the entity shows it or not.
#[test]
fn a_followed_user_without_a_name_is_found_by_it() {
    let mut game = TestGame::connected();
    let bob = followed_bob(&mut game);
    game.app.world_mut().entity_mut(bob).remove::<Username>();
    let log = crate::common::log::Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<FollowUsers>>| {
        let users = &reply.result.as_ref().expect("followed").users;
        seen.add(format!("{}", *users == [bob]));
    });
    game.commands(|c| c.nakama().follow(FollowUsers::named(["bob"])).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[]));
    game.update();
    assert_eq!(log.take(), ["true"]);
}
