//! The deadline of a call holds over all that is done for it.

use std::time::Duration;

use super::*;

#[test]
fn a_refresh_that_takes_too_long_ends_the_calls_that_wait() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    game.advance(Duration::from_secs(3));
    refuse_token(&mut game);
    game.advance(Duration::from_secs(3));
    ask(&mut game, "/b");
    game.advance(Duration::from_millis(3_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    assert_eq!(
        log.take(),
        ["/a: it could not be sent within 10.0 s"],
        "its own deadline"
    );
    game.advance(Duration::from_secs(3));
    assert_eq!(log.take(), ["/b: no answer within 10.0 s"], "the refresh's");
    assert!(game.rest_calls().is_empty());
    game.advance(Duration::from_secs(20));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn the_deadline_holds_over_all_of_it() {
    let (mut game, log) = watched();
    ask(&mut game, "/a");
    game.advance(Duration::from_secs(4));
    refuse_token(&mut game);
    game.advance(Duration::from_secs(4));
    give_tokens(&mut game, "ada-2");
    assert_eq!(log.take(), ["now ada-2"]);
    game.advance(Duration::from_millis(1_900));
    assert_eq!(log.take(), [""; 0]);
    game.advance(Duration::from_millis(200));
    assert_eq!(log.take(), ["/a: no answer within 10.0 s"]);
}
