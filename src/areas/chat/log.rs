//! The lines of a channel as they are now.

use std::collections::VecDeque;

use bevy_ecs::prelude::*;
use bevy_reflect::{Reflect, ReflectDeserialize, ReflectSerialize, std_traits::ReflectDefault};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::message::{ChatMessage, ChatMessageKind};
use crate::{
    mirror::presence::{MessageId, UserId},
    proto::Timestamp,
};

/// How many edits and removals are remembered, in case their line comes later.
const VERDICTS: usize = 256;

/// What was said in a channel, as it is now, oldest first. It is on every [`ChatChannel`](super::ChatChannel).
///
/// It holds the newest of the messages that have arrived or that you have
/// [fetched](crate::commands::NakamaCommands::fetch_chat_history), as many as
/// [`NakamaSettings::chat_log_lines`](crate::plugin::NakamaSettings) says. Each message is in it once. It applies the author's own edits
/// and removals: an edited line has a later [`update_time`](ChatMessage::update_time), and a removed line is gone. What happened to the
/// channel's group is a line, too, see [`ChatMessage::kind`]. The order in which all of this arrives makes no difference.
///
/// It counts as [changed](Changed) only if a line has changed. It is serialised as a list of its lines.
#[derive(Clone, Component, Debug, Default, Deserialize, Reflect, Serialize)]
#[type_path = "bevy_nakama::chat"]
#[component(clone_behavior = Ignore)]
#[reflect(opaque)]
#[reflect(Clone, Component, Debug, Default, Deserialize, Serialize)]
#[serde(from = "VecDeque<ChatMessage>", into = "VecDeque<ChatMessage>")]
pub struct ChatLog {
    /// By time, then by id.
    lines: VecDeque<ChatMessage>,
    /// Where to find a line: its time, by which they are sorted.
    times: HashMap<MessageId, Timestamp>,
    /// Oldest first.
    verdicts: VecDeque<Verdict>,
}

impl From<ChatLog> for VecDeque<ChatMessage> {
    fn from(log: ChatLog) -> Self {
        log.lines
    }
}

impl From<VecDeque<ChatMessage>> for ChatLog {
    fn from(lines: VecDeque<ChatMessage>) -> Self {
        let mut log = Self::default();
        for line in &lines {
            log.add(line, usize::MAX);
        }
        log
    }
}

/// What is to happen, or has happened, to a message of a sender. It is known by message and sender, because it must not touch the message
/// of another sender.
#[derive(Clone, Debug)]
struct Verdict {
    message_id: MessageId,
    sender_id: UserId,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Edited(ChatMessage),
    Removed,
}

impl Verdict {
    fn is_about(&self, message: &ChatMessage) -> bool {
        self.message_id == message.message_id && self.sender_id == message.sender_id
    }
}

impl ChatLog {
    /// The lines, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &ChatMessage> + ExactSizeIterator {
        self.lines.iter()
    }

    /// The line with this id.
    #[must_use]
    pub fn get(&self, message_id: &MessageId) -> Option<&ChatMessage> {
        self.position(message_id).map(|at| &self.lines[at])
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Takes in a message, live or from the history. Returns whether a line has changed.
    pub(super) fn apply(&mut self, message: &ChatMessage, limit: usize) -> bool {
        let has_changed = match message.kind {
            ChatMessageKind::Update => self.edit(message),
            ChatMessageKind::Remove => self.remove(message),
            _ => self.add(message, limit),
        };
        let too_many = self.lines.len().saturating_sub(limit);
        for line in self.lines.drain(..too_many) {
            self.times.remove(&line.message_id);
        }
        has_changed || too_many > 0
    }

    fn add(&mut self, line: &ChatMessage, limit: usize) -> bool {
        if let Some(at) = self.position(&line.message_id) {
            return self.merge(at, line);
        }
        let verdict = self.verdicts.iter().position(|it| it.is_about(line));
        if verdict.is_some_and(|at| matches!(self.verdicts[at].what, What::Removed)) {
            return false;
        }
        let place = self.place(line.create_time, &line.message_id);
        if place == 0 && self.lines.len() >= limit {
            return false; // older than all that there is room for
        }
        let mut line = line.clone();
        if let Some(Verdict {
            what: What::Edited(edit),
            ..
        }) = verdict.and_then(|at| self.verdicts.remove(at))
        {
            line.take_newer(&edit);
        }
        self.insert(place, line);
        true
    }

    /// The same message again: live and from the history, or twice from the history.
    fn merge(&mut self, at: usize, again: &ChatMessage) -> bool {
        let line = &mut self.lines[at];
        if line.sender_id != again.sender_id {
            return false;
        }
        let is_newer = line.take_newer(again);
        // The history cuts times off, so the later one is the true one.
        let is_truer = again.create_time > line.create_time;
        if is_truer && let Some(mut line) = self.lines.remove(at) {
            line.create_time = again.create_time;
            let place = self.place(line.create_time, &line.message_id);
            self.insert(place, line);
        }
        is_newer || is_truer
    }

    fn edit(&mut self, edit: &ChatMessage) -> bool {
        if let Some(at) = self.position(&edit.message_id) {
            let line = &mut self.lines[at];
            return line.sender_id == edit.sender_id && line.take_newer(edit);
        }
        match self.verdicts.iter_mut().find(|it| it.is_about(edit)) {
            Some(Verdict {
                what: What::Edited(earlier),
                ..
            }) => {
                earlier.take_newer(edit);
            }
            Some(_) => {}
            None => self.remember(edit, What::Edited(edit.clone())),
        }
        false
    }

    fn remove(&mut self, removal: &ChatMessage) -> bool {
        let at = self.position(&removal.message_id);
        if at.is_some_and(|at| self.lines[at].sender_id != removal.sender_id) {
            return false;
        }
        match self.verdicts.iter_mut().find(|it| it.is_about(removal)) {
            Some(verdict) => verdict.what = What::Removed,
            None => self.remember(removal, What::Removed),
        }
        let removed = at.and_then(|at| self.lines.remove(at));
        if let Some(line) = &removed {
            self.times.remove(&line.message_id);
        }
        removed.is_some()
    }

    fn remember(&mut self, message: &ChatMessage, what: What) {
        if self.verdicts.len() == VERDICTS {
            self.verdicts.pop_front();
        }
        self.verdicts.push_back(Verdict {
            message_id: message.message_id.clone(),
            sender_id: message.sender_id.clone(),
            what,
        });
    }

    fn insert(&mut self, place: usize, line: ChatMessage) {
        self.times.insert(line.message_id.clone(), line.create_time);
        self.lines.insert(place, line);
    }

    /// Where a line belongs.
    fn place(&self, time: Timestamp, id: &MessageId) -> usize {
        self.lines
            .partition_point(|line| (line.create_time, &line.message_id) < (time, id))
    }

    /// Where a line is.
    fn position(&self, id: &MessageId) -> Option<usize> {
        let time = *self.times.get(id)?;
        let at = self.place(time, id);
        (self.lines.get(at)?.message_id == *id).then_some(at)
    }
}

impl ChatMessage {
    /// Takes over what another version of the same message says, if that is newer. If two versions are of the same moment, it does not
    /// matter which is taken, as long as it is always the same.
    fn take_newer(&mut self, other: &Self) -> bool {
        let is_newer = (other.update_time, &*other.json) > (self.update_time, &*self.json);
        if is_newer {
            self.update_time = other.update_time;
            self.json = other.json.clone();
            self.username = other.username.clone();
        }
        is_newer
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::api;

    fn message(kind: ChatMessageKind, id: u8, sender: u8, written: i32, now: i32) -> ChatMessage {
        let time = |nanos| Some(Timestamp { seconds: 9, nanos });
        let message = api::ChannelMessage {
            message_id: format!("m{id}"),
            code: Some(kind.code()),
            sender_id: format!("u{sender}"),
            username: format!("name {now}"),
            content: format!("{{\"n\":{now}}}"),
            create_time: time(written),
            update_time: time(now),
            ..Default::default()
        };
        ChatMessage::new(message, None)
    }

    /// As the database gives it back.
    fn stored(mut message: ChatMessage) -> ChatMessage {
        for time in [&mut message.create_time, &mut message.update_time] {
            time.nanos -= time.nanos % 1_000;
        }
        message.kind = ChatMessageKind::Chat;
        message.json = message.json.replace(':', ": ").into();
        message
    }

    /// Message `id` is written by user `id % 2`, in one of two microseconds; edits come later, of anybody.
    fn arrivals() -> impl Strategy<Value = Vec<ChatMessage>> {
        let one = (0u8..4, 0u8..2, 1i32..4, 0u8..6).prop_map(|(id, sender, now, what)| {
            let author = id % 2;
            let written = 1_000 * i32::from(id / 2) + 700 - 100 * i32::from(id);
            let edited = |sender| {
                let now = 10_000 * now + 500;
                message(ChatMessageKind::Update, id, sender, written, now)
            };
            let line = message(ChatMessageKind::Chat, id, author, written, written);
            match what {
                0 => line,
                1 => stored(line),
                2 | 3 => edited(sender),
                4 => stored(edited(author)),
                _ => message(ChatMessageKind::Remove, id, sender, written, written),
            }
        });
        prop::collection::vec(one, 0..24)
    }

    fn log_of(arrivals: &[ChatMessage], limit: usize) -> ChatLog {
        let mut log = ChatLog::default();
        for message in arrivals {
            let before: Vec<_> = log.iter().cloned().collect();
            let has_changed = log.apply(message, limit);
            assert_eq!(has_changed, !log.iter().eq(&before));
            assert!(log.len() <= limit && log.times.len() == log.len());
            assert!(
                log.iter()
                    .all(|line| log.get(&line.message_id) == Some(line))
            );
        }
        log
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_makes_no_difference(
            (one, other) in arrivals().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
        ) {
            let (one, other) = (log_of(&one, 100), log_of(&other, 100));
            prop_assert!(one.iter().eq(other.iter()), "{one:?}\n{other:?}");
            prop_assert!(one.iter().is_sorted_by_key(|line| (line.create_time, &line.message_id)));
        }

        #[test]
        fn the_bound_holds_whatever_arrives(all in arrivals(), limit in 0usize..4) {
            log_of(&all, limit);
        }
    }
}
