//! A game plays through the proxy: REST and sockets pass, a stall holds its words, and a delay is its round trip.

use std::time::Instant;

use bevy_nakama::{local_server::LocalServerConfig, prelude::*};

use super::*;
use crate::common::game::{Game, serve};

#[test]
fn a_game_logs_in_and_talks_through_the_proxy() {
    let (local, _) = serve(LocalServerConfig::default());
    let proxy = ChaosProxy::start(local.url()).expect("a proxy");
    let server = NakamaServer::new(proxy.url(), local.server_key());
    let mut ada = Game::online(&server, Login::device("device-of-ada"));
    let created =
        ada.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::named("m")).id());
    let here = created.expect("a match").entity;
    let direct = NakamaServer::new(local.url(), local.server_key());
    let mut bob = Game::online(&direct, Login::device("device-of-bob"));
    bob.ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::named("m")).id())
        .expect("the same match");

    let stall = proxy.add(Rule::hold(Direction::ToServer));
    for op_code in 0..3 {
        ada.commands(|commands| {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        });
        ada.app.update();
    }
    ada.until("a held line", |_| {
        let log = proxy.log();
        let is_held = |kind: &ChaosEventKind| matches!(kind, ChaosEventKind::Held { .. });
        log.events().any(|event| is_held(&event.kind)).then_some(())
    });
    bob.app.update();
    assert_eq!(Game::arrived::<MatchDataReceived>(&mut bob.app).len(), 0);

    proxy.remove(stall);
    let mut heard = Vec::new();
    bob.until("what was held", |app| {
        let data = Game::arrived::<MatchDataReceived>(app);
        heard.extend(data.iter().map(|data| data.op_code));
        ada.app.update();
        (heard.len() == 3).then_some(())
    });
    assert_eq!(heard, [0, 1, 2]);
}

#[test]
fn a_delayed_line_is_a_longer_round_trip() {
    let (local, _) = serve(LocalServerConfig::default());
    let proxy = ChaosProxy::start(local.url()).expect("a proxy");
    for direction in Direction::BOTH {
        proxy.add(Rule::delay(direction, millis(40)));
    }
    let server = NakamaServer::new(proxy.url(), local.server_key());
    let mut ada = Game::online(&server, Login::device("device-of-ada"));
    let before = Instant::now();
    ada.ask::<JoinChat>(|nakama| nakama.join_chat(JoinChat::room("r")).id())
        .expect("an answer");
    let round_trip = before.elapsed();
    assert!(round_trip >= millis(80), "{round_trip:?}");
}
