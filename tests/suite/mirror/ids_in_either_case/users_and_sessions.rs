//! A user or a session is the same in either case.

use super::*;
use bevy_nakama::proto::{Kind, UserPresence, realtime};

/// A presence with its ids in capitals is the same user and the same session.
#[test]
fn presences_are_the_same_in_either_case() {
    let who = |id: &str, name: &str| UserPresence {
        user_id: id.into(),
        session_id: id.into(),
        username: name.into(),
        ..Default::default()
    };
    let mut game = TestGame::joined("m", &["ada"]);
    let log = listen(&mut game);
    let event = |joins, leaves| realtime::MatchPresenceEvent {
        match_id: "m".into(),
        joins,
        leaves,
    };
    game.server_says(Message::MatchPresenceEvent(event(
        vec![who(LOWER, "bob")],
        vec![],
    )));
    game.server_says(Message::MatchPresenceEvent(event(
        vec![who(UPPER, "bob")],
        vec![],
    )));
    game.update();
    assert_eq!(game.roster("m"), ["ada", "bob"]);
    let index = game.app.world().resource::<PresenceIndex>();
    let here = game.match_entity("m");
    assert_eq!(index.of_user(here, UPPER).len(), 1, "of one session");
    assert_eq!(index.of_user(here, LOWER).len(), 1);
    assert!(index.get(here, &SessionId::from(UPPER)).is_some());
    game.server_says(Message::MatchData(realtime::MatchData {
        match_id: "m".into(),
        presence: Some(who(UPPER, "bob")),
        op_code: 1,
        ..Default::default()
    }));
    game.update();
    assert_eq!(log.take(), ["bob: 1"]);
    game.server_says(Message::MatchPresenceEvent(event(
        vec![],
        vec![who(UPPER, "bob")],
    )));
    game.update();
    assert_eq!(game.roster("m"), ["ada"]);
}

#[test]
fn a_followed_user_is_the_same_in_either_case() {
    let mut game = TestGame::connected();
    for typed in [UPPER, LOWER] {
        game.commands(|commands| commands.nakama().follow(FollowUsers::ids([typed])).id());
        game.update();
        let asked = game.expect_sent(Kind::StatusFollow);
        game.answer(&asked, followed(&[]));
        game.update();
    }
    let who = UserPresence {
        user_id: UPPER.into(),
        session_id: "s".into(),
        username: "bob".into(),
        ..Default::default()
    };
    game.server_says(Message::StatusPresenceEvent(
        realtime::StatusPresenceEvent {
            joins: vec![who],
            leaves: vec![],
        },
    ));
    game.update();
    let world = game.app.world_mut();
    let mut users = world.query_filtered::<(&UserId, &UserSessions), With<FollowedUser>>();
    let (id, _) = users.single(world).expect("one user, online");
    assert_eq!(*id, LOWER);
    assert_eq!(*id, UPPER, "compared with what a player typed");
}
