//! A slow server answers the first join after the game has asked again.

use std::time::Duration;

use super::count;
use bevy::prelude::*;
use bevy_nakama::{prelude::*, proto::Kind, testing::*};

/// The first join timed out. The second is on its way when the server answers both.
#[test]
fn who_asks_again_after_a_timeout_stays_in() {
    for is_match in [true, false] {
        let mut game = TestGame::connected();
        let join = |game: &mut TestGame| {
            game.commands(|commands| match is_match {
                true => commands.nakama().join_match(JoinMatch::by_id("m")).id(),
                false => commands.nakama().join_party("p").id(),
            });
            game.update();
            match is_match {
                true => game.expect_sent(Kind::MatchJoin),
                false => game.expect_sent(Kind::PartyJoin),
            }
        };
        let first = join(&mut game);
        game.advance(Duration::from_secs(13));
        let second = join(&mut game);
        for asked in [&first, &second] {
            match is_match {
                true => game.answer(asked, match_joined("m", &["ada"])),
                false => game.acknowledge(asked),
            }
        }
        if !is_match {
            game.server_says(party_joined("p", "ada", &["bob", "ada"]));
        }
        game.update();
        game.update();
        let sent = game.sent();
        assert_eq!(sent, [], "nothing is left");
        assert_eq!(
            count::<With<Match>>(&mut game) + count::<With<Party>>(&mut game),
            1
        );
    }
}

/// The same, but the second join is for another match.
#[test]
fn who_asks_for_something_else_after_a_timeout_leaves_the_first() {
    let mut game = TestGame::connected();
    let mut asked = Vec::new();
    for id in ["m", "n"] {
        game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id(id)).id());
        game.update();
        asked.push(game.expect_sent(Kind::MatchJoin));
        if id == "m" {
            game.advance(Duration::from_secs(13));
        }
    }
    game.answer(&asked[0], match_joined("m", &["ada"]));
    game.update();
    assert_eq!(game.sent(), [], "the other one might be the same");
    game.answer(&asked[1], match_joined("n", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);
    assert_eq!(count::<With<Match>>(&mut game), 1);
}
