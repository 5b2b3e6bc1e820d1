//! The embedded server's rules about time, queues and rights, on a clock that the test moves.

mod groups_and_accounts;
mod identities_come_from_credentials;
mod match_tokens_last_for_30_seconds;
mod sockets_end_when_they_should;
mod tickets_end_with_their_socket;

use std::time::Duration;

use crate::common::by_hand::ByHand;
use bevy_nakama::{__testing::SessionId, local_server::LocalServerConfig};
use serde_json::Value;

fn world(config: LocalServerConfig) -> ByHand {
    ByHand::new(config, 1, Duration::from_secs(1_800_000_000))
}

fn pass(world: &mut ByHand, seconds: u64) {
    world.advance(world.now + Duration::from_secs(seconds));
}

/// Logs in, and makes an account of that name at first.
fn bearer(world: &mut ByHand, username: &str) -> String {
    format!("Bearer {}", world.log_in(username).0)
}

/// Makes a REST call.
fn call(
    world: &mut ByHand,
    authorization: &str,
    method: &str,
    target: &str,
    body: &Value,
) -> (u16, Value) {
    let response = world.request((method, target), authorization, body.to_string());
    let body = serde_json::from_slice(response.body()).expect("JSON");
    (response.status().as_u16(), body)
}

/// The first answer to a request, without what was waiting before.
fn ask(world: &mut ByHand, socket: SessionId, request: &Value) -> Value {
    world.take(socket);
    world.send(socket, request);
    world.envelopes(socket).swap_remove(0)
}
