//! Ada's game runs no frames for a while, and what comes late is ignored.

use super::*;

/// Ada's game stands still, and Bob's goes on: once a second he says something.
fn ada_stands_still(stage: &mut Stage, time: Duration) -> Vec<i64> {
    let mut said = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let now = i64::try_from(begin.elapsed().as_secs()).expect("a small number");
        if said.last() != Some(&now) {
            stage.bob.say(now);
            said.push(now);
        }
        stage.bob.game.app.update();
        thread::sleep(millis(5));
    }
    said
}

/// For longer than a silent server would be given.
#[test]
fn scenario_35_a_long_frame_loses_nothing() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let said = ada_stands_still(&mut stage, seconds(11));
    let mut heard = Vec::new();
    stage.until("what bob has said", |stage| {
        heard.extend(stage.ada.hears());
        (heard.len() >= said.len()).then_some(())
    });
    assert_eq!(heard, said);
    stage.play_for(seconds(2));
    assert_eq!(stage.ada.heard.take(), [""; 0], "no loss");
    assert_eq!(stage.bob.heard.take(), [""; 0]);
    stage.is_as_before(&before);
}

/// The line breaks in the middle of it: one loss, and one return.
#[test]
fn scenario_35_a_loss_during_a_long_frame_is_one_loss() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    stage.proxy.add(Rule::reset().for_open_connections());
    ada_stands_still(&mut stage, seconds(4));
    let (back_after, heard) = stage.until_ada_hears("resumed");
    assert!(back_after < millis(1500), "{back_after:?}");
    assert!(heard[0].starts_with("lost"), "{heard:?}");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    stage.bob_heard_ada_leave_and_join();
    stage.is_as_before(&before);
    stage.play_for(seconds(1));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

/// The first try gets no answer, and the second one succeeds. Then the answer to the first comes, and its end.
#[test]
fn scenario_36_what_comes_late_of_an_earlier_try_is_ignored() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let hold = Rule::hold(Direction::ToClient).for_new_connections();
    let hold = stage.proxy.add(hold.once());
    stage.proxy.add(Rule::reset().for_open_connections());
    let (_, heard) = stage.until_ada_hears("resumed");
    assert!(heard[0].starts_with("lost"), "{heard:?}");
    assert_eq!(heard[1..], ["match: Restored", "resumed"]);
    assert_eq!(stage.ada.failed_tries().len(), 1);
    assert_eq!(stage.proxy.log().acts(hold), 1, "{}", stage.proxy.log());
    stage.proxy.remove(hold);
    stage.play_for(seconds(1));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    stage.bob_heard_ada_leave_and_join();
    stage.is_as_before(&before);
}
