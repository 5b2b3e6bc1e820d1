//! The game asks for a try now, or for the end.

use super::*;

/// Ada has lost the server, and waits.
fn away() -> Stage {
    let mut stage = Stage::new();
    stage.proxy.stop_listening().expect("it stops");
    stage.proxy.add(Rule::reset().for_open_connections());
    stage.until_ada_hears("lost");
    // By now, the waits are long.
    stage.until("a few tries", |stage| {
        (stage.ada.failed_tries().len() >= 4).then_some(())
    });
    stage.proxy.listen_again().expect("it listens");
    stage
}

#[test]
fn scenario_34_connect_while_reconnecting_is_retry_now() {
    let mut stage = away();
    let before = stage.everybody();
    stage
        .ada
        .game
        .commands(|commands| commands.nakama().connect());
    let (away, heard) = stage.until_ada_hears("resumed");
    assert!(away < millis(700), "{away:?}");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    stage.is_as_before(&before);
    // There is no second loop.
    stage.play_for(seconds(3));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

#[test]
fn scenario_34_a_hint_that_the_network_is_back_cuts_the_wait() {
    let mut stage = away();
    stage
        .ada
        .game
        .commands(|commands| commands.nakama().network_is_back());
    let (away, heard) = stage.until_ada_hears("resumed");
    assert!(away < millis(700), "{away:?}");
    assert_eq!(heard, ["match: Restored", "resumed"]);
}

#[test]
fn scenario_34_a_hint_while_connected_is_a_ping() {
    let mut stage = Stage::new();
    let pings = stage
        .proxy
        .add(Rule::note().when(Frames::to_server(Kind::Ping)));
    stage.play_for(millis(50));
    let before = stage.proxy.log().acts(pings);
    stage
        .ada
        .game
        .commands(|commands| commands.nakama().network_is_back());
    let begin = Instant::now();
    stage.until("a ping", |stage| {
        (stage.proxy.log().acts(pings) > before).then_some(())
    });
    assert!(begin.elapsed() < seconds(1), "{:?}", begin.elapsed());
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}

#[test]
fn scenario_34_disconnect_while_reconnecting_is_the_end_at_once() {
    let mut stage = away();
    stage
        .ada
        .game
        .commands(|commands| commands.nakama().disconnect());
    let (away, heard) = stage.until_ada_hears("ended");
    assert!(away < millis(300), "{away:?}");
    assert_eq!(
        heard.last().expect("an end"),
        "ended: the game disconnected"
    );
    let opened = stage.proxy.log().events().len();
    stage.play_for(seconds(3));
    assert_eq!(stage.ada.state(), ConnectionState::Disconnected);
    assert_eq!(stage.proxy.log().events().len(), opened);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}
