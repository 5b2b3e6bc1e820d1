//! The connection: one for each `World`.
//!
//! [`connect`](crate::commands::NakamaCommands::connect) is a command and possible at any time; it never fails on the spot. What comes of
//! it is a [`Connected`] or a [`Disconnected`] with its reason. [`ConnectionState`] is the same as a state, for run
//! conditions, `OnEnter`, `OnExit` and `DespawnOnExit`. It leaves nothing out: when the game connects anew from
//! [`Connected`](ConnectionState::Connected), that is left and entered again, however fast it goes. If several phases pass within
//! a frame, `StateTransition` runs once for each.

mod connect;
mod link;
mod state;

pub use self::{
    connect::{ConnectOptions, Connected, Disconnected, SessionRefreshed},
    state::{ConnectionState, NakamaConnection},
};
pub(crate) use self::{
    connect::{on_closed, on_opened, take_over},
    link::NetworkLink,
    state::{on_party_layout, on_round_trip},
};
pub use crate::transport::{
    BadAddress, DisconnectReason, NakamaServer, Network, ProtocolError, Secret, TransportError,
    Unreachable,
};
