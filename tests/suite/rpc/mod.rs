//! Functions of the server, called in every way there is.

mod a_function_is_called_with_what_the_game_gives;
mod a_slow_call_holds_up_its_socket;
mod failures_are_told_apart;
mod functions_of_the_embedded_server;

use std::collections::BTreeMap;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::rpc::Call;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, api},
    testing::TestGame,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct Greet {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Greeting {
    text: String,
}

impl RpcFunction for Greet {
    const ID: &'static str = "greet";
    type Reply = Greeting;
}

/// Nothing goes in, nothing comes out.
#[derive(Serialize)]
struct Rest;

impl RpcFunction for Rest {
    const ID: &'static str = "rest";
    const OVER_REST: bool = true;
    type Reply = ();
}

/// JSON cannot write it: its keys are pairs.
#[derive(Serialize)]
struct Unwritable(BTreeMap<(u8, u8), u8>);

impl RpcFunction for Unwritable {
    const ID: &'static str = "unwritable";
    type Reply = ();
}

fn unwritable() -> Unwritable {
    Unwritable([((1, 2), 3)].into())
}

/// How a game would tell refusals from each other.
fn told(error: &RequestError<RpcRefusal>) -> String {
    match error {
        RequestError::Refused(refusal) => {
            let (what, why) = match refusal {
                RpcRefusal::NotFound(why) => ("not found", why),
                RpcRefusal::Failed(why) => ("failed", why),
                RpcRefusal::InvalidKey(why) => ("key", why),
                RpcRefusal::Other(why) => ("other", why),
                _ => unreachable!("there is no more"),
            };
            format!("{what} {:?} {:?} {why}", why.status, why.code)
        }
        RequestError::Undecodable { text, error } => format!("undecodable {text:?}: {error}"),
        other => other.to_string(),
    }
}

fn watch<R: Request<Refusal = RpcRefusal>>(game: &mut TestGame, log: &Log) {
    let log = log.clone();
    game.observe(move |reply: On<Replied<R>>| {
        log.add(match &reply.result {
            Ok(reply) => format!("{reply:?}"),
            Err(error) => told(error),
        });
    });
}

pub(crate) fn watched() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    let log = Log::default();
    watch::<Rpc>(&mut game, &log);
    watch::<RpcWithKey>(&mut game, &log);
    watch::<Call<Greet>>(&mut game, &log);
    watch::<Call<Rest>>(&mut game, &log);
    watch::<Call<Unwritable>>(&mut game, &log);
    (game, log)
}

pub(crate) fn ask(game: &mut TestGame, ask: impl FnOnce(NakamaCommands)) {
    game.commands(|commands| ask(commands.nakama()));
    game.update();
}

/// The function returns this, over the socket.
fn returns(game: &mut TestGame, payload: &str) -> api::Rpc {
    let asked = game.expect_sent(Kind::Rpc);
    let Some(Message::Rpc(rpc)) = asked.message.clone() else {
        unreachable!("its kind");
    };
    let payload = payload.to_owned();
    let answer = api::Rpc {
        payload,
        ..rpc.clone()
    };
    game.answer(&asked, Message::Rpc(answer));
    game.update();
    rpc
}
