//! A frame spends limited time on what arrived. The next frame goes on in order.

use std::time::Duration;

use super::*;

#[test]
fn a_frame_that_runs_out_of_time_goes_on_in_the_next_one_in_order() {
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    game.app
        .world_mut()
        .resource_mut::<NakamaSettings>()
        .receive_budget = Duration::ZERO;
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<MatchDataReceived>| {
            seen.add(
                data.read()
                    .map(|data| data.op_code.to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
            );
        });
    for op_code in 0..40 {
        game.server_says(match_data_sent("m1", Some("bob"), op_code, ""));
    }
    for _ in 0..4 {
        game.update();
    }
    let frames = log.take();
    let all: Vec<i64> = frames
        .iter()
        .flat_map(|frame| frame.split_whitespace())
        .map(|n| n.parse().expect("n"))
        .collect();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
    assert!(
        frames
            .iter()
            .all(|frame| frame.split_whitespace().count() <= 16),
        "{frames:?}"
    );
}
