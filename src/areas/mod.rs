//! The areas of the protocol. Each is a plugin with its components, requests and handlers; none knows another.

pub mod account;
pub mod chat;
pub mod matches;
pub mod matchmaker;
pub mod notification;
pub mod party;
pub mod rpc;
pub mod status;
pub mod storage;
pub mod stream;

use bevy_app::{App, Plugin};

/// All areas that take in what the server sends, or live with the connection.
pub(crate) struct AreasPlugin;

impl Plugin for AreasPlugin {
    fn build(&self, app: &mut App) {
        // After a loss of the connection, the local user enters everything again in this order: first what others see, then with whom they
        // talk, then where they play. A ticket comes after the party that it may belong to.
        app.add_plugins((
            status::StatusPlugin,
            chat::ChatPlugin,
            party::PartyPlugin,
            matches::MatchesPlugin,
            matchmaker::MatchmakerPlugin,
            notification::NotificationPlugin,
            stream::StreamPlugin,
        ));
    }
}
