//! A new connection starts without the messages of an earlier one.

use super::*;

/// A message that nobody has read by then is not the new connection's.
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
    // The frames are so short that Bevy forgets no message by itself.
    game.server_says(line("m1"));
    game.connection_breaks();
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 1, "the game may still want to know");
    let session = session("ada");
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 1, "also while it connects");
    game.server_accepts();
    game.update_by(Duration::ZERO);
    assert_eq!(unread(&game), 0);
}
