//! Session, refresh and match tokens: JSON web tokens, signed with HMAC-SHA256.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;

use super::{
    clock::Clock,
    ids::{Ids, UserId},
};
use crate::local_server::LocalServerConfig;

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// One block of SHA-256.
type Key = [u8; 64];

/// What a session or refresh token says. Times are seconds since 1970.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Claims {
    /// The login: the same in both tokens, and after a refresh.
    #[serde(rename = "tid")]
    pub(super) login: String,
    #[serde(rename = "uid")]
    pub(super) user: UserId,
    #[serde(rename = "usn")]
    pub(super) username: String,
    #[serde(rename = "vrs", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) vars: BTreeMap<String, String>,
    #[serde(rename = "exp")]
    expires: i64,
    #[serde(rename = "iat")]
    issued: i64,
}

impl Claims {
    pub(super) fn new(
        login: String,
        user: UserId,
        username: String,
        vars: BTreeMap<String, String>,
        clock: &Clock,
    ) -> Self {
        let issued = clock.unix_seconds();
        Self {
            login,
            user,
            username,
            vars,
            expires: issued,
            issued,
        }
    }
}

#[derive(Deserialize, Serialize)]
struct MatchClaims {
    exp: i64,
    mid: String,
}

/// Which of the two tokens of a login.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    Session,
    Refresh,
}

/// Signs tokens, and knows which are not valid any more.
pub(super) struct Tokens {
    session: Kind,
    refresh: Kind,
    /// When a user has logged out everywhere: seconds since 1970.
    ended: HashMap<UserId, i64>,
}

struct Kind {
    key: Key,
    /// In seconds.
    life: i64,
    /// Logins that are ended, until their tokens expire by themselves.
    logged_out: HashMap<String, i64>,
}

impl Tokens {
    pub(super) fn new(ids: &mut Ids, config: &LocalServerConfig) -> Self {
        let mut kind = |life: Duration| Kind {
            key: ids.bytes(),
            life: i64::from(u32::try_from(life.as_secs()).unwrap_or(u32::MAX)),
            logged_out: HashMap::new(),
        };
        Self {
            session: kind(config.session_token_life),
            refresh: kind(config.refresh_token_life),
            ended: HashMap::new(),
        }
    }

    /// A token that lasts from now on.
    pub(super) fn issue(&self, token: Token, claims: &Claims, clock: &Clock) -> String {
        let kind = self.kind(token);
        let claims = Claims {
            expires: clock.unix_seconds() + kind.life,
            ..claims.clone()
        };
        sign(&kind.key, &claims)
    }

    /// Reads a token that is ours and not expired, logged out or not.
    pub(super) fn parse(&self, token: Token, text: &str, clock: &Clock) -> Option<Claims> {
        verify(&self.kind(token).key, text)
            .filter(|claims: &Claims| claims.expires > clock.unix_seconds())
    }

    /// Reads a token that is still good for everything.
    pub(super) fn read(&self, token: Token, text: &str, clock: &Clock) -> Option<Claims> {
        self.parse(token, text, clock).filter(|claims| {
            let is_logged_out = self.kind(token).logged_out.contains_key(&claims.login);
            !is_logged_out && !self.is_ended(token, claims)
        })
    }

    /// Whether the user has logged out everywhere since this token was issued.
    pub(super) fn is_ended(&self, token: Token, claims: &Claims) -> bool {
        let issued = claims.expires - self.kind(token).life;
        let ended = self.ended.get(&claims.user);
        ended.is_some_and(|ended| issued < *ended)
    }

    /// Ends a login, as far as this kind of token goes.
    pub(super) fn log_out(&mut self, token: Token, claims: Claims, clock: &Clock) {
        let now = clock.unix_seconds();
        let kind = match token {
            Token::Session => &mut self.session,
            Token::Refresh => &mut self.refresh,
        };
        kind.logged_out.retain(|_, until| *until > now);
        kind.logged_out.insert(claims.login, now + kind.life + 1);
    }

    /// Ends all logins of a user.
    pub(super) fn log_out_everywhere(&mut self, user: UserId, clock: &Clock) {
        self.ended.insert(user, clock.unix_seconds());
    }

    /// Reads the id in a match token that is not expired.
    pub(super) fn read_match(&self, text: &str, clock: &Clock) -> Option<String> {
        let claims: MatchClaims = verify(&self.session.key, text)?;
        (claims.exp > clock.unix_seconds()).then_some(claims.mid)
    }

    /// A token to join a match with. It lasts for 30 s.
    pub(super) fn issue_match(&self, match_id: &str, clock: &Clock) -> String {
        let claims = MatchClaims {
            exp: clock.unix_seconds() + 30,
            mid: match_id.to_owned(),
        };
        sign(&self.session.key, &claims)
    }

    fn kind(&self, token: Token) -> &Kind {
        match token {
            Token::Session => &self.session,
            Token::Refresh => &self.refresh,
        }
    }
}

fn sign(key: &Key, claims: &impl Serialize) -> String {
    let claims = serde_json::to_vec(claims).unwrap_or_default();
    let signed = format!("{HEADER}.{}", BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = mac(key, &signed).finalize().into_bytes();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a token that was signed with this key.
fn verify<C: DeserializeOwned>(key: &Key, token: &str) -> Option<C> {
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
    mac(key, signed).verify_slice(&signature).ok()?;
    // Only we can have signed it, so the header needs no look.
    let (_, claims) = signed.split_once('.')?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn mac(key: &Key, signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new(key.into());
    mac.update(signed.as_bytes());
    mac
}
