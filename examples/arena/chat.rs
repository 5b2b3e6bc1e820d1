//! Chat: everybody in the arena is in a room of the same name, too. A line of chat is any JSON object; here it is a text,
//! and maybe an invitation to a party.

use bevy::prelude::*;
use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

use crate::online::Player;

/// What people say. Serialized to the `content` of a chat message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Line {
    pub(crate) text: String,
    /// The id of a party that everybody is invited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) party: Option<String>,
}

/// Somebody in this game wants to say something.
#[derive(Event)]
pub(crate) struct Say(pub(crate) Line);

impl Say {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self(Line {
            text: text.into(),
            party: None,
        })
    }
}

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(join_room)
        .add_observer(read_up)
        .add_observer(say);
}

fn join_room(_: On<Add, Match>, mut commands: Commands, player: Res<Player>) {
    commands.nakama().join_chat(JoinChat::room(&player.arena));
}

/// What was said before we came. It ends up in the channel's `ChatLog`, where what is said from now on goes, too.
fn read_up(joined: On<Replied<JoinChat>>, mut commands: Commands) {
    if let Ok(joined) = &joined.result {
        commands
            .nakama()
            .fetch_chat_history(joined.entity, ChatHistory::newest(10));
    }
}

fn say(say: On<Say>, mut commands: Commands, room: Query<Entity, With<ChatChannel>>) {
    for room in &room {
        commands.nakama().send_chat(room, &say.0);
    }
}
