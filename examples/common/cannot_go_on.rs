//! For examples that do not go on after a loss of the connection.

use bevy::prelude::*;
use bevy_nakama::healing::ConnectionLost;

use crate::common::Player;

/// For players who have something that does not come back with the connection: what is said meanwhile is gone.
pub(crate) fn cannot_go_on(lost: On<ConnectionLost>, mut player: ResMut<Player>) {
    let cause = &lost.cause;
    player.problem = Some(format!("has missed what happened meanwhile: {cause}"));
}
