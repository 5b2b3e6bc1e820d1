//! Any call over REST, for what the crate has no method for: leaderboards, friends, accounts, groups …
//!
//! The plugin makes a call as the user who is [logged in](crate::session::CurrentSession). It needs no socket: load a saved game before you
//! [`connect`](NakamaCommands::connect), or after the connection has ended. The call carries the session token, which lives for a minute by
//! default. When the server refuses the token, the plugin refreshes the session and makes the call once more, within the same deadline. [`SessionRefreshed`](crate::account::SessionRefreshed) brings the new tokens.
//!
//! If nobody is logged in yet and a login is under way, a call waits for the login, as [`connect`](NakamaCommands::connect) does, within
//! its own deadline. So `log_in(..)`, `connect()` and `rest(..)` may follow one another in `Startup`. If somebody is logged in already, the
//! plugin makes the call as this user at once. All of this holds for everything that goes over REST as the user: storage, lists, chat
//! history, notifications, functions.

use std::fmt;

use bevy_ecs::prelude::*;
use serde_json::Value;

use crate::{
    commands::NakamaCommands,
    error::RestError,
    request::{Outcome, RequestError, RestRequest, UserCall, instead_of, request, submit_rest},
    transport::RestResponse,
};

/// The method of a call over REST.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum RestMethod {
    Get,
    Post,
    Put,
    Delete,
}

impl RestMethod {
    /// As HTTP writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A call over REST. Made by [`rest`](NakamaCommands::rest).
#[derive(Clone)]
pub struct CallRest {
    method: RestMethod,
    path: String,
    json: Option<Value>,
}

impl fmt::Debug for CallRest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query and the body may hold anything.
        let path = self.path.split('?').next().unwrap_or_default();
        f.debug_struct("CallRest")
            .field("method", &self.method)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

/// The server's answer to a call that it did not refuse. `Debug` leaves the body out: accounts list device ids, which are as good
/// as passwords.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RestReply {
    /// HTTP status, 200 to 299.
    pub status: u16,
    /// The body; null if it is empty. Nakama leaves out what has its default value: `false`, 0, empty texts and lists.
    pub json: Value,
}

impl fmt::Debug for RestReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestReply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

request!(CallRest -> RestReply, RestError);

impl RestRequest for CallRest {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        UserCall {
            method: self.method.as_str(),
            target: self.path.clone(),
            body: self.json.as_ref().map(Value::to_string),
        }
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let json = match response.body.trim_ascii() {
            [] => Value::Null,
            body => serde_json::from_slice(body).map_err(|_| RequestError::UnexpectedReply {
                got: instead_of("no JSON", response),
            })?,
        };
        let status = response.status;
        Ok(RestReply { status, json })
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Calls the server over REST as the user who is logged in, and waits for its answer, a
    /// [`Replied<CallRest>`](crate::request::Replied). See the [module](crate::rest) for what becomes of the token.
    ///
    /// `path` is path and query from the slash on, percent-encoded, as in Nakama's API. What the call changes on the server shows in
    /// entities only if the server tells about it.
    ///
    /// ```
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// # use serde_json::json;
    /// fn rename(mut commands: Commands) {
    ///     let account = json!({ "display_name": "Ada the Great" });
    ///     commands.nakama().rest(RestMethod::Put, "/v2/account", Some(account)).observe(
    ///         |reply: On<Replied<CallRest>>| match &reply.result {
    ///             Ok(_) => println!("renamed"),
    ///             Err(RequestError::Refused(error)) => println!("{}: {}", error.status, error.message),
    ///             Err(error) => println!("{error}"),
    ///         },
    ///     );
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotLoggedIn`](RequestError::NotLoggedIn), if nobody is logged in and no login is under way, or if that login fails; the server's refusal as it is; an answer that is not JSON.
    /// [`SessionEnded`](RequestError::SessionEnded) if the server refuses the token and the session cannot be refreshed any more.
    pub fn rest(
        self,
        method: RestMethod,
        path: impl Into<String>,
        json: Option<Value>,
    ) -> EntityCommands<'a> {
        let path = path.into();
        let request = CallRest { method, path, json };
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }
}
