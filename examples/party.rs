//! A party, in one terminal: `cargo run --example party`, or `cargo run --example party -- http://127.0.0.1:7350` with a
//! Nakama of your own.
//!
//! A player is an app here; a game is one app. Ada lets Bob into her closed party and makes him the leader. Bob tells the
//! party that he is ready, and throws Ada out.

use std::{
    env,
    error::Error,
    process, thread,
    time::{Duration, Instant},
};

use bevy::{prelude::*, state::app::StatesPlugin};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};
use serde::{Deserialize, Serialize};

/// Party data.
#[derive(Debug, Deserialize, Serialize)]
struct Ready {
    level: u8,
}

impl PartyPayload for Ready {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

/// Who plays, where, and in whose party.
#[derive(Resource)]
struct Player {
    name: &'static str,
    server: NakamaServer,
    party: Option<PartyId>,
}

fn player(name: &'static str, server: &NakamaServer, party: Option<PartyId>) -> App {
    let server = server.clone();
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin, NakamaPlugin::default()))
        .add_party_data::<Ready>()
        .insert_resource(Player {
            name,
            server,
            party,
        })
        .add_systems(Startup, log_in)
        .add_observer(connect)
        .add_observer(create_or_join)
        .add_observer(let_in)
        .add_observer(promote)
        .add_observer(lead)
        .add_observer(closed)
        .add_systems(Update, hear);
    app
}

fn log_in(mut commands: Commands, player: Res<Player>) {
    let account = format!("{}-{}", player.name, process::id());
    let login = Login::device(format!("party-example-{account}")).username(account);
    commands.nakama().log_in(&player.server, login);
}

fn connect(reply: On<Replied<LogIn>>, mut commands: Commands, player: Res<Player>) {
    let options = ConnectOptions::default();
    let nakama = commands.nakama();
    match &reply.result {
        Ok(login) => nakama.connect(&player.server, &login.session, options),
        Err(error) => println!("{} cannot log in: {error}", player.name),
    }
}

fn create_or_join(_: On<Connected>, mut commands: Commands, player: Res<Player>) {
    match &player.party {
        None => commands.nakama().create_party(CreateParty::closed(4)),
        Some(id) => commands.nakama().join_party(id.clone()),
    };
}

/// Only a leader sees who asks. The entity goes when it is answered.
fn let_in(asks: On<Add, AsksToJoin>, mut commands: Commands) {
    commands.nakama().accept_party_join(asks.entity);
}

/// Who was there before came with the snapshot; who joins now, with an event.
fn promote(joined: On<Add, MemberOf>, mut commands: Commands, how: Query<(&Username, &JoinedAs)>) {
    if let Ok((name, JoinedAs::Event)) = how.get(joined.entity) {
        println!("{name} is in the party");
        commands.nakama().promote_party_member(joined.entity);
    }
}

/// The mark moves from member to member.
fn lead(
    on: On<Add, PartyLeader>,
    mut commands: Commands,
    player: Res<Player>,
    me: Query<&MemberOf, With<IsSelf>>,
    others: Query<Entity, (With<MemberOf>, Without<IsSelf>)>,
) {
    let Ok(party) = me.get(on.entity) else {
        return;
    };
    println!("{} leads the party", player.name);
    commands
        .nakama()
        .send_to_party(party.0, &Ready { level: 7 });
    for other in &others {
        commands.nakama().kick_from_party(other);
    }
}

fn hear(mut data: MessageReader<FromParty<Ready>>, player: Res<Player>) {
    for FromParty { payload, .. } in data.read() {
        println!("{} hears {payload:?}", player.name);
    }
}

/// The server does not say whether you were removed or the party closed.
fn closed(_: On<PartyClosed>, player: Res<Player>, mut exit: MessageWriter<AppExit>) {
    println!("{} is out", player.name);
    exit.write(AppExit::Success);
}

fn main() -> Result<(), Box<dyn Error>> {
    let local = LocalServer::start(LocalServerConfig::default())?;
    let server = match env::args().nth(1) {
        Some(url) => NakamaServer::new(url, "defaultkey"),
        None => NakamaServer::new(local.url(), local.server_key()),
    };
    let mut players = vec![player("ada", &server, None)];
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(10) {
        players.iter_mut().for_each(App::update);
        let ada = &mut players[0];
        if ada.should_exit().is_some() {
            return Ok(());
        }
        let mut ids = ada.world_mut().query_filtered::<&PartyId, With<Party>>();
        let id = ids.single(ada.world()).ok().cloned();
        if players.len() == 1 && id.is_some() {
            players.push(player("bob", &server, id)); // a game invites some other way
        }
        thread::sleep(Duration::from_millis(16)); // a frame
    }
    Err("the two did not come to an end".into())
}
