//! What was said while the connection was lost: it comes from the history.

use std::{collections::VecDeque, mem, time::Duration};

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_reflect::{Reflect, ReflectDeserialize, ReflectSerialize};
use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::{
    ChatChannel, ChatIndex, ChatLog, ChatMessage, ChatMessageKind,
    history::{ChatHistory, ChatHistoryPage, ChatHistoryRefusal, history_call, read_page},
    take_in, take_in_live,
};
use crate::{
    mirror::{
        self, Item, id_of,
        presence::{ChannelId, MessageId},
    },
    proto::{Timestamp, api},
    request::{
        Outcome, Replied, RequestError, RestRequest, UserCall, is_connection_logged_in, request,
        submit_rest,
    },
    settings::NakamaSettings,
    transport::RestResponse,
};

/// The stored message of a channel that your game has seen last, live or from the history. A component of the channel, read only. After a
/// loss of the connection, the plugin goes on from there. Until there is one, it goes on from 60 s before the loss; so who has just entered a
/// room again may get lines once more that they heard when they were in it before.
#[derive(Clone, Component, Debug, Deserialize, Eq, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::chat"]
#[component(clone_behavior = Ignore)]
#[reflect(opaque)]
#[reflect(Clone, Component, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChatLastSeen {
    /// Its id.
    pub message_id: MessageId,
    /// When it was written.
    pub create_time: Timestamp,
}

/// The connection was lost and is back, and some of what was said meanwhile in a channel is missing: it was more than
/// [`NakamaSettings::chat_fill`](crate::plugin::NakamaSettings::chat_fill) lines, or the server did not show the history. It is an event of
/// the channel's entity, right before the lines that are there.
///
/// To show it, draw a mark below the line [`after`](Self::after). To fill it, fetch the history until that line is there:
///
/// ```no_run
/// # use bevy::prelude::*;
/// # use bevy_nakama::prelude::*;
/// # use bevy_nakama::chat::ChatGap;
/// /// On a channel: below this line, lines are missing.
/// #[derive(Component)]
/// struct MissingBelow(MessageId);
///
/// fn mark(gap: On<ChatGap>, mut commands: Commands) {
///     if let Some(line) = gap.after.clone() {
///         commands.entity(gap.channel).insert(MissingBelow(line));
///     }
/// }
/// # App::new().add_observer(mark);
/// ```
#[derive(Clone, Debug, EntityEvent)]
#[non_exhaustive]
pub struct ChatGap {
    /// The channel.
    #[event_target]
    pub channel: Entity,
    /// The newest line of its [`ChatLog`] from before the gap. `None` if the log has no line.
    pub after: Option<MessageId>,
}

/// On a channel whose history is being read. What arrives meanwhile comes after that.
#[derive(Component)]
#[component(clone_behavior = Ignore, on_remove = is_not_filled)]
#[doc(hidden)]
pub struct Filling {
    request: Entity,
    /// What waits for it. `None` if that has been taken out.
    item: Option<Item>,
    since: Since,
    /// The lines that were in the log when it began.
    in_log: HashSet<MessageId>,
    waiting: Vec<api::ChannelMessage>,
}

/// Since where on lines of the history are new.
#[derive(Clone, Debug)]
struct Since {
    /// What was seen last.
    last_seen: Option<ChatLastSeen>,
    /// Everything after that is new.
    after: Timestamp,
    /// Since here on, lines that are not in the log may be new: two members wrote in the same moment, and the later line arrived first.
    maybe: Timestamp,
}

/// How much may arrive while the history is being read.
const WAITING: usize = 1024;

/// How much later than another the line may arrive that was written first.
const OVERTAKES: Duration = Duration::from_secs(1);

/// If nothing was ever said, everything is new that was written so long before the loss was noticed. It covers the time until then, and
/// clocks that differ.
const BEFORE_LOSS: Duration = Duration::from_secs(60);

/// On a channel, from a loss of the connection until the plugin has read what was said since then: when that was.
#[derive(Component)]
#[component(clone_behavior = Ignore)]
pub(super) struct LostAt(Timestamp);

/// A message of a channel is there: the next loss goes on after it.
pub(super) fn note_seen(world: &mut World, channel: Entity, message: &ChatMessage) {
    let is_line = !matches!(
        message.kind,
        ChatMessageKind::Update | ChatMessageKind::Remove
    );
    if !message.persistent || !is_line {
        return;
    }
    let seen = || ChatLastSeen {
        message_id: message.message_id.clone(),
        create_time: message.create_time,
    };
    let Ok(mut channel) = world.get_entity_mut(channel) else {
        return;
    };
    match channel.get_mut::<ChatLastSeen>() {
        Some(mut last) if last.create_time < message.create_time => *last = seen(),
        Some(_) => {}
        None => {
            channel.insert(seen());
        }
    }
}

/// The connection is lost.
pub(super) fn on_lost(world: &mut World) {
    let now = Timestamp::now();
    let channels: Vec<_> = world
        .resource::<ChatIndex>()
        .iter()
        .map(|(_, channel)| channel)
        .collect();
    for channel in channels {
        if let Ok(mut channel) = world.get_entity_mut(channel) {
            channel.insert_if_new(LostAt(now));
        }
        let Some(filling) = take_filling(world, channel) else {
            continue;
        };
        world.despawn(filling.request);
        // What is stored comes from the history when the connection is back.
        for message in filling.waiting {
            if message.persistent != Some(true) {
                take_in_live(world, channel, message);
            }
        }
    }
}

fn take_filling(world: &mut World, channel: Entity) -> Option<Filling> {
    let mut channel = world.get_entity_mut(channel).ok()?;
    let item = channel.get_mut::<Filling>()?.item.take();
    let filling = channel.take::<Filling>()?;
    Some(Filling { item, ..filling })
}

/// Hook: the local user has left a channel whose history is being read, or the game has despawned it.
fn is_not_filled(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let filling = world.get_mut::<Filling>(entity);
    let item = filling.and_then(|mut filling| Some((filling.item.take()?, filling.request)));
    if let Some((item, request)) = item {
        world.commands().queue(move |world: &mut World| {
            let _ = world.try_despawn(request);
            item.done(world);
        });
    }
}

/// The local user is in a channel again: reads what was said meanwhile.
pub(super) fn begin(world: &mut World, channel: Entity) {
    let limit = world.resource::<NakamaSettings>().chat_fill;
    let Some(id) = id_of::<ChatChannel>(world, channel).filter(|_| limit > 0) else {
        return;
    };
    // Nakama does not find the history of a room with a slash in its name.
    if id.as_str().contains('/') || !is_connection_logged_in(world) {
        if let Ok(mut channel) = world.get_entity_mut(channel) {
            channel.remove::<LostAt>();
        }
        return tell_gap(world, channel);
    }
    let since = Since::of(world, channel);
    let until = world
        .get::<ChatLog>(channel)
        .and_then(|log| log.iter().find(|line| line.persistent))
        .map_or(since.maybe, |line| line.create_time.min(since.maybe));
    let in_log = world.get::<ChatLog>(channel);
    let in_log = in_log.into_iter().flat_map(ChatLog::iter);
    let in_log = in_log.map(|line| line.message_id.clone()).collect();
    let mut request = world.spawn_empty();
    request.observe(
        move |reply: On<Replied<FillChat>>, mut commands: Commands| {
            let (request, result) = (reply.request, reply.result.clone());
            commands.queue(move |world: &mut World| end(world, channel, request, result));
        },
    );
    let request = request.id();
    let item = Item::new(world);
    world.entity_mut(channel).insert(Filling {
        request,
        item: Some(item),
        since,
        in_log,
        waiting: Vec::new(),
    });
    let fill = FillChat {
        id,
        limit,
        until,
        cursor: None,
        lines: VecDeque::new(),
        failure: None,
    };
    submit_rest(world, request, fill);
}

/// Something was said in a channel. Keeps it if the history comes first. Otherwise it is returned.
pub(super) fn keep_waiting(
    world: &mut World,
    channel: Entity,
    message: api::ChannelMessage,
) -> Option<api::ChannelMessage> {
    let Some(filling) = world.get::<Filling>(channel) else {
        return Some(message);
    };
    let request = filling.request;
    // The game may have despawned it.
    let is_over = filling.waiting.len() >= WAITING || world.get_entity(request).is_err();
    if is_over {
        end(world, channel, request, Err(RequestError::Withdrawn));
        let _ = world.try_despawn(request);
        return Some(message);
    }
    if let Some(mut filling) = world.get_mut::<Filling>(channel) {
        filling.waiting.push(message);
    }
    None
}

/// The history is read, or cannot be read.
fn end(world: &mut World, channel: Entity, request: Entity, result: Outcome<FillChat>) {
    let filling = world.get::<Filling>(channel);
    if filling.is_none_or(|filling| filling.request != request) {
        return; // it is of an earlier loss
    }
    let Some(filling) = take_filling(world, channel) else {
        return;
    };
    if let Ok(mut channel) = world.get_entity_mut(channel) {
        channel.remove::<LostAt>();
    }
    let mut told = HashSet::new();
    match result {
        Ok(filled) => {
            if filled.has_gap(&filling.since) {
                tell_gap(world, channel);
            }
            for message in news(world, channel, &filled, &filling) {
                if mirror::is_in::<ChatChannel>(world, channel) {
                    told.insert(message.message_id.clone());
                    take_in(world, channel, message, true);
                }
            }
        }
        Err(error) => {
            log::debug!("what was said while the connection was lost cannot be read: {error}");
            tell_gap(world, channel);
        }
    }
    for message in filling.waiting {
        let is_line = message.code.unwrap_or_default() == ChatMessageKind::Chat.code();
        let is_told = is_line && told.contains(&MessageId::from(message.message_id.as_str()));
        if !is_told && mirror::is_in::<ChatChannel>(world, channel) {
            take_in_live(world, channel, message);
        }
    }
    if let Some(item) = filling.item {
        item.done(world);
    }
}

fn tell_gap(world: &mut World, channel: Entity) {
    let log = world.get::<ChatLog>(channel);
    let newest = log.and_then(|log| log.iter().next_back());
    let after = newest.map(|line| line.message_id.clone());
    world.trigger(ChatGap { channel, after });
    world.flush();
}

/// What the game has not heard of: removals, edits and lines, as if they arrived now.
fn news(world: &World, channel: Entity, filled: &Filled, filling: &Filling) -> Vec<ChatMessage> {
    let empty = ChatLog::default();
    let log = world.get::<ChatLog>(channel).unwrap_or(&empty);
    let mut news = filled.removals(log, &filling.in_log);
    news.extend(filled.edits(log));
    let is_new = |line: &&ChatMessage| {
        log.get(&line.message_id).is_none() && filling.since.is_new(line, log)
    };
    news.extend(filled.lines.iter().filter(is_new).cloned());
    news
}

impl Since {
    fn of(world: &World, channel: Entity) -> Self {
        let last_seen = world.get::<ChatLastSeen>(channel).cloned();
        let lost_at = world.get::<LostAt>(channel).map(|LostAt(at)| *at);
        let (after, before) = match &last_seen {
            Some(last) => (last.create_time.in_micros(), OVERTAKES),
            None => {
                let lost_at = lost_at.unwrap_or_else(Timestamp::now);
                (lost_at.earlier(BEFORE_LOSS), Duration::ZERO)
            }
        };
        Self {
            last_seen,
            after,
            maybe: after.earlier(before),
        }
    }

    fn is_new(&self, line: &ChatMessage, log: &ChatLog) -> bool {
        if let Some(last) = &self.last_seen
            && last.message_id == line.message_id
        {
            return false;
        }
        let was_there = || {
            let mut lines = log.iter();
            lines
                .next()
                .is_some_and(|oldest| oldest.create_time < line.create_time)
        };
        line.create_time > self.after || line.create_time > self.maybe && was_there()
    }
}

/// Reads the newest lines of a channel's history.
#[derive(Clone, Debug)]
struct FillChat {
    id: ChannelId,
    /// How many lines at most.
    limit: usize,
    /// Older lines than this are not of interest.
    until: Timestamp,
    cursor: Option<String>,
    /// Oldest first.
    lines: VecDeque<ChatMessage>,
    failure: Option<RequestError<ChatHistoryRefusal>>,
}

/// The newest lines of a channel's history.
#[derive(Clone, Debug)]
struct Filled {
    /// Oldest first, without a gap.
    lines: Vec<ChatMessage>,
    /// Whether these are all.
    is_whole: bool,
}

impl Filled {
    /// Whether there are more lines that the game has not seen.
    fn has_gap(&self, since: &Since) -> bool {
        !self.is_whole
            && self
                .lines
                .first()
                .is_none_or(|oldest| oldest.create_time > since.after)
    }

    /// The lines that were in the log and that the server has no more. What was written while the page was under way may be missing there.
    fn removals(&self, log: &ChatLog, in_log: &HashSet<MessageId>) -> Vec<ChatMessage> {
        let stored: HashSet<_> = self.lines.iter().map(|line| &line.message_id).collect();
        let covers = |line: &&ChatMessage| {
            self.is_whole
                || self
                    .lines
                    .first()
                    .is_some_and(|oldest| line.create_time.in_micros() > oldest.create_time)
        };
        log.iter()
            .filter(|line| line.persistent && line.kind == ChatMessageKind::Chat)
            .filter(covers)
            .filter(|line| in_log.contains(&line.message_id))
            .filter(|line| !stored.contains(&line.message_id))
            .map(|line| ChatMessage {
                kind: ChatMessageKind::Remove,
                json: "{}".into(),
                ..line.clone()
            })
            .collect()
    }

    /// The lines of the log that have changed.
    fn edits<'a>(&'a self, log: &'a ChatLog) -> impl Iterator<Item = ChatMessage> + 'a {
        let is_edited = |line: &&ChatMessage| {
            line.kind == ChatMessageKind::Chat
                && log
                    .get(&line.message_id)
                    .is_some_and(|known| line.update_time > known.update_time.in_micros())
        };
        self.lines.iter().filter(is_edited).map(|line| ChatMessage {
            kind: ChatMessageKind::Update,
            ..line.clone()
        })
    }
}

request!(FillChat -> Filled, ChatHistoryRefusal);

impl RestRequest for FillChat {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        let rest = self.limit.saturating_sub(self.lines.len()).clamp(1, 100);
        let mut page = ChatHistory::newest(u32::try_from(rest).unwrap_or(100));
        if let Some(cursor) = &self.cursor {
            page = page.cursor(cursor);
        }
        history_call(&self.id, &page)
    }

    fn goes_on(&mut self, response: &RestResponse) -> bool {
        if !response.is_success() {
            return false;
        }
        match read_page(response, false) {
            Ok((_, page)) => {
                let ChatHistoryPage {
                    messages,
                    next_cursor,
                    ..
                } = page;
                self.cursor = next_cursor;
                for line in messages.into_iter().rev() {
                    self.lines.push_front(line);
                }
                let is_enough = |oldest: &ChatMessage| oldest.create_time < self.until;
                self.cursor.is_some()
                    && self.lines.len() < self.limit
                    && !self.lines.front().is_none_or(is_enough)
            }
            Err(error) => {
                self.failure = Some(error);
                false
            }
        }
    }

    fn read(&mut self, _: &RestResponse) -> Outcome<Self> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        Ok(Filled {
            lines: mem::take(&mut self.lines).into(),
            is_whole: self.cursor.is_none(),
        })
    }
}
