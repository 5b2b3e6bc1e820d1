//! A function of the server puts the local user into a stream: the game hears of it after the answer.

use std::time::Duration;

use super::*;
use bevy_nakama::proto::{Envelope, Kind, Message, api};

fn call(game: &mut TestGame) -> Envelope {
    game.commands(|c| c.nakama().rpc(Rpc::new("join")).id());
    game.update();
    game.expect_sent(Kind::Rpc)
}

fn answer(game: &mut TestGame, asked: &Envelope) {
    let rpc = api::Rpc::default();
    game.answer(asked, Message::Rpc(rpc));
}

#[test]
fn the_local_users_join_comes_after_the_answer_whatever_comes_first() {
    for is_reversed in [false, true] {
        let (mut game, log) = watched();
        let asked = call(&mut game);
        let join = stream_presences(&town(), &["ada"], &[]);
        if is_reversed {
            game.server_says(join);
            game.update();
            assert_eq!(log.take(), [""; 0]);
            answer(&mut game, &asked);
        } else {
            answer(&mut game, &asked);
            game.server_says(join);
        }
        game.update();
        assert_eq!(log.take(), ["answered", "+ada in town (self)"]);
    }
}

#[test]
fn it_comes_after_the_answer_to_whatever_calls_a_function() {
    let ways: [fn(NakamaCommands) -> Entity; 2] = [
        |nakama| nakama.call(Join {}).id(),
        |nakama| {
            let rpc = api::Rpc::default();
            nakama.send_raw(Message::Rpc(rpc)).id()
        },
    ];
    for way in ways {
        let (mut game, log) = watched();
        game.commands(|c| way(c.nakama()));
        game.update();
        let asked = game.expect_sent(Kind::Rpc);
        game.server_says(stream_presences(&town(), &["ada"], &[]));
        game.update();
        assert_eq!(log.take(), [""; 0]);
        answer(&mut game, &asked);
        game.update();
        assert_eq!(log.take(), ["answered", "+ada in town (self)"]);
    }
}

#[test]
fn only_what_the_answer_may_bring_about_waits() {
    let (mut game, log) = watched();
    let asked = call(&mut game);
    game.server_says(stream_presences(&mill(), &["bob"], &[]));
    game.server_says(stream_presences(&town(), &["ada"], &[]));
    game.server_says(stream_presences(&town(), &["bob"], &[])); // waits behind it
    game.server_says(stream_presences(&mill(), &["cat"], &[]));
    game.server_says(stream_data(&town(), "rain"));
    game.update();
    assert_eq!(log.take(), ["+bob in mill", "+cat in mill", "town: rain"]);
    answer(&mut game, &asked);
    game.update();
    assert_eq!(
        log.take(),
        ["answered", "+ada in town (self)", "+bob in town"]
    );
    game.server_says(stream_presences(&town(), &[], &["ada"]));
    game.update();
    assert_eq!(log.take(), ["-ada YouLeft"], "nothing is asked");
}

#[test]
fn a_slow_function_holds_the_join_up_for_a_quarter_of_a_second() {
    let (mut game, log) = watched();
    let asked = call(&mut game);
    game.server_says(stream_presences(&town(), &["ada"], &[]));
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.advance(Duration::from_millis(240));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(30));
    assert_eq!(log.take(), ["+ada in town (self)", "+bob in town"]);
    answer(&mut game, &asked);
    game.update();
    assert_eq!(log.take(), ["answered"]);
}

#[test]
fn with_two_functions_under_way_the_first_answer_lets_it_pass() {
    let (mut game, log) = watched();
    let first = call(&mut game);
    let second = call(&mut game);
    game.server_says(stream_presences(&town(), &["ada"], &[]));
    answer(&mut game, &first);
    game.update();
    assert_eq!(log.take(), ["answered", "+ada in town (self)"]);
    answer(&mut game, &second);
    game.update();
    assert_eq!(log.take(), ["answered"]);
}
