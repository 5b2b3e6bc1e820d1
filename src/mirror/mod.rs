//! What all areas share: the entities of what the local user is in, and who is in it.

mod context;
pub(crate) mod early;
mod enter;
mod ids;
mod index;
mod leave;
pub mod presence;
pub(crate) mod receive;
mod reconcile;
mod roster;

pub use self::{
    context::Context,
    index::{ContextId, ContextIndex},
    leave::Leave,
};
pub(crate) use self::{
    context::{Vocabulary, id_of},
    early::hold,
    enter::{
        Entry, ask_about, ask_to_join, become_context, become_known, context_of, enter, find_again,
        hold_for_answer, is_ahead_of_answer, on_presences, refuse_for,
    },
    index::sealed,
    leave::{
        ask_to_leave, clear, leave_taken, leave_unwanted, on_join_answered, remove, send_leave,
    },
    reconcile::{
        Detail, Membership, apply_snapshot, forget_own_session, is_change, is_own_user,
        set_own_session,
    },
};
