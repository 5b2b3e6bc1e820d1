//! Functions of the server, and what it tells a player, in one terminal: `cargo run --example rpc_and_notifications`.
//!
//! The server runs in this process, with three functions. Ada calls them in every way there is: with a text, with a type, over
//! REST, and without a user; one fails. One of them sends her notifications, which she sees live, finds in her inbox when she looks
//! there, and deletes.

use std::{error::Error, time::Duration};

use bevy::{app::ScheduleRunnerPlugin, prelude::*, state::app::StatesPlugin};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, NotificationSend, RpcError, RuntimeModule},
    prelude::*,
};
use serde::{Deserialize, Serialize};

const HTTP_KEY: &str = "a key for tools, which no player has";

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

/// Where the server is.
#[derive(Resource)]
struct Online(NakamaServer);

fn log_in(mut commands: Commands, online: Res<Online>) {
    let ada = Login::device("the-device-of-ada").username("ada");
    commands.nakama().log_in(&online.0, ada);
}

fn connect(reply: On<Replied<LogIn>>, mut commands: Commands, online: Res<Online>) {
    let (nakama, options) = (commands.nakama(), ConnectOptions::default());
    match &reply.result {
        Ok(login) => nakama.connect(&online.0, &login.session, options),
        Err(error) => println!("no login: {error}"),
    }
}

fn call(_: On<Connected>, mut commands: Commands, online: Res<Online>) {
    commands.nakama().rpc(Rpc::new("shout").payload("hello"));
    commands.nakama().rpc(Rpc::new("who").over_rest());
    commands.nakama().call(OpenChest { keys: 0 });
    commands.nakama().call(OpenChest { keys: 1 });
    let tool = Rpc::new("who");
    commands.nakama().rpc_with_key(&online.0, HTTP_KEY, tool);
}

/// Every request has one answer, in whatever order.
fn tell<R: Request<Reply: Clone>>(reply: On<Replied<R>>) {
    match &reply.result {
        Ok(result) => println!("{}: {result:?}", R::NAME),
        Err(error) => println!("{} fails: {error}", R::NAME),
    }
}

/// What passes by.
fn hear(mut notifications: MessageReader<NotificationReceived>) {
    for NotificationReceived { notification } in notifications.read() {
        let gold = notification.content::<Treasure>().map(|it| it.gold);
        println!("live: {notification}, with {gold:?}");
    }
}

/// What is kept is in the inbox; after a restart it would have to be fetched. One at a time here: the cursor leads to the next.
fn look(opened: On<Replied<Call<OpenChest>>>, mut commands: Commands) {
    if opened.result.is_ok() {
        commands.nakama().notifications(FetchNotifications::new(1));
    }
}

fn read(reply: On<Replied<FetchNotifications>>, mut commands: Commands) {
    let Ok(page) = &reply.result else { return };
    for kept in &page.notifications {
        println!("stored: {kept}");
        commands.nakama().delete_notifications([&kept.id]);
        let next = FetchNotifications::new(1).since(&page.cacheable_cursor);
        commands.nakama().notifications(next);
    }
}

fn end(_: On<Replied<DeleteNotifications>>, inbox: Res<NotificationInbox>, mut commands: Commands) {
    println!("{} are left", inbox.len());
    if inbox.is_empty() {
        commands.write_message(AppExit::Success);
    }
}

fn give_up(time: Res<Time<Real>>, mut exit: MessageWriter<AppExit>) {
    if time.elapsed_secs() > 10.0 {
        exit.write(AppExit::error());
    }
}

fn main() -> Result<AppExit, Box<dyn Error>> {
    let mut config = LocalServerConfig::default();
    (config.runtime, config.http_key) = (functions(), HTTP_KEY.into());
    let local = LocalServer::start(config)?;
    let frame = ScheduleRunnerPlugin::run_loop(Duration::from_millis(16));
    let minimal = MinimalPlugins.set(frame);
    Ok(App::new()
        .add_plugins((minimal, StatesPlugin, NakamaPlugin::default()))
        .insert_resource(Online(NakamaServer::new(local.url(), local.server_key())))
        .add_systems(Startup, log_in)
        .add_systems(Update, (hear, give_up))
        .add_observer(connect)
        .add_observer(call)
        .add_observer(tell::<Rpc>)
        .add_observer(tell::<Call<OpenChest>>)
        .add_observer(tell::<RpcWithKey>)
        .add_observer(look)
        .add_observer(read)
        .add_observer(end)
        .run())
}
