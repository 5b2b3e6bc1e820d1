//! The line is silent, and nobody says why.

use bevy_nakama::rpc::Rpc;

use super::*;

fn ghosts(stage: &Stage) -> usize {
    let index = stage.ada.game.app.world().resource::<PresenceIndex>();
    index.own_ghosts(stage.ada.here)
}

#[test]
fn scenario_4_a_cut_cable_is_noticed_and_the_own_ghost_is_hidden() {
    let mut stage = Stage::with(quick_server(), NakamaSettings::default());
    let before = stage.everybody();
    stage.bob.say(0);
    stage.until("traffic", |stage| stage.ada.hears().pop());
    let cable = cut(&stage.proxy);
    let (to_notice, heard) = stage.until_ada_hears("lost");
    assert!(
        heard[0].starts_with("lost: the server was silent for"),
        "{heard:?}"
    );
    assert!(to_notice <= millis(10_500), "{to_notice:?}");
    stage.play_for(millis(2500));
    for hold in cable {
        stage.proxy.remove(hold);
    }
    let (away, heard) = stage.until_ada_hears("resumed");
    assert!(away <= seconds(3), "{away:?}");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    assert_eq!(ghosts(&stage), 1);
    assert_eq!(stage.everybody(), before);
    stage.is_as_before(&before);
    stage.until("the end of the ghost", |stage| {
        (ghosts(stage) == 0).then_some(())
    });
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    stage.bob_heard_ada_leave_and_join();
}

#[test]
fn scenario_4_a_cut_cable_is_noticed_on_a_quiet_line() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    // Nothing but pongs for longer than what counts as traffic.
    stage.play_for(seconds(11));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    let cable = cut(&stage.proxy);
    let (to_notice, _) = stage.until_ada_hears("lost");
    assert!(to_notice <= millis(13_500), "{to_notice:?}");
    for hold in cable {
        stage.proxy.remove(hold);
    }
    stage.until_ada_hears("resumed");
    stage.is_as_before(&before);
}

#[test]
fn scenario_5_a_dead_receive_direction_is_noticed() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    let hold = Rule::hold(Direction::ToClient).for_open_connections();
    stage.proxy.add(hold);
    let (to_notice, heard) = stage.until_ada_hears("lost");
    assert!(to_notice <= millis(13_500), "{to_notice:?}");
    assert!(
        heard[0].starts_with("lost: the server was silent for"),
        "{heard:?}"
    );
    stage.until_ada_hears("resumed");
    stage.is_as_before(&before);
}

#[test]
fn scenario_5_a_dead_send_direction_is_noticed_although_frames_arrive() {
    // This server does not end it first.
    let config = LocalServerConfig {
        pong_wait: seconds(60),
        ..Default::default()
    };
    let mut stage = Stage::with(config, NakamaSettings::default());
    let before = stage.everybody();
    let hold = Rule::hold(Direction::ToServer).for_open_connections();
    stage.proxy.add(hold);
    let begin = Instant::now();
    let mut last = Instant::now();
    let mut heard = Vec::new();
    stage.until("the loss", |stage| {
        if last.elapsed() > millis(300) {
            last = Instant::now();
            stage.bob.say(3);
        }
        heard.extend(stage.ada.heard.take());
        heard.iter().any(|it| it.starts_with("lost")).then_some(())
    });
    // 20 s from the first ping without an answer, which goes out every five.
    let to_notice = begin.elapsed();
    assert!(
        (seconds(18)..millis(25_500)).contains(&to_notice),
        "{to_notice:?}"
    );
    assert!(
        heard[0].starts_with("lost: the server was silent for"),
        "{heard:?}"
    );
    stage.until_ada_hears("resumed");
    stage.is_as_before(&before);
}

/// The server answers nothing while it works on a request.
#[test]
fn scenario_8_a_slow_call_is_no_dead_server() {
    let settings = NakamaSettings {
        request_timeout: seconds(30),
        ..Default::default()
    };
    let mut stage = Stage::with(LocalServerConfig::default(), settings);
    let hold = Rule::hold(Direction::ToClient).when(Frames::to_server(Kind::Rpc));
    let hold = stage.proxy.add(hold);
    let answers = Log::default();
    let to = answers.clone();
    stage.ada.game.commands(|commands| {
        let mut call = commands.nakama().rpc(Rpc::new("nothing"));
        call.observe(move |reply: On<Replied<Rpc>>| to.add(format!("{:?}", reply.result)));
    });
    stage.play_for(seconds(15));
    assert_eq!(answers.take(), [""; 0]);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    stage.proxy.remove(hold);
    stage.until("the answer", |_| answers.take_first());
    assert_eq!(stage.ada.state(), ConnectionState::Connected);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

/// A line that is held up for a moment, as by a bad radio link, is no loss.
#[test]
fn a_stall_of_two_seconds_goes_unnoticed() {
    let mut stage = Stage::new();
    let before = stage.everybody();
    for way in Direction::BOTH {
        stage.proxy.add(Rule::hold(way).lasting(seconds(2)));
    }
    stage.ada.say(7);
    let mut heard = Vec::new();
    stage.until("what was held", |stage| {
        heard.extend(stage.bob.hears());
        (heard == [7]).then_some(())
    });
    stage.is_as_before(&before);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    assert_eq!(stage.bob.heard.take(), [""; 0]);
}

/// A proxy on the way may cut what is idle for 30 s: a ping goes out every five.
#[test]
fn scenario_38_a_quiet_line_is_never_idle_for_long() {
    let mut stage = Stage::new();
    let pings = stage
        .proxy
        .add(Rule::note().when(Frames::to_server(Kind::Ping)));
    stage.play_for(seconds(11));
    assert!(stage.proxy.log().acts(pings) >= 2, "{}", stage.proxy.log());
}
