//! What all areas share: the entities of what the local user is in, and who is in it.

mod context;
mod dispatch;
pub(crate) mod early;
mod life;
pub mod presence;
pub(crate) mod receive;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::*;

pub use self::context::{Context, ContextIndex, ContextVocabulary};
pub(crate) use self::{
    context::*,
    dispatch::{Handlers, HandlersAppExt, Timing, dispatch, on_pushed},
    early::WaitsFor,
    life::{LifeCycle, LifeCycleAppExt},
};
use self::{
    early::EarlyArrivals,
    life::LifeCycles,
    presence::{
        ChannelId, IsSelf, JoinedAs, Joining, MatchId, PartyId, PresenceIndex, SessionId, UserId,
        Username,
    },
    receive::{BudgetClock, ReceiveStats, receive},
};
use crate::ecs::NakamaSystems;

/// Receives what arrives, and mirrors who is where.
pub(crate) struct MirrorPlugin;

impl Plugin for MirrorPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Handlers>()
            .init_resource::<LifeCycles>()
            .init_resource::<PresenceIndex>()
            .init_resource::<EarlyArrivals>()
            .init_resource::<BudgetClock>()
            .init_resource::<ReceiveStats>()
            .register_type::<(UserId, SessionId, Username, MatchId, PartyId, ChannelId)>()
            .register_type::<(IsSelf, JoinedAs, Joining)>()
            .add_systems(PreUpdate, receive.in_set(NakamaSystems::Receive));
    }
}
