//! Dividing what is too much for one message.

use std::{
    collections::{VecDeque, vec_deque},
    iter::{Chain, Once, once},
};

use bevy_ecs::prelude::*;
use prost::encoding::{encoded_len_varint, key_len};

use crate::{connection::NetworkLink, proto::Kind};

/// One or more parts of something, in order.
#[derive(Debug)]
pub(crate) struct Parts<T> {
    pub(super) first: T,
    pub(super) rest: VecDeque<T>,
}

impl<T> Parts<T> {
    /// All of it in one.
    pub(crate) fn one(all: T) -> Self {
        Self {
            first: all,
            rest: VecDeque::new(),
        }
    }

    pub(crate) fn map<U>(self, mut to: impl FnMut(T) -> U) -> Parts<U> {
        Parts {
            first: to(self.first),
            rest: self.rest.into_iter().map(to).collect(),
        }
    }

    fn last_mut(&mut self) -> &mut T {
        self.rest.back_mut().unwrap_or(&mut self.first)
    }
}

impl<T> IntoIterator for Parts<T> {
    type Item = T;
    type IntoIter = Chain<Once<T>, vec_deque::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        once(self.first).chain(self.rest)
    }
}

/// Divides a list into as few lists as it takes, each of at most `room` bytes. What is too large by itself is alone.
pub(crate) fn in_parts<T>(all: Vec<T>, room: usize, size: impl Fn(&T) -> usize) -> Parts<Vec<T>> {
    let mut parts = Parts::one(Vec::new());
    let mut used = 0;
    for item in all {
        let size = size(&item);
        if used + size > room && used > 0 {
            parts.rest.push_back(Vec::new());
            used = 0;
        }
        used += size;
        parts.last_mut().push(item);
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
