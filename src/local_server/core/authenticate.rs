//! Logging in and out over REST.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{
    Core,
    accounts::{Credential, Profile, User, UsernameTaken},
    http::{ApiError, ApiResult, Call, Code, answer, empty},
    ids,
    passwords::HashedPassword,
    tokens::{Claims, Token},
};

type Vars = BTreeMap<String, String>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct IdAccount {
    id: String,
    vars: Vars,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EmailAccount {
    email: String,
    password: String,
    vars: Vars,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RefreshRequest {
    token: String,
    vars: Option<Vars>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LogoutRequest {
    token: String,
    #[serde(alias = "refreshToken")]
    refresh_token: String,
}

#[derive(Serialize)]
struct Session {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    created: bool,
    token: String,
    refresh_token: String,
}

impl Core {
    pub(super) fn authenticate_device(&mut self, call: &Call<'_>) -> ApiResult {
        let account: IdAccount = call.body()?;
        check_id("Device", &account.id, 10..=128)?;
        self.log_in(call, Credential::Device(account.id), None, account.vars)
    }

    pub(super) fn authenticate_custom(&mut self, call: &Call<'_>) -> ApiResult {
        let account: IdAccount = call.body()?;
        check_id("Custom", &account.id, 6..=128)?;
        self.log_in(call, Credential::Custom(account.id), None, account.vars)
    }

    /// By address and password, or by username and password.
    pub(super) fn authenticate_email(&mut self, call: &Call<'_>) -> ApiResult {
        let EmailAccount {
            email,
            password,
            vars,
        } = call.body()?;
        if !email.is_empty() {
            check_email(&email)?;
        }
        if password.len() < 8 {
            return Err(ApiError::invalid(
                "Password must be at least 8 characters long.",
            ));
        }
        if !email.is_empty() {
            let credential = Credential::Email(email.to_lowercase());
            return self.log_in(call, credential, Some(&password), vars);
        }
        let username = requested_username(call)?.ok_or_else(|| {
            ApiError::invalid("Username is required when email address is not supplied.")
        })?;
        let user = self
            .accounts
            .by_username(username)
            .ok_or_else(account_not_found)?;
        check_password(user, &password)?;
        let claims = self.new_login(&user.clone(), vars);
        self.session(&claims, false)
    }

    pub(super) fn refresh_session(&mut self, call: &Call<'_>) -> ApiResult {
        let RefreshRequest { token, vars } = call.body()?;
        if token.is_empty() {
            return Err(ApiError::invalid("Refresh token is required."));
        }
        let mut claims = self
            .tokens
            .read(Token::Refresh, &token, &self.clock)
            .ok_or_else(|| ApiError::unauthenticated("Refresh token invalid or expired."))?;
        let user = self
            .accounts
            .get(claims.user)
            .ok_or_else(account_not_found)?;
        claims.username.clone_from(&user.username);
        claims.vars = vars.unwrap_or(claims.vars);
        self.session(&claims, false)
    }

    /// Ends the login of the tokens given, or all logins of the user if no token is given. Sockets stay open.
    pub(super) fn log_out(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let request: LogoutRequest = call.body()?;
        let session = self.token_of(Token::Session, &request.token, &caller)?;
        let refresh = self.token_of(Token::Refresh, &request.refresh_token, &caller)?;
        if session.is_none() && refresh.is_none() {
            self.tokens.log_out_everywhere(caller.user, &self.clock);
        }
        for (token, claims) in [(Token::Session, session), (Token::Refresh, refresh)] {
            if let Some(claims) = claims {
                self.tokens.log_out(token, claims, &self.clock);
            }
        }
        empty()
    }

    /// A token of the caller's, `None` if there is no text.
    fn token_of(
        &self,
        token: Token,
        text: &str,
        caller: &Claims,
    ) -> Result<Option<Claims>, ApiError> {
        if text.is_empty() {
            return Ok(None);
        }
        self.tokens
            .parse(token, text, &self.clock)
            .filter(|claims| claims.user == caller.user)
            .map(Some)
            .ok_or_else(|| ApiError::invalid(format!("{token:?} token invalid.")))
    }

    /// Logs in who has this credential, creating the account if it does not exist and the caller does not object.
    fn log_in(
        &mut self,
        call: &Call<'_>,
        credential: Credential,
        password: Option<&str>,
        vars: Vars,
    ) -> ApiResult {
        let username = requested_username(call)?;
        let may_create = call.query_bool("create")?.unwrap_or(true);
        let (user, created) = match self.accounts.by_credential(&credential) {
            Some(user) => {
                if let Some(password) = password {
                    check_password(user, password)?;
                }
                (user.clone(), false)
            }
            None if !may_create => return Err(account_not_found()),
            None => (self.create_account(credential, password, username)?, true),
        };
        let claims = self.new_login(&user, vars);
        self.session(&claims, created)
    }

    fn create_account(
        &mut self,
        credential: Credential,
        password: Option<&str>,
        username: Option<&str>,
    ) -> Result<User, ApiError> {
        let now = self.clock.timestamp_seconds();
        let (id, generated) = credential.identity();
        let username = match username {
            Some(username) => username.to_owned(),
            // Somebody may have asked for just that name.
            None if self.accounts.by_username(&generated).is_some() => {
                ids::username(&self.ids.bytes::<10>())
            }
            None => generated,
        };
        let user = User {
            id,
            username,
            credential,
            password: password.and_then(|text| HashedPassword::new(text, self.ids.bytes())),
            profile: Profile {
                lang_tag: "en".to_owned(),
                ..Profile::default()
            },
            created: now,
            updated: now,
        };
        self.accounts.insert(user.clone())?;
        Ok(user)
    }

    fn new_login(&mut self, user: &User, vars: Vars) -> Claims {
        let login = self.ids.random().to_string();
        Claims::new(login, user.id, user.username.clone(), vars, &self.clock)
    }

    fn session(&self, claims: &Claims, created: bool) -> ApiResult {
        answer(Session {
            created,
            token: self.tokens.issue(Token::Session, claims, &self.clock),
            refresh_token: self.tokens.issue(Token::Refresh, claims, &self.clock),
        })
    }
}

impl From<UsernameTaken> for ApiError {
    fn from(UsernameTaken: UsernameTaken) -> Self {
        Self::new(Code::AlreadyExists, "Username is already in use.")
    }
}

fn account_not_found() -> ApiError {
    ApiError::not_found("User account not found.")
}

fn check_password(user: &User, password: &str) -> Result<(), ApiError> {
    match &user.password {
        Some(hashed) if hashed.is(password) => Ok(()),
        _ => Err(ApiError::unauthenticated("Invalid credentials.")),
    }
}

fn check_id(kind: &str, id: &str, length: RangeInclusive<usize>) -> Result<(), ApiError> {
    let problem = if id.is_empty() {
        "is required.".to_owned()
    } else if has_space_or_control(id) {
        "invalid, no spaces or control characters allowed.".to_owned()
    } else if !length.contains(&id.len()) {
        format!(
            "invalid, must be {}-{} bytes.",
            length.start(),
            length.end()
        )
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(format!("{kind} ID {problem}")))
}

fn check_email(email: &str) -> Result<(), ApiError> {
    // Something, an `@`, something, a dot, something.
    let domain = email
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map(|(at, _)| &email[at + 1..]);
    let has_dot = domain.is_some_and(|domain| {
        let mut dots = domain.char_indices().skip(1).filter(|(_, c)| *c == '.');
        dots.any(|(at, _)| at + 1 < domain.len())
    });
    let problem = if has_space_or_control(email) {
        "Invalid email address, no spaces or control characters allowed."
    } else if !has_dot {
        "Invalid email address format."
    } else if !(10..=255).contains(&email.len()) {
        "Invalid email address, must be 10-255 bytes."
    } else {
        return Ok(());
    };
    Err(ApiError::invalid(problem))
}

/// The parameter `username`; `None` if absent or empty.
fn requested_username<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>, ApiError> {
    let username = call.filled("username");
    if let Some(username) = username {
        check_username(username)?;
    }
    Ok(username)
}

/// Spaces are fine, whatever the text says.
pub(super) fn check_username(username: &str) -> Result<(), ApiError> {
    if username.bytes().any(|c| c.is_ascii_control()) {
        let problem = "Username invalid, no spaces or control characters allowed.";
        return Err(ApiError::invalid(problem));
    }
    if !(1..=128).contains(&username.len()) {
        return Err(ApiError::invalid("Username invalid, must be 1-128 bytes."));
    }
    Ok(())
}

fn has_space_or_control(text: &str) -> bool {
    text.bytes().any(|c| c.is_ascii_control() || c == b' ')
}
