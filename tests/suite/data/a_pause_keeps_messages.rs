//! A game that pauses finds all that arrived meanwhile.

use super::*;
use bevy::ecs::message::MessageCursor;

/// As the documentation says: Bevy keeps all messages during a pause, and a game can tell it to forget them.
#[test]
fn a_pause_keeps_messages_unless_the_game_forgets_them() {
    for (forgets, kept) in [(false, 100), (true, 2)] {
        let mut game = TestGame::joined("m1", &["ada"]);
        let forget = |mut data: ResMut<Messages<MatchDataReceived>>| data.update();
        if forgets {
            let is_paused = |time: Res<Time<Virtual>>| time.is_paused();
            game.app.add_systems(Last, forget.run_if(is_paused));
        }
        let world = game.app.world_mut();
        world.resource_mut::<Time<Virtual>>().pause();
        let mut cursor = MessageCursor::<MatchDataReceived>::default();
        let mut read = Vec::new();
        for op_code in 0..100 {
            game.server_says(match_data_sent("m1", None, op_code, "x"));
            game.update();
            let messages = game.app.world().resource::<Messages<MatchDataReceived>>();
            read.extend(cursor.read(messages).map(|data| data.op_code));
        }
        assert_eq!(read, (0..100).collect::<Vec<_>>(), "nothing is lost");
        let messages = game.app.world().resource::<Messages<MatchDataReceived>>();
        assert!(messages.len() <= kept, "{} are kept", messages.len());
        assert!(forgets || messages.len() == kept, "{}", messages.len());
    }
}
