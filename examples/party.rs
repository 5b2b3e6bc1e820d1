//! A party, in one terminal: `cargo run --example party`. With `-- --server http://127.0.0.1:7350` on a Nakama of your own;
//! `-- --help` lists the flags.
//!
//! Each player is an app here; your game is one app. `common` logs them in. Ada accepts Bob's join request for her closed party and makes
//! him the leader. Bob tells the party that he is ready, and kicks Ada.

#[path = "common/cannot_go_on.rs"]
mod cannot_go_on;
mod common;

use std::process::ExitCode;

use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};
use serde::{Deserialize, Serialize};

use self::common::{Player, until};

/// Party data.
#[derive(Debug, Deserialize, Serialize)]
struct Ready {
    level: u8,
}

impl PartyPayload for Ready {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

/// The party to join, if it is another player's.
#[derive(Resource)]
struct Invitation(Option<PartyId>);

fn player(name: &'static str, server: &NakamaServer, party: Option<PartyId>) -> App {
    let mut app = common::player(name, server);
    app.add_party_data::<Ready>()
        .insert_resource(Invitation(party))
        .add_observer(cannot_go_on::cannot_go_on)
        .add_observer(create_or_join)
        .add_observer(let_in)
        .add_observer(promote)
        .add_observer(lead)
        .add_observer(closed)
        .add_systems(Update, hear);
    app
}

fn create_or_join(_: On<Connected>, mut commands: Commands, party: Res<Invitation>) {
    match &party.0 {
        None => commands.nakama().create_party(CreateParty::closed(4)),
        Some(id) => commands.nakama().join_party(id.clone()),
    };
}

/// Only the leader sees join requests. The entity is despawned with the answer.
fn let_in(asks: On<Add, PartyJoinRequester>, mut commands: Commands) {
    commands.nakama().accept_party_join(asks.entity);
}

/// Players who were there before are `Present`. Those who come later have `Arrived`.
fn promote(joined: On<Joined<Party>>, mut commands: Commands, names: Query<&Username>) {
    if joined.how == JoinedAs::Arrived
        && let Ok(name) = names.get(joined.presence)
    {
        println!("{name} is in the party");
        commands.nakama().promote_party_member(joined.presence);
    }
}

/// When the leader changes, the component moves to another member.
fn lead(
    on: On<Add, PartyLeader>,
    mut commands: Commands,
    player: Res<Player>,
    me: Query<&PartyMemberOf, With<IsSelf>>,
    others: Query<Entity, (With<PartyMemberOf>, Without<IsSelf>)>,
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

/// The id of the party that a player is in.
fn party_of(app: &mut App) -> Option<PartyId> {
    let mut ids = app.world_mut().query_filtered::<&PartyId, With<Party>>();
    ids.single(app.world()).ok().cloned()
}

fn main() -> ExitCode {
    let about = "Two players in a party.";
    common::play(about, LocalServerConfig::default(), |server| {
        let mut players = vec![player("ada", server, None)];
        until(&mut players, |players| party_of(&mut players[0]).is_some())?;
        let id = party_of(&mut players[0]);
        players.push(player("bob", server, id)); // a game invites some other way
        until(&mut players, |players| players[0].should_exit().is_some())
    })
}
