//! The store that keeps a file.

use std::{fs, path::PathBuf};

use super::*;
use crate::common::game::serve;
use bevy_nakama::{
    local_server::LocalServerConfig,
    session::{SessionStoreError, StoredSession},
    testing::{server, session_of},
};

/// A folder of this test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bevy-nakama-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn store(&self) -> FileSessionStore {
        FileSessionStore::new(self.0.join("deep/session.json"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn stored(name: &str) -> StoredSession {
    StoredSession::new(&server(), session_of(name))
}

#[test]
fn it_is_there_and_back() {
    let folder = Folder::new("there-and-back");
    let store = folder.store();
    assert_eq!(store.load().expect("no folder is nothing"), None);
    store.clear().expect("nothing to clear");
    for name in ["ada", "bob"] {
        store.save(&stored(name)).expect("written");
        assert_eq!(store.load().expect("read"), Some(stored(name)));
    }
    let names = fs::read_dir(folder.0.join("deep")).expect("a folder");
    let names: Vec<_> = names
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert_eq!(names, ["session.json"], "nothing is left beside it");
    store.clear().expect("cleared");
    assert_eq!(store.load().expect("nothing"), None);
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new("mode");
    let store = folder.store();
    store.save(&stored("ada")).expect("written");
    let readable = fs::Permissions::from_mode(0o644);
    fs::set_permissions(store.path(), readable).expect("ours");
    store.save(&stored("bob")).expect("written");
    let mode = fs::metadata(store.path())
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_is_no_session_is_told_without_its_words() {
    let folder = Folder::new("malformed");
    let store = folder.store();
    store.save(&stored("ada")).expect("written");
    let text = fs::read(store.path()).expect("there");
    for bad in [
        &b""[..],
        b"{}",
        b"\xff\xfe",
        b"a secret",
        &text[..text.len() / 2],
    ] {
        fs::write(store.path(), bad).expect("ours");
        let error = store.load().expect_err("no session");
        assert!(
            matches!(error, SessionStoreError::Malformed { .. }),
            "{error:?}"
        );
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

/// The game crashed between writing and renaming: the tokens beside it are not forgotten.
#[test]
fn what_a_crash_leaves_is_removed() {
    let folder = Folder::new("crash");
    let store = folder.store();
    let beside = folder.0.join("deep/session.json.new");
    let leave = || fs::write(&beside, "half of a token").expect("ours");
    store.save(&stored("ada")).expect("written");
    leave();
    store.save(&stored("bob")).expect("written");
    assert!(!beside.exists());
    leave();
    store.clear().expect("cleared");
    assert!(!beside.exists());
}

#[test]
fn a_place_that_cannot_be_written_is_told_and_keeps_what_it_was() {
    let folder = Folder::new("no-folder");
    fs::create_dir_all(&folder.0).expect("ours");
    // A file where a folder should be, which not even root can write into.
    fs::write(folder.0.join("deep"), "a file").expect("ours");
    let store = folder.store();
    let error = store.save(&stored("ada")).expect_err("no folder");
    assert!(matches!(error, SessionStoreError::File { .. }), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("session.json"), "{shown}");
    assert!(!shown.contains(session_of("ada").token().expose()));

    // A folder where the file should be: the rename fails, and nothing is left beside it.
    let folder = Folder::new("no-file");
    let store = folder.store();
    fs::create_dir_all(store.path()).expect("ours");
    store.save(&stored("ada")).expect_err("no file");
    let beside = fs::read_dir(folder.0.join("deep"))
        .expect("a folder")
        .count();
    assert_eq!(beside, 1);
}

/// A game logs in, and is started again; then its server is started again and refuses the tokens of before; then the game is started
/// once more.
#[test]
fn a_game_is_the_same_user_after_a_restart_of_its_own_and_of_the_server() {
    let folder = Folder::new("restart");
    let start = |server: &NakamaServer| {
        let plugin = NakamaPlugin::default().with_session_store(folder.store());
        let mut game = Game::with(plugin);
        let mut restored = None;
        let login = Login::device("device-of-ada").username("ada");
        let logged_in = game
            .ask::<LogIn>(|nakama| nakama.restore_or_log_in(server, login).id())
            .expect("one way or the other");
        restored.replace(logged_in.restored);
        game.commands(|commands| commands.nakama().connect());
        assert_eq!(game.next_phase(), "connected");
        let current = game.app.world().resource::<CurrentSession>();
        let user = current.session().expect("in place").user_id().clone();
        (restored, user)
    };
    let config = LocalServerConfig::default();
    let (local, server) = serve(config);
    let (first, ada) = start(&server);
    let (second, again) = start(&server);
    assert_eq!((first, second), (Some(false), Some(true)));
    assert_eq!(ada, again);
    let address = local.address();
    drop(local);
    let (_local, same_address) = serve(LocalServerConfig {
        address,
        ..Default::default()
    });
    let (third, again) = start(&same_address);
    assert_eq!(third, Some(true), "it looked good");
    assert_eq!(again, ada);
    let (fourth, again) = start(&same_address);
    assert_eq!((fourth, again), (Some(true), ada));
}

/// The token has ended and the refresh token is good, on real sockets.
#[test]
fn a_session_whose_token_has_ended_connects() {
    let folder = Folder::new("ended");
    let (_local, server) = serve(LocalServerConfig {
        session_token_life: std::time::Duration::from_secs(2),
        ..Default::default()
    });
    let with_store = || Game::with(NakamaPlugin::default().with_session_store(folder.store()));
    let login = Login::device("device-of-ada");
    let mut first = with_store();
    let session = first
        .ask::<LogIn>(|nakama| nakama.log_in(&server, login).id())
        .expect("an account")
        .session;
    drop(first);
    while !session.is_expired() {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mut second = with_store();
    second.commands(|commands| {
        commands.nakama().restore_session(&server);
        commands.nakama().connect();
    });
    assert_eq!(second.next_phase(), "connected");

    let mut third = Game::new();
    third.commands(|commands| {
        commands.nakama().use_session(&server, session);
        commands.nakama().connect();
    });
    assert_eq!(third.next_phase(), "connected", "without a store, too");
}
