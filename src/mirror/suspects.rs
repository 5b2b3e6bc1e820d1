//! Sessions that may be ghosts, in one match, party, channel or stream, or of one followed user.

use std::{fmt, sync::Arc, time::Duration};

use bevy_ecs::prelude::*;
use hashbrown::HashMap;

use super::ids::{PresenceInfo, SessionId};

/// Sessions in one context that may be ghosts: their users are there with newer ones.
#[derive(Debug, Default)]
pub(super) struct Ghosts {
    /// Those with an entity.
    pub(super) marked: HashMap<SessionId, Mark>,
    /// Those without: theirs has passed on to a newer session, or they were never shown.
    pub(super) hidden: HashMap<SessionId, Hidden>,
}

/// A session that may be a ghost.
#[derive(Debug)]
pub(super) struct Mark {
    /// In time since the app's start.
    pub(super) until: Duration,
    /// The newer sessions of the user.
    pub(super) newer: Vec<SessionId>,
}

/// A session without an entity.
pub(super) struct Hidden {
    pub(super) info: Arc<PresenceInfo>,
    /// In time since the app's start.
    pub(super) until: Duration,
    /// Gives it an entity.
    pub(super) appear: Appear,
}

pub(super) type Appear = Box<dyn FnOnce(&mut World) + Send + Sync>;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hidden")
            .field("info", &self.info)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Ghosts {
    pub(super) fn is_empty(&self) -> bool {
        self.marked.is_empty() && self.hidden.is_empty()
    }

    /// A session has taken the place of another one.
    pub(super) fn pass_on(&mut self, old: &SessionId, new: &SessionId) {
        self.marked.remove(old);
        let newer = self.marked.values_mut().flat_map(|mark| &mut mark.newer);
        for newer in newer.filter(|newer| *newer == old) {
            *newer = new.clone();
        }
    }
}
