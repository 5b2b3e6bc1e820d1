//! A login that fails says why: what the server refused, or that it cannot be reached.

use std::time::Duration;

use super::*;
use crate::common::{
    game::serve,
    log::Log,
    player::rest::say_as_recorded,
    steps::variant,
    transcripts::{GENERATIONS, exchanges},
};
use bevy_nakama::{
    local_server::LocalServerConfig,
    testing::{self, TestGame},
};

/// Every login that a real server refused: its name in the recording, and what it is here.
const RECORDED_REFUSALS: [(&str, &str); 16] = [
    ("device: create=false, unknown", "AccountNotFound"),
    ("device: username taken", "UsernameTaken"),
    ("device: id of 9 bytes", "InvalidInput"),
    ("device: id of 129 bytes", "InvalidInput"),
    ("device: id with a space", "InvalidInput"),
    ("device: id missing", "InvalidInput"),
    ("device: no body", "InvalidInput"),
    ("device: no authorization", "InvalidServerKey"),
    ("device: wrong server key", "InvalidServerKey"),
    ("email: wrong password", "InvalidCredentials"),
    ("email: password too short", "InvalidInput"),
    ("email: not an address", "InvalidInput"),
    ("email: address missing", "InvalidInput"),
    ("email: unknown account, create=false", "AccountNotFound"),
    ("custom: id of 5 bytes", "InvalidInput"),
    ("custom: id missing", "InvalidInput"),
];

#[test]
fn every_recorded_refusal_has_a_name_and_keeps_its_text() {
    for generation in GENERATIONS {
        let recorded = exchanges(generation, "rest");
        for (name, expected) in RECORDED_REFUSALS {
            let exchange = recorded
                .iter()
                .find(|exchange| exchange["name"] == name)
                .unwrap_or_else(|| panic!("{name} is not in {generation}"));
            let response = &exchange["response"];
            let mut game = TestGame::new();
            let log = Log::default();
            let seen = log.clone();
            game.observe(move |reply: On<Replied<LogIn>>| {
                let Err(RequestError::Refused(refusal)) = &reply.result else {
                    return seen.add(format!("{:?}", reply.result));
                };
                seen.add(format!("{}: {refusal}", variant(refusal)));
            });
            game.commands(|commands| {
                let login = Login::device("device-of-ada");
                commands.nakama().log_in(&testing::server(), login);
            });
            game.update();
            say_as_recorded(&mut game, exchange);
            let status = &response["status"];
            let text = response["body"]["message"].as_str().expect("a text");
            assert_eq!(log.take(), [format!("{expected}: {text} ({status})")]);
        }
    }
}

#[test]
fn refusals_of_logins_are_told_apart() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut game = Game::new();
    log_in(
        &mut game,
        &server,
        Login::device("device-of-ada").username("ada"),
    )
    .expect("a new account");

    let wrong_key = NakamaServer::new(server.url(), "wrong");
    let refused = log_in(&mut game, &wrong_key, Login::device("device-of-ada"));
    assert!(
        matches!(&refused, Err(RequestError::Refused(LoginRefusal::InvalidServerKey(e))) if e.message == "Server key invalid"),
        "{refused:?}"
    );
    let refused = log_in(
        &mut game,
        &server,
        Login::device("device-of-eve").username("ada"),
    );
    assert!(
        matches!(&refused, Err(RequestError::Refused(LoginRefusal::UsernameTaken(e))) if e.status == 409),
        "{refused:?}"
    );
    let refused = log_in(
        &mut game,
        &server,
        Login::device("device-of-nobody").create(false),
    );
    assert!(
        matches!(
            &refused,
            Err(RequestError::Refused(LoginRefusal::AccountNotFound(_)))
        ),
        "{refused:?}"
    );
    let refused = log_in(&mut game, &server, Login::device("short"));
    assert!(
        matches!(&refused, Err(RequestError::Refused(LoginRefusal::InvalidInput(e)))
            if e.message == "Device ID invalid, must be 10-128 bytes."),
        "{refused:?}"
    );
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let (local, server) = serve(LocalServerConfig::default());
    drop(local);
    let refused = log_in(&mut Game::new(), &server, Login::device("device-of-ada"));
    assert!(
        matches!(refused, Err(RequestError::Unreachable(_))),
        "{refused:?}"
    );
}

#[test]
fn a_rest_call_without_an_answer_ends_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = NakamaServer::new(
        format!("http://{}", listener.local_addr().expect("bound")),
        "key",
    );
    let settings = NakamaSettings {
        request_timeout: Duration::from_millis(300),
        ..NakamaSettings::default()
    };
    let mut game = Game::with(NakamaPlugin::new(settings));
    let refused = log_in(&mut game, &server, Login::device("device-of-ada"));
    assert!(
        matches!(refused, Err(RequestError::Timeout { after, .. }) if after.as_millis() == 300),
        "{refused:?}"
    );
}
