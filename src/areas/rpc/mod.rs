//! Calling functions of the game that run on the server.
//!
//! A function has an id, takes a text and returns a text. There are three ways to it:
//!
//! | | needs | the function sees | limits |
//! |---|---|---|---|
//! | over the socket: [`rpc`](NakamaCommands::rpc), `call` | a connection | user and session | the whole envelope is at most 4096 bytes by default; all later requests of the socket wait for it |
//! | over REST: the same, with [`Rpc::over_rest`] or `RpcFunction::OVER_REST` | a connection | the user, no session | what the server takes; 16 MiB for the answer |
//! | with the HTTP key: [`rpc_with_key`](NakamaCommands::rpc_with_key) | the key, no connection and no login | nobody | the same |
//!
//! So call a function over the socket if it joins streams or needs the caller's session, and over REST if it is large or slow.
//!
//! With the feature `serde`, a type can be a function's argument: implement `RpcFunction` for it. Then `call` sends it as
//! JSON and decodes the result.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize)]
//! struct Greet {
//!     name: String,
//! }
//!
//! #[derive(Debug, Deserialize)]
//! struct Greeting {
//!     text: String,
//! }
//!
//! impl RpcFunction for Greet {
//!     const ID: &'static str = "greet";
//!     type Reply = Greeting;
//! }
//!
//! fn greet(_: On<Connected>, mut commands: Commands) {
//!     commands.nakama().call(Greet { name: "Ada".into() }).observe(
//!         |reply: On<Replied<Call<Greet>>>| match &reply.result {
//!             Ok(greeting) => println!("{}", greeting.text),
//!             Err(RequestError::Refused(RpcRefusal::Failed(why))) => println!("it says: {}", why.message),
//!             Err(error) => println!("{error}"),
//!         },
//!     );
//!     commands.nakama().rpc(Rpc::new("ping")).observe(
//!         |reply: On<Replied<Rpc>>| if let Ok(reply) = &reply.result {
//!             println!("{}", reply.payload);
//!         },
//!     );
//! }
//! ```
//!
//! # When a function fails
//!
//! You get a [`RpcRefusal::Failed`] with the text that the function gave. Its code comes over REST only. A function that ends the
//! caller's own session gives no answer: the request ends with the connection. What a function sends to the caller before it
//! returns (stream data, notifications) arrives before the answer. If it put the caller into a stream, that shows after the answer,
//! see [`stream`](crate::stream).
//!
//! After a [`Timeout`](RequestError::Timeout) or [`ConnectionLost`](RequestError::ConnectionLost) the function may have run. The
//! plugin cannot undo that.

mod refusal;
mod request;
#[cfg(feature = "serde")]
mod typed;
mod with_key;

#[cfg(feature = "serde")]
pub use self::typed::{Call, RpcFunction};
pub use self::{
    refusal::{RpcFailure, RpcRefusal},
    request::{Rpc, RpcReply},
    with_key::RpcWithKey,
};
#[cfg(doc)]
use crate::{commands::NakamaCommands, request::RequestError};
