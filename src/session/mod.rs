//! Sessions: who is logged in, and where.
//!
//! A [login](crate::account) brings a [`NakamaSession`] and puts it in place: from then on it is the [`CurrentSession`]. REST calls are
//! made with the session in place, and [`connect`](crate::commands::NakamaCommands::connect) opens a socket for it. There is one in
//! each `World`, or none. It stays in place when the connection ends.
//!
//! # Keeping it
//!
//! With a [`SessionStore`], like a [`FileSessionStore`], the plugin keeps the session in place for the next start of your game, and
//! [`restore_or_log_in`](crate::commands::NakamaCommands::restore_or_log_in) takes it up again. Games that keep sessions in their own
//! way have [`NakamaSession::to_text`] and [`NakamaSession::from_text`] (or `serde`), and
//! [`use_session`](crate::commands::NakamaCommands::use_session). In both cases the tokens are kept in the clear, and are as good as a
//! password for as long as they live.
//!
//! A session can be refreshed for as long as its refresh token lives: for an hour by default, counted from the login or the last refresh.
//! The plugin refreshes only when a call over REST or a connection needs a new token, and an open socket needs none. So a game that plays
//! over the socket alone [refreshes](crate::commands::NakamaCommands::refresh) now and then, or the kept session ends after an hour:
//!
//! ```
//! # use std::time::Duration;
//! # use bevy_app::{App, Update};
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! # use bevy_time::common_conditions::on_timer;
//! # let mut app = App::new();
//! fn refresh(mut commands: Commands) {
//!     commands.nakama().refresh();
//! }
//!
//! let now_and_then = on_timer(Duration::from_secs(20 * 60));
//! app.add_systems(Update, refresh.run_if(connected).run_if(now_and_then));
//! ```

mod current;
mod file_store;
mod store;
mod tokens;

use bevy_app::{App, Plugin};

pub use self::{
    current::{CurrentSession, SessionRefreshed},
    file_store::FileSessionStore,
    store::{SessionStore, SessionStoreError, StoredSession},
    tokens::{InvalidToken, NakamaSession},
};
pub(crate) use self::{
    current::{
        Tenure, forget_withdrawn, on_accepted, put_in_place, take_out_of_place, take_over, take_up,
    },
    store::{Store, load_stored},
    tokens::{read_session, refresh_call},
};

/// The session in place, and what keeps it.
pub(crate) struct SessionPlugin {
    store: Option<Store>,
}

impl SessionPlugin {
    pub(crate) fn new(store: Option<Store>) -> Self {
        Self { store }
    }
}

impl Plugin for SessionPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<CurrentSession>();
        if let Some(store) = &self.store {
            app.insert_resource(store.clone());
        }
    }
}
