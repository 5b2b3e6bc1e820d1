//! Dividing what is too much for one message.

use bevy_ecs::prelude::*;
use prost::encoding::{encoded_len_varint, key_len};

use crate::{connection::NetworkLink, proto::Kind};

/// Divides a list into as few lists as it takes, each of at most `room` bytes. What is too large by itself is alone.
pub(crate) fn in_parts<T>(all: Vec<T>, room: usize, size: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut parts = vec![Vec::new()];
    let mut used = 0;
    for one in all {
        let size = size(&one);
        if used + size > room && used > 0 {
            parts.push(Vec::new());
            used = 0;
        }
        used += size;
        if let Some(part) = parts.last_mut() {
            part.push(one);
        }
    }
    parts
}

/// What a message may have, in bytes, to fit into an envelope with any `cid`.
pub(crate) fn room(world: &World) -> usize {
    /// Key, length, and the digits of the largest id.
    const CID: usize = 2 + 20;
    let limit = world.resource::<NetworkLink>().max_envelope();
    limit.saturating_sub(CID)
}

/// What the fields of a message of this kind may have, in bytes, for the message to have at most `room`.
pub(crate) fn room_for_fields(kind: Kind, room: usize) -> usize {
    room.saturating_sub(key_len(kind.number()) + encoded_len_varint(room as u64))
}

/// The size of a text in a field with a number below 16, in bytes.
pub(crate) fn text_size(text: &str) -> usize {
    1 + encoded_len_varint(text.len() as u64) + text.len()
}
