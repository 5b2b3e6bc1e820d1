//! What was said, stored and shown while Ada was away.

use super::*;

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_28_lines_of_the_gap_are_filled_in_once() {
    let mut stage = Stage::new(true);
    let room = stage.room.clone();
    let join = |game: &mut Game| {
        game.ask::<JoinChat>(|nakama| nakama.join_chat(room.as_str()).id())
            .expect("a room")
            .entity
    };
    let (ada_room, bob_room) = (join(&mut stage.ada), join(&mut stage.bob));
    let say = |stage: &mut Stage, line: &str| {
        let content = serde_json::json!({ "line": line });
        stage
            .bob
            .ask::<SendChatMessage>(|nakama| nakama.send_chat(bob_room, &content).id())
            .expect("a line");
    };
    say(&mut stage, "before");
    stage.until("the first line", |stage| {
        (Game::arrived::<ChatMessageReceived>(&mut stage.ada.app).len() == 1).then_some(())
    });
    let shut = stage.goes_away();
    for line in ["one", "two", "three"] {
        say(&mut stage, line);
    }
    stage.may_come_back(shut, "resumed");
    say(&mut stage, "after");
    let mut got = Vec::new();
    stage.until("all lines", |stage| {
        let new = Game::arrived::<ChatMessageReceived>(&mut stage.ada.app);
        got.extend(new.into_iter().map(|it| {
            (
                it.message.content::<serde_json::Value>().expect("JSON"),
                it.replayed,
            )
        }));
        (got.len() >= 4).then_some(())
    });
    let lines: Vec<_> = got
        .iter()
        .map(|(content, replayed): &(serde_json::Value, bool)| {
            let line = content["line"].as_str().expect("a text");
            (line.to_owned(), *replayed)
        })
        .collect();
    let expected = [
        ("one", true),
        ("two", true),
        ("three", true),
        ("after", false),
    ];
    assert_eq!(
        lines,
        expected.map(|(line, replayed)| (line.to_owned(), replayed))
    );
    assert!(stage.ada.app.world().get::<ChatChannel>(ada_room).is_some());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_30_status_and_follows_are_as_before() {
    let mut stage = Stage::new(true);
    let (ada, bob) = (user(&stage.ada), user(&stage.bob));
    stage
        .ada
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids([bob.clone()])).id())
        .expect("followed");
    stage
        .bob
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids([ada.clone()])).id())
        .expect("followed");
    stage
        .ada
        .ask::<UpdateStatus>(|nakama| nakama.set_status(Some("in the arena")).id())
        .expect("a status");
    let seen = |game: &Game, who: &UserId| {
        let world = game.app.world();
        let user = world.resource::<FollowedUserIndex>().get(who)?;
        let sessions = world.get::<UserSessions>(user)?;
        let texts = sessions
            .iter()
            .filter_map(|it| Some((it, world.get::<UserStatus>(it)?.0.clone())));
        Some((user, texts.collect::<Vec<_>>()))
    };
    stage.until("Bob to see it", |stage| {
        let (_, sessions) = seen(&stage.bob, &ada)?;
        (sessions.len() == 1 && sessions[0].1 == "in the arena").then_some(())
    });
    let before = seen(&stage.ada, &bob);
    stage.reset();
    stage.until_heard("resumed");
    assert_eq!(seen(&stage.ada, &bob), before, "the same user and session");
    stage.until("Bob to see it again", |stage| {
        let (_, sessions) = seen(&stage.bob, &ada)?;
        (sessions.len() == 1 && sessions[0].1 == "in the arena").then_some(())
    });
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_29_notifications_of_the_gap_are_told_once() {
    let mut stage = Stage::new(true);
    let ada = user(&stage.ada);
    let tell = |stage: &mut Stage, text: &str| {
        let payload = serde_json::json!({ "user": ada.as_str(), "text": text });
        call(&mut stage.bob, "tell", payload.to_string());
    };
    let mut got = Vec::new();
    let mut expect = |stage: &mut Stage, all: &[(&str, bool)]| {
        stage.until(&format!("{all:?}"), |stage| {
            let new = Game::arrived::<NotificationReceived>(&mut stage.ada.app);
            got.extend(new.into_iter().map(|it| {
                let subject = it.notification.subject.to_string();
                (subject, it.replayed)
            }));
            (got.len() >= all.len()).then_some(())
        });
        let got = std::mem::take(&mut got);
        let got: Vec<_> = got
            .iter()
            .map(|(text, how)| (text.as_str(), *how))
            .collect();
        assert_eq!(got, all);
    };
    tell(&mut stage, "before");
    expect(&mut stage, &[("before", false)]);
    // The second time there is a cursor to go on from.
    for (one, two, three) in [("1", "2", "3"), ("4", "5", "6")] {
        let shut = stage.goes_away();
        tell(&mut stage, one);
        tell(&mut stage, two);
        stage.may_come_back(shut, "resumed");
        tell(&mut stage, three);
        stage.play(seconds(2));
        expect(&mut stage, &[(one, true), (two, true), (three, false)]);
    }
    let inbox = stage.ada.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.len(), 7, "each once");
}
