//! A match that the server runs: `cargo run --example authoritative_match`. With `-- --server http://127.0.0.1:7350` on a Nakama
//! of your own that has the Lua module `examples/nakama/authoritative_match.lua`; `-- --help` lists the flags.
//!
//! In the embedded server, the handler is Rust code. On a Nakama server, it is a Lua module. Ada asks the server to open a match and finds
//! it in the list. The handler refuses her, because she names no team. She joins for a team, and pulls a rope until the handler's state
//! says that she has won. `common` logs her in.

#[path = "common/cannot_go_on.rs"]
mod cannot_go_on;
mod common;

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use bevy::{prelude::*, time::common_conditions::on_timer};
use bevy_nakama::{
    local_server::{
        Broadcast, LocalServerConfig, MatchContext, MatchFlow, MatchHandler, MatchInit,
        MatchMessage, RuntimeModule,
    },
    prelude::*,
    proto::UserPresence,
};
use serde::{Deserialize, Serialize};

use self::common::{Player, until};

/// From the handler to all players.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Rope {
    at: usize,
}

impl MatchPayload for Rope {
    const OP_CODE: i64 = 1;
    type Codec = Postcard;
}

/// On the server: the state is the match.
impl MatchHandler for Rope {
    fn init(&mut self, _: &mut MatchContext<'_>, _: &str) -> MatchInit {
        let label = r#"{"mode": "tug"}"#.to_owned();
        let tick_rate = 20;
        MatchInit { tick_rate, label }
    }

    fn join_attempt(
        &mut self,
        _: &mut MatchContext<'_>,
        _: &UserPresence,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let has_team = metadata.contains_key("team");
        has_team.then_some(()).ok_or_else(|| "which team?".into())
    }

    /// Everything that a player sends is a pull.
    fn tick(&mut self, context: &mut MatchContext<'_>, pulls: &[MatchMessage]) -> MatchFlow {
        self.at += pulls.len();
        if let Ok(state) = Postcard::encode(self) {
            context.broadcast(Broadcast::new(Self::OP_CODE, state));
        }
        MatchFlow::Continue
    }
}

/// Ada looks for the match.
#[derive(Resource)]
struct Looking;

/// A function of the module opens the match.
fn open(_: On<Connected>, mut commands: Commands) {
    commands.nakama().rpc(Rpc::new("open_tug"));
    commands.insert_resource(Looking);
}

fn opened(reply: On<Replied<Rpc>>, mut player: ResMut<Player>) {
    if let Err(error) = &reply.result {
        player.problem = Some(format!("cannot open a match: {error}"));
    }
}

/// Lists until the match is there. The server lists a new match about a second later.
fn look(mut commands: Commands, _: If<Res<Looking>>) {
    let tugs = ListMatches::new(1).query("+label.mode:tug");
    commands.nakama().list_matches(tugs);
}

fn try_to_join(reply: On<Replied<ListMatches>>, mut commands: Commands, _: If<Res<Looking>>) {
    if let Some(tug) = reply.result.iter().flatten().next() {
        println!("Found {:?} at {:?} Hz", tug.label, tug.tick_rate);
        commands.remove_resource::<Looking>();
        let join = JoinMatch::by_id(tug.match_id.clone());
        let with_team = join.clone().with_metadata("team", "red");
        commands.nakama().join_match(join).observe(
            move |reply: On<Replied<JoinMatch>>, mut commands: Commands| {
                if let Err(RequestError::Refused(refusal)) = &reply.result {
                    println!("The handler asks: {refusal}");
                    commands.nakama().join_match(with_team.clone());
                }
            },
        );
    }
}

/// Data of the handler has no sender. Data of players goes to the handler only.
fn pull(mut commands: Commands, mut states: MessageReader<FromMatch<Rope>>) {
    for state in states.read() {
        println!("{:?} sent by {:?}", state.payload, state.sender);
        let pull = OutgoingData::raw(2, "pull");
        commands.nakama().send_data(state.context, pull);
        if state.payload.at >= 3 {
            println!("Ada has won");
            commands.write_message(AppExit::Success);
        }
    }
}

fn main() -> ExitCode {
    let about = "A match that the server runs.";
    let runtime = RuntimeModule::new()
        .register_match("tug", Rope::default)
        .register_rpc("open_tug", |context, _| {
            Ok(context.runtime.match_create("tug", "")?)
        });
    let config = LocalServerConfig {
        runtime,
        ..LocalServerConfig::default()
    };
    common::play(about, config, |server| {
        let mut ada = common::player("ada", server);
        ada.add_match_data::<Rope>()
            .add_observer(cannot_go_on::cannot_go_on)
            .add_observer(open)
            .add_observer(opened)
            .add_observer(try_to_join)
            .add_systems(Update, pull)
            .add_systems(Update, look.run_if(on_timer(Duration::from_millis(300))));
        until(&mut vec![ada], |players| players[0].should_exit().is_some())
    })
}
