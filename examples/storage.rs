//! A save game on the server, from two devices of one player: `cargo run --example storage`. With
//! `-- --server http://127.0.0.1:7350` on a Nakama of your own; `-- --help` tells the rest.
//!
//! A device is an app here; a game is one app. Neither opens a socket: to be logged in is enough. Both load the save game, both
//! play on, and both save. The server takes what comes first, and refuses the other, because it does not know what the first has
//! stored. So the second loads again, merges, and saves once more.

#[expect(dead_code, reason = "nobody goes online here")]
mod common;

use std::{collections::BTreeSet, process::ExitCode};

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};
use serde::{Deserialize, Serialize};

use self::common::{Player, until};

/// What is stored: a struct, which becomes a JSON object.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Save {
    level: u32,
    found: BTreeSet<String>,
}

impl Save {
    /// Nothing that was reached or found on either device is lost.
    fn merge(&mut self, other: &Self) {
        self.level = self.level.max(other.level);
        self.found.extend(other.found.iter().cloned());
    }
}

/// The game on one device.
#[derive(Default, Resource)]
struct Progress {
    save: Save,
    /// The version on the server that `save` is based on. `None`: there was nothing.
    version: Option<StorageVersion>,
    is_loaded: bool,
    is_saved: bool,
    conflicts: u32,
}

fn device(name: &'static str, server: &NakamaServer) -> App {
    // A real game makes a random id once and keeps it. Here, both devices take the same one.
    let account = common::account("ada");
    let login = Login::device(format!("bevy-nakama-example-{account}")).username(account);
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, NakamaPlugin::default()))
        .insert_resource(Player::new(name, server))
        .init_resource::<Progress>()
        .add_systems(
            Startup,
            move |mut commands: Commands, player: Res<Player>| {
                commands.nakama().log_in(&player.server, login.clone());
            },
        )
        .add_observer(load)
        .add_observer(loaded)
        .add_observer(saved);
    app
}

fn load(login: On<Replied<LogIn>>, mut commands: Commands, mut player: ResMut<Player>) {
    match &login.result {
        Ok(_) => read(&mut commands),
        Err(error) => player.problem = Some(format!("is offline: the login failed: {error}")),
    }
}

fn read(commands: &mut Commands) {
    let slot = ReadStorage::new("saves", "slot-1");
    commands.nakama().read_storage::<Save>(slot);
}

fn loaded(
    reply: On<Replied<ReadStorage<Save>>>,
    mut commands: Commands,
    mut progress: ResMut<Progress>,
    mut player: ResMut<Player>,
) {
    let object = match &reply.result {
        Ok(objects) => objects.get("saves", "slot-1"), // none: a new game, or it was deleted
        Err(error) => return player.problem = Some(format!("cannot load: {error}")),
    };
    if let Some(object) = object {
        match object.value() {
            Ok(stored) => progress.save.merge(stored),
            // A save game of another version of the game, perhaps. Do not overwrite it.
            Err(error) => return player.problem = Some(format!("cannot load: {error}")),
        }
    }
    // Without an object, the next save is `only_if_new`.
    progress.version = object.map(|object| object.version.clone());
    println!("{} loads {:?}", player.name, progress.save);
    if progress.is_loaded {
        commands.run_system_cached(save); // it was loaded again after a conflict
    }
    progress.is_loaded = true;
}

/// Some time later, the player has reached a level and found something.
fn play(In((level, found)): In<(u32, &'static str)>, mut progress: ResMut<Progress>) {
    progress.save.level = level;
    progress.save.found.insert(found.to_owned());
}

fn save(mut commands: Commands, progress: Res<Progress>, player: Res<Player>) {
    println!("{} saves {:?}", player.name, progress.save);
    let write = WriteStorage::new("saves", "slot-1", &progress.save);
    let write = match &progress.version {
        Some(version) => write.version(version),
        None => write.only_if_new(),
    };
    commands.nakama().write_storage(write);
}

fn saved(
    reply: On<Replied<WriteStorage>>,
    mut commands: Commands,
    mut progress: ResMut<Progress>,
    mut player: ResMut<Player>,
) {
    match &reply.result {
        Ok(acks) => {
            progress.version = acks.first().map(|ack| ack.version.clone());
            progress.is_saved = true;
        }
        Err(RequestError::Refused(StorageRefusal::VersionMismatch(_))) => {
            println!("{} is not up to date, and loads again", player.name);
            progress.conflicts += 1;
            read(&mut commands);
        }
        Err(error) => player.problem = Some(format!("cannot save: {error}")),
    }
}

fn progress(device: &App) -> &Progress {
    device.world().resource()
}

fn main() -> ExitCode {
    let about =
        "A player saves on two devices, and the server notices that one of them is not up to date.";
    common::play(about, LocalServerConfig::default(), |server| {
        let has_loaded = |devices: &mut Vec<App>| devices.iter().all(|it| progress(it).is_loaded);
        let mut devices = vec![device("phone", server)];
        until(&mut devices, has_loaded)?; // makes the account
        devices.push(device("desk", server));
        until(&mut devices, has_loaded)?;
        for (device, played) in devices.iter_mut().zip([(3, "a lamp"), (2, "a sword")]) {
            device.world_mut().run_system_cached_with(play, played)?;
            device.world_mut().run_system_cached(save)?;
        }
        until(&mut devices, |devices| {
            devices.iter().all(|device| progress(device).is_saved)
        })?;
        let merged = devices.iter().find(|device| progress(device).conflicts > 0);
        let merged = merged.ok_or("nobody noticed that two devices have saved")?;
        let Save { level, found } = &progress(merged).save;
        println!("In the end, level {level} and {found:?} are stored");
        if *level == 3 && found.len() == 2 {
            Ok(())
        } else {
            Err("something was lost".into())
        }
    })
}
