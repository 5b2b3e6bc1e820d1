//! Every way to call a function, over real sockets.

use std::time::Duration;

use super::*;
use crate::common::game::{Game, serve};
use bevy_nakama::rpc::Call;
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, RpcError, RuntimeModule},
    proto::PartyLayout,
};
use serde_json::{Value, json};

fn start(party_layout: PartyLayout) -> (LocalServer, NakamaServer) {
    let runtime = RuntimeModule::new()
        .register_rpc("echo", |_, payload| Ok(payload.to_owned()))
        .register_rpc("greet", |context, payload| {
            let argument: Value = serde_json::from_str(payload).map_err(|e| e.to_string())?;
            let (name, by) = (&argument["name"], context.username);
            Ok(json!({ "text": format!("{name} by {by:?}") }).to_string())
        })
        .register_rpc("who", |context, _| {
            let has_session = context.session_id.is_some();
            Ok(format!("{:?} {has_session}", context.username))
        })
        .register_rpc("fail", |_, _| {
            Err(RpcError::new("no such sword").with_code(5))
        });
    serve(LocalServerConfig {
        runtime,
        party_layout,
        http_key: "the http key".into(),
        session_token_life: Duration::from_secs(4), // in whole seconds: three at least
        ..Default::default()
    })
}

#[test]
fn every_way_to_the_embedded_server() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let (_local, server) = start(layout);
        let mut game = Game::online(&server, Login::device("device-of-ada").username("ada"));
        let mut rpc = |rpc: Rpc| {
            let answer = game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id());
            answer.map_or_else(|error| told(&error), |reply| reply.payload)
        };
        assert_eq!(rpc(Rpc::new("ECHO").payload("\"ä\"")), "\"ä\"");
        assert_eq!(rpc(Rpc::new("echo").payload("\"ä\"").over_rest()), "\"ä\"");
        assert_eq!(rpc(Rpc::new("who")), "Some(\"ada\") true");
        assert_eq!(rpc(Rpc::new("who").over_rest()), "Some(\"ada\") false");
        assert_eq!(rpc(Rpc::new("fail")), "failed None None no such sword");
        assert_eq!(
            rpc(Rpc::new("fail").over_rest()),
            "failed Some(404) Some(5) no such sword"
        );
        let missing = "not found Some(404) Some(5) RPC function not found";
        assert_eq!(rpc(Rpc::new("nothing").over_rest()), missing);
        assert_eq!(
            rpc(Rpc::new("nothing")),
            "not found None None RPC function not found"
        );
        let large = "x".repeat(100_000);
        assert_eq!(rpc(Rpc::new("echo").payload(&*large).over_rest()), large);

        let greet = Greet { name: "Bob".into() };
        let greeting = game.ask::<Call<Greet>>(|nakama| nakama.call(greet).id());
        assert_eq!(
            greeting.expect("it greets").text,
            "\"Bob\" by Some(\"ada\")"
        );

        let mut game = Game::new();
        let mut with_key = |key: &str, rpc: Rpc| {
            let answer = game.ask::<RpcWithKey>(|nakama| {
                let call = nakama.rpc_with_key(&server, key, rpc);
                call.id()
            });
            answer.map_or_else(|error| told(&error), |reply| reply.payload)
        };
        assert_eq!(with_key("the http key", Rpc::new("who")), "None false");
        let greet = Rpc::of(&Greet { name: "Bob".into() });
        assert_eq!(
            with_key("the http key", greet),
            r#"{"text":"\"Bob\" by None"}"#
        );
        assert_eq!(
            with_key("another key", Rpc::new("who")),
            "key Some(401) Some(16) HTTP key invalid"
        );
    }
}
