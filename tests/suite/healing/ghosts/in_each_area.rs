//! Parties, channels, followed users and streams have ghosts as matches do.

use std::time::Duration;

use bevy_nakama::{
    chat::{ChatMessageKind, ChatMessageReceived},
    mirror::HasMembers,
    party::PartyLeader,
    proto::Kind,
    status::FollowedUserIndex,
    stream::{Stream, StreamDataReceived, StreamIndex, StreamPersistence},
    testing::{chat_message, followed, party_joined, room_id, status_presences},
};

use super::*;
use crate::common::steps::drain;

/// Who joins and who leaves, and who is back.
fn hear<C: HasMembers>(game: &mut TestGame) -> Log {
    let log = hear_of::<C>(game);
    let to = log.clone();
    game.observe(move |back: On<Adopted>, names: Query<&Username>| {
        to.add(format!(
            "{} is back",
            names.get(back.presence).expect("a name")
        ));
    });
    log
}

fn party_event(joins: &[UserPresence], leaves: &[UserPresence]) -> Message {
    Message::PartyPresenceEvent(realtime::PartyPresenceEvent {
        party_id: "p".into(),
        joins: joins.to_vec(),
        leaves: leaves.to_vec(),
    })
}

/// In a party that bob leads.
fn party(bob: &UserPresence, cat: &UserPresence) -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected();
    let log = hear::<Party>(&mut game);
    let asking = game.commands(|commands| {
        let mut joining = commands.nakama().join_party("p");
        joining.insert(AdoptReconnecting).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    let Message::Party(mut joined) = party_joined("p", "ada", &["bob"]) else {
        panic!("no party");
    };
    joined.leader = Some(bob.clone());
    joined.presences = vec![bob.clone(), cat.clone(), user_presence("ada")];
    game.server_says(Message::Party(joined));
    game.update();
    assert!(game.app.world().get::<Party>(asking).is_some());
    log.take();
    (game, asking, log)
}

fn leaders(game: &mut TestGame) -> Vec<Entity> {
    let world = game.app.world_mut();
    let mut leaders = world.query_filtered::<Entity, With<PartyLeader>>();
    leaders.iter(world).collect()
}

#[test]
fn scenario_20_nobody_whom_the_game_sees_leads_while_a_ghost_does() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let cat = made_at("cat", 5);
    let (mut game, here, log) = party(&old, &cat);
    let bob = presence(&game, here, &old).expect("bob");
    assert_eq!(leaders(&mut game), [bob]);
    says(&mut game, party_event(&[new.clone()], &[]));
    assert_eq!(log.take(), ["bob is back"]);
    assert_eq!(leaders(&mut game), []);
    // The server takes the ghost out, and the oldest member leads.
    game.server_says(party_event(&[], &[old]));
    says(
        &mut game,
        Message::PartyLeader(realtime::PartyLeader {
            party_id: "p".into(),
            presence: Some(cat.clone()),
        }),
    );
    let cat = presence(&game, here, &cat).expect("cat");
    assert_eq!(leaders(&mut game), [cat]);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(presence(&game, here, &new), Some(bob));
}

#[test]
fn scenario_20_a_hidden_leader_who_turns_out_to_be_alive_leads() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, _) = party(&old, &made_at("cat", 5));
    says(&mut game, party_event(&[new], &[]));
    assert_eq!(leaders(&mut game), []);
    game.advance(Duration::from_secs(31));
    let alive = presence(&game, here, &old).expect("it has an entity");
    assert_eq!(leaders(&mut game), [alive]);
}

#[test]
fn scenario_20_who_is_removed_from_a_party_does_not_pass_on() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = party(&made_at("cat", 5), &old);
    let bob = presence(&game, here, &old).expect("bob");
    game.commands(|commands| {
        commands.nakama().kick_from_party(bob);
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    game.acknowledge(&asked);
    game.update();
    says(&mut game, party_event(&[new], &[]));
    says(&mut game, party_event(&[], &[old]));
    assert_eq!(log.take(), ["+bob Arrived", "-bob Kicked"]);
}

/// The ghost is in the same list.
#[test]
fn scenario_20_who_is_removed_together_with_their_ghost_leaves_once() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = party(&made_at("cat", 5), &old);
    says(&mut game, party_event(&[new.clone()], &[]));
    let bob = presence(&game, here, &new).expect("bob");
    game.commands(|commands| {
        commands.nakama().kick_from_party(bob);
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyRemove);
    let Some(Message::PartyRemove(remove)) = &asked.message else {
        panic!("{asked:?}");
    };
    assert_eq!(remove.presence, Some(new.clone()));
    game.acknowledge(&asked);
    says(&mut game, party_event(&[], &[old, new]));
    assert_eq!(log.take(), ["bob is back", "-bob Kicked"]);
    assert_eq!(counts(&game, here), (2, 0));
}

/// The removal is answered when the member is back already: the server has removed the ghost only.
#[test]
fn scenario_20_a_late_answer_to_a_removal_is_about_the_old_session() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = party(&made_at("cat", 5), &old);
    let bob = presence(&game, here, &old).expect("bob");
    game.commands(|commands| {
        commands.nakama().kick_from_party(bob);
    });
    game.update();
    says(&mut game, party_event(&[new.clone()], &[]));
    let asked = game.expect_sent(Kind::PartyRemove);
    game.acknowledge(&asked);
    says(&mut game, party_event(&[], &[old]));
    assert_eq!(log.take(), ["bob is back"]);
    says(&mut game, party_event(&[], &[new]));
    assert_eq!(log.take(), ["-bob Left"]);
}

fn chat_event(joins: &[UserPresence], leaves: &[UserPresence]) -> Message {
    Message::ChannelPresenceEvent(realtime::ChannelPresenceEvent {
        channel_id: room_id("town").to_string(),
        joins: joins.to_vec(),
        leaves: leaves.to_vec(),
        room_name: "town".into(),
        ..Default::default()
    })
}

fn line(number: u32) -> Message {
    chat_message(
        "town",
        "bob",
        ChatMessageKind::Chat,
        &format!("line {number}"),
        "{}",
        Duration::from_secs(1_700_000_000),
    )
}

/// A chat message names its user, and no session.
#[test]
fn scenario_20_a_chat_message_is_by_the_session_that_the_game_sees() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let mut game = TestGame::connected();
    let here = game.join_room("town", &["ada"]);
    game.app
        .world_mut()
        .entity_mut(here)
        .insert(AdoptReconnecting);
    says(&mut game, chat_event(&[old.clone()], &[]));
    let log = hear::<ChatChannel>(&mut game);
    let bob = presence(&game, here, &old);
    says(&mut game, chat_event(&[new.clone()], &[]));
    assert_eq!(log.take(), ["bob is back"]);
    drain::<ChatMessageReceived>(&mut game);
    says(&mut game, line(1));
    let senders = |game: &mut TestGame| -> Vec<_> {
        let lines = drain::<ChatMessageReceived>(game);
        lines.into_iter().map(|line| line.sender).collect()
    };
    assert_eq!(senders(&mut game), [bob]);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(counts(&game, here), (2, 1));
    // Only the hidden session is left, so it is the one that speaks.
    says(&mut game, chat_event(&[], &[new]));
    says(&mut game, line(2));
    assert_eq!(log.take(), ["-bob Left", "+bob Arrived"]);
    assert_eq!(senders(&mut game), [presence(&game, here, &old)]);
}

fn status_event(joins: &[(&UserPresence, &str)], leaves: &[&UserPresence]) -> Message {
    let shows = |(who, status): &(&UserPresence, &str)| UserPresence {
        status: Some((*status).to_owned()),
        ..(*who).clone()
    };
    Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
        joins: joins.iter().map(shows).collect(),
        leaves: leaves.iter().map(|who| (*who).clone()).collect(),
    })
}

fn user(game: &TestGame, name: &str) -> Entity {
    let index = game.app.world().resource::<FollowedUserIndex>();
    let found = index.get(&UserId::from(format!("user-{name}")));
    found.expect("a followed user")
}

fn status_of(game: &TestGame, context: Entity, who: &UserPresence) -> Option<String> {
    let session = presence(game, context, who)?;
    let status = game.app.world().get::<UserStatus>(session)?;
    Some(status.0.clone())
}

#[test]
fn scenario_20_a_followed_user_is_back() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    for (adopts, expected) in [(true, "bob is back"), (false, "+bob Arrived")] {
        let mut game = TestGame::connected();
        game.commands(|commands| {
            commands.nakama().follow(FollowUsers::ids(["user-bob"]));
        });
        game.update();
        let asked = game.expect_sent(Kind::StatusFollow);
        game.answer(&asked, followed(&[]));
        game.update();
        let bob = user(&game, "bob");
        if adopts {
            game.app
                .world_mut()
                .entity_mut(bob)
                .insert(AdoptReconnecting);
        }
        says(&mut game, status_event(&[(&old, "in the lobby")], &[]));
        let log = hear::<FollowedUser>(&mut game);
        let session = presence(&game, bob, &old);
        says(&mut game, status_event(&[(&new, "in a match")], &[]));
        assert_eq!(log.take(), [expected]);
        assert_eq!(status_of(&game, bob, &new).as_deref(), Some("in a match"));
        if adopts {
            assert_eq!(presence(&game, bob, &new), session);
        } else {
            assert!(is_ghost(&game, session.expect("bob")));
        }
        // The old session shows something else, so it is alive.
        says(&mut game, status_event(&[(&old, "on the phone")], &[&old]));
        let told = if adopts { vec!["+bob Arrived"] } else { vec![] };
        assert_eq!(log.take(), told);
        assert_eq!(status_of(&game, bob, &old).as_deref(), Some("on the phone"));
        assert!(!is_ghost(&game, presence(&game, bob, &old).expect("bob")));
        assert_eq!(status_of(&game, bob, &new).as_deref(), Some("in a match"));
    }
}

/// What the old session was like is not forgotten.
#[test]
fn scenario_20_a_silent_device_has_its_status() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let mut game = TestGame::connected();
    game.commands(|commands| {
        commands.nakama().follow(FollowUsers::ids(["user-bob"]));
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[]));
    game.update();
    let bob = user(&game, "bob");
    game.app
        .world_mut()
        .entity_mut(bob)
        .insert(AdoptReconnecting);
    says(&mut game, status_event(&[(&old, "in the lobby")], &[]));
    says(&mut game, status_event(&[(&new, "in a match")], &[]));
    assert_eq!(counts(&game, bob), (1, 1));
    wait(&mut game, 31);
    assert_eq!(counts(&game, bob), (2, 0));
    assert_eq!(status_of(&game, bob, &old).as_deref(), Some("in the lobby"));
    assert_eq!(status_of(&game, bob, &new).as_deref(), Some("in a match"));
}

/// As long as nobody knows which session of the local user is this one, none is taken for an old one.
#[test]
fn scenario_20_an_unknown_session_of_the_local_user_may_be_this_one() {
    let (phone, own) = (made_at("ada", 10), made_at("ada", 20));
    let mut game = TestGame::connected();
    let town = Stream {
        mode: 130,
        label: "town".into(),
        ..Stream::default()
    };
    let stream_event = |joins: &[&UserPresence]| {
        Message::StreamPresenceEvent(realtime::StreamPresenceEvent {
            stream: Some((&town).into()),
            joins: joins.iter().map(|who| (*who).clone()).collect(),
            leaves: Vec::new(),
        })
    };
    says(&mut game, stream_event(&[&phone]));
    let entity = game
        .app
        .world()
        .resource::<StreamIndex>()
        .get(&town)
        .expect("a stream");
    game.app
        .world_mut()
        .entity_mut(entity)
        .insert(AdoptReconnecting);
    says(&mut game, stream_event(&[&own]));
    assert_eq!(counts(&game, entity), (2, 0));
    let [first, second] = [&phone, &own].map(|who| presence(&game, entity, who).expect("ada"));
    assert!(!is_ghost(&game, first) && !is_ghost(&game, second));
    // A match tells.
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("m"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_with("m", &[own]));
    game.update();
    assert!(game.app.world().get::<IsSelf>(second).is_some());
}

#[test]
fn scenario_20_in_a_stream_code_on_the_server_says_what_it_is_like() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let mut game = TestGame::connected();
    let town = Stream {
        mode: 130,
        label: "town".into(),
        ..Stream::default()
    };
    let persistent = |who: &UserPresence| UserPresence {
        persistence: true,
        ..who.clone()
    };
    let stream_event = |joins: &[UserPresence], leaves: &[UserPresence]| {
        Message::StreamPresenceEvent(realtime::StreamPresenceEvent {
            stream: Some((&town).into()),
            joins: joins.to_vec(),
            leaves: leaves.to_vec(),
        })
    };
    let log = hear::<Stream>(&mut game);
    says(&mut game, stream_event(&[persistent(&old)], &[]));
    let entity = game
        .app
        .world()
        .resource::<StreamIndex>()
        .get(&town)
        .expect("a stream");
    game.app
        .world_mut()
        .entity_mut(entity)
        .insert(AdoptReconnecting);
    let bob = presence(&game, entity, &old);
    says(&mut game, stream_event(&[new.clone()], &[]));
    assert_eq!(log.take(), ["+bob Arrived", "bob is back"]);
    assert_eq!(presence(&game, entity, &new), bob);
    let flag = |game: &TestGame, who: &UserPresence| {
        let presence = presence(game, entity, who).expect("bob");
        game.app.world().get::<StreamPersistence>(presence).copied()
    };
    assert_eq!(flag(&game, &new), Some(StreamPersistence(false)));
    says(
        &mut game,
        Message::StreamData(realtime::StreamData {
            stream: Some((&town).into()),
            sender: Some(old.clone()),
            data: "still here".into(),
            reliable: true,
        }),
    );
    assert_eq!(log.take(), ["+bob Arrived"]);
    assert_eq!(flag(&game, &old), Some(StreamPersistence(true)));
    let data = drain::<StreamDataReceived>(&mut game);
    let sender = data[0].sender.as_ref().expect("a sender");
    assert_eq!(sender.entity, presence(&game, entity, &old));
}

/// The own entity among the followed users, which lists the local user's devices.
#[test]
fn scenario_20_the_local_users_devices_are_kept() {
    let (phone, tablet) = (made_at("ada", 10), made_at("ada", 20));
    let mut game = TestGame::connected();
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    let ada = user(&game, "ada");
    game.app
        .world_mut()
        .entity_mut(ada)
        .insert(AdoptReconnecting);
    let log = hear::<FollowedUser>(&mut game);
    says(&mut game, status_event(&[(&phone, "")], &[]));
    says(&mut game, status_event(&[(&tablet, "")], &[]));
    let own = presence(&game, ada, &user_presence("ada")).expect("this session");
    assert!(game.app.world().get::<IsSelf>(own).is_some());
    let heard = log.take();
    assert!(heard.len() == 2 && heard[0] == "+ada Arrived", "{heard:?}");
}
