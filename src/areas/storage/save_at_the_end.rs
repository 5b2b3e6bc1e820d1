use bevy::{prelude::*, window::WindowCloseRequested};
use bevy_nakama::prelude::*;

#[derive(serde::Serialize, Resource)]
struct Save {
    level: u32,
}

fn save_at_the_end(app: &mut App) {
    // Together with `WindowPlugin { close_when_requested: false, ..default() }`.
    app.add_systems(Update, save_and_exit.run_if(on_message::<WindowCloseRequested>));
}

fn save_and_exit(save: Res<Save>, mut commands: Commands) {
    let write = WriteStorage::new("saves", "slot-1", &*save);
    commands.nakama().write_storage(write).observe(exit);
}

fn exit(reply: On<Replied<WriteStorage>>, mut exit: MessageWriter<AppExit>) {
    if let Err(error) = &reply.result {
        error!("not saved: {error}");
    }
    exit.write(AppExit::Success);
}
