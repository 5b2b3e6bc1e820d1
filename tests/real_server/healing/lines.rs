//! The line breaks, or is silent, and nothing of it gets lost.

use super::*;

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_1_after_a_reset_everybody_is_who_they_were() {
    for named in [true, false] {
        let mut stage = Stage::new(named);
        let before = stage.entities();
        for _ in 0..3 {
            stage.reset();
            let begin = Instant::now();
            let heard = stage.until_heard("resumed");
            println!("named {named}: back after {:?}", begin.elapsed());
            assert!(heard[0].starts_with("lost: "), "{heard:?}");
            assert_eq!(heard[1..], ["match: Restored", "resumed"]);
            assert_eq!(stage.entities(), before);
        }
    }
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_4_the_own_ghost_is_hidden_until_it_goes() {
    let mut stage = Stage::new(true);
    let before = stage.entities();
    let rules = Direction::BOTH.map(|direction| stage.proxy.add(Rule::hold(direction)));
    let begin = Instant::now();
    stage.until_heard("lost");
    println!("noticed after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(14));
    // The old line stays as it is: only new ones are good.
    for rule in rules {
        stage.proxy.remove(rule);
    }
    let heard = stage.until_heard("resumed");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before);
    assert_eq!(stage.people(), 2);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_8_a_slow_function_is_not_the_end() {
    let mut stage = Stage::new(true);
    let answers = Log::default();
    let to = answers.clone();
    stage.ada.commands(|commands| {
        commands
            .nakama()
            .rpc(Rpc::new("wait").payload("15"))
            .observe(move |reply: On<Replied<Rpc>>| to.add(reply.result.is_ok().to_string()));
    });
    stage.is_quiet(seconds(18));
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_31_a_join_whose_answer_is_lost_is_made_again() {
    let mut stage = Stage::new(true);
    let answers = Log::default();
    for number in 0..5 {
        let to = answers.clone();
        let name = fresh("carried");
        stage.ada.commands(|commands| {
            commands
                .nakama()
                .create_match(CreateMatch::named(name))
                .observe(move |reply: On<Replied<CreateMatch>>| {
                    to.add(format!("{number}: {}", reply.result.is_ok()));
                });
        });
        stage.ada.app.update();
        stage.reset();
        stage.until_heard("resumed");
    }
    let mut all = Vec::new();
    stage.until("all answers", |_| {
        all.extend(answers.take());
        (all.len() >= 5).then_some(())
    });
    all.sort();
    assert_eq!(all, ["0: true", "1: true", "2: true", "3: true", "4: true"]);
}

/// Nakama says why, or nothing (3.27), and leaves the line open for up to 2 s. The end is what it says.
#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_2_a_close_frame_is_the_end() {
    let mut stage = Stage::new(true);
    let before = stage.entities();
    for _ in 0..3 {
        let index = stage.ada.app.world().resource::<PresenceIndex>();
        let session = index.own_session().expect("in a match").to_string();
        let begin = Instant::now();
        call(&mut stage.bob, "hang_up", session);
        let heard = stage.until_heard("lost");
        let noticed = begin.elapsed();
        println!("{heard:?} after {noticed:?}");
        assert!(
            heard[0].starts_with("lost: the server closed the socket"),
            "{heard:?}"
        );
        assert!(noticed < Duration::from_millis(1500), "{noticed:?}");
        let heard = stage.until_heard("resumed");
        assert_eq!(heard, ["match: Restored", "resumed"]);
        assert_eq!(stage.entities(), before);
    }
}

/// A call, a line of chat and a leave are under way when the line breaks. Some have reached the server, and some not.
#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_31_each_request_under_way_has_one_outcome() {
    let mut stage = Stage::new(true);
    let room = stage.room.clone();
    let mut outcomes = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..12 {
        let joined = stage
            .ada
            .ask::<JoinChat>(|nakama| nakama.join_chat(room.as_str()).id());
        let room = joined.expect("a room").entity;
        let answers = Log::default();
        stage.ada.commands(|commands| {
            let to = answers.clone();
            commands
                .nakama()
                .rpc(Rpc::new("echo").payload("x"))
                .observe(move |reply: On<Replied<Rpc>>| {
                    to.add(format!("call {}", outcome(&reply.result)));
                });
            let to = answers.clone();
            commands.nakama().send_chat_json(room, "{}").observe(
                move |reply: On<Replied<SendChatMessage>>| {
                    to.add(format!("line {}", outcome(&reply.result)));
                },
            );
            let to = answers.clone();
            commands
                .nakama()
                .leave_chat(room)
                .observe(move |reply: On<Replied<LeaveChat>>| {
                    to.add(format!("leave {}", outcome(&reply.result)));
                });
        });
        stage.ada.app.update();
        // From nothing sent to everything answered.
        stage.play(Duration::from_micros(round * 500));
        stage.reset();
        stage.until_heard("resumed");
        stage.play(Duration::from_millis(300));
        let mut answers = answers.take();
        answers.sort();
        println!("{answers:?}");
        let whose: Vec<_> = answers.iter().map(|it| it.split(' ').next()).collect();
        assert_eq!(whose, [Some("call"), Some("leave"), Some("line")]);
        assert!(answers.contains(&"leave done".to_owned()), "{answers:?}");
        for answer in answers {
            *outcomes.entry(answer).or_default() += 1;
        }
        assert_eq!(Game::the::<ChatChannel>(&mut stage.ada.app), None, "left");
    }
    println!("{outcomes:#?}");
}

fn outcome<T, E: std::error::Error>(result: &Result<T, RequestError<E>>) -> String {
    match result {
        Ok(_) => "done".into(),
        Err(RequestError::ConnectionLost {
            maybe_executed: true,
        }) => "perhaps done".into(),
        Err(RequestError::ConnectionLost {
            maybe_executed: false,
        }) => "not done".into(),
        Err(other) => panic!("{other:?}"),
    }
}
