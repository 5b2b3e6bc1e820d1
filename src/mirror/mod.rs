//! What all areas share: the entities of what the local user is in, and who is in it.

mod absence;
mod context;
mod dispatch;
pub(crate) mod early;
mod enter;
mod ghosts;
pub mod healing;
mod ids;
mod index;
mod lead;
mod leave;
mod leavers;
mod life;
mod member;
mod news;
mod own_ghosts;
mod own_session;
mod passing_on;
pub mod presence;
pub(crate) mod receive;
mod reconcile;
mod reentry;
mod returning;
mod roster;
mod snapshot;
mod suspects;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::*;

pub use self::{
    context::{Context, HasMembers, Leavable},
    index::{ContextId, ContextIndex},
    leave::Leave,
};
pub(crate) use self::{
    context::{Entry, Vocabulary, id_of, is_in},
    dispatch::{AreaAppExt, Handlers, dispatch, on_pushed},
    early::{Timing, WaitsFor},
    enter::{
        ask_about, ask_to_join, become_context, become_known, context_of, enter, find_again,
        on_presences, refuse_for, wait_for_answer,
    },
    ghosts::{speaks, user_speaks},
    index::sealed,
    lead::{LeaderSession, is_led_by_ghost, is_led_by_self},
    leave::{
        ask_to_leave, clear, joins_no_more, leave_entered, leave_taken, leave_unwanted,
        on_join_answered, remove, send_leave, take_unwanted,
    },
    life::{LifeCycle, NOTHING},
    member::{Detail, Membership},
    own_ghosts::{OwnGhostEnded, OwnGhosts, is_own_ghost, time_for_own_ghosts},
    own_session::{is_own_user, set_own_session},
    reconcile::{MembersChanged, all_go, is_change, is_kick, note_kicked},
    reentry::{
        Item, Reentering, Reentry, ask, ask_joining, ask_later, ask_no_more, ask_sooner,
        becomes_stale, default_policy, is_lost, is_restored, is_within_return_window, make_stale,
        never_came, policy, reenter, rename, stale_contexts, time_since_reopened,
    },
    returning::{LastReentry, LossReason, ReentryOutcome, ReentryPolicy},
    snapshot::{all_missing_leave, apply_snapshot, keep_other_devices},
};
use self::{
    early::EarlyArrivals,
    life::LifeCycles,
    presence::{
        ChannelId, IsSelf, JoinedAs, Joining, MatchId, PartyId, Presence, PresenceIndex, SessionId,
        UserId, Username,
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
            .init_resource::<Reentry>()
            .init_resource::<OwnGhosts>()
            .register_type::<(healing::Stale, ReentryPolicy)>()
            .register_type::<(healing::MaybeGhost, healing::AdoptReconnecting)>()
            .register_type::<(UserId, SessionId, Username, MatchId, PartyId, ChannelId)>()
            .register_type::<(Presence, PresenceIndex, IsSelf, JoinedAs, Joining)>()
            .add_systems(PreUpdate, receive.in_set(NakamaSystems::Receive));
    }
}
