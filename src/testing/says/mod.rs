//! What a server says, as the game under test hears it.

mod chat;
mod matches;
mod matchmaker;
mod notification;
mod party;
mod status;

pub use self::{
    chat::{chat_joined, chat_message, chat_presences, room_id},
    matches::{match_data_sent, match_joined, match_presences},
    matchmaker::{matchmaker_matched, matchmaker_ticket, party_matchmaker_ticket},
    notification::notification_sent,
    party::{
        party_closed, party_data, party_join_request, party_joined, party_leader, party_presences,
    },
    status::{followed, status_presences, stream_data, stream_presences},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{connection::NakamaServer, proto::UserPresence, session::NakamaSession};

/// A server that is nowhere.
#[must_use]
pub fn server() -> NakamaServer {
    NakamaServer::new("http://test.invalid:7350", "defaultkey")
}

/// A session of the user with this name: user id `user-NAME`.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn session_of(name: &str) -> NakamaSession {
    let claims = serde_json::json!({ "uid": format!("user-{name}"), "usn": name, "exp": u32::MAX });
    let token = forge_token(&claims);
    NakamaSession::restore(&token, Some(&token)).expect("our own token")
}

/// A token that says this, and that nobody has signed.
pub(crate) fn forge_token(claims: &serde_json::Value) -> String {
    let claims = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{claims}.signature")
}

/// The presence of the user with this name: user id `user-NAME`, session id `session-NAME`.
#[must_use]
pub fn user_presence(name: &str) -> UserPresence {
    UserPresence {
        user_id: format!("user-{name}"),
        session_id: format!("session-{name}"),
        username: name.into(),
        ..Default::default()
    }
}

fn presences(names: &[&str]) -> Vec<UserPresence> {
    names.iter().map(|name| user_presence(name)).collect()
}
