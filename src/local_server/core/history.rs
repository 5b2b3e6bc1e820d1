//! Messages of channels that are stored, and their list over REST.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound::{Excluded, Unbounded},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Core, channels, cursor,
    http::{ApiError, ApiResult, Call, answer},
    ids::UserId,
    json,
    presence::{Mode, Stream},
    tokens::Claims,
};
use crate::proto::{
    Timestamp,
    api::{ChannelMessage, ChannelMessageList},
};

/// Stored messages, in the order they came in.
#[derive(Default)]
pub(super) struct History {
    by_channel: HashMap<Stream, BTreeMap<u64, ChannelMessage>>,
    by_id: HashMap<Uuid, (Stream, u64)>,
    last_position: u64,
}

#[derive(Debug)]
pub(super) enum HistoryError {
    /// There is no such message of this sender.
    NotFound,
    /// The database cannot hold the content: it has a zero character or half a surrogate pair in it.
    NotStorable,
}

impl History {
    pub(super) fn insert(
        &mut self,
        channel: &Stream,
        message: ChannelMessage,
    ) -> Result<(), HistoryError> {
        let message = as_stored(message)?;
        self.last_position += 1;
        let position = self.last_position;
        if let Ok(id) = Uuid::parse_str(&message.message_id) {
            self.by_id.insert(id, (channel.clone(), position));
        }
        let messages = self.by_channel.entry(channel.clone()).or_default();
        messages.insert(position, message);
        Ok(())
    }

    /// Replaces content and time of a message of the same sender. Its place and code stay.
    pub(super) fn update(
        &mut self,
        id: Uuid,
        new: &ChannelMessage,
    ) -> Result<ChannelMessage, HistoryError> {
        let new = as_stored(new.clone())?;
        let stored = self.own(id, &new.sender_id)?;
        stored.content = new.content;
        stored.username = new.username;
        stored.update_time = new.update_time;
        Ok(stored.clone())
    }

    pub(super) fn remove(
        &mut self,
        id: Uuid,
        sender_id: &str,
    ) -> Result<ChannelMessage, HistoryError> {
        let removed = self.own(id, sender_id)?.clone();
        if let Some((channel, position)) = self.by_id.remove(&id) {
            let messages = self.by_channel.get_mut(&channel);
            messages.and_then(|messages| messages.remove(&position));
        }
        Ok(removed)
    }

    fn own(&mut self, id: Uuid, sender_id: &str) -> Result<&mut ChannelMessage, HistoryError> {
        let place = self.by_id.get(&id).ok_or(HistoryError::NotFound)?;
        let messages = self.by_channel.get_mut(&place.0);
        messages
            .and_then(|messages| messages.get_mut(&place.1))
            .filter(|message| message.sender_id == sender_id)
            .ok_or(HistoryError::NotFound)
    }
}

/// A message as the database gives it back: its JSON re-formatted, its times cut off at the microsecond.
fn as_stored(message: ChannelMessage) -> Result<ChannelMessage, HistoryError> {
    let micros = |time: Timestamp| Timestamp {
        nanos: time.nanos - time.nanos % 1_000,
        ..time
    };
    Ok(ChannelMessage {
        content: json::jsonb(&message.content).ok_or(HistoryError::NotStorable)?,
        create_time: message.create_time.map(micros),
        update_time: message.update_time.map(micros),
        ..message
    })
}

/// Where a list goes on, and in which direction.
#[derive(Clone, Deserialize, Serialize)]
struct Cursor {
    channel: String,
    /// Of the message that the page before, or after, ends with.
    position: u64,
    /// The list is oldest first.
    forward: bool,
    /// The page after this place is meant, not the one before.
    is_next: bool,
}

impl Core {
    pub(super) fn list_messages(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let channel_id = call.argument();
        let limit = call.limit(1)?;
        let forward = call.query_bool("forward")?.unwrap_or(true);
        let channel = channels::stream_of(channel_id)
            .ok_or_else(|| ApiError::invalid("Invalid channel ID."))?;
        let canonical_id = channels::id_of(&channel);
        let invalid = || ApiError::invalid("Cursor is invalid or expired.");
        let incoming: Option<Cursor> = call.cursor("cursor", invalid())?;
        let is_of_another =
            |cursor: &Cursor| cursor.channel != canonical_id || cursor.forward != forward;
        if incoming.as_ref().is_some_and(is_of_another) {
            return Err(invalid());
        }
        self.may_read(&channel, caller.user)?;
        let start = Cursor {
            channel: canonical_id,
            position: if forward { 0 } else { u64::MAX },
            forward,
            is_next: true,
        };
        answer(
            self.history
                .page(&channel, start, incoming, limit, channel_id),
        )
    }

    fn may_read(&self, channel: &Stream, user: UserId) -> Result<(), ApiError> {
        let is_for = [channel.subject, channel.subcontext].map(UserId);
        match channel.mode {
            Mode::GROUP if !self.groups.is_member(channel.subject, user) => {
                Err(ApiError::invalid("Group not found."))
            }
            Mode::DIRECT if !is_for.contains(&user) => Err(ApiError::invalid("Channel not found.")),
            _ => Ok(()),
        }
    }
}

impl History {
    /// The page after a place in a channel, or before it. Without one, the first page.
    fn page(
        &self,
        channel: &Stream,
        start: Cursor,
        incoming: Option<Cursor>,
        limit: usize,
        channel_id: &str,
    ) -> ChannelMessageList {
        let at = incoming.as_ref().unwrap_or(&start);
        let (mut page, is_more) = self.messages_from(channel, at, limit);
        let cursor_at = |end: Option<&(u64, _)>, forward: bool, is_next: bool| {
            end.map(|(position, _)| Cursor {
                position: *position,
                forward,
                is_next,
                ..start.clone()
            })
        };
        // Beyond the far end there is more if there was one too many; beyond the near end there is what we come from.
        let far = page.last().filter(|_| is_more);
        let near = page.first().filter(|_| incoming.is_some());
        let far = cursor_at(far, at.forward, at.is_next);
        let near = cursor_at(near, at.forward, !at.is_next);
        let (next, previous) = if at.is_next {
            (far, near)
        } else {
            page.reverse();
            (near, far)
        };
        let cacheable = cursor_at(page.last(), true, true).or_else(|| {
            incoming.map(|cursor| Cursor {
                is_next: cursor.is_next || !cursor.forward,
                forward: true,
                ..cursor
            })
        });
        let text =
            |cursor: Option<Cursor>| cursor.as_ref().map_or_else(String::new, cursor::encode);
        let message = |(_, message): (u64, &ChannelMessage)| ChannelMessage {
            channel_id: channel_id.to_owned(),
            ..message.clone()
        };
        ChannelMessageList {
            messages: page.into_iter().map(message).collect(),
            next_cursor: text(next),
            prev_cursor: text(previous),
            cacheable_cursor: text(cacheable),
        }
    }

    /// So many messages beyond a place, away from it, and whether there are more.
    fn messages_from(
        &self,
        channel: &Stream,
        at: &Cursor,
        limit: usize,
    ) -> (Vec<(u64, &ChannelMessage)>, bool) {
        let Some(messages) = self.by_channel.get(channel) else {
            return (Vec::new(), false);
        };
        let entry = |(position, message): (&u64, _)| (*position, message);
        let mut page: Vec<_> = if at.forward == at.is_next {
            let later = messages.range((Excluded(at.position), Unbounded));
            later.take(limit + 1).map(entry).collect()
        } else {
            let earlier = messages.range(..at.position).rev();
            earlier.take(limit + 1).map(entry).collect()
        };
        let is_more = page.len() > limit;
        page.truncate(limit);
        (page, is_more)
    }
}
