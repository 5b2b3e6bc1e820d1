//! Data leaves in order, and no faster than the server takes it.

use std::time::Duration;

use super::*;
use crate::common::steps::drain;
use bevy_nakama::proto::Kind;

#[test]
fn five_hundred_sends_in_one_frame_leave_in_order_and_paced() {
    let (mut game, here, log) = game();
    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    game.commands(|commands| {
        for op_code in 0..500 {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        }
    });
    let mut left = Vec::new();
    for _ in 0..20 {
        game.update();
        left.extend(
            drain::<EnvelopeSent>(&mut game)
                .into_iter()
                .filter(|envelope| envelope.kind == Some(Kind::MatchDataSend))
                .map(|envelope| envelope.at),
        );
    }
    assert_eq!(
        sent_data(&mut game)
            .iter()
            .map(|data| data.op_code)
            .collect::<Vec<_>>(),
        (0..500).collect::<Vec<_>>()
    );
    assert_eq!(log.take(), [""; 0]);

    let since: Vec<Duration> = left.iter().map(|at| *at - left[0]).collect();
    assert_eq!(since[31], Duration::ZERO, "32 leave at once");
    assert_eq!(
        since[32],
        Duration::from_micros(250),
        "then four per millisecond"
    );
    assert_eq!(since[499], Duration::from_micros(250) * 468);
}

#[test]
fn a_leave_does_not_overtake_the_data_before_it() {
    let (mut game, here, _) = game();
    game.commands(|commands| {
        for _ in 0..50 {
            commands.nakama().send(here, &Beep(1));
        }
        commands.nakama().leave_match(here);
    });
    game.advance(Duration::from_millis(50));
    let kinds: Vec<_> = game
        .sent()
        .iter()
        .filter_map(|envelope| envelope.message.as_ref().map(Kind::of))
        .collect();
    assert_eq!(kinds.len(), 51);
    assert_eq!(kinds.last(), Some(&Kind::MatchLeave));
}

#[test]
fn a_game_that_sends_faster_than_its_pace_is_told() {
    let (mut game, here, log) = game();
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .receive_budget = Duration::from_secs(60);
    game.commands(|commands| {
        for _ in 0..5000 {
            commands.nakama().send(here, &Beep(1));
        }
    });
    game.update();
    game.update();
    let failed = log.take();
    for line in &failed {
        let waiting =
            ["2048", "4096"].map(|it| format!("3 failed: {it} messages are waiting to be sent"));
        assert!(waiting.contains(line), "{line}");
    }
    game.advance(Duration::from_secs(2));
    let left = sent_data(&mut game).len();
    assert_eq!(left + failed.len(), 5000, "each leaves or is told");
    assert!((2048..2100).contains(&left), "{left} left");
}

#[test]
fn a_bound_is_for_what_has_to_wait() {
    let (mut game, here, log) = game();
    let policy = SendPolicy::Queue {
        max_messages: 1,
        max_bytes: 1,
        max_age: Duration::ZERO,
    };
    for _ in 0..10 {
        game.commands(|commands| {
            for _ in 0..5 {
                let data = OutgoingData::raw(3, "x").policy(policy);
                commands.nakama().send_data(here, data);
            }
        });
        game.advance(Duration::from_millis(50));
    }
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(sent_data(&mut game).len(), 50, "the line is healthy");
}
