//! What all areas share: the entities of what the local user is in, and who is in it.

mod context;
pub(crate) mod early;
pub mod presence;
pub(crate) mod receive;

pub use self::context::{Context, ContextIndex, ContextVocabulary};
pub(crate) use self::{context::*, early::hold};
