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
        app.add_plugins((
            matches::MatchesPlugin,
            chat::ChatPlugin,
            matchmaker::MatchmakerPlugin,
            party::PartyPlugin,
            notification::NotificationPlugin,
            status::StatusPlugin,
            stream::StreamPlugin,
        ));
    }
}
