//! Ada changes her mind while she is away.

use super::*;

#[test]
fn scenario_33_a_match_that_is_left_while_away_is_not_entered_again() {
    let mut stage = Stage::new();
    stage.ada_goes_away();
    let here = stage.ada.here;
    let left = stage
        .ada
        .game
        .ask::<LeaveMatch>(|nakama| nakama.leave_match(here).id());
    left.expect("she is out of it already");
    assert_eq!(
        sorted(stage.ada.heard.take()),
        ["-ada YouLeft", "-bob YouLeft"]
    );
    comes_back_to_nothing(&mut stage);
}

#[test]
fn scenario_33_a_match_that_is_despawned_while_away_is_not_entered_again() {
    let mut stage = Stage::new();
    stage.ada_goes_away();
    let here = stage.ada.here;
    stage.ada.game.app.world_mut().despawn(here);
    stage.play_for(millis(50));
    assert_eq!(
        sorted(stage.ada.heard.take()),
        ["-ada YouLeft", "-bob YouLeft"]
    );
    comes_back_to_nothing(&mut stage);
}

/// Ada is back, and in no match.
#[track_caller]
fn comes_back_to_nothing(stage: &mut Stage) {
    assert_eq!(stage.ada_comes_back(), ["resumed"]);
    stage.play_for(millis(300));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    assert_eq!(stage.ada.members(), []);
    assert_eq!(Game::the::<Match>(&mut stage.ada.game.app), None);
    assert_eq!(stage.bob.heard.take(), ["-ada Left"]);
    assert_eq!(stage.bob.members().len(), 1);
}

#[test]
fn scenario_33_another_match_that_is_joined_while_away_is_joined_once() {
    let mut stage = Stage::new();
    stage.ada_goes_away();
    let here = stage.ada.here;
    let replies = Log::default();
    let to = replies.clone();
    let game = &mut stage.ada.game;
    let other = game.commands(|commands| {
        commands.nakama().leave_match(here);
        let mut other = commands
            .nakama()
            .create_match(CreateMatch::named("another"));
        other.observe(move |reply: On<Replied<CreateMatch>>| {
            to.add(if reply.result.is_ok() { "in" } else { "not in" });
        });
        other.id()
    });
    stage.play_for(millis(50));
    stage.ada.heard.take();
    assert_eq!(replies.take(), [""; 0], "it waits");
    stage.ada_comes_back();
    stage.until("the other match", |stage| {
        (stage.ada.members().len() == 1).then_some(())
    });
    stage.play_for(millis(300));
    assert_eq!(replies.take(), ["in"]);
    assert_eq!(Game::the::<Match>(&mut stage.ada.game.app), Some(other));
    assert_eq!(stage.bob.heard.take(), ["-ada Left"]);
    stage.ada.here = other;
    stage.ada.say(1);
    stage.play_for(millis(100));
    assert_eq!(stage.bob.hears(), [0; 0]);
}
