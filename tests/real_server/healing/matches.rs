//! The match of both has changed when Ada comes back.

use super::*;

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_18_who_comes_and_goes_meanwhile_is_told_once() {
    let mut stage = Stage::new(true);
    let bob_is = stage.entities();
    let shut = stage.goes_away();
    stage.enters(&fresh("device-of-cat"));
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["+ WhileAway", "match: Restored", "resumed"]);
    let now = stage.entities();
    assert!(bob_is.iter().all(|entity| now.contains(entity)));

    let shut = stage.goes_away();
    stage.others.clear();
    stage.play(seconds(1)); // the server hears of it
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["- WhileAway", "match: Restored", "resumed"]);
}

/// Each of Ada and Bob has a second device in the match. Later Bob's reconnects while Ada is away, and goes while she is away.
#[test]
#[ignore = "needs a Nakama server"]
fn scenario_18_a_user_with_two_devices_is_there_twice() {
    let mut stage = Stage::new(true);
    let bobs = fresh("device-of-both-bobs");
    for device in [stage.device.clone(), bobs.clone(), bobs.clone()] {
        stage.enters(&device);
    }
    stage.until("all five", |stage| (stage.people() == 5).then_some(()));
    let before = stage.entities();
    stage.heard.take();

    stage.reset();
    let heard = stage.until_heard("resumed");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before);

    let shut = stage.goes_away();
    stage.others.pop();
    stage.play(seconds(1)); // the server hears of it
    stage.enters(&bobs);
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before, "it is the same player");

    let shut = stage.goes_away();
    stage.others.pop();
    stage.play(seconds(1));
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["- WhileAway", "match: Restored", "resumed"]);
    let now = stage.entities();
    assert_eq!(now.len(), 4);
    assert!(now.iter().all(|entity| before.contains(entity)));
    stage.is_quiet(seconds(1));
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_22_an_unnamed_match_that_is_gone_is_lost() {
    let mut stage = Stage::new(false);
    let shut = stage.goes_away();
    // Bob goes, and with him the match.
    stage.bob = Game::new();
    stage.play(seconds(1)); // the server hears of it
    let heard = stage.may_come_back(shut, "match: Lost(Refused(");
    let lost = heard
        .iter()
        .position(|line| line.starts_with("match: Lost"));
    let (before, after) = heard.split_at(lost.expect("heard above"));
    assert_eq!(before, ["resumed"], "after 5 s");
    assert_eq!(after[1..], ["- Disconnected", "- Disconnected"]);
    assert!(stage.ada.app.world().get::<Match>(stage.here).is_none());
    stage.is_quiet(seconds(1));
}

/// The match is lost, once, and nothing of it comes later.
#[track_caller]
fn is_lost(stage: &mut Stage, heard: &[String], words: &str) {
    let [lost, rest @ ..] = heard else {
        panic!("heard nothing");
    };
    assert!(lost.starts_with("match: Lost(Refused("), "{heard:?}");
    assert!(lost.contains(words), "{heard:?}");
    assert_eq!(rest[..2], ["- Disconnected", "- Disconnected"]);
    assert!(stage.ada.app.world().get::<Match>(stage.here).is_none());
    stage.until("bob to be alone", |stage| {
        let world = stage.bob.app.world_mut();
        let mut all = world.query::<&PresentIn>();
        (all.iter(world).count() == 1).then_some(())
    });
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_23_a_handler_that_lets_ada_in_again_is_told_of_both() {
    let (mut stage, id) = in_gates();
    let before = stage.entities();
    let shut = stage.goes_away();
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before);
    assert_eq!(change(&mut stage, &id, "nothing"), "in in out in");
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_23_a_handler_that_refuses_is_a_loss_with_its_words() {
    let (mut stage, id) = in_gates();
    let shut = stage.goes_away();
    change(&mut stage, &id, "shut");
    let heard = stage.may_come_back(shut, "resumed");
    is_lost(&mut stage, &heard, "the gates are shut");
    assert_eq!(heard[3..], ["resumed"]);
    stage.is_quiet(seconds(2));
}

#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_23_a_label_that_has_changed_is_a_change() {
    let (mut stage, id) = in_gates();
    let before = stage.entities();
    let shut = stage.goes_away();
    change(&mut stage, &id, "label round 2");
    stage.play(seconds(2)); // the server lists it
    let heard = stage.may_come_back(shut, "resumed");
    assert_eq!(heard, ["match: Changed", "resumed"]);
    assert_eq!(stage.entities(), before);
    let here = stage.ada.app.world().get::<Match>(stage.here);
    assert_eq!(here.expect("a match").label.as_deref(), Some("round 2"));
}

/// Everything else is usable after 5 s. While the server waits for the handler, it answers nothing.
#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_23_a_handler_that_takes_eight_seconds_lets_ada_in() {
    let (mut stage, id) = in_gates();
    let before = stage.entities();
    let shut = stage.goes_away();
    change(&mut stage, &id, "think 8");
    let begin = Instant::now();
    let heard = stage.may_come_back(shut, "match: ");
    println!("after {:?}", begin.elapsed());
    assert_eq!(heard, ["resumed", "match: Restored"]);
    assert_eq!(stage.entities(), before);
    stage.is_quiet(seconds(2));
}

/// The server gives it 10 s, and takes no answer for "no". Whatever the handler says after that, there is one outcome.
#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_23_a_handler_that_takes_eleven_seconds_is_one_loss() {
    let (mut stage, id) = in_gates();
    let shut = stage.goes_away();
    change(&mut stage, &id, "think 11");
    let begin = Instant::now();
    let mut heard = stage.may_come_back(shut, "match: ");
    println!("{heard:?} after {:?}", begin.elapsed());
    assert_eq!(heard.remove(0), "resumed");
    is_lost(&mut stage, &heard, "rejected");
    stage.is_quiet(seconds(4));
}
