//! A channel of a group or of two users is the same in either case. A room is what it is called.

use super::*;
use bevy_nakama::proto::{Kind, realtime};

#[test]
fn a_channel_id_may_be_typed_in_capitals_but_a_room_is_what_it_is_called() {
    let (one, two) = (LOWER, "9e04c1f6-3d5e-4a4d-8d5b-2e0f5a1c7b90");
    for (typed, written) in [
        (format!("3.{UPPER}.."), format!("3.{LOWER}..")),
        (
            format!("4.{UPPER}.{}.", two.to_uppercase()),
            format!("4.{one}.{two}."),
        ),
        (format!("2...{UPPER}"), format!("2...{UPPER}")),
        ("2...Lobby".into(), "2...Lobby".into()),
        (format!("2...x.{UPPER}"), format!("2...x.{UPPER}")),
    ] {
        assert_eq!(ChannelId::from(typed).as_str(), written);
    }
    let mut game = TestGame::connected();
    let upper = game.join_room(UPPER, &["ada"]);
    let lower = game.join_room(LOWER, &["ada"]);
    assert_ne!(upper, lower, "two rooms");
    assert_ne!(
        game.join_room("Lobby", &["ada"]),
        game.join_room("lobby", &["ada"])
    );
}

#[test]
fn a_group_and_a_user_to_chat_with_are_asked_for_as_the_server_writes_them() {
    let mut game = TestGame::connected();
    for (join, target) in [
        (JoinChat::group(UPPER), LOWER),
        (JoinChat::direct(UPPER), LOWER),
        (JoinChat::room(UPPER), UPPER),
    ] {
        game.commands(|commands| commands.nakama().join_chat(join).id());
        game.update();
        match message(game.expect_sent(Kind::ChannelJoin)) {
            Message::ChannelJoin(join) => assert_eq!(join.target, target),
            other => panic!("{other:?}"),
        }
    }
}

/// The server may write the id of a group in either case. The kind of the channel has it in lower case.
#[test]
fn a_group_chat_is_the_same_in_either_case() {
    let mut game = TestGame::connected();
    let mut join = |typed: &str, id: String| {
        let join = JoinChat::group(typed);
        let entity = game.commands(|commands| commands.nakama().join_chat(join).id());
        game.update();
        let asked = game.expect_sent(Kind::ChannelJoin);
        game.answer(
            &asked,
            Message::Channel(realtime::Channel {
                id,
                group_id: typed.into(),
                self_: Some(user_presence("ada")),
                ..Default::default()
            }),
        );
        game.update();
        let world = game.app.world();
        let channel = world.resource::<ChatIndex>();
        let (_, channel) = channel.iter().next().expect("a channel");
        let kind = &world.get::<ChatChannel>(channel).expect("a channel").kind;
        assert_eq!(*kind, ChatChannelKind::Group { id: LOWER.into() });
        (entity, channel)
    };
    let (here, first) = join(UPPER, format!("3.{UPPER}.."));
    let (_, second) = join(LOWER, format!("3.{LOWER}.."));
    assert_eq!((here, here), (first, second));
}
