//! Whose account this is. Every installation has accounts of its own, and of those one for each arena that runs at the same
//! time: two people named Ada are two players, and so are two windows on one machine.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::PathBuf,
};

use bevy_nakama::prelude::*;

use crate::{movement::hash, options::Options};

/// What the player logs in with.
pub(crate) struct Account {
    /// As good as a password, so it is random and stays on this machine.
    pub(crate) device: String,
    /// The name for an account that is made now. One that is there already keeps its name.
    pub(crate) name: String,
    /// Where the session is kept, so that the next start needs no login.
    pub(crate) store: Option<FileSessionStore>,
    /// Nobody else on this machine plays with it meanwhile: the file is locked.
    _seat: Option<File>,
}

impl Account {
    pub(crate) fn find(options: &Options) -> Self {
        let seat = match &options.device {
            Some(device) => Seat {
                id: device.clone(),
                file: None,
            },
            None => take_seat().unwrap_or_else(|error| {
                eprintln!("Your account is for this run only, it cannot be kept: {error}");
                Seat {
                    id: random_id(),
                    file: None,
                }
            }),
        };
        // Who plays under another name is another player.
        let other = match (&options.device, &options.name) {
            (None, Some(name)) => format!("-{:08x}", hash(name)),
            _ => String::new(),
        };
        let kept = seat.file.as_ref().map(|(path, _)| path.display());
        let kept = kept.map(|path| format!("{path}{other}.session"));
        Self {
            name: options.name.clone().unwrap_or_else(some_name),
            device: format!("{}{other}", seat.id),
            store: kept.map(FileSessionStore::new),
            _seat: seat.file.map(|(_, file)| file),
        }
    }
}

/// An account of this installation: its id, and the locked file that it is kept in.
struct Seat {
    id: String,
    file: Option<(PathBuf, File)>,
}

/// The first account that is not in use.
fn take_seat() -> io::Result<Seat> {
    let folder = folder().ok_or_else(|| io::Error::other("there is no home folder"))?;
    fs::create_dir_all(&folder)?;
    for number in 1..=64 {
        let path = folder.join(format!("player-{number}"));
        let mut file = private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut id = String::new();
        file.read_to_string(&mut id)?;
        if id.is_empty() {
            id = random_id();
            file.write_all(id.as_bytes())?;
        }
        let file = Some((path, file));
        return Ok(Seat { id, file });
    }
    Err(io::Error::other("64 arenas run already"))
}

/// For a file that nobody else may read.
fn private() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Where programs keep what is theirs, on this system.
fn folder() -> Option<PathBuf> {
    let variable = |name| {
        let path = PathBuf::from(env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let data = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        Some(variable("HOME")?.join("Library/Application Support"))
    } else {
        variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))
    };
    Some(data?.join("bevy_nakama_arena"))
}

fn random_id() -> String {
    format!("arena-{:032x}", rand::random::<u128>())
}

/// A name that is probably free.
fn some_name() -> String {
    const ANIMALS: [&str; 8] = [
        "otter", "heron", "lynx", "newt", "wren", "ibex", "marten", "gecko",
    ];
    let number = rand::random::<u32>() % 1_000_000;
    format!("{}-{number}", ANIMALS[number as usize % ANIMALS.len()])
}
