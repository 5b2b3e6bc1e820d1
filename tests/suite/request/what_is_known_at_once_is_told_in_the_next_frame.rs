//! What is known at once is told in the next frame: all of it, and not earlier.

use super::*;
use std::time::Duration;

#[test]
fn all_of_it_however_little_a_frame_may_apply() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<LeaveMatch>>| {
        seen.add(format!("{:?}", reply.result.is_err()));
    });
    game.applying_takes(Duration::from_millis(10));
    game.commands(|commands| {
        for _ in 0..3 {
            let no_match = commands.spawn_empty().id();
            commands.nakama().leave_match(no_match);
        }
    });
    assert_eq!(
        log.take(),
        [""; 0],
        "an observer of the call comes after it"
    );
    game.update();
    assert_eq!(log.take(), ["true"; 3]);
}
