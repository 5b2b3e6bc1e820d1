//! Ada sends while she is away.

use bevy_nakama::send::{SendError, SendFailed, SendPolicy};

use super::*;

fn queue() -> SendPolicy {
    SendPolicy::Queue {
        max_messages: 8,
        max_bytes: 4096,
        max_age: seconds(60),
    }
}

impl Player {
    /// What becomes of the data that is not sent.
    fn listens_for_failures(&mut self) -> Log {
        let failures = Log::default();
        let to = failures.clone();
        self.game.app.add_observer(move |failed: On<SendFailed>| {
            let is_not_connected = matches!(failed.reason, SendError::NotConnected);
            let text = if is_not_connected {
                "not connected"
            } else {
                "?"
            };
            to.add(format!("{}: {text}", failed.op_code));
        });
        failures
    }

    /// Sends 1 and 2 in a queue, 3 three times as the latest, and 4 without a policy.
    fn sends_with_each_policy(&mut self) {
        let here = self.here;
        self.game.commands(|commands| {
            for op_code in [1, 2] {
                let data = OutgoingData::raw(op_code, "queue").policy(queue());
                commands.nakama().send_data(here, data);
            }
            for value in ["old", "older", "newest"] {
                let data = OutgoingData::raw(3, value).policy(SendPolicy::Latest);
                commands.nakama().send_data(here, data);
            }
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(4, "no policy"));
        });
    }
}

#[test]
fn scenario_32_what_waits_leaves_once_when_ada_is_back_in_the_match() {
    let mut stage = Stage::new();
    let failures = stage.ada.listens_for_failures();
    stage.ada_goes_away();
    stage.ada.sends_with_each_policy();
    stage.play_for(millis(100));
    assert_eq!(failures.take(), ["4: not connected"], "at once");
    stage.ada_comes_back();
    let mut arrived = Vec::new();
    stage.until("the data", |stage| {
        let new = Game::arrived::<MatchDataReceived>(&mut stage.bob.game.app);
        arrived.extend(new.into_iter().map(|it| (it.op_code, it.data)));
        (arrived.len() >= 3).then_some(())
    });
    stage.play_for(millis(300));
    assert_eq!(stage.bob.hears(), [0; 0], "nothing comes twice");
    let expected = [(1, "queue"), (2, "queue"), (3, "newest")];
    assert_eq!(arrived, expected.map(|(code, data)| (code, data.into())));
    assert_eq!(failures.take(), [""; 0]);
}

/// Everybody else has left, so the match ends while Ada is away. Then Cat makes it anew.
#[test]
fn scenario_32_what_waits_is_never_sent_to_another_match_of_the_same_name() {
    let mut stage = Stage::new();
    let failures = stage.ada.listens_for_failures();
    stage.ada_goes_away();
    stage.ada.sends_with_each_policy();
    let here = stage.bob.here;
    let bob = &mut stage.bob.game;
    bob.ask::<LeaveMatch>(|nakama| nakama.leave_match(here).id())
        .expect("he may leave");
    let direct = stage.direct();
    let cat = Player::new(&direct, "cat", NakamaSettings::default());
    stage.others.push(cat);
    stage.play_for(millis(100));
    assert_eq!(failures.take(), ["4: not connected"]);
    let heard = stage.ada_comes_back();
    assert!(heard.contains(&"match: Recreated".into()), "{heard:?}");
    stage.until("they see each other", |stage| {
        (stage.others[0].members().len() == 2).then_some(())
    });
    stage.play_for(millis(500));
    assert_eq!(stage.others[0].hears(), [0; 0]);
    let mut failed = failures.take();
    failed.sort();
    assert_eq!(
        failed,
        ["1: not connected", "2: not connected", "3: not connected"]
    );
    // What is sent from now on arrives.
    stage.ada.say(5);
    let heard = stage.until("data", |stage| stage.others[0].hears().pop());
    assert_eq!(heard, 5);
}
