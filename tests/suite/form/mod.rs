//! What the crate looks like: its sources, its documentation, and its registered types.

mod architecture;
mod kinds;
pub(crate) mod paths;
mod plain_english;
mod prelude;
mod reflection;
mod words;
