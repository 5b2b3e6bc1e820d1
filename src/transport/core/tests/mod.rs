//! The core, driven by hand.

mod blocked;
mod coming_back;
mod line;
mod room;
mod sending_hurts_nobody;
mod silence;
mod while_away;
