//! A name that the game gives to an entity stays. Names of the plugin say what an entity is now.

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

fn name_of(game: &TestGame, entity: Entity) -> String {
    let name = game.app.world().get::<Name>(entity);
    name.map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_name_of_the_game_stays() {
    let mut game = TestGame::connected();
    let mine = || Name::new("mine");

    let request = JoinMatch::by_id("m");
    let here = game.commands(|commands| commands.nakama().join_match(request).insert(mine()).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob"]));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "match");

    let here = game.commands(|commands| commands.nakama().join_party("p").insert(mine()).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party_joined("p", "ada", &["bob", "ada"]));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "party");

    let request = JoinChat::room("room");
    let here = game.commands(|commands| commands.nakama().join_chat(request).insert(mine()).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelJoin);
    game.answer(&asked, chat_joined("room", &["ada"]));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "channel");

    let request = AddMatchmaker::players(2, 2);
    let here = game.commands(|commands| {
        let mut request = commands.nakama().add_matchmaker(request);
        request.insert(mine()).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t"));
    game.update();
    assert_eq!(name_of(&game, here), "mine", "ticket");

    // The plugin names a presence as it spawns it. A name of the game stays when the player has a new username.
    let bob = game.presence_of("m", "bob");
    assert_eq!(name_of(&game, bob), "bob");
    game.commands(|commands| commands.entity(bob).insert(mine()).id());
    let mut renamed = user_presence("bob");
    renamed.username = "robert".into();
    let event = realtime::MatchPresenceEvent {
        match_id: "m".into(),
        joins: vec![renamed],
        leaves: vec![],
    };
    game.server_says(Message::MatchPresenceEvent(event));
    game.update();
    assert_eq!(name_of(&game, bob), "mine", "presence");
    let username = game.app.world().get::<Username>(bob);
    assert_eq!(username.map(Username::as_str), Some("robert"));

    // The plugin hears the name of a followed user later.
    game.commands(|commands| {
        let follow = FollowUsers::ids(["user-cat"]);
        commands.nakama().follow(follow).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[]));
    game.update();
    let index = game.app.world().resource::<FollowedUserIndex>();
    let cat = index.get(&UserId::from("user-cat")).expect("followed");
    game.commands(|commands| commands.entity(cat).insert(mine()).id());
    game.server_says(status_presences(&[("cat", "")], &[]));
    game.update();
    assert_eq!(name_of(&game, cat), "mine", "followed user");
}

#[test]
fn a_name_of_the_plugin_says_what_an_entity_is_now() {
    let mut game = TestGame::connected();
    let request = JoinMatch::by_id("m");
    let here = game.commands(|commands| commands.nakama().join_match(request).id());
    assert_eq!(name_of(&game, here), "JoinMatch");
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada"]));
    game.update();
    assert_eq!(name_of(&game, here), "match m");
}
