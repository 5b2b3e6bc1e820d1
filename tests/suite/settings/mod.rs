//! Settings.

mod extremes;
