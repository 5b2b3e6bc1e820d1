//! Calls with types for arguments and results.

use std::{fmt, marker::PhantomData};

use bevy_ecs::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    RpcRefusal,
    refusal::refusal_of,
    request::{Rpc, RpcReply, submit_call},
};
use crate::{
    commands::NakamaCommands,
    proto::Message,
    request::{
        Consent, Move, Outcome, Request, RequestError, RestRequest, SocketRequest, UserCall,
    },
    transport::RestResponse,
};

/// A function of the server, as the type of its argument. Both sides are JSON. (Feature `serde`.)
///
/// See the [module](crate::rpc) for an example.
pub trait RpcFunction: Serialize + 'static {
    /// Its id. Upper and lower case are the same.
    const ID: &'static str;
    /// Whether to call it over REST, see [`Rpc::over_rest`]. Default: no.
    const OVER_REST: bool = false;
    /// What it returns. `()` if it returns nothing.
    type Reply: DeserializeOwned + fmt::Debug + Send + Sync + 'static;
}

/// Calls a function of the server. Made by [`call`](NakamaCommands::call).
pub struct Call<F> {
    rpc: Rpc,
    function: PhantomData<fn() -> F>,
}

impl<F> Clone for Call<F> {
    fn clone(&self) -> Self {
        Self {
            rpc: self.rpc.clone(),
            function: PhantomData,
        }
    }
}

impl<F> fmt::Debug for Call<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Call").field(&self.rpc).finish()
    }
}

impl Rpc {
    /// The call of a function with this argument, for [`rpc`](NakamaCommands::rpc) and
    /// [`rpc_with_key`](NakamaCommands::rpc_with_key).
    #[must_use]
    pub fn of<F: RpcFunction>(argument: &F) -> Self {
        let rpc = Self::new(F::ID).json(argument);
        if F::OVER_REST { rpc.over_rest() } else { rpc }
    }
}

impl<F> crate::ecs::sealed::Sealed for Call<F> {}

impl<F: RpcFunction> Request for Call<F> {
    type Reply = F::Reply;
    type Refusal = RpcRefusal;
    const NAME: &'static str = F::ID;
}

impl<F: RpcFunction> SocketRequest for Call<F> {
    const IS_TRANSIENT: bool = true;

    fn to_message(&self) -> Message {
        self.rpc.message()
    }

    fn moves(&self) -> Option<Move> {
        Some(Move::BY_FUNCTION)
    }

    fn succeed(self, _: &mut World, consent: Consent) -> Outcome<Self> {
        decode::<F>(RpcReply::from_socket(consent.reply)?)
    }
}

impl<F: RpcFunction> RestRequest for Call<F> {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        self.rpc.user_call()
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        decode::<F>(RpcReply::from_rest(response)?)
    }

    fn refused(response: &RestResponse) -> RpcRefusal {
        refusal_of(response)
    }
}

fn decode<F: RpcFunction>(reply: RpcReply) -> Outcome<Call<F>> {
    reply.json().map_err(|error| RequestError::Undecodable {
        text: reply.payload,
        error,
    })
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Calls a function of the server. The type of the argument says which one. The answer is a
    /// [`Replied<Call<F>>`](crate::request::Replied) with what the function returned, decoded. (Feature `serde`.)
    ///
    /// See the [module](crate::rpc) for an example, and for what its errors mean.
    ///
    /// # Errors
    ///
    /// Those of [`rpc`](Self::rpc). [`Unencodable`](RequestError::Unencodable), if the argument cannot be written as JSON.
    /// [`Undecodable`](RequestError::Undecodable) with the text, if the result does not fit its type.
    pub fn call<F: RpcFunction>(self, argument: F) -> EntityCommands<'a> {
        let request = Call::<F> {
            rpc: Rpc::of(&argument),
            function: PhantomData,
        };
        self.request_with(move |world, entity| {
            submit_call(world, entity, request, |call| &call.rpc);
        })
    }
}
