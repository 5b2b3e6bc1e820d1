//! The tokens of a user who is logged in, and what they say.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::json;

use crate::transport::{Auth, NakamaServer, RestCall, RestResponse, Secret, UserId, Username};

/// A player who is logged in: two tokens, and what they say.
///
/// The session token opens sockets and makes REST calls until it expires; the refresh token gets a new one, and lives
/// longer. Neither shows in `Debug`. To keep a player logged in over restarts, give the plugin a
/// [`SessionStore`](super::SessionStore), or keep the session yourself, as [text](Self::to_text) or with `serde`.
#[derive(Clone, Debug, PartialEq)]
pub struct NakamaSession {
    token: Secret,
    refresh_token: Option<Secret>,
    user_id: UserId,
    username: Username,
    vars: BTreeMap<String, String>,
    issued_at: u64,
    expires_at: u64,
    refresh_expires_at: Option<u64>,
}

/// A token that cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is not a session token of Nakama")]
pub struct InvalidToken;

/// What a token says of itself.
#[derive(Deserialize)]
struct Claims {
    uid: String,
    #[serde(default)]
    usn: String,
    #[serde(default)]
    vrs: Option<BTreeMap<String, String>>,
    #[serde(default)]
    exp: u64,
    #[serde(default)]
    iat: u64,
}

impl Claims {
    /// Reads a token. It is not verified: only the server can.
    fn read(token: &str) -> Result<Self, InvalidToken> {
        let body = token.split('.').nth(1).ok_or(InvalidToken)?;
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(body.trim_end_matches('='))
            .map_err(|_| InvalidToken)?;
        serde_json::from_slice(&json).map_err(|_| InvalidToken)
    }
}

impl NakamaSession {
    /// The session of stored tokens. They may have expired; see [`is_expired`](Self::is_expired).
    ///
    /// # Errors
    ///
    /// A text is not a token of Nakama's.
    pub fn restore(token: &str, refresh_token: Option<&str>) -> Result<Self, InvalidToken> {
        let claims = Claims::read(token)?;
        let refresh_claims = refresh_token.map(Claims::read).transpose()?;
        Ok(Self {
            token: token.into(),
            refresh_token: refresh_token.map(Secret::from),
            user_id: claims.uid.into(),
            username: claims.usn.into(),
            vars: claims.vrs.unwrap_or_default(),
            issued_at: claims.iat,
            expires_at: claims.exp,
            refresh_expires_at: refresh_claims.map(|claims| claims.exp),
        })
    }

    /// The session as a text, to keep it. The tokens are in it in the clear: whoever reads it can play as this user.
    ///
    /// ```
    /// # use bevy_nakama::{prelude::*, session::InvalidToken, testing::session_of};
    /// # let session = session_of("ada");
    /// let text = session.to_text();
    /// assert_eq!(NakamaSession::from_text(&text), Ok(session));
    /// assert_eq!(NakamaSession::from_text("something else"), Err(InvalidToken));
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        json!(self).to_string()
    }

    /// The session of a text that [`to_text`](Self::to_text) has made.
    ///
    /// # Errors
    ///
    /// It is another text.
    pub fn from_text(text: &str) -> Result<Self, InvalidToken> {
        serde_json::from_str(text).map_err(|_| InvalidToken)
    }

    /// The session token. Mind where it goes.
    #[must_use]
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The refresh token, if the server gave one. Mind where it goes.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    /// The account.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The account's name.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// What the game told the server about this session when it logged in.
    #[must_use]
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// When the session token ends. A socket that is open stays open.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        time(self.expires_at)
    }

    /// Whether the session token has ended, by the clock of this machine.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        SystemTime::now() >= self.expires_at()
    }

    /// Whether the session token has so little time left, by the clock of this machine, that it may end before a socket is open: less than a
    /// fifth of its life, and less than 5 minutes.
    pub(crate) fn ends_soon(&self) -> bool {
        let life = self.expires_at.saturating_sub(self.issued_at);
        let life = if self.issued_at == 0 { 0 } else { life };
        let enough = Duration::from_secs((life / 5).min(5 * 60));
        SystemTime::now() + enough >= self.expires_at()
    }

    /// Whether the refresh token has ended, too, so that only a new login helps.
    #[must_use]
    pub fn is_refresh_expired(&self) -> bool {
        let ends = self.refresh_expires_at.map(time);
        ends.is_none_or(|ends| SystemTime::now() >= ends)
    }
}

/// What is written of a session: the tokens, which say everything else.
#[derive(Deserialize, Serialize)]
struct Kept<'a> {
    token: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<std::borrow::Cow<'a, str>>,
}

/// Writes the tokens in the clear: whoever reads them can play as this user.
impl Serialize for NakamaSession {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refresh_token = self.refresh_token.as_ref();
        let kept = Kept {
            token: self.token.expose().into(),
            refresh_token: refresh_token.map(|token| token.expose().into()),
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for NakamaSession {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = Kept::deserialize(deserializer)?;
        Self::restore(&kept.token, kept.refresh_token.as_deref()).map_err(D::Error::custom)
    }
}

/// The moment of a token's claim, in seconds since 1970: of what a server or a file says, so of any number.
fn time(seconds: u64) -> SystemTime {
    let latest = u64::from(u32::MAX) * 16; // in the year 4147
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(latest))
}

/// The body of a login's and a refresh's answer.
#[derive(Deserialize)]
struct Tokens {
    token: String,
    refresh_token: Option<String>,
    #[serde(default)]
    created: bool,
}

/// The session in the answer to a login or a refresh, and whether its account is new. `None` if the answer has no session.
pub(crate) fn read_session(response: &RestResponse) -> Option<(NakamaSession, bool)> {
    let tokens: Tokens = serde_json::from_slice(&response.body).ok()?;
    let session = NakamaSession::restore(&tokens.token, tokens.refresh_token.as_deref()).ok()?;
    Some((session, tokens.created))
}

/// The call that gets new tokens for a session.
pub(crate) fn refresh_call(server: &NakamaServer, session: &NakamaSession) -> RestCall {
    // Without `vars`, the server would forget those of the login.
    let refresh_token = session.refresh_token().map_or("", Secret::expose);
    RestCall {
        server: server.clone(),
        method: "POST",
        target: "/v2/account/session/refresh".into(),
        auth: Auth::ServerKey,
        body: Some(json!({ "token": refresh_token, "vars": session.vars() }).to_string()),
    }
}
