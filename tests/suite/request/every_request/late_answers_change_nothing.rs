//! Requests whose answer does not come, or comes too late.

use super::*;

/// How long the plugin waits for the answer. The handler of a match may take 10 s.
fn patience(case: &Case) -> Duration {
    let is_of_match = ["CreateMatch", "JoinMatch"].contains(&case.name);
    Duration::from_secs(if is_of_match { 12 } else { 10 })
}

const MOMENT: Duration = Duration::from_millis(100);

#[test]
fn timeout() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        made(&case, &mut game, &log);
        game.advance(patience(&case) - MOMENT);
        assert_eq!(log.take(), [""; 0], "{}: too early", case.name);
        game.advance(MOMENT * 2);
        answered(&case, &mut game, &log, "timeout");
    }
}

/// After a refusal that comes too late there is nothing to undo and nothing to do.
#[test]
fn a_late_refusal_changes_nothing() {
    for case in cases() {
        let (mut game, log) = (TestGame::connected(), Log::default());
        let Some(sent) = made(&case, &mut game, &log) else {
            continue;
        };
        game.update_by(patience(&case) + MOMENT);
        game.update();
        assert!(log.take()[0].starts_with("timeout"), "{}", case.name);
        game.sent();
        let before = mirrors(&mut game);
        game.refuse(&sent, 3, "not today");
        game.update();
        game.update();
        assert_eq!(game.sent(), [], "{}", case.name);
        assert_eq!(mirrors(&mut game), before, "{}", case.name);
    }
}

/// What the game sees of the server: the names of all entities that have one.
fn mirrors(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut names = world.query::<&Name>();
    let mut names: Vec<_> = names.iter(world).map(ToString::to_string).collect();
    names.sort();
    names
}
