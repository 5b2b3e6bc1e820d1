//! Sessions: who is logged in, and where.
//!
//! A [login](crate::account) brings a [`NakamaSession`] and puts it in place: from then on it is the [`CurrentSession`]. REST calls are
//! made with the session in place, and [`connect`](crate::commands::NakamaCommands::connect) opens a socket for it. There is one in
//! each `World`, or none. It stays in place when the connection ends.

mod current;
mod tokens;

use bevy_app::{App, Plugin};

pub use self::{
    current::{CurrentSession, SessionRefreshed},
    tokens::{InvalidToken, NakamaSession},
};
pub(crate) use self::{
    current::{Tenure, take_over},
    tokens::{read_session, refresh_call},
};

/// The session in place.
pub(crate) struct SessionPlugin;

impl Plugin for SessionPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<CurrentSession>();
    }
}
