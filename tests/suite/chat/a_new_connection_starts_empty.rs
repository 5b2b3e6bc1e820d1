//! A new connection starts without the messages of an earlier one.

use super::*;
use crate::common::steps::connect_as;

/// A message that nobody read does not belong to the new connection.
#[test]
fn the_messages_of_an_earlier_connection_are_gone_with_a_new_one() {
    let mut game = TestGame::connected();
    game.join_room("r", &["ada", "bob"]);
    let line = |id: &str| {
        let at = Duration::from_secs(1);
        chat_message("r", "bob", ChatMessageKind::Chat, id, "{}", at)
    };
    let unread = |game: &TestGame| {
        let messages = game.app.world().resource::<Messages<ChatMessageReceived>>();
        messages.len()
    };
    // No time passes in these frames, so Bevy drops no message by itself.
    game.server_says(line("m1"));
    game.connection_ends();
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 1, "the game may still want to know");
    connect_as(&mut game, "ada");
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 1, "also while it connects");
    game.server_accepts();
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 0);
}
