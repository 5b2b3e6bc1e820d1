//! Ids as people type them: the server compares UUIDs, whatever the case, and what others sent may carry either.

use crate::common::{
    game::{Game, serve},
    log::Log,
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::LocalServerConfig,
    prelude::*,
    proto::{Envelope, Kind, Message, UserPresence, realtime},
    testing::*,
};

const LOWER: &str = "4c2ae592-b2a7-445e-98ec-697694478b1c";
const UPPER: &str = "4C2AE592-B2A7-445E-98EC-697694478B1C";

fn message(sent: Envelope) -> Message {
    sent.message.expect("a message")
}

/// What is said in a match and in a party, with who said it.
fn listen(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.app.add_systems(
        Update,
        move |mut matches: MessageReader<MatchDataReceived>,
              mut parties: MessageReader<PartyDataReceived>| {
            let name = |sender: &Option<Sender>| {
                let sender = sender.as_ref().expect("a sender");
                assert!(sender.entity.is_some(), "the sender is there");
                sender.presence.username.to_string()
            };
            for data in matches.read() {
                seen.add(format!("{}: {}", name(&data.sender), data.op_code));
            }
            for data in parties.read() {
                seen.add(format!("{}: {}", name(&data.sender), data.op_code));
            }
        },
    );
    log
}

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
        game.server_says(match_data(&lower, Some("bob"), 1, "x"));
        game.server_says(match_data(&upper, Some("bob"), 2, "x"));
        game.server_says(match_presences(&lower, &["cat"], &[]));
        game.server_says(match_data(&lower, Some("cat"), 3, "x"));
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
    game.server_says(match_data(&format!("{UPPER}."), Some("bob"), 1, "x"));
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
    game.server_says(party(&lower, "ada", &["bob", "ada"]));
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

/// Who is named in capitals is the same user and the same session.
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

/// As the server may write a group: the channel's kind names it as everybody does.
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
                self_: Some(presence("ada")),
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

#[test]
fn a_stream_is_the_same_in_either_case() {
    let stream = |subject: &str| Stream {
        mode: 130,
        subject: subject.into(),
        subcontext: subject.into(),
        label: "Town".into(),
    };
    let mut game = TestGame::connected();
    game.server_says(stream_presences(&stream(LOWER), &["bob"], &[]));
    game.server_says(stream_data(&stream(UPPER), "{}"));
    game.server_says(stream_presences(&stream(UPPER), &["cat"], &[]));
    game.update();
    let world = game.app.world_mut();
    let mut streams = world.query::<(Entity, &Stream)>();
    let (entity, _) = streams.single(world).expect("one stream");
    let index = world.resource::<StreamIndex>();
    assert_eq!(index.get(&stream(UPPER)), Some(entity));
    assert_eq!(index.get(&stream(LOWER)), Some(entity));
    let here = world.get::<StreamPresences>(entity).expect("somebody");
    assert_eq!(here.iter().count(), 2);
}

#[test]
fn other_ids_are_the_same_in_either_case() {
    assert_eq!(TicketId::from(UPPER), TicketId::from(LOWER));
    assert_eq!(MessageId::from(UPPER), MessageId::from(LOWER));
    assert_eq!(NotificationId::from(UPPER), NotificationId::from(LOWER));
    assert_ne!(Username::from("Bob"), Username::from("bob"));
    assert_ne!(
        UserId::from("user-Bob"),
        UserId::from("user-bob"),
        "no UUID"
    );

    let mut game = TestGame::connected();
    game.server_says(notification(LOWER, 1, "hello", "{}", true));
    game.server_says(notification(UPPER, 1, "hello", "{}", true));
    game.update();
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.len(), 1);
    assert!(inbox.get(UPPER).is_some());
}

/// Two players on the embedded server, one of whom has the id from a poster.
#[test]
fn two_players_meet_by_an_id_in_capitals() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut ada = Game::online(&server, Login::device("device-of-ada").username("ada"));
    let mut bob = Game::online(&server, Login::device("device-of-bob").username("bob"));
    let here = ada
        .ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id())
        .expect("a match")
        .entity;
    let id = ada.app.world().get::<MatchId>(here).expect("an id");
    let typed = id.as_str().to_uppercase();
    let there = bob
        .ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id(&*typed)).id())
        .expect("the same match")
        .entity;
    let again = bob
        .ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id(&*typed)).id())
        .expect("the same match")
        .entity;
    assert_eq!(there, again);
    for (sender, from, receiver) in [(0, here, 1), (1, there, 0)] {
        let games = [&mut ada, &mut bob];
        games[sender].commands(|commands| {
            commands.nakama().send_data(from, OutgoingData::raw(1, "x"));
        });
        games[sender].app.update();
        games[receiver].until("data", |app| {
            Game::arrived::<MatchDataReceived>(app).pop().map(drop)
        });
    }

    let party = ada
        .ask::<CreateParty>(|nakama| nakama.create_party(CreateParty::open(4)).id())
        .expect("a party")
        .entity;
    let id = ada.app.world().get::<PartyId>(party).expect("an id");
    // The node behind the dot is a name.
    let (uuid, node) = id.as_str().split_once('.').expect("a node");
    let typed = format!("{}.{node}", uuid.to_uppercase());
    bob.ask::<JoinParty>(|nakama| nakama.join_party(&*typed).id())
        .expect("taken");
    bob.until("the party", Game::the::<Party>);

    let user = ada.app.world().resource::<NakamaConnection>().user();
    let typed = user.expect("a user").0.as_str().to_uppercase();
    bob.ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids([&*typed])).id())
        .expect("followed");
    bob.until("ada online", |app| {
        let world = app.world_mut();
        let mut users = world.query_filtered::<&UserId, (With<UserSessions>, Without<IsSelf>)>();
        users.iter(world).next().map(drop)
    });
    let channel = bob
        .ask::<JoinChat>(|nakama| nakama.join_chat(JoinChat::direct(&*typed)).id())
        .expect("a channel")
        .entity;
    let again = bob
        .ask::<JoinChat>(|nakama| {
            nakama
                .join_chat(JoinChat::direct(typed.to_lowercase()))
                .id()
        })
        .expect("a channel")
        .entity;
    assert_eq!(channel, again);
}
