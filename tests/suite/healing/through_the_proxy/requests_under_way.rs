//! Requests that are under way when the line breaks have one outcome each.

use bevy_nakama::rpc::Rpc;

use super::*;

/// Calls a function that the server does not have, which is an answer, too.
fn call(stage: &mut Stage) -> Log {
    let answers = Log::default();
    let to = answers.clone();
    stage.ada.game.commands(|commands| {
        let mut call = commands.nakama().rpc(Rpc::new("nothing"));
        call.observe(move |reply: On<Replied<Rpc>>| {
            to.add(match &reply.result {
                Err(RequestError::ConnectionLost { maybe_executed }) => {
                    format!("lost, maybe executed: {maybe_executed}")
                }
                Err(RequestError::Refused(_)) => "answered".to_owned(),
                other => format!("{other:?}"),
            });
        });
    });
    answers
}

#[track_caller]
fn outcome(stage: &mut Stage, rule: Rule) -> Vec<String> {
    let calls = Rule::note().when(Frames::to_server(Kind::Rpc));
    let calls = stage.proxy.add(calls);
    stage.proxy.add(rule);
    let answers = call(stage);
    let (_, heard) = stage.until_ada_hears("resumed");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    stage.play_for(millis(300));
    assert_eq!(stage.proxy.log().acts(calls), 1, "it is not sent twice");
    answers.take()
}

#[test]
fn scenario_31_a_request_whose_answer_is_lost_may_have_been_executed() {
    let mut stage = Stage::new();
    let rule = Rule::reset().when(Frames::to_client(Kind::Error)).once();
    assert_eq!(outcome(&mut stage, rule), ["lost, maybe executed: true"]);
}

/// The game cannot know how far it has come.
#[test]
fn scenario_31_a_request_that_is_lost_may_have_been_executed() {
    let mut stage = Stage::new();
    let rule = Rule::reset().when(Frames::to_server(Kind::Rpc)).once();
    assert_eq!(outcome(&mut stage, rule), ["lost, maybe executed: true"]);
}

#[test]
fn scenario_31_an_answer_that_came_just_before_the_loss_counts() {
    let mut stage = Stage::new();
    // The end comes between the answer and the next word of the server.
    let rule = Rule::close(1000, "")
        .when(Frames::to_client(Kind::MatchData))
        .once();
    stage.proxy.add(rule);
    let answers = call(&mut stage);
    stage.until("the answer", |stage| {
        (stage.proxy.log().flow(Direction::ToClient).delivered > 0).then_some(())
    });
    let answer = stage.until("the answer", |_| answers.take_first());
    assert_eq!(answer, "answered");
    stage.bob.say(1);
    stage.until_ada_hears("resumed");
    assert_eq!(answers.take(), [""; 0]);
}

#[test]
fn scenario_31_a_request_while_away_is_refused_at_once() {
    let mut stage = Stage::new();
    stage.proxy.stop_listening().expect("it stops");
    stage.proxy.add(Rule::reset().for_open_connections());
    stage.until_ada_hears("lost");
    let answers = call(&mut stage);
    let answer = stage.until("an outcome", |_| answers.take_first());
    assert_eq!(answer, "Err(NotConnected)");
    assert_eq!(stage.ada.state(), ConnectionState::Reconnecting);
    stage.proxy.listen_again().expect("it listens");
    stage.until_ada_hears("resumed");
}

/// Two resets while requests are under way: each has its own outcome.
#[test]
fn scenario_31_many_requests_have_one_outcome_each() {
    let mut stage = Stage::new();
    let rule = Rule::reset()
        .when(Frames::to_client(Kind::Error))
        .nth(5)
        .once();
    stage.proxy.add(rule);
    let answers: Vec<_> = (0..12).map(|_| call(&mut stage)).collect();
    stage.until_ada_hears("resumed");
    stage.play_for(millis(300));
    let outcomes: Vec<_> = answers.iter().map(Log::take).collect();
    assert!(outcomes.iter().all(|it| it.len() == 1), "{outcomes:?}");
    let answered = outcomes.iter().filter(|it| it[0] == "answered").count();
    assert!(answered <= 4, "{outcomes:?}");
}
