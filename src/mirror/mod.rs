//! What all areas share: the entities of what the local user is in, and who is in it.

mod context;
pub(crate) mod early;
pub mod presence;
pub(crate) mod receive;

pub(crate) use self::context::*;
pub use self::context::{Context, ContextIndex, ContextVocabulary};
