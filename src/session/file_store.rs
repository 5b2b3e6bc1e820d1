//! A session in a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::store::{SessionStore, SessionStoreError, StoredSession};

/// Keeps the session in a file.
///
/// Say where: best in the folder that the player's system has for a program's data, which a crate like `dirs` finds. A relative path is
/// relative to the working directory, and that may be anywhere. Two games, or two players on one machine, need two files: programs that
/// share a file disturb each other. Folders that are missing are made.
///
/// The file holds the tokens in the clear, and only the owner can read it (mode 0600 on Unix; elsewhere, the folder decides). The plugin
/// writes `session.json.new` beside `session.json` and then renames it, so a game that crashes leaves the old file or the new one in its
/// place, and never half of one. After a power failure, the file may be damaged. Then it is as if nothing were stored. A symbolic link
/// in its place is replaced by a file.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # let data_folder = std::path::PathBuf::new();
/// let store = FileSessionStore::new(data_folder.join("my_game/session.json"));
/// let plugin = NakamaPlugin::default().with_session_store(store);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileSessionStore {
    path: PathBuf,
}

impl FileSessionStore {
    /// In the file at this path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that is written first. It has one name, so that what a crash leaves there is found and removed.
    fn beside(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        self.path.with_file_name(name)
    }

    fn error(&self, error: io::Error) -> SessionStoreError {
        SessionStoreError::File {
            path: self.path.clone(),
            error: Arc::new(error),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = self.beside();
        remove(&beside)?;
        let mut file = private().open(&beside)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| fs::rename(&beside, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&beside); // it is of no use
        }
        written
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// For a new file that nobody else may read.
fn private() -> OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl SessionStore for FileSessionStore {
    fn load(&self) -> Result<Option<StoredSession>, SessionStoreError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(), // no text
            Err(error) => return Err(self.error(error)),
        };
        // Serde would quote what it does not understand.
        let stored = serde_json::from_str(&text).map_err(|_| SessionStoreError::Malformed {
            place: self.path.display().to_string(),
        })?;
        Ok(Some(stored))
    }

    fn save(&self, stored: &StoredSession) -> Result<(), SessionStoreError> {
        let text = serde_json::to_string(stored).map_err(SessionStoreError::other)?;
        self.write(&text).map_err(|error| self.error(error))
    }

    fn clear(&self) -> Result<(), SessionStoreError> {
        let removed = [&self.path, &self.beside()].map(|path| remove(path));
        let removed = removed.into_iter().collect::<io::Result<()>>();
        removed.map_err(|error| self.error(error))
    }
}
