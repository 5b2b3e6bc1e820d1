//! A slow frame. What arrived meanwhile is read before any deadline is judged.

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    testing::{FRAME, TestGame, match_data_sent, match_presences},
};
use serde_json::json;

/// Who sent the match data that arrived: op code and whether the sender is known.
fn senders(game: &mut TestGame) -> Vec<(i64, bool)> {
    let world = game.app.world_mut();
    let mut data = world.resource_mut::<Messages<MatchDataReceived>>();
    data.drain()
        .map(|data| {
            let entity = data.sender.and_then(|sender| sender.entity);
            (data.op_code, entity.is_some())
        })
        .collect()
}

#[test]
fn a_join_that_arrives_within_a_slow_frame_is_seen_before_its_data_are_given_up() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.server_says(match_data_sent("m1", Some("bob"), 1, "early"));
    game.update();
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update_by(Duration::from_millis(260));
    assert_eq!(senders(&mut game), [(1, true)]);
}

/// The network thread reads what is with the operating system only after the frame has begun.
#[test]
fn a_join_that_is_read_after_a_long_stop_is_seen_before_its_data_are_given_up() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.server_says(match_data_sent("m1", Some("bob"), 1, "early"));
    game.update();
    game.update_by(Duration::from_secs(12));
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update();
    assert_eq!(senders(&mut game), [(1, true)]);
}

#[test]
fn a_game_that_is_always_slow_gives_up_too() {
    let mut game = TestGame::joined("m1", &["ada"]);
    game.server_says(match_data_sent("m1", Some("bob"), 1, "early"));
    game.update();
    game.update_by(Duration::from_millis(300));
    game.update_by(Duration::from_millis(300));
    assert_eq!(senders(&mut game), [(1, false)]);
}

fn without_a_budget(game: &mut TestGame) {
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.receive_budget = Duration::ZERO;
}

#[test]
fn a_join_behind_more_than_a_frame_can_read_is_seen_before_its_data_are_given_up() {
    let mut game = TestGame::joined("m1", &["ada", "eve"]);
    game.server_says(match_data_sent("m1", Some("bob"), 1, "early"));
    game.update();
    without_a_budget(&mut game);
    for _ in 0..40 {
        game.server_says(match_data_sent("m1", Some("eve"), 2, ""));
    }
    game.server_says(match_presences("m1", &["bob"], &[]));
    game.update_by(Duration::from_millis(260));
    for _ in 0..4 {
        game.update();
    }
    let seen = senders(&mut game);
    assert_eq!(
        seen.iter()
            .filter(|(op_code, _)| *op_code == 1)
            .collect::<Vec<_>>(),
        [&(1, true)],
        "{seen:?}"
    );
}

#[test]
fn a_queue_that_never_ends_does_not_put_off_a_deadline_for_ever() {
    let mut game = TestGame::joined("m1", &["ada", "eve"]);
    game.server_says(match_data_sent(
        "m1",
        Some("bob"),
        1,
        "of somebody who never joins",
    ));
    game.update();
    game.advance(Duration::from_millis(200));
    without_a_budget(&mut game);
    for _ in 0..2_000 {
        game.server_says(match_data_sent("m1", Some("eve"), 2, ""));
    }
    game.update_by(Duration::from_millis(260));
    let mut frames = 1;
    loop {
        let seen = senders(&mut game);
        if seen.contains(&(1, false)) {
            break;
        }
        frames += 1;
        assert!(frames <= 8, "the deadline was {frames} frames ago");
        game.update_by(FRAME);
    }
}

#[test]
fn a_refresh_that_is_refused_within_a_slow_frame_is_the_answer_to_who_waits_for_it() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchNotifications>>| match &reply.result {
            Ok(_) => seen.add("answered"),
            Err(error) => seen.add(error.to_string()),
        },
    );
    game.commands(|commands| {
        let request = FetchNotifications::new(1);
        commands.nakama().fetch_notifications(request).id()
    });
    game.update();
    let refused = json!({ "code": 16, "message": "Auth token invalid" });
    game.answer_rest(401, &refused);
    game.update();
    assert_eq!(game.rest_calls().len(), 1, "the refresh");
    let timeout = game
        .app
        .world()
        .resource::<NakamaSettings>()
        .request_timeout;
    game.answer_rest(
        401,
        &json!({ "code": 16, "message": "Refresh token invalid or expired." }),
    );
    game.update_by(timeout);
    let seen = log.take();
    assert!(
        seen.len() == 1 && !seen[0].contains("no answer within"),
        "{seen:?}"
    );
}
