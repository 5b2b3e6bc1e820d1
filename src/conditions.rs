//! Run conditions: in which situation a system of your game runs.
//!
//! | condition | runs while |
//! |---|---|
//! | [`connected`] | requests and data pass |
//! | [`in_match`] | the local user is in a match |
//! | [`in_party`] | the local user is in a party |
//! | [`has_local_player`] | the local user has a presence in a match, which is your player |
//!
//! All of them are in the prelude, and all of them are `false` without the plugin. For "online", and for what is to come and go with
//! it, use the states of the [connection](crate::connection).

use bevy_ecs::{entity_disabling::Disabled, prelude::*, query::Allow};

use crate::{
    areas::{
        matches::{Match, PresentIn},
        party::Party,
    },
    connection::NakamaConnection,
    mirror::presence::IsSelf,
};

/// Run condition: requests and data pass at this moment.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// fn look_for_parties(mut commands: Commands, keys: Res<ButtonInput<KeyCode>>) {
///     if keys.just_pressed(KeyCode::F5) {
///         commands.nakama().list_parties(ListParties::new(20));
///     }
/// }
///
/// App::new().add_systems(Update, look_for_parties.run_if(connected));
/// ```
#[must_use]
pub fn connected(connection: Option<Res<NakamaConnection>>) -> bool {
    connection.is_some_and(|connection| connection.is_connected())
}

/// Run condition: the local user is in a match. A match that the server has not answered for yet does not count.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// fn show_menu() { /* … */ }
/// fn run_match_clock() { /* … */ }
///
/// App::new().add_systems(Update, (run_match_clock.run_if(in_match), show_menu.run_if(not(in_match))));
/// ```
#[must_use]
pub fn in_match(matches: Query<(), (With<Match>, Allow<Disabled>)>) -> bool {
    !matches.is_empty()
}

/// Run condition: the local user is in a party. While the leader has not accepted the join request, the local user is not.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// fn show_members(members: Query<&Username, With<PartyMemberOf>>) { /* … */ }
///
/// App::new().add_systems(Update, show_members.run_if(in_party));
/// ```
#[must_use]
pub fn in_party(parties: Query<(), (With<Party>, Allow<Disabled>)>) -> bool {
    !parties.is_empty()
}

/// Run condition: the local user has a presence in a match, the entity with [`IsSelf`] and [`PresentIn`]. It is your player.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_nakama::prelude::*;
///
/// fn steer(mut player: Single<&mut Transform, (With<IsSelf>, With<PresentIn>)>, time: Res<Time>) {
///     player.translation.x += time.delta_secs();
/// }
///
/// App::new().add_systems(FixedUpdate, steer.run_if(has_local_player));
/// ```
#[must_use]
pub fn has_local_player(
    players: Query<(), (With<IsSelf>, With<PresentIn>, Allow<Disabled>)>,
) -> bool {
    !players.is_empty()
}
