//! A call, over the socket or over REST, with texts as payloads.

use std::{error::Error, fmt};

use bevy_ecs::prelude::*;
use serde::Deserialize;

use super::{RpcRefusal, refusal::refusal_of};
use crate::{
    commands::NakamaCommands,
    error::PayloadError,
    proto::{Message, api},
    request::{
        Consent, Move, Outcome, RequestError, RestRequest, SocketRequest, UserCall, expect_message,
        read_object, refuse, request, submit, submit_rest,
    },
    transport::{Received, RestResponse, path_segment},
};

/// Calls a function of the server. Mirrors `Rpc`.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use serde_json::json;
/// let plain = Rpc::new("roll").payload("2d6");
/// let with_json = Rpc::new("upload").json(&json!({ "replay": [1, 2, 3] })).over_rest();
/// ```
#[derive(Clone)]
pub struct Rpc {
    id: String,
    payload: Result<String, PayloadError>,
    over_rest: bool,
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload may hold anything.
        f.debug_struct("Rpc")
            .field("id", &self.id)
            .field("over_rest", &self.over_rest)
            .finish_non_exhaustive()
    }
}

impl Rpc {
    /// Calls the function with this id, without a payload. Upper and lower case are the same.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            payload: Ok(String::new()),
            over_rest: false,
        }
    }

    /// What the function gets: any text. An empty text is the same as no payload.
    #[must_use]
    pub fn payload(mut self, payload: impl Into<String>) -> Self {
        self.payload = Ok(payload.into());
        self
    }

    /// What the function gets: a value as JSON. If the value cannot be written as JSON, the request fails with
    /// [`Unencodable`](RequestError::Unencodable).
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, payload: &T) -> Self {
        self.payload = crate::data::json::to_string(payload);
        self
    }

    /// Calls over REST, as the user who is logged in: for what is larger than the socket takes, or slow. The function then sees
    /// the user, but no session. See [`rest`](NakamaCommands::rest) for what becomes of the token.
    #[must_use]
    pub fn over_rest(mut self) -> Self {
        self.over_rest = true;
        self
    }

    /// Why the call cannot be made.
    pub(super) fn problem(&self) -> Option<PayloadError> {
        self.payload.as_ref().err().cloned()
    }

    /// The message for the socket. An unencodable payload does not get here.
    pub(super) fn message(&self) -> Message {
        Message::Rpc(api::Rpc {
            id: self.id.clone(),
            payload: self.payload.clone().unwrap_or_default(),
            http_key: String::new(),
        })
    }

    /// The call over REST: the payload is a JSON string, or nothing.
    pub(super) fn user_call(&self) -> UserCall {
        let payload = self.payload.as_ref().ok();
        let payload = payload.filter(|payload| !payload.is_empty());
        UserCall {
            method: "POST",
            target: format!("/v2/rpc/{}", path_segment(&self.id)),
            body: payload.map(|payload| serde_json::Value::from(payload.as_str()).to_string()),
        }
    }
}

/// What a function returned.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RpcReply {
    /// Any text. Empty if the function returned nothing.
    pub payload: String,
}

impl RpcReply {
    /// The payload as a value. An empty payload counts as `null`, so it fits `()` and every `Option`.
    ///
    /// # Errors
    ///
    /// If the payload does not fit the type.
    #[cfg(feature = "serde")]
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, PayloadError> {
        let text = Some(self.payload.as_str()).filter(|payload| !payload.is_empty());
        serde_json::from_str(text.unwrap_or("null")).map_err(PayloadError::new)
    }

    pub(super) fn from_socket<E: Error>(reply: Option<Received>) -> Result<Self, RequestError<E>> {
        let (rpc, _) = expect_message!(reply, Rpc);
        Ok(Self {
            payload: rpc.payload,
        })
    }

    pub(super) fn from_rest(response: &RestResponse) -> Result<Self, RequestError<RpcRefusal>> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            payload: Option<String>,
        }
        let body: Body = read_object(response, "no payload")?;
        match body.payload {
            // A function that fails with the code 0 has the status of a success.
            None if response.is_error_of_function() => {
                Err(RequestError::Refused(refusal_of(response)))
            }
            payload => Ok(Self {
                payload: payload.unwrap_or_default(),
            }),
        }
    }
}

request!(Rpc -> RpcReply, RpcRefusal);

// A function may put the local user into a stream, and nothing says beforehand whether it does. So this request, and `Call`, let such a
// join wait for the answer.
impl SocketRequest for Rpc {
    const IS_TRANSIENT: bool = true;

    fn to_message(&self) -> Message {
        self.message()
    }

    fn moves(&self) -> Option<Move> {
        Some(Move::BY_FUNCTION)
    }

    fn succeed(self, _: &mut World, consent: Consent) -> Outcome<Self> {
        RpcReply::from_socket(consent.reply)
    }
}

impl RestRequest for Rpc {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        self.user_call()
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        RpcReply::from_rest(response)
    }

    fn refused(response: &RestResponse) -> RpcRefusal {
        refusal_of(response)
    }
}

/// Makes a request that calls a function, over the socket or over REST.
pub(super) fn submit_call<R>(world: &mut World, entity: Entity, request: R, rpc: fn(&R) -> &Rpc)
where
    R: SocketRequest + RestRequest<Call = UserCall>,
{
    let rpc = rpc(&request);
    match rpc.problem() {
        Some(error) => refuse::<R>(world, entity, RequestError::Unencodable(error)),
        None if rpc.over_rest => submit_rest(world, entity, request),
        None => submit(world, entity, request),
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Calls a function of the server: the answer is a [`Replied<Rpc>`](crate::request::Replied) with what it returned.
    ///
    /// See the [module](crate::rpc) for the other ways to call a function, and for what its errors mean.
    pub fn rpc(self, rpc: Rpc) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit_call(world, entity, rpc, |rpc| rpc))
    }
}
