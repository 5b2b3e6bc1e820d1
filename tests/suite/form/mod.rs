//! What the crate looks like: its sources, its documentation, and its registered types.

pub(crate) mod architecture;
mod kinds;
mod reflection;
mod words;
