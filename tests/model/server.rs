//! The embedded server that the games play on.

use std::time::Duration;

use bevy_nakama::{
    __testing::{PlaceByHand, ServerByHand},
    local_server::LocalServerConfig,
};
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::common::{
    by_hand::{BASIC, tokens_in},
    history::{Kind, PlaceTruth, Truth},
};

/// Since 1970, when the first server starts.
pub(crate) const EPOCH: Duration = Duration::from_secs(1_795_000_000);

/// Its tokens last for ever: how old they are is judged by the machine's own clock.
pub(crate) fn config() -> LocalServerConfig {
    let for_ever = Duration::from_secs(u32::MAX.into());
    LocalServerConfig {
        session_token_life: for_ever,
        refresh_token_life: for_ever,
        ..LocalServerConfig::default()
    }
}

/// What this server has now.
pub(crate) fn truth_of(server: &ServerByHand) -> Truth {
    let mut truth = Truth::default();
    for (user, session) in server.sessions() {
        truth.sessions.entry(user).or_default().push(session);
    }
    for PlaceByHand {
        mode,
        id,
        members,
        party,
    } in server.places()
    {
        let kind = match mode {
            1 => Kind::User,
            2 => Kind::Channel,
            7 => Kind::Party,
            _ => Kind::Match,
        };
        let (leader, open, asking) = match party {
            Some((leader, open, asking)) => (Some(leader), Some(open), asking),
            None => (None, None, Vec::new()),
        };
        let place = PlaceTruth {
            members,
            leader,
            open,
            asking,
        };
        truth.places.insert((kind, id), place);
    }
    for (session, user) in server.follows() {
        truth.follows.entry(session).or_default().push(user);
    }
    truth.tickets = server.tickets().into_iter().collect();
    truth
}

/// Logs a user in: session and refresh token.
pub(crate) fn log_in(server: &mut ServerByHand, name: &str) -> (String, String) {
    let target = format!("/v2/account/authenticate/device?username={name}");
    let body = json!({ "id": format!("device-of-{name}") }).to_string();
    let request = Request::post(target)
        .header("Authorization", BASIC)
        .body(Bytes::from(body))
        .expect("a request");
    let response = server.request(Duration::ZERO, &request);
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    tokens_in(&body).expect("tokens")
}
