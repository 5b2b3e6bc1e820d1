//! The ways to log in.

use std::{collections::BTreeMap, fmt};

use bevy_ecs::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    ALREADY_EXISTS, FAILED_PRECONDITION, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED,
    UNAUTHENTICATED, session_in,
};
use crate::{
    commands::NakamaCommands,
    connection,
    error::{RestError, refusals},
    request::{Outcome, RequestError, RestRequest, request, submit_rest},
    session::{self, CurrentSession, NakamaSession, refresh_call},
    transport::{Auth, NakamaServer, RestCall, RestResponse},
};

/// How a player logs in.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let login = Login::device("a-device-id-of-10-to-128-bytes").create(true).username("ada");
/// ```
#[derive(Clone)]
pub struct Login {
    method: &'static str,
    account: Map<String, Value>,
    create: Option<bool>,
    import_friends: Option<bool>,
    username: Option<String>,
    vars: BTreeMap<String, String>,
    retries: bool,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever knows what is in the account can log in with it.
        f.debug_struct("Login")
            .field("method", &self.method)
            .field("create", &self.create)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Login {
    /// By an id that stands for this device or installation, 10 to 128 bytes without spaces. It is as good as a password:
    /// make it [random](Self::random_device_id) and keep it.
    ///
    /// ```
    /// # use std::{fs, io, path::Path};
    /// # use bevy_nakama::prelude::*;
    /// fn login(file: &Path) -> io::Result<Login> {
    ///     if !file.exists() {
    ///         fs::write(file, Login::random_device_id())?;
    ///     }
    ///     Ok(Login::device(fs::read_to_string(file)?))
    /// }
    /// # let folder = std::env::temp_dir();
    /// # let file = folder.join(format!("bevy-nakama-device-{}", std::process::id()));
    /// # login(&file)?;
    /// # fs::remove_file(file)?;
    /// # Ok::<_, io::Error>(())
    /// ```
    #[must_use]
    pub fn device(id: impl Into<String>) -> Self {
        Self::new("device", [("id", id.into())])
    }

    /// A random id for [`device`](Self::device), 32 characters long. Whoever has it is the player, and without it the account is lost: keep
    /// it with your game's data.
    #[must_use]
    pub fn random_device_id() -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// By an address and a password of at least 8 characters. The case of the address does not matter.
    #[must_use]
    pub fn email(address: impl Into<String>, password: impl Into<String>) -> Self {
        Self::new(
            "email",
            [("email", address.into()), ("password", password.into())],
        )
    }

    /// By the name of an account that has a password. Does not make one.
    #[must_use]
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::new("email", [("password", password.into())])
            .username(username)
            .create(false)
    }

    /// By an id that the game's own accounts have, 6 to 128 bytes. Like a device's, it is as good as a password.
    #[must_use]
    pub fn custom(id: impl Into<String>) -> Self {
        Self::new("custom", [("id", id.into())])
    }

    /// By a session ticket of Steam's, as hexadecimal digits.
    #[must_use]
    pub fn steam(ticket: impl Into<String>) -> Self {
        Self::new("steam", [("token", ticket.into())])
    }

    /// By an identity token of Sign in with Apple.
    #[must_use]
    pub fn apple(identity_token: impl Into<String>) -> Self {
        Self::new("apple", [("token", identity_token.into())])
    }

    /// By an identity token of Google's.
    #[must_use]
    pub fn google(identity_token: impl Into<String>) -> Self {
        Self::new("google", [("token", identity_token.into())])
    }

    /// By an access token of Facebook's.
    #[must_use]
    pub fn facebook(access_token: impl Into<String>) -> Self {
        Self::new("facebook", [("token", access_token.into())])
    }

    /// By what Apple's Game Center says of a player.
    #[must_use]
    pub fn game_center(player: GameCenterPlayer) -> Self {
        Self::new(
            "gamecenter",
            [
                ("player_id", player.player_id),
                ("bundle_id", player.bundle_id),
                ("timestamp_seconds", player.timestamp_seconds.to_string()),
                ("salt", player.salt),
                ("signature", player.signature),
                ("public_key_url", player.public_key_url),
            ],
        )
    }

    fn new<const N: usize>(method: &'static str, account: [(&str, String); N]) -> Self {
        Self {
            method,
            account: account
                .into_iter()
                .map(|(field, value)| (field.to_owned(), value.into()))
                .collect(),
            create: None,
            import_friends: None,
            username: None,
            vars: BTreeMap::new(),
            retries: false,
        }
    }

    /// Whether the friends that the player has on Steam or Facebook become friends here. The server's default is yes; other
    /// logins have none.
    #[must_use]
    pub fn import_friends(mut self, import: bool) -> Self {
        self.import_friends = Some(import);
        self
    }

    /// Whether the server creates an account if it does not know this player. The server's default is yes.
    #[must_use]
    pub fn create(mut self, create: bool) -> Self {
        self.create = Some(create);
        self
    }

    /// The name of a new account; unique, up to 128 bytes. An account that exists keeps its name. Without one, the server
    /// makes one up.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// If the server cannot be reached, tries again and again, with the same waits as [healing](crate::healing), until it answers. The answer to
    /// the request comes with that. To give up, despawn the request's entity, or [log out](NakamaCommands::log_out).
    #[must_use]
    pub fn retry(mut self) -> Self {
        self.retries = true;
        self
    }

    /// Something for the server's hooks to know about this session.
    #[must_use]
    pub fn var(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }
}

/// What Game Center's identity verification gives a game. Mirrors `AccountGameCenter`.
#[derive(Clone)]
pub struct GameCenterPlayer {
    /// The player's id.
    pub player_id: String,
    /// The bundle id of the game.
    pub bundle_id: String,
    /// When the signature was made: seconds since 1970.
    pub timestamp_seconds: i64,
    /// Random bytes that make the signature unique, in base64.
    pub salt: String,
    /// The signature, in base64.
    pub signature: String,
    /// Where the key to verify it with is.
    pub public_key_url: String,
}

impl fmt::Debug for GameCenterPlayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GameCenterPlayer")
            .field("player_id", &self.player_id)
            .field("bundle_id", &self.bundle_id)
            .finish_non_exhaustive()
    }
}

/// Logs a player in. Made by [`log_in`](NakamaCommands::log_in).
#[derive(Clone, Debug)]
pub struct LogIn {
    server: NakamaServer,
    login: Login,
    request: Entity,
    /// A stored session that it refreshes first.
    stored: Option<NakamaSession>,
}

impl LogIn {
    pub(super) fn new(server: NakamaServer, login: Login, request: Entity) -> Self {
        Self {
            server,
            login,
            request,
            stored: None,
        }
    }

    /// The same, if a stored session cannot be refreshed.
    pub(super) fn after(mut self, stored: Option<NakamaSession>) -> Self {
        self.stored = stored;
        self
    }
}

/// A login that worked.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The player's session.
    pub session: NakamaSession,
    /// Whether the account was made just now.
    pub created: bool,
    /// Whether the session was [restored](NakamaCommands::restore_or_log_in), so that no login was needed.
    pub restored: bool,
}

refusals! {
    /// How the server refuses a login.
    pub enum LoginRefusal(RestError) {
        /// The server key of [`NakamaServer::new`] is not the server's.
        InvalidServerKey,
        /// The name for the new account is another account's.
        UsernameTaken,
        /// There is no such account, and none was to be made.
        AccountNotFound,
        /// The account was banned.
        Banned,
        /// The server is not set up for this way to log in.
        NotConfigured,
        /// The password, or whatever the login needs, is not right.
        InvalidCredentials,
        /// An id, name or password has a form that the server does not take.
        InvalidInput,
        /// Something else.
        Other,
    }
}

impl From<RestError> for LoginRefusal {
    fn from(error: RestError) -> Self {
        match error.code {
            _ if error.is_of_server_key() => Self::InvalidServerKey(error),
            UNAUTHENTICATED => Self::InvalidCredentials(error),
            ALREADY_EXISTS => Self::UsernameTaken(error),
            NOT_FOUND if error.message.starts_with("User account") => Self::AccountNotFound(error),
            INVALID_ARGUMENT => Self::InvalidInput(error),
            PERMISSION_DENIED => Self::Banned(error),
            FAILED_PRECONDITION => Self::NotConfigured(error),
            _ => Self::Other(error),
        }
    }
}

request!(LogIn -> LoggedIn, LoginRefusal);

impl RestRequest for LogIn {
    type Call = RestCall;

    fn to_call(&self) -> RestCall {
        if let Some(stored) = &self.stored {
            return refresh_call(&self.server, stored);
        }
        let Login {
            method,
            account,
            create,
            import_friends,
            username,
            vars,
            retries: _,
        } = &self.login;
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, choice) in [("create", create), ("sync", import_friends)] {
            if let Some(choice) = choice {
                query.append_pair(name, if *choice { "true" } else { "false" });
            }
        }
        if let Some(username) = username {
            query.append_pair("username", username);
        }
        let mut body = account.clone();
        if !vars.is_empty() {
            body.insert("vars".into(), json!(vars));
        }
        RestCall {
            server: self.server.clone(),
            method: "POST",
            target: format!("/v2/account/authenticate/{method}?{}", query.finish()),
            auth: Auth::ServerKey,
            body: Some(Value::Object(body).to_string()),
        }
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let (session, created) = session_in(response)?;
        Ok(LoggedIn {
            session,
            created,
            restored: self.stored.is_some(),
        })
    }

    fn retries(&self, world: &World) -> bool {
        self.login.retries && world.resource::<CurrentSession>().awaits(self.request)
    }

    fn goes_on(&mut self, response: &RestResponse) -> bool {
        RestError::from(response).ends_session() && self.stored.take().is_some()
    }

    fn conclude(&self, world: &mut World, outcome: Outcome<Self>) -> Outcome<Self> {
        end_login(world, self.request, &self.server, outcome, |login| {
            &login.session
        })
    }
}

/// A login has its outcome. Puts its session in place, unless the game has withdrawn the login, or the user has logged out since then. A
/// connection that waits for it hears why it failed.
pub(super) fn end_login<T, E: std::error::Error>(
    world: &mut World,
    request: Entity,
    server: &NakamaServer,
    outcome: Result<T, RequestError<E>>,
    session: impl Fn(&T) -> &NakamaSession,
) -> Result<T, RequestError<E>> {
    let is_awaited = world.resource_mut::<CurrentSession>().login_ends(request);
    let is_wanted = is_awaited && world.get_entity(request).is_ok();
    let outcome = match outcome {
        Ok(_) if !is_wanted => Err(RequestError::Withdrawn),
        outcome => outcome,
    };
    match &outcome {
        Ok(login) => session::put_in_place(world, server, session(login)),
        Err(error) if is_awaited => connection::on_login_failed(world, error.to_string()),
        Err(_) => {}
    }
    outcome
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Logs a player in, or makes an account. The answer is a [`Replied<LogIn>`](crate::request::Replied), and the session is in
    /// place then: it is the [`CurrentSession`], with which REST calls are made.
    ///
    /// It opens no socket. To go online, [`connect`](Self::connect) right after it.
    ///
    /// If several logins are under way, the last one that the server answers wins. If you despawn the request's entity, or the user
    /// [logs out](Self::log_out) before the answer, the login puts nothing in place and ends with
    /// [`Withdrawn`](RequestError::Withdrawn). A login as somebody else leaves an open socket alone; [`connect`](Self::connect) again to play as
    /// the new user.
    pub fn log_in(self, server: &NakamaServer, login: Login) -> EntityCommands<'a> {
        let server = server.clone();
        self.request_with(move |world, request| {
            world.resource_mut::<CurrentSession>().login_begins(request);
            submit_rest(world, request, LogIn::new(server, login, request));
        })
    }
}
