//! The connection: one for each `World`.
//!
//! [`connect`](crate::commands::NakamaCommands::connect) opens a socket as the user who is logged in. It is possible at any time and never
//! fails on the spot. Its outcome is a [`Connected`], or a [`Disconnected`] with a reason.
//!
//! [`SessionState`] is the same as a state, for `OnEnter`, `OnExit` and `DespawnOnExit`. [`ConnectionState`] has every phase, for run
//! conditions and displays. It leaves nothing out: when you connect anew from [`Connected`](ConnectionState::Connected), the game leaves
//! that state and enters it again, however fast it goes. If several phases pass within a frame, `StateTransition` runs once for each.
//!
//! # What to do at the end
//!
//! | [`DisconnectReason`] | What to do |
//! |---|---|
//! | [`Requested`](DisconnectReason::Requested) | Nothing: you have asked for it. |
//! | [`Unreachable`](DisconnectReason::Unreachable), [`Lost`](DisconnectReason::Lost), [`Silent`](DisconnectReason::Silent), [`ClosedByServer`](DisconnectReason::ClosedByServer), [`OutgoingQueueFull`](DisconnectReason::OutgoingQueueFull), [`RefreshFailed`](DisconnectReason::RefreshFailed), [`Overflow`](DisconnectReason::Overflow), [`Protocol`](DisconnectReason::Protocol), [`NetworkThread`](DisconnectReason::NetworkThread) | Connect again after some seconds. |
//! | [`SessionEnded`](DisconnectReason::SessionEnded), [`NotLoggedIn`](DisconnectReason::NotLoggedIn), [`Refused`](DisconnectReason::Refused) | Log in again, then connect. |
//! | [`LoginFailed`](DisconnectReason::LoginFailed) | Look at `Replied<LogIn>`: if the server has refused the login, ask the player; otherwise log in again after some seconds. |
//! | [`BadAddress`](DisconnectReason::BadAddress), [`Banned`](DisconnectReason::Banned), [`Replaced`](DisconnectReason::Replaced) | Tell the player. To try again does not help. |
//!
//! [`restore_or_log_in`](crate::commands::NakamaCommands::restore_or_log_in) and `connect`, one after the other, are right for the second and
//! the third row: the login is made only if it is needed. The [manual](crate#when-the-connection-is-lost) has the code.

mod attempt;
mod connect;
mod healing;
mod link;
mod opening;
mod options;
mod state;

use bevy_app::{App, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use bevy_state::{app::AppExtStates as _, state::State};

use self::link::take_waker;
pub use self::{
    connect::{Connected, Disconnected},
    healing::{
        ConnectionLost, LoginNeeded, ReconnectStep, Reconnecting, Transition, TransitionKind,
    },
    options::ConnectOptions,
    state::{ConnectionState, NakamaConnection, SessionState},
};
pub(crate) use self::{
    connect::{on_closed, on_opened},
    healing::{
        begin_renewal, hurry, need_login, on_due, on_lost, on_renewed, on_reopened, on_resumed,
        on_waiting, own_session, postpone, tell_lost,
    },
    link::{NetworkLink, forget_waiting_data, hand_over},
    opening::{
        NextStep, give_up, next_step, on_login_failed, on_missed, open, renews, tries_again,
    },
    state::{on_party_layout, on_round_trip},
};
pub use crate::transport::{
    BadAddress, DisconnectReason, NakamaServer, Network, ProtocolError, Secret, TransportError,
    Unreachable,
};
use crate::{
    ecs::NakamaSystems,
    settings::{NakamaSettings, NakamaWaker},
};

/// The connection of a world.
pub(crate) struct ConnectionPlugin {
    network: Option<Network>,
}

impl ConnectionPlugin {
    /// Over a network thread that others use, too, or over one of its own.
    pub(crate) fn new(network: Option<Network>) -> Self {
        Self { network }
    }
}

impl Plugin for ConnectionPlugin {
    fn build(&self, app: &mut App) {
        let settings = app.world_mut().get_resource_or_init::<NakamaSettings>();
        let link = NetworkLink::new(self.network.clone(), &settings);
        app.insert_resource(link)
            .init_resource::<NakamaConnection>()
            .init_state::<ConnectionState>()
            .add_computed_state::<SessionState>()
            .register_type::<(
                NakamaConnection,
                State<ConnectionState>,
                State<SessionState>,
            )>()
            .add_systems(
                PreUpdate,
                take_waker
                    .run_if(resource_changed_or_removed::<NakamaWaker>)
                    .before(NakamaSystems::Receive),
            )
            .add_systems(
                PostUpdate,
                (
                    take_waker.run_if(resource_changed_or_removed::<NakamaWaker>),
                    hand_over,
                )
                    .chain()
                    .in_set(NakamaSystems::Send),
            );
    }
}
