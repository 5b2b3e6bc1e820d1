//! One allocation per id and per presence, however many messages name it.

use std::{mem, sync::Arc};

use hashbrown::{HashMap, HashSet};

use super::ids::{PresenceInfo, SessionId, canonical, is_canonical, make_canonical};
use crate::proto::UserPresence;

/// How many entries a table may have before it is looked through for those that nobody else holds.
const FIRST_SWEEP: usize = 1024;

/// The table of ids. They come from the peer, so it is swept: what only the table holds goes.
#[derive(Debug)]
pub(crate) struct Interner {
    texts: HashSet<Arc<str>>,
    presences: HashMap<SessionId, Arc<PresenceInfo>>,
    sweep_at: usize,
    /// The last of each, because messages of one match or of one sender come in runs.
    last_text: Arc<str>,
    last_presence: Option<Arc<PresenceInfo>>,
    /// For ids that are not as the server writes them, so that none costs an allocation each time.
    scratch: String,
}

impl Default for Interner {
    fn default() -> Self {
        Self {
            texts: HashSet::default(),
            presences: HashMap::default(),
            sweep_at: FIRST_SWEEP,
            last_text: "".into(),
            last_presence: None,
            scratch: String::new(),
        }
    }
}

impl Interner {
    /// The shared allocation of a text.
    pub(crate) fn text(&mut self, text: &str) -> Arc<str> {
        if *self.last_text == *text {
            return self.last_text.clone();
        }
        self.last_text = match self.texts.get(text) {
            Some(known) => known.clone(),
            None => {
                self.sweep_if_large();
                let new: Arc<str> = text.into();
                self.texts.insert(new.clone());
                new
            }
        };
        self.last_text.clone()
    }

    /// The shared allocation of an id, as the server writes it.
    pub(crate) fn id(&mut self, id: &str) -> Arc<str> {
        if is_canonical(id) {
            return self.text(id);
        }
        let mut scratch = mem::take(&mut self.scratch);
        scratch.clear();
        scratch.push_str(id);
        make_canonical(&mut scratch);
        let id = self.text(&scratch);
        self.scratch = scratch;
        id
    }

    /// The shared description of a presence.
    pub(crate) fn presence(
        &mut self,
        user_id: &str,
        session_id: &str,
        username: &str,
    ) -> Arc<PresenceInfo> {
        let is_this = |info: &PresenceInfo| {
            info.session_id == *session_id && info.user_id == *user_id && info.username == *username
        };
        if let Some(last) = self.last_presence.as_ref().filter(|info| is_this(info)) {
            return last.clone();
        }
        // A session never changes its user or name; should a server say otherwise, the newest word counts.
        let known = self
            .presences
            .get(&*canonical(session_id))
            .filter(|info| is_this(info))
            .cloned();
        let info = known.unwrap_or_else(|| {
            self.sweep_if_large();
            // Whoever names this session shares all of it, so its texts need no entries of their own.
            let new = Arc::new(PresenceInfo {
                user_id: user_id.into(),
                session_id: session_id.into(),
                username: username.into(),
            });
            self.presences.insert(new.session_id.clone(), new.clone());
            new
        });
        self.last_presence = Some(info.clone());
        info
    }

    /// The shared description of a presence in a decoded message.
    pub(crate) fn presence_of(&mut self, presence: &UserPresence) -> Arc<PresenceInfo> {
        self.presence(&presence.user_id, &presence.session_id, &presence.username)
    }

    fn sweep_if_large(&mut self) {
        if self.texts.len() + self.presences.len() < self.sweep_at {
            return;
        }
        self.last_presence = None;
        self.last_text = "".into();
        self.presences.retain(|_, info| Arc::strong_count(info) > 1);
        self.texts.retain(|text| Arc::strong_count(text) > 1);
        self.sweep_at = FIRST_SWEEP.max(2 * (self.texts.len() + self.presences.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_is_one_allocation() {
        let mut interner = Interner::default();
        let first = interner.text("m1");
        interner.text("m2");
        assert!(Arc::ptr_eq(&first, &interner.text("m1")));

        let ada = interner.presence("u1", "s1", "ada");
        interner.presence("u2", "s2", "bob");
        assert!(Arc::ptr_eq(&ada, &interner.presence("u1", "s1", "ada")));
    }

    #[test]
    fn a_renamed_session_is_a_new_description() {
        let mut interner = Interner::default();
        let before = interner.presence("u1", "s1", "ada");
        let after = interner.presence("u1", "s1", "countess");
        assert_eq!(
            (before.username.as_str(), after.username.as_str()),
            ("ada", "countess")
        );
    }

    #[test]
    fn ids_that_nobody_holds_are_swept() {
        let mut interner = Interner::default();
        let kept = interner.presence("user", "kept", "ada");
        for n in 0..100_000 {
            interner.presence("user", &format!("session {n}"), "somebody");
        }
        let size = interner.texts.len() + interner.presences.len();
        assert!(
            size <= 2 * FIRST_SWEEP,
            "{size} entries after 100,000 strangers"
        );
        assert!(Arc::ptr_eq(
            &kept,
            &interner.presence("user", "kept", "ada")
        ));
    }
}
