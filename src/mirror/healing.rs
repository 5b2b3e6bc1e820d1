//! What happens when the connection is lost.

pub use super::{
    news::Reentered,
    reentry::{LastReentry, LossReason, ReentryOutcome, ReentryPolicy, Stale},
};
pub use crate::connection::{
    ConnectionLost, LoginNeeded, ReconnectStep, Reconnecting, Transition, TransitionKind,
};
