//! A store that is gone with its game.

use std::sync::Mutex;

use crate::session::{SessionStore, SessionStoreError, StoredSession};

/// Keeps a session for as long as the game under test lives.
#[derive(Default)]
pub(super) struct InMemory(Mutex<Option<StoredSession>>);

impl SessionStore for InMemory {
    fn load(&self) -> Result<Option<StoredSession>, SessionStoreError> {
        let kept = self.0.lock().map_err(SessionStoreError::other)?;
        Ok(kept.clone())
    }

    fn save(&self, stored: &StoredSession) -> Result<(), SessionStoreError> {
        *self.0.lock().map_err(SessionStoreError::other)? = Some(stored.clone());
        Ok(())
    }

    fn clear(&self) -> Result<(), SessionStoreError> {
        *self.0.lock().map_err(SessionStoreError::other)? = None;
        Ok(())
    }
}
