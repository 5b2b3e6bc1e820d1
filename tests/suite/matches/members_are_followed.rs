//! Who is in a match, as events and answers say it.

use super::*;
use bevy_nakama::proto::UserPresence;

#[test]
fn joins_and_leaves_are_followed() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada"]));
    game.server_says(match_presences("m1", &["bob", "carol"], &[]));
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.server_says(match_presences("m1", &[], &["bob", "nobody"]));
    game.update();
    assert_eq!(log.take(), ["+bob Arrived", "+carol Arrived", "-bob"]);
    assert_eq!(game.roster("m1"), ["ada", "carol"]);
}

#[test]
fn leave_and_join_of_one_session_in_one_event_is_no_flicker() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let bob = game.presence_of("m1", "bob");
    game.server_says(match_presences("m1", &["bob"], &["bob"]));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(game.presence_of("m1", "bob"), bob);
}

#[test]
fn a_session_under_a_new_name_keeps_its_entity() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let bob = game.presence_of("m1", "bob");
    let renamed = UserPresence {
        username: "robert".into(),
        ..user_presence("bob")
    };
    game.server_says(proto::Message::MatchPresenceEvent(
        proto::realtime::MatchPresenceEvent {
            match_id: "m1".into(),
            joins: vec![renamed],
            leaves: vec![],
        },
    ));
    game.update();
    assert_eq!(
        game.app.world().get::<Username>(bob).map(Username::as_str),
        Some("robert")
    );
    assert_eq!(game.roster("m1"), ["ada", "robert"]);
}

#[test]
fn an_answer_does_not_bring_back_who_left_meanwhile() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let (_, asked) = ask_to_join(&mut game);
    game.server_says(match_presences("m1", &[], &["bob"]));
    game.answer(&asked, match_joined("m1", &["ada", "bob"]));
    game.update();
    assert_eq!(game.roster("m1"), ["ada"]);
}

#[test]
fn a_game_may_despawn_a_presence_and_its_data_still_arrives() {
    let (mut game, log) = watched(TestGame::joined("m1", &["ada", "bob"]));
    let bob = game.presence_of("m1", "bob");
    game.commands(|c| c.entity(bob).despawn());
    log.take();
    game.server_says(says("bob", "hello"));
    game.server_says(match_presences("m1", &[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["-bob", "bob (not here): hello"]);
}
