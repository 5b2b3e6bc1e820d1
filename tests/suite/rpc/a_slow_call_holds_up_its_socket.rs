//! While a function runs, the server handles nothing else of the socket. A game whose data had to wait is told, once.

use std::time::Duration;

use super::*;
use crate::common::log::{listen, warnings};
use bevy_nakama::testing::match_data_sent;

/// A game that calls `slow`, and sends data at 40 Hz for so long until the answer is there.
fn play(game: &mut TestGame, here: Entity, seconds: u64) {
    game.commands(|commands| commands.nakama().rpc(Rpc::new("slow")).id());
    game.update();
    let call = game.expect_sent(Kind::Rpc);
    for _ in 0..40 * seconds {
        let data = OutgoingData::raw(1, "x");
        game.commands(|commands| commands.nakama().send_data(here, data));
        // The others go on.
        game.server_says(match_data_sent("m1", Some("bob"), 1, "x"));
        game.advance(Duration::from_millis(25));
    }
    let answer = api::Rpc {
        id: "slow".into(),
        ..default()
    };
    game.answer(&call, Message::Rpc(answer));
    game.update();
}

/// What the game has sent of its data.
fn sent(game: &mut TestGame) -> usize {
    let data = |message: &Message| matches!(message, Message::MatchDataSend(_));
    let sent = game.sent().into_iter();
    sent.filter(|it| it.message.as_ref().is_some_and(data))
        .count()
}

#[test]
fn data_waits_behind_a_slow_call_and_the_log_says_what_to_do() {
    listen();
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let here = game.match_entity("m1");
    // As a server that is at work on the call.
    game.server_goes_silent();
    play(&mut game, here, 2);
    let told =
        "the call of `slow` held up this socket for 2.4 s, and data had to wait; use `over_rest`";
    assert_eq!(warnings(), [told]);
    let left = sent(&mut game);
    assert!((48..75).contains(&left), "{left} of 80 have left");
}

#[test]
fn a_call_that_nothing_waited_for_is_not_told() {
    listen();
    let mut game = TestGame::joined("m1", &["ada", "bob"]);
    let here = game.match_entity("m1");
    game.server_goes_silent();
    play(&mut game, here, 1);
    assert_eq!(warnings(), [""; 0]);
    assert_eq!(sent(&mut game), 40);
}
