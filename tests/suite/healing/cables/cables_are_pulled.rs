//! A cable is pulled out at one end, and put in again.

use super::*;

/// TCP survives it: what was sent in the meantime arrives, and nobody notices.
#[test]
fn scenario_3_a_cable_that_is_out_for_two_seconds_goes_unnoticed() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        let begin = Instant::now();
        let mut said = 0;
        let mut cable_is_in = true;
        let (mut ada, mut bob) = (Vec::new(), Vec::new());
        // Both say a number every 100 ms. The cable is out from the first to the third second.
        stage.until("twelve seconds", |stage| {
            let now = begin.elapsed();
            let should_be_in = !(seconds(1)..seconds(3)).contains(&now);
            if cable_is_in != should_be_in {
                cable_is_in = should_be_in;
                let to = if cable_is_in { "up" } else { "down" };
                stage.ip(&format!("link set ada {to}"));
            }
            if said < 80 && now > millis(100) * said {
                said += 1;
                stage.ada.say(said.into());
                stage.bob.say(said.into());
            }
            ada.extend(stage.ada.hears());
            bob.extend(stage.bob.hears());
            assert_eq!(stage.ada.state(), ConnectionState::Connected);
            (now > seconds(12)).then_some(())
        });
        let all: Vec<_> = (1..=80).collect();
        assert_eq!(ada, all);
        assert_eq!(bob, all);
        assert_eq!(stage.ada.heard.take(), [""; 0]);
        assert_eq!(stage.bob.heard.take(), [""; 0]);
        assert_eq!(stage.everybody(), before);
    });
}

/// Out at the game's own end: the system knows at once that there is no network, and does not tell an open connection.
#[test]
fn scenario_4_a_cable_that_is_out_for_twenty_seconds_is_noticed_in_ten() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        stage.bob.say(0);
        stage.until("traffic", |stage| stage.ada.hears().pop());
        let begin = Instant::now();
        stage.ip("link set ada down");
        stage.ada_notices(millis(10_500), &before);
        stage.play_for(seconds(20).saturating_sub(begin.elapsed()));
        stage.ip("link set ada up");
        stage.ada_is_back(&before);
    });
}

/// Out at the server's end: to the game's own system, all is well but that nothing comes.
#[test]
fn scenario_4_a_cable_of_a_quiet_game_is_noticed_in_thirteen() {
    on_a_cable(|stage| {
        let before = stage.everybody();
        // Nothing but pongs for longer than what counts as traffic.
        stage.play_for(seconds(11));
        assert_eq!(stage.ada.heard.take(), [""; 0]);
        let begin = Instant::now();
        stage.ip_there("link set ada down");
        stage.ada_notices(millis(13_500), &before);
        stage.play_for(seconds(20).saturating_sub(begin.elapsed()));
        stage.ip_there("link set ada up");
        stage.ada_is_back(&before);
    });
}
