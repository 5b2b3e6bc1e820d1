//! Accounts and users over REST.

use serde::Deserialize;
use uuid::Uuid;

use super::{
    Core,
    accounts::{Credential, User},
    authenticate::check_username,
    http::{ApiError, ApiResult, Call, Code, answer, empty},
    ids::UserId,
    notifications,
    sessions::Ending,
    status,
    tokens::Claims,
};
use crate::proto::api::{self, Account, AccountDevice, Users};

/// Fields that are absent stay as they are.
#[derive(Default, Deserialize)]
#[serde(default)]
struct UpdateRequest {
    username: Option<String>,
    #[serde(alias = "displayName")]
    display_name: Option<String>,
    #[serde(alias = "avatarUrl")]
    avatar_url: Option<String>,
    #[serde(alias = "langTag")]
    lang_tag: Option<String>,
    location: Option<String>,
    timezone: Option<String>,
}

impl Core {
    pub(super) fn get_account(&mut self, _: &Call<'_>, caller: Claims) -> ApiResult {
        let user = self.accounts.get(caller.user).ok_or_else(not_found)?;
        let mut account = Account {
            user: Some(self.shown(user)),
            wallet: "{}".to_owned(),
            ..Account::default()
        };
        match user.credential.clone() {
            Credential::Device(id) => account.devices.push(AccountDevice { id }),
            Credential::Custom(id) => account.custom_id = id,
            Credential::Email(email) => account.email = email,
        }
        answer(account)
    }

    pub(super) fn update_account(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let request: UpdateRequest = call.body()?;
        if request.lang_tag.as_ref().is_some_and(String::is_empty) {
            let problem = "Error while trying to update account.";
            return Err(ApiError::new(Code::Internal, problem));
        }
        let now = self.clock.timestamp_seconds();
        let user = self.accounts.get(caller.user);
        let mut user = user.ok_or_else(not_found)?.clone();
        if let Some(username) = &request.username {
            check_username(username)?;
            self.accounts.rename(user.id, username).map_err(|_| {
                // The real server wraps its own error like this.
                ApiError::invalid(
                    "rpc error: code = AlreadyExists desc = Username is already in use.",
                )
            })?;
            user.username.clone_from(username);
        }
        let profile = &mut user.profile;
        let changes = [
            (&mut profile.display_name, request.display_name),
            (&mut profile.avatar_url, request.avatar_url),
            (&mut profile.lang_tag, request.lang_tag),
            (&mut profile.location, request.location),
            (&mut profile.timezone, request.timezone),
        ];
        let mut is_any = request.username.is_some();
        for (field, value) in changes {
            if let Some(value) = value {
                *field = value;
                is_any = true;
            }
        }
        if !is_any {
            return Err(ApiError::invalid("No fields to update."));
        }
        if let Some(stored) = self.accounts.get_mut(user.id) {
            user.updated = now;
            *stored = user;
        }
        empty()
    }

    pub(super) fn delete_account(&mut self, _: &Call<'_>, caller: Claims) -> ApiResult {
        self.accounts.remove(caller.user).ok_or_else(not_found)?;
        self.groups.forget(caller.user);
        self.storage.forget(caller.user);
        self.notifications.forget(caller.user);
        self.tokens.log_out_everywhere(caller.user, &self.clock);
        for session in self.tracker.sessions(&notifications::stream(caller.user)) {
            self.end(session, Ending::ServerSide);
        }
        empty()
    }

    pub(super) fn get_users(&mut self, call: &Call<'_>, _: Claims) -> ApiResult {
        let mut users = Vec::new();
        for id in call.query_all("ids") {
            let parsed = Uuid::parse_str(id)
                .map_err(|_| ApiError::invalid(format!("ID '{id}' is not a valid system ID.")))?;
            users.extend(self.accounts.get(UserId(parsed)));
        }
        let by_name = call
            .query_all("usernames")
            .filter_map(|name| self.accounts.by_username(name));
        users.extend(by_name);
        users.sort_by_key(|user| user.id);
        users.dedup_by_key(|user| user.id);
        let users = users.into_iter().map(|user| self.shown(user)).collect();
        answer(Users { users })
    }

    fn shown(&self, user: &User) -> api::User {
        let profile = user.profile.clone();
        api::User {
            id: user.id.to_string(),
            username: user.username.clone(),
            display_name: profile.display_name,
            avatar_url: profile.avatar_url,
            lang_tag: profile.lang_tag,
            location: profile.location,
            timezone: profile.timezone,
            metadata: "{}".to_owned(),
            online: self.tracker.exists(&status::stream(user.id)),
            create_time: Some(user.created),
            update_time: Some(user.updated),
        }
    }
}

fn not_found() -> ApiError {
    ApiError::not_found("Account not found.")
}
