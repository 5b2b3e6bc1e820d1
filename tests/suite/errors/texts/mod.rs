//! What errors say: what happened, where and why, in one line. Lists of what goes in and which text comes out.

mod addresses;
mod ends_of_connections;
mod requests_that_fail;
mod servers_that_cannot_be_reached;

use std::error::Error;

use bevy::prelude::*;
use bevy_nakama::prelude::*;

/// The text of an error. It is one line, and no cause repeats a part of it.
fn text(error: &dyn Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?} is more than a line");
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let again = deeper.to_string();
        assert!(!text.contains(&again), "{text:?} and then {again:?}");
        cause = deeper.source();
    }
    text
}
