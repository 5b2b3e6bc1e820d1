//! What the game under test shows.

use bevy_ecs::prelude::*;

use super::{TestGame, room_id, user_presence};
use crate::{
    areas::{
        chat::{ChatIndex, ChatLog, ChatMembers},
        matches::{MatchIndex, MatchPresences},
    },
    mirror::presence::{MatchId, PresenceIndex, SessionId, Username},
};

impl TestGame {
    /// The names of everybody in a match, sorted; nothing if there is no such match.
    #[must_use]
    pub fn roster(&self, match_id: &str) -> Vec<String> {
        let world = self.app.world();
        let here = world.resource::<MatchIndex>().get(&MatchId::from(match_id));
        self.names(here.and_then(|entity| world.get::<MatchPresences>(entity)))
    }

    /// The names of everybody in a chat room, sorted; nothing if there is no such room.
    #[must_use]
    pub fn chat_roster(&self, room: &str) -> Vec<String> {
        let world = self.app.world();
        let here = world.resource::<ChatIndex>().get(&room_id(room));
        self.names(here.and_then(|entity| world.get::<ChatMembers>(entity)))
    }

    fn names(&self, here: Option<&impl RelationshipTarget>) -> Vec<String> {
        let everybody = here.into_iter().flat_map(RelationshipTarget::iter);
        let mut names: Vec<_> = everybody
            .filter_map(|who| self.app.world().get::<Username>(who))
            .map(ToString::to_string)
            .collect();
        names.sort();
        names
    }

    /// The lines of a chat room as they stand now, oldest first: `name: content`. Nothing if there is no such room.
    #[must_use]
    pub fn chat_lines(&self, room: &str) -> Vec<String> {
        let world = self.app.world();
        let here = world.resource::<ChatIndex>().get(&room_id(room));
        let log = here.and_then(|entity| world.get::<ChatLog>(entity));
        log.into_iter()
            .flat_map(ChatLog::iter)
            .map(|line| format!("{}: {}", line.username, line.json))
            .collect()
    }

    /// The entity of a match.
    ///
    /// # Panics
    ///
    /// The game is not in it.
    #[must_use]
    #[track_caller]
    pub fn match_entity(&self, match_id: &str) -> Entity {
        let found = self
            .app
            .world()
            .resource::<MatchIndex>()
            .get(&MatchId::from(match_id));
        let Some(found) = found else {
            panic!("the game is not in {match_id}");
        };
        found
    }

    /// The presence of somebody in a match.
    ///
    /// # Panics
    ///
    /// They are not there.
    #[must_use]
    #[track_caller]
    pub fn presence_of(&self, match_id: &str, name: &str) -> Entity {
        let session = SessionId::from(user_presence(name).session_id);
        let found = self
            .app
            .world()
            .resource::<PresenceIndex>()
            .get(self.match_entity(match_id), &session);
        let Some(found) = found else {
            panic!("{name} is not in {match_id}");
        };
        found
    }
}
