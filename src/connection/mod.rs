//! The connection: one for each `World`.
//!
//! [`connect`](crate::commands::NakamaCommands::connect) opens a socket as the user who is logged in. It is possible at any time and never
//! fails on the spot. Its outcome is a [`Connected`], or a [`Disconnected`] with a reason.
//!
//! [`SessionState`] is the same as a state, for `OnEnter`, `OnExit` and `DespawnOnExit`. [`ConnectionState`] has every phase, for run
//! conditions and displays. It leaves nothing out: when you connect anew from [`Connected`](ConnectionState::Connected), the game leaves
//! that state and enters it again, however fast it goes. If several phases pass within a frame, `StateTransition` runs once for each.
//!
//! A connection that is lost comes back by itself, see [healing](crate::healing). [`Disconnected`] means that the plugin tries no more.
//!
//! # What to do at the end
//!
//! | [`DisconnectReason`] | What to do |
//! |---|---|
//! | [`Requested`](DisconnectReason::Requested) | Nothing: you have asked for it. |
//! | [`SessionEnded`](DisconnectReason::SessionEnded), [`NotLoggedIn`](DisconnectReason::NotLoggedIn), [`Refused`](DisconnectReason::Refused) with 401 | Log in again, then connect. |
//! | [`LoginFailed`](DisconnectReason::LoginFailed) | Look at `Replied<LogIn>`: if the server has refused the login, ask the player; otherwise log in again after some seconds. [`Login::retry`](crate::account::Login::retry) does that by itself. |
//! | [`OtherUser`](DisconnectReason::OtherUser) | Connect as that user, if that is what the player wants. |
//! | [`BadAddress`](DisconnectReason::BadAddress), [`Banned`](DisconnectReason::Banned), [`Replaced`](DisconnectReason::Replaced) | Tell the player. To try again does not help. |
//! | [`Protocol`](DisconnectReason::Protocol), [`NetworkThread`](DisconnectReason::NetworkThread) | A fault: the log has more. Connect again. |
//! | every other | It [heals](DisconnectReason::heals), so it ends a connection only if that was the first try, or if your game has turned healing off. Connect again after some seconds. |
//!
//! [`restore_or_log_in`](crate::commands::NakamaCommands::restore_or_log_in) and `connect`, one after the other, are right for all of them: the
//! login is made only if it is needed.

mod attempt;
mod connect;
mod healing;
mod link;
mod next_step;
mod opening;
mod options;
mod reconnecting;
mod state;

use bevy_app::{App, Plugin, PostUpdate, PreUpdate};
use bevy_ecs::prelude::*;
use bevy_state::{app::AppExtStates as _, state::State};

use self::link::take_waker;
pub use self::{
    connect::{Connected, Disconnected},
    healing::{ConnectionLost, LoginNeeded},
    options::ConnectOptions,
    reconnecting::{ReconnectStep, Reconnecting, Transition, TransitionKind},
    state::{ConnectionState, NakamaConnection, SessionState},
};
pub(crate) use self::{
    connect::{on_closed, on_opened, on_resumed},
    healing::{
        begin_renewal, need_login, on_due, on_lost, on_renewed, on_reopened, on_waiting,
        takes_hurry, tell_lost,
    },
    link::{NetworkLink, forget_waiting_data, hand_over},
    next_step::{NextStep, give_up, postpone},
    opening::{fulfil_wish, next_step, on_login_failed, on_missed, open, renews, tries_again},
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
