//! You are connected as ada, connect as bob, and more of ada's is still waiting to be read: nothing of it reaches bob's world.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

use crate::common::log::Log;
use bevy_nakama::stream::Stream;

/// The game becomes bob as soon as somebody joins the match.
fn becomes_bob_when_somebody_joins(game: &mut TestGame) {
    game.observe(
        |came: On<Add, PresentIn>, new: Query<&JoinedAs>, mut commands: Commands| {
            if matches!(new.get(came.entity), Ok(JoinedAs::Arrived)) {
                let bob = session_of("bob");
                commands.nakama().use_session(&server(), bob.clone());
                commands.nakama().connect();
            }
        },
    );
}

/// Each thing that is told to the game, with whose world it is told in.
fn heard(game: &mut TestGame) -> Log {
    let log = Log::default();
    let seen = log.clone();
    game.app.add_systems(
        Update,
        move |mut data: MessageReader<MatchDataReceived>,
              mut lines: MessageReader<ChatMessageReceived>,
              mut news: MessageReader<NotificationReceived>,
              connection: Res<NakamaConnection>| {
            let whose = || {
                connection
                    .user()
                    .map_or("nobody", |(_, name)| name.as_str())
                    .to_owned()
            };
            for _ in data.read() {
                seen.add(format!("{}: data", whose()));
            }
            for _ in lines.read() {
                seen.add(format!("{}: a line", whose()));
            }
            for _ in news.read() {
                seen.add(format!("{}: a notification", whose()));
            }
        },
    );
    log
}

#[test]
fn what_ada_is_told_does_not_reach_bob() {
    let mut game = TestGame::joined("m", &["ada"]);
    game.join_room("r", &["ada"]);
    let log = heard(&mut game);
    becomes_bob_when_somebody_joins(&mut game);

    game.server_says(match_presences("m", &["cat"], &[]));
    game.server_says(match_data_sent("m", Some("cat"), 1, "hello"));
    let written = Duration::from_secs(1);
    game.server_says(chat_message(
        "r",
        "ada",
        ChatMessageKind::Chat,
        "m1",
        "{}",
        written,
    ));
    game.server_says(notification_sent("n1", 1, "for ada", "{}", true));
    game.server_says(match_presences("m", &["dan"], &[]));
    game.update();
    assert_eq!(log.take(), Vec::<String>::new());
    let (_, name) = game
        .app
        .world()
        .resource::<NakamaConnection>()
        .user()
        .expect("bob");
    assert_eq!(name.as_str(), "bob");

    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), Vec::<String>::new());
    assert!(game.app.world().resource::<NotificationInbox>().is_empty());
}

#[test]
fn a_join_of_ada_s_that_succeeds_late_is_lost_and_not_bob_s() {
    let mut game = TestGame::joined("m", &["ada"]);
    becomes_bob_when_somebody_joins(&mut game);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        seen.add(match &reply.result {
            Ok(_) => "joined".to_owned(),
            Err(error) => error.to_string(),
        });
    });
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_id("n"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);

    game.server_says(match_presences("m", &["cat"], &[]));
    game.answer(&asked, match_joined("n", &["ada"]));
    game.update();
    assert_eq!(log.take(), ["the connection was lost before the answer"]);
    game.update();
    game.server_accepts();
    game.update();
    let matches = game.app.world().resource::<MatchIndex>();
    assert_eq!(matches.iter().count(), 0);
}

/// Ada's place in a stream waits for the answer to the call that may have brought it. The call is lost with her connection.
#[test]
fn what_waits_for_an_answer_to_ada_does_not_come_to_bob() {
    let mut game = TestGame::joined("m", &["ada"]);
    becomes_bob_when_somebody_joins(&mut game);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |_: On<Add, Stream>| seen.add("a stream"));
    let seen = log.clone();
    game.observe(move |reply: On<Replied<Rpc>>| {
        seen.add(
            reply
                .result
                .as_ref()
                .expect_err("nobody answers")
                .to_string(),
        );
    });
    game.commands(|commands| {
        commands.nakama().rpc(Rpc::new("join the town"));
    });
    game.update();
    let town = Stream {
        mode: 130,
        label: "town".into(),
        ..Stream::default()
    };
    game.server_says(stream_presences(&town, &["ada"], &[]));
    game.update();
    assert_eq!(log.take(), Vec::<String>::new(), "it waits for the answer");

    game.server_says(match_presences("m", &["cat"], &[]));
    game.update();
    game.update();
    assert_eq!(log.take(), ["the connection was lost before the answer"]);
    game.advance(Duration::from_secs(1));
    game.update();
    assert_eq!(log.take(), Vec::<String>::new());
}

#[test]
fn how_an_old_server_writes_parties_says_nothing_of_the_new_one() {
    let mut game = TestGame::joined("m", &["ada"]);
    becomes_bob_when_somebody_joins(&mut game);
    game.server_says(match_presences("m", &["cat"], &[]));
    game.server_says(Message::Party(realtime::Party {
        party_id: "p".into(),
        ..Default::default()
    }));
    game.update();
    let connection = game.app.world().resource::<NakamaConnection>();
    assert_eq!(connection.party_layout(), None);
}
