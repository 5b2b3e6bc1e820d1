//! Sessions that outlive the program: what keeps them.

use std::{fmt, io, path::PathBuf, sync::Arc};

use bevy_ecs::prelude::*;
use serde::{Deserialize, Serialize};

use super::tokens::NakamaSession;
use crate::transport::{NakamaServer, shown_url};

/// A session, and the server that it is good for. This is what a [`SessionStore`] keeps.
///
/// As text (`serde`), it holds the tokens in the clear: whoever reads it can play as this user. `Debug` does not show them.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub struct StoredSession {
    /// The address of the server, as [`NakamaServer::url`] says it, without spaces around it.
    pub server: String,
    /// The session.
    pub session: NakamaSession,
}

impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("server", &self.shown_server())
            .field("session", &self.session)
            .finish()
    }
}

impl StoredSession {
    /// A session of this server.
    #[must_use]
    pub fn new(server: &NakamaServer, session: NakamaSession) -> Self {
        Self {
            server: server.url().trim().to_owned(),
            session,
        }
    }

    /// Whether it is a session of this server: whether the addresses are the same, but for spaces around them and a slash at the end.
    #[must_use]
    pub fn is_of(&self, server: &NakamaServer) -> bool {
        let plain = |url: &str| url.trim().trim_end_matches('/').to_owned();
        plain(&self.server) == plain(server.url())
    }

    /// The address, for texts.
    pub(crate) fn shown_server(&self) -> String {
        shown_url(&self.server).escape_debug().to_string()
    }
}

/// Keeps the session in place between two runs of your game. Give it to the plugin with
/// [`with_session_store`](crate::plugin::NakamaPlugin::with_session_store).
///
/// The plugin calls it on the thread of the game: it [saves](Self::save) with each login, each refresh, which may be once a minute,
/// and each [`use_session`](crate::commands::NakamaCommands::use_session), and [clears](Self::clear) when the user logs out. If it cannot
/// save, and the session of another user is kept, it clears, too. It loads when your game asks for that, with
/// [`restore_or_log_in`](crate::commands::NakamaCommands::restore_or_log_in) or
/// [`restore_session`](crate::commands::NakamaCommands::restore_session). So keep it quick: a small file is quick, a password manager
/// that asks the user is not.
///
/// [`FileSessionStore`](crate::session::FileSessionStore) keeps a file. Write your own for a keychain, or for a platform without files:
///
/// ```
/// # use std::sync::Mutex;
/// # use bevy_nakama::{prelude::*, session::{SessionStoreError, StoredSession}};
/// /// Keeps the session for as long as the program runs.
/// #[derive(Default)]
/// struct InMemory(Mutex<Option<StoredSession>>);
///
/// impl SessionStore for InMemory {
///     fn load(&self) -> Result<Option<StoredSession>, SessionStoreError> {
///         let kept = self.0.lock().map_err(SessionStoreError::other)?;
///         Ok(kept.clone())
///     }
///
///     fn save(&self, stored: &StoredSession) -> Result<(), SessionStoreError> {
///         *self.0.lock().map_err(SessionStoreError::other)? = Some(stored.clone());
///         Ok(())
///     }
///
///     fn clear(&self) -> Result<(), SessionStoreError> {
///         *self.0.lock().map_err(SessionStoreError::other)? = None;
///         Ok(())
///     }
/// }
/// # let _ = NakamaPlugin::default().with_session_store(InMemory::default());
/// ```
pub trait SessionStore: Send + Sync + 'static {
    /// What is kept, if anything is.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn load(&self) -> Result<Option<StoredSession>, SessionStoreError>;

    /// Keeps this session, in place of the one before.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    fn save(&self, stored: &StoredSession) -> Result<(), SessionStoreError>;

    /// Forgets the session. If the store has no session, that is not an error.
    ///
    /// # Errors
    ///
    /// It cannot be removed.
    fn clear(&self) -> Result<(), SessionStoreError>;
}

/// Why a [`SessionStore`] did not do its work. No text of it holds a token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionStoreError {
    /// The system refused to read or write a file.
    #[error("{}: {error}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// What the store keeps is not a session.
    #[error("{place} holds no session")]
    Malformed {
        /// Where it is kept.
        place: String,
    },
    /// Something else, in the words of your own store. Leave tokens out.
    #[error("{0}")]
    Other(String),
}

impl SessionStoreError {
    /// An error of your own store.
    pub fn other(error: impl fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

/// The store that the game has given to the plugin.
#[derive(Clone, Resource)]
pub(crate) struct Store {
    store: Arc<dyn SessionStore>,
    /// Whether the log has reported a session that was not saved.
    has_warned_of_save: bool,
    /// Whether the log has reported a session that was not removed.
    has_warned_of_clear: bool,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    pub(crate) fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            has_warned_of_save: false,
            has_warned_of_clear: false,
        }
    }

    /// Keeps a session, or nothing. Each kind of failure is told in the log once.
    pub(super) fn keep(&mut self, place: Option<&(NakamaServer, NakamaSession)>) {
        let Some((server, session)) = place else {
            return self.clear();
        };
        let new = StoredSession::new(server, session.clone());
        let Err(error) = self.store.save(&new) else {
            return;
        };
        if !std::mem::replace(&mut self.has_warned_of_save, true) {
            log::warn!("the session is not kept for the next start of the game: {error}");
        }
        // Older tokens of the same user may be good at the next start. Those of another user must not be there.
        let is_of_user = self.store.load().is_ok_and(|kept| {
            kept.is_some_and(|kept| {
                kept.is_of(server) && kept.session.user_id() == session.user_id()
            })
        });
        if !is_of_user {
            self.clear();
        }
    }

    fn clear(&mut self) {
        if let Err(error) = self.store.clear()
            && !std::mem::replace(&mut self.has_warned_of_clear, true)
        {
            log::warn!(
                "a session is still kept, and the next start of the game may take it up: {error}"
            );
        }
    }
}

/// What the game's store keeps. Without a store, that is nothing.
pub(crate) fn load_stored(world: &World) -> Result<Option<StoredSession>, SessionStoreError> {
    match world.get_resource::<Store>() {
        Some(store) => store.store.load(),
        None => {
            log::warn!(
                "there is no session to restore: give `NakamaPlugin` a store, `with_session_store`"
            );
            Ok(None)
        }
    }
}
