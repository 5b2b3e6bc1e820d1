//! Tests without a server, without sockets and without waiting.
//!
//! A [`TestGame`] is an app with the plugin whose other end is the test: it says what the server says, sees what the game
//! sends, and the clock moves when it is told to. The whole path from the frame to the world is the real one; only the
//! socket and the thread are missing.
//!
//! ```
//! use bevy_nakama::{prelude::*, testing::*};
//!
//! let mut game = TestGame::joined("m1", &["ada", "bob"]);
//! assert_eq!(game.roster("m1"), ["ada", "bob"]);
//!
//! game.server_says(match_presences("m1", &[], &["bob"]));
//! game.update();
//! assert_eq!(game.roster("m1"), ["ada"]);
//! ```
//!
//! # Your own game
//!
//! [`TestGame::of`] takes your plugins. They may add [`NakamaPlugin`](crate::plugin::NakamaPlugin) and what it needs; what is
//! missing afterwards, the test game adds. Here the game logs in, connects and looks for a match by itself, and the test is its
//! server:
//!
//! ```
//! use bevy_app::{App, Startup};
//! use bevy_ecs::prelude::*;
//! use bevy_nakama::{prelude::*, proto::Kind, testing::*};
//!
//! fn my_game(app: &mut App) {
//!     app.add_plugins(NakamaPlugin::default())
//!         .add_systems(Startup, |mut commands: Commands| {
//!             commands.nakama().log_in(&server(), Login::device("a-device-of-ada"));
//!             commands.nakama().connect();
//!         })
//!         .add_observer(|_: On<Connected>, mut commands: Commands| {
//!             commands.nakama().add_matchmaker(AddMatchmaker::players(2, 2));
//!         })
//!         .add_observer(|matched: On<MatchmakerMatched>, mut commands: Commands| {
//!             commands.nakama().join_match(&matched.join);
//!         });
//! }
//!
//! let mut game = TestGame::of(my_game);
//! game.update();
//! game.accept_login("ada");
//! game.update();
//! game.server_accepts();
//! game.update();
//!
//! let asked = game.expect_sent(Kind::MatchmakerAdd);
//! game.answer(&asked, matchmaker_ticket("t1"));
//! game.server_says(matchmaker_matched("t1", JoinWith::Token("token".into()), &["ada", "bob"], None));
//! game.update();
//!
//! let asked = game.expect_sent(Kind::MatchJoin);
//! game.answer(&asked, match_joined("m1", &["ada", "bob"]));
//! game.update();
//! assert_eq!(game.roster("m1"), ["ada", "bob"]);
//! ```
//!
//! [`TestGame::joined_with`] and [`TestGame::connected_with`] log in and connect by themselves. Give them the plugins that have your game's
//! rules, without the system that logs in.
//!
//! # Calls over REST
//!
//! [`TestGame::answer_rest`] answers the oldest call, with a status and the JSON that Nakama would send;
//! [`TestGame::answer_rest_with`] takes it as text. The value of a storage object is a text with JSON in it:
//!
//! ```
//! use bevy_ecs::prelude::*;
//! use bevy_nakama::{prelude::*, testing::*};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Save { wins: u32 }
//!
//! #[derive(Resource)]
//! struct Wins(u32);
//!
//! let mut game = TestGame::connected();
//! game.observe(|reply: On<Replied<ReadStorage<Save>>>, mut commands: Commands| -> Result {
//!     if let Some(object) = reply.result()?.first() {
//!         commands.insert_resource(Wins(object.value()?.wins));
//!     }
//!     Ok(())
//! });
//! game.commands(|commands| {
//!     commands.nakama().read_storage::<Save>(ReadStorage::new("saves", "slot-1"));
//! });
//! game.update();
//! let saved = r#"{"objects": [{"collection": "saves", "key": "slot-1", "value": "{\"wins\": 4}"}]}"#;
//! game.answer_rest_with(200, saved);
//! game.update();
//! assert_eq!(game.app.world().resource::<Wins>().0, 4);
//! ```

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

mod game;
#[cfg(feature = "__testing")]
pub(crate) mod line;
mod look;
mod memory;
mod says;
mod server;
mod wire;

#[cfg(feature = "__testing")]
pub(crate) use self::says::forge_token;
pub use self::{
    game::{FRAME, TestGame},
    says::{
        chat_joined, chat_message, chat_presences, followed, match_data_sent, match_joined,
        match_presences, matchmaker_matched, matchmaker_ticket, notification_sent, party_closed,
        party_data, party_join_request, party_joined, party_leader, party_matchmaker_ticket,
        party_presences, room_id, server, session_of, status_presences, stream_data,
        stream_presences, user_presence,
    },
};
