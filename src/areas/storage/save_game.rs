use bevy::prelude::*;
use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

/// What is stored. With `default`, a save of an older version of the game can be read, too.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Save {
    level: u32,
}

#[derive(Default, Resource)]
struct SaveGame {
    save: Save,
    /// The version on the server that `save` is based on.
    version: Option<StorageVersion>,
    /// Whether to save once more when it is loaded.
    saves_again: bool,
}

fn save_game(app: &mut App) {
    app.init_resource::<SaveGame>().add_observer(logged_in);
}

fn logged_in(login: On<Replied<LogIn>>, mut commands: Commands) {
    if login.result.is_ok() {
        commands.run_system_cached(load);
    }
}

fn load(mut commands: Commands) {
    let slot = ReadStorage::new("saves", "slot-1");
    commands.nakama().read_storage::<Save>(slot).observe(loaded);
}

fn loaded(reply: On<Replied<ReadStorage<Save>>>, mut game: ResMut<SaveGame>, mut commands: Commands) {
    let saves_again = std::mem::take(&mut game.saves_again);
    let object = match &reply.result {
        Ok(objects) => objects.get("saves", "slot-1"),
        Err(error) => return warn!("not loaded: {error}"), // play on, and load or save later
    };
    match object.map(|object| &object.value) {
        // Merge, so that nothing is lost that was reached on either device.
        Some(Ok(stored)) => game.save.level = game.save.level.max(stored.level),
        Some(Err(error)) => return warn!("a save of a newer game, not overwritten: {error}"),
        None => {} // nothing is stored, or not any more
    }
    game.version = object.map(|object| object.version.clone());
    if saves_again {
        commands.run_system_cached(save);
    }
}

fn save(game: Res<SaveGame>, mut commands: Commands) {
    let write = WriteStorage::new("saves", "slot-1", &game.save);
    let write = match &game.version {
        Some(version) => write.version(version),
        None => write.only_if_new(),
    };
    commands.nakama().write_storage(write).observe(saved);
}

fn saved(reply: On<Replied<WriteStorage>>, mut game: ResMut<SaveGame>, mut commands: Commands) {
    match &reply.result {
        Ok(acks) => game.version = acks.first().map(|ack| ack.version.clone()),
        Err(RequestError::Refused(StorageRefusal::VersionMismatch(_))) => {
            game.saves_again = true; // another device has saved
            commands.run_system_cached(load);
        }
        Err(error) => warn!("not saved: {error}"), // save later
    }
}
