//! Versions, on the embedded server over real sockets.

use super::game;
use crate::common::{game::Game, scenes};
use bevy_nakama::prelude::*;

#[test]
fn save_games_and_conflicts() {
    let (_local, server, _) = game();
    scenes::storage::save_games(&server);
}

#[test]
fn what_is_too_large_is_told_so() {
    let (_local, _, mut game) = game();
    let save = serde_json::json!({ "map": "x".repeat(300_000) });
    let write = WriteStorage::new("saves", "slot", &save);
    let written = game.ask::<WriteStorage>(|nakama| nakama.write_storage(write).id());
    assert!(
        matches!(
            written,
            Err(RequestError::Refused(StorageRefusal::TooLarge(_)))
        ),
        "{written:?}"
    );
}

#[test]
fn an_account_takes_what_it_stored_with_it() {
    let (_local, server, mut ada) = game();
    let write = WriteStorage::new("profiles", "main", &super::Save { level: 1 });
    let write = write.read_permission(ReadPermission::Public);
    let acks = ada.ask::<WriteStorage>(|nakama| nakama.write_storage(write).id());
    let adas_id = acks.expect("written")[0].user_id.clone();
    let mut bob = Game::online(&server, Login::device("device-of-bob"));
    let mut seen_by_bob = || {
        let read = ReadStorage::<super::Save>::new("profiles", "main").of(&adas_id);
        let read = bob.ask::<ReadStorage<super::Save>>(|nakama| nakama.read_storage(read).id());
        read.expect("an answer").len()
    };
    assert_eq!(seen_by_bob(), 1);
    ada.ask::<CallRest>(|nakama| nakama.rest(RestMethod::Delete, "/v2/account", None).id())
        .expect("deleted");
    assert_eq!(seen_by_bob(), 0);
}
