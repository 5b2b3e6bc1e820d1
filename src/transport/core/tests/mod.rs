//! The core, driven by hand.

mod blocked;
mod room;
mod sending_hurts_nobody;
