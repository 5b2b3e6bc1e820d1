//! For examples that do not go on without an answer.

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    request::{Request, RequestError},
};

use crate::common::Player;

/// For requests that are not made again: whether the server has done it is not known.
pub(crate) fn needs<R: Request<Reply: Clone>>(reply: On<Replied<R>>, mut player: ResMut<Player>) {
    if let Err(error @ (RequestError::ConnectionLost { .. } | RequestError::NotConnected)) =
        &reply.result
    {
        player.problem = Some(format!("has no answer to {}: {error}", R::NAME));
    }
}
