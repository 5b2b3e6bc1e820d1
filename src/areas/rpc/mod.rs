//! Remote functions (RPC): calling code of your game that runs on the server.
//!
//! A function has an id, takes a text and returns a text. You can call it in three ways:
//!
//! | call | needs | the function sees | limits |
//! |---|---|---|---|
//! | over the socket: [`rpc`](NakamaCommands::rpc), `call` | a connection | user and session | the whole envelope is at most 4096 bytes, by default; later requests of the socket wait for it |
//! | over REST: the same, with [`Rpc::over_rest`] or `RpcFunction::OVER_REST` | a login | the user, no session | what the server takes; 16 MiB for the answer |
//! | with the HTTP key: [`rpc_with_key`](NakamaCommands::rpc_with_key) | the key; no connection and no login | no user | the same |
//!
//! So call a function over the socket if it joins streams or needs the caller's session. Call it over REST if its payload is large or if
//! it is slow: while it runs over the socket, the server handles nothing else of that socket. What you send meanwhile, positions for example,
//! arrives only when it has ended; see [`send`](crate::send#requests).
//!
//! With the feature `serde`, a type can be a function's argument: implement `RpcFunction` for it. Then `call` sends it as
//! JSON and decodes the result.
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::{prelude::*, rpc::Call};
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
//! caller's own session gives no answer: the request ends with the connection.
//!
//! After a [`Timeout`](RequestError::Timeout) or [`ConnectionLost`](RequestError::ConnectionLost) the function may have run. The
//! plugin cannot undo that.
//!
//! # What arrives when
//!
//! What a function sends to the caller before it returns (stream data, notifications) arrives before the answer. If it puts the caller
//! into a stream, you see that after the answer, see [`stream`](crate::stream).

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
