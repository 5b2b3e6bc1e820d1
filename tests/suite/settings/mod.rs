//! Settings.

mod extremes_are_no_harm;
mod options_name_what_differs;
mod settings_that_are_there_are_kept;
