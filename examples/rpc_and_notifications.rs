//! Functions of the server, and what it tells a player, in one terminal: `cargo run --example rpc_and_notifications`. With
//! `-- --server http://127.0.0.1:7350` on a Nakama of your own that has the Lua module `examples/nakama/rpc_and_notifications.lua`;
//! `-- --help` lists the flags.
//!
//! The embedded server has three functions in Rust. Ada calls them in all ways: with a text, with a type, over REST, and without a user.
//! One call fails. One function sends her notifications: she sees them arrive, fetches them from the server, and deletes them. `common`
//! logs her in.

#[path = "common/cannot_go_on.rs"]
mod cannot_go_on;
mod common;

use std::process::ExitCode;

use bevy::prelude::*;
use bevy_nakama::{
    local_server::{LocalServerConfig, NotificationSend, RpcError, RuntimeModule},
    prelude::*,
};
use serde::{Deserialize, Serialize};

use self::common::until;
use bevy_nakama::request::Request;
use bevy_nakama::rpc::Call;

/// For tools: never ship it to players. This is a server's default.
const HTTP_KEY: &str = "defaulthttpkey";

/// Opens a chest: a function of the server, as the type of its argument.
#[derive(Deserialize, Serialize)]
struct OpenChest {
    keys: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct Treasure {
    gold: u32,
}

impl RpcFunction for OpenChest {
    const ID: &'static str = "open_chest";
    type Reply = Treasure;
}

/// What runs on the server. In production, it is Lua, Go or TypeScript there.
fn functions() -> RuntimeModule {
    RuntimeModule::new()
        .register_rpc("shout", |_, payload| Ok(payload.to_uppercase()))
        .register_rpc("who", |call, _| Ok(call.username.unwrap_or("-").into()))
        .register_rpc(OpenChest::ID, |call, payload| {
            let chest: OpenChest = serde_json::from_str(payload).map_err(|e| e.to_string())?;
            if chest.keys == 0 {
                return Err(RpcError::new("it is locked"));
            }
            let treasure = r#"{"gold":50}"#;
            let user = call.user_id.ok_or("nobody opens it")?;
            let notices = ["a treasure", "a curse"].map(|subject| {
                let notice = NotificationSend::new(user, 1, subject);
                notice.with_content(treasure).persistent()
            });
            call.runtime.notifications_send(notices)?;
            Ok(treasure.to_owned())
        })
}

/// Where the tools find the server.
#[derive(Resource)]
struct Online(NakamaServer);

fn call(_: On<Connected>, mut commands: Commands, online: Res<Online>) {
    commands.nakama().rpc(Rpc::new("shout").payload("hello"));
    commands.nakama().rpc(Rpc::new("who").over_rest());
    commands.nakama().call(OpenChest { keys: 0 });
    commands.nakama().call(OpenChest { keys: 1 });
    commands.insert_resource(Deleted(0));
    let tool = Rpc::new("who");
    commands.nakama().rpc_with_key(&online.0, HTTP_KEY, tool);
}

/// Every request has one answer. Answers may come in any order.
fn tell<R: Request<Reply: Clone>>(reply: On<Replied<R>>) {
    match &reply.result {
        Ok(result) => println!("{}: {result:?}", R::NAME),
        Err(error) => println!("{} fails: {error}", R::NAME),
    }
}

/// Notifications as they arrive.
fn hear(mut notifications: MessageReader<NotificationReceived>) {
    for NotificationReceived { notification, .. } in notifications.read() {
        let gold = notification.content::<Treasure>().map(|it| it.gold);
        println!("live: {notification}, with {gold:?}");
    }
}

/// The server keeps these. After a restart, a game has to fetch them. Here it fetches one at a time: the cursor leads to the next.
fn look(opened: On<Replied<Call<OpenChest>>>, mut commands: Commands) {
    if opened.result.is_ok() {
        commands
            .nakama()
            .fetch_notifications(FetchNotifications::new(1));
    }
}

fn read(reply: On<Replied<FetchNotifications>>, mut commands: Commands) {
    let Ok(page) = &reply.result else { return };
    for kept in &page.notifications {
        println!("stored: {kept}");
        commands.nakama().delete_notifications([&kept.id]);
        let next = FetchNotifications::new(1).since(&page.cacheable_cursor);
        commands.nakama().fetch_notifications(next);
    }
}

/// Whether every request has its answer.
fn is_done(app: &mut App) -> bool {
    let mut open = app.world_mut().query::<&PendingRequest>();
    app.world().contains_resource::<Deleted>() && open.iter(app.world()).next().is_none()
}

/// How many notifications have been deleted, since the first call.
#[derive(Resource)]
struct Deleted(usize);

fn count(reply: On<Replied<DeleteNotifications>>, mut deleted: ResMut<Deleted>) {
    if reply.result.is_ok() {
        deleted.0 += 1;
    }
}

fn main() -> ExitCode {
    let about = "Functions of the server, and what it tells a player.";
    let mut config = LocalServerConfig::default();
    (config.runtime, config.http_key) = (functions(), HTTP_KEY.into());
    common::play(about, config, |server| {
        let mut ada = common::player("ada", server);
        ada.insert_resource(Online(server.clone()))
            .add_systems(Update, hear)
            .add_observer(cannot_go_on::cannot_go_on)
            .add_observer(call)
            .add_observer(tell::<Rpc>)
            .add_observer(tell::<Call<OpenChest>>)
            .add_observer(tell::<RpcWithKey>)
            .add_observer(look)
            .add_observer(read)
            .add_observer(count);
        let mut players = vec![ada];
        until(&mut players, |players| is_done(&mut players[0]))?;
        match players[0].world().resource::<Deleted>().0 {
            2 => Ok(()),
            other => Err(format!("{other} notifications were deleted, not both").into()),
        }
    })
}
