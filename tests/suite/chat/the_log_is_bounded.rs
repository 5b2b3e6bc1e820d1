//! The log has a bound, and so do removals that wait for their line.

use super::*;

#[test]
fn the_log_holds_the_newest_lines_up_to_its_bound() {
    assert_eq!(NakamaSettings::default().chat_log_lines, 200);
    let mut game = TestGame::connected();
    let set_limit = |game: &mut TestGame, limit| {
        let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.chat_log_lines = limit;
    };
    set_limit(&mut game, 3);
    let channel = game.join_room(LOBBY, &["ada"]);
    for n in 10..15 {
        game.server_says(line("bob", &format!("m{n}"), &n.to_string(), n));
    }
    game.update();
    assert_eq!(game.chat_lines(LOBBY), ["bob: 12", "bob: 13", "bob: 14"]);

    // There is no room for an older line, unless a line was removed.
    let older = Step::History(vec![stored(&line("bob", "m1", "1", 1))]);
    play(&mut game, channel, &older);
    assert_eq!(game.chat_lines(LOBBY), ["bob: 12", "bob: 13", "bob: 14"]);
    play(&mut game, channel, &live(removal("bob", "m13", 20)));
    play(&mut game, channel, &older);
    assert_eq!(game.chat_lines(LOBBY), ["bob: 1", "bob: 12", "bob: 14"]);

    // Edits and removals of lines that the log has dropped change nothing.
    play(&mut game, channel, &live(edit("bob", "m10", "x", 21)));
    play(&mut game, channel, &live(removal("bob", "m11", 22)));
    assert_eq!(game.chat_lines(LOBBY), ["bob: 1", "bob: 12", "bob: 14"]);

    set_limit(&mut game, 0);
    play(&mut game, channel, &live(line("bob", "m30", "30", 30)));
    assert_eq!(game.chat_lines(LOBBY), [""; 0]);
}

#[test]
fn only_so_many_removals_wait_for_their_line() {
    let (mut game, channel, _) = in_lobby(&["ada"]);
    for n in 0..300 {
        game.server_says(removal("bob", &format!("m{n}"), n));
    }
    game.update();
    let all: Vec<_> = (0..300)
        .map(|n| stored(&line("bob", &format!("m{n}"), &n.to_string(), n)))
        .collect();
    play(&mut game, channel, &Step::History(all));
    assert_eq!(
        game.chat_lines(LOBBY).len(),
        300 - 256,
        "the oldest removals are forgotten, the newest are not"
    );
    assert_eq!(game.chat_lines(LOBBY)[0], "bob: 0");
}
