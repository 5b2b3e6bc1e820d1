//! Settings.

mod extremes_are_no_harm;
mod settings_that_are_there_are_kept;
