//! The plugin reports raw envelopes while somebody asks for them. That changes nothing else.

use std::time::Duration;

use super::*;
use crate::common::steps::drain;
use bevy_nakama::proto::Kind;

#[test]
fn envelopes_are_reported_raw_only_while_somebody_asks() {
    let mut game = TestGame::connected();
    let reported =
        |game: &mut TestGame| (drain::<EnvelopeReceived>(game), drain::<EnvelopeSent>(game));
    game.join("m1", &["ada"]);
    let (received, sent) = reported(&mut game);
    assert!(received.is_empty() && sent.is_empty());

    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    game.join("m2", &["ada", "bob"]);
    let (received, sent) = reported(&mut game);
    assert_eq!(
        sent.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [Some(Kind::MatchJoin)]
    );
    assert_eq!(
        received.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [Some(Kind::Match)]
    );
    assert_eq!(received[0].cid, sent[0].cid);
    assert!(received[0].at >= sent[0].at);
    let json: serde_json::Value =
        serde_json::from_str(&received[0].to_json().expect("decodes")).expect("JSON");
    assert_eq!(json["match"]["presences"][0]["username"], "bob");

    game.app.world_mut().resource_mut::<EnvelopeTap>().close();
    game.update();
    game.join("m3", &["ada"]);
    let (received, sent) = reported(&mut game);
    assert!(received.is_empty() && sent.is_empty());
}

/// How many messages a game keeps that stalls while 5,000 arrive, and how the connection changed.
fn with_and_without_a_tap(is_tapped: bool) -> (u64, Vec<String>) {
    let settings = NakamaSettings {
        receive_budget: Duration::MAX,
        hand_over_limit: 1024 * 1024,
        ..NakamaSettings::default()
    };
    let mut game = TestGame::with_settings(settings);
    game.connect();
    game.join("m1", &["ada", "bob"]);
    if is_tapped {
        game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    }
    game.update();
    let (mut game, log) = watch(game);
    // The game does not run meanwhile.
    for op_code in 0..5_000 {
        game.server_says(match_data_sent("m1", Some("bob"), op_code, vec![0; 1000]));
    }
    game.update();
    game.update();
    let kept = drain::<MatchDataReceived>(&mut game).len();
    (kept as u64, log.take())
}

#[test]
fn looking_at_the_traffic_of_a_game_that_stalls_does_not_end_its_connection() {
    let (kept, phases) = with_and_without_a_tap(false);
    assert!((1..5_000).contains(&kept), "{kept} of 5000 were kept");
    assert_eq!(phases, [""; 0]);
    let (kept, phases) = with_and_without_a_tap(true);
    assert!((1..5_000).contains(&kept), "{kept} of 5000 were kept");
    assert_eq!(phases, [""; 0]);
}
