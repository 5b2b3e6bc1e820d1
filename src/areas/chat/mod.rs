//! Chat.
//!
//! To join a channel is a request, whose entity *becomes* the channel: it gets [`ChatChannel`], [`ChannelId`] and [`ChatLog`]. Everybody
//! in the channel is an entity related to it by [`ChatMemberOf`]. A channel is one entity, however often you join it. There are rooms,
//! which anybody can join by name, direct messages between two users, and the channels of groups.
//!
//! ```no_run
//! # use bevy::prelude::*;
//! # use bevy_nakama::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize)]
//! struct Say {
//!     text: String,
//! }
//!
//! fn enter(_: On<Connected>, mut commands: Commands) {
//!     commands.nakama().join_chat(JoinChat::room("lobby"));
//! }
//!
//! fn greet(added: On<Add, ChatChannel>, mut commands: Commands) {
//!     commands.nakama().fetch_chat_history(added.entity, ChatHistory::newest(50));
//!     commands.nakama().send_chat(added.entity, &Say { text: "hello".into() });
//! }
//!
//! fn show(logs: Query<&ChatLog, Changed<ChatLog>>) {
//!     for line in logs.iter().flat_map(ChatLog::iter) {
//!         let text = line.content::<Say>().map_or("(something else)".into(), |say| say.text);
//!         println!("{}: {text}", line.username);
//!     }
//! }
//! # fn main() { App::new().add_observer(enter).add_observer(greet).add_systems(Update, show); }
//! ```
//!
//! The content of a message is a JSON object: any struct with serde. Each message arrives as [`ChatMessageReceived`], those of the local
//! user, too. [`ChatLog`], on the channel's entity, holds the lines as they are now, with edits and removals applied: show it in a chat
//! window. Older messages come over REST, with [`fetch_chat_history`](crate::commands::NakamaCommands::fetch_chat_history), and are then in
//! the log, too.
//!
//! To hear who joins and leaves, observe [`Joined<ChatChannel>`](crate::presence::Joined) and
//! [`Left<ChatChannel>`](crate::presence::Left). To leave, use [`leave_chat`](crate::commands::NakamaCommands::leave_chat), or despawn the
//! channel's entity. What else you may do to entities, and what it means, is in
//! [one table](crate::presence#what-you-may-do-to-entities).
//!
//! # What you cannot know
//!
//! * That the group of a channel was deleted: the channel's entity stays, and nothing arrives any more.
//! * Which members are [hidden](JoinChat::hidden): they hear everything, may speak, and are in no list.
//!
//! # Limits
//!
//! A message may have to wait before it leaves, like [all that others receive](crate::send), if the line stands still or your game sends many
//! at once. Its request's timeout runs meanwhile.
//!
//! The server takes messages that are JSON objects, and envelopes of at most 4096 bytes. The local user can edit and remove their own
//! stored messages. If a member joins without being [persistent](JoinChat::persistent), the server passes on whatever edits and removals
//! that member sends, even of other people's messages; so the log applies an edit or a removal only if it comes from the author. The log
//! holds [`NakamaSettings::chat_log_lines`](crate::plugin::NakamaSettings) lines.

mod fill;
mod history;
mod log;
mod message;
mod reentry;
mod refusal;
mod requests;
mod sending;

use std::mem;

use bevy_app::{App, Plugin};
use bevy_ecs::{entity::EntityHashSet, prelude::*};
use bevy_reflect::Reflect;

use self::fill::Filling;
pub use self::{
    fill::{ChatGap, ChatLastSeen},
    history::{ChatHistory, ChatHistoryOf, ChatHistoryPage, ChatHistoryRefusal, FetchChatHistory},
    log::ChatLog,
    message::{ChatMessage, ChatMessageKind, ChatMessageReceived},
    reentry::ChatJoinedAs,
    refusal::ChatRefusal,
    requests::{ChatJoined, JoinChat, LeaveChat},
    sending::{ChatMessageAck, RemoveChatMessage, SendChatMessage, UpdateChatMessage},
};
pub use crate::proto::Timestamp;
use crate::{
    connection::NakamaConnection,
    ecs::{self, uncloned::Uncloned as _},
    mirror::{
        self, AreaAppExt as _, Context, ContextIndex, HasMembers, Leavable, LifeCycle, Membership,
        Timing, Vocabulary, WaitsFor, on_pushed,
        presence::{self, ChannelId, PresenceIndex, UserId},
    },
    proto::{Message, api, realtime},
    request::Area,
    settings::NakamaSettings,
    transport::{People, canonical},
};

/// A chat channel that the local user is in. It appears on the entity of the request that joined it. It goes when the local user leaves
/// or is removed ([`ChatClosed`]), or when the connection ends.
///
/// Mirrors `Channel`.
#[derive(Clone, Component, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::chat"]
#[component(clone_behavior = Ignore, on_remove = mirror::leave_taken::<ChatChannel>)]
#[reflect(Component)]
#[require(ChatLog)]
pub struct ChatChannel {
    /// What it is for.
    pub kind: ChatChannelKind,
}

/// What a channel is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Reflect)]
#[type_path = "bevy_nakama::chat"]
#[non_exhaustive]
pub enum ChatChannelKind {
    /// A room: anybody can join it.
    Room {
        /// Its name.
        name: String,
    },
    /// Direct messages.
    Direct {
        /// Both users, the smaller id first. If users write to themselves, both are the same.
        users: [UserId; 2],
    },
    /// The channel of a group: its members can join it.
    Group {
        /// The id of the group.
        id: String,
    },
}

/// Relates a presence to the channel that it is a member of.
///
/// It goes when the member leaves. The entity lives on a little longer, marked with [`Departed`](crate::presence::Departed).
///
/// **To hear who joins and who leaves, observe [`Joined`](crate::presence::Joined) and [`Left`](crate::presence::Left)**: `On<Remove,
/// ChatMemberOf>` also fires for everybody who stays when the local user leaves. An observer of `On<Add, …>` must not
/// [despawn the channel](crate::presence#who-joins-and-who-leaves).
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::chat"]
#[relationship(relationship_target = ChatMembers)]
#[reflect(Component)]
pub struct ChatMemberOf(pub Entity);

impl Membership for ChatMemberOf {
    type Place = ChatChannel;
    type Detail = ();
    type Marks = ();
}

/// Everybody in a channel, the local user included, in no particular order.
///
/// Members who are [hidden](JoinChat::hidden) are in their own list only. They hear everything, and may speak.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::chat"]
#[relationship_target(relationship = ChatMemberOf, linked_spawn)]
#[reflect(Component)]
pub struct ChatMembers(EntityHashSet);

/// The local user is not in a channel any more, without having asked to leave. It is an event of the channel's entity, which still has its
/// members and its log. Right after it, everybody gets [`Left`](crate::presence::Left) with
/// [`YouLeft`](crate::presence::LeaveReason::YouLeft), and the channel goes.
#[derive(Clone, Copy, Debug, EntityEvent)]
pub struct ChatClosed {
    /// The channel.
    #[event_target]
    pub channel: Entity,
    /// Why.
    pub reason: ChatClosedReason,
}

/// Why the local user is not in a channel any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ChatClosedReason {
    /// The local user left the channel's group.
    LeftGroup,
    /// The local user was removed from the channel's group.
    KickedFromGroup,
    /// The local user was banned from the channel's group.
    BannedFromGroup,
    /// The server refused a request because the local user is not in the channel. It had not told before.
    NotJoined,
}

/// Finds the entity of a channel that the local user is in.
pub type ChatIndex = ContextIndex<ChannelId>;

impl Context for ChatChannel {}

impl HasMembers for ChatChannel {}

impl Leavable for ChatChannel {
    type Refusal = ChatRefusal;
    const LEAVE: &'static str = "LeaveChat";
}

impl Vocabulary for ChatChannel {
    type Id = ChannelId;
    type Marks = (ChatLog, ChatJoinedAs, ChatLastSeen, Filling);
    const AREA: Area = Area::Channel;
    const NOUN: &'static str = "chat channel";

    fn lists_own_sessions(world: &World, channel: Entity) -> bool {
        // Nobody is listed who has joined hidden.
        let joined = world.get::<ChatJoinedAs>(channel);
        joined.is_some_and(|joined| !joined.hidden)
    }

    fn leave_message(_: &World, id: &ChannelId) -> Option<Message> {
        Some(Message::ChannelLeave(realtime::ChannelLeave {
            channel_id: id.to_string(),
        }))
    }
}

impl ChatChannelKind {
    /// Which of the names the server has filled in tells what it is.
    fn of(channel: &realtime::Channel) -> Self {
        if !channel.group_id.is_empty() {
            Self::Group {
                id: canonical(&channel.group_id).into_owned(),
            }
        } else if !channel.user_id_one.is_empty() || !channel.user_id_two.is_empty() {
            Self::Direct {
                users: [&channel.user_id_one, &channel.user_id_two].map(|id| id.as_str().into()),
            }
        } else {
            Self::Room {
                name: channel.room_name.clone(),
            }
        }
    }
}

/// Somebody joined or left a channel.
fn on_presence_event(
    world: &mut World,
    event: &mut realtime::ChannelPresenceEvent,
    people: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let channel = mirror::context_of::<ChatChannel>(world, &event.channel_id)?;
    mirror::on_presences::<ChatMemberOf>(world, channel, &event.joins, &event.leaves, people);
    Ok(())
}

/// Somebody said, edited or removed something, or something happened to the channel's group.
fn on_message(
    world: &mut World,
    message: &mut api::ChannelMessage,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let channel = mirror::context_of::<ChatChannel>(world, &message.channel_id)?;
    let message = mem::take(message);
    if let Some(message) = fill::keep_waiting(world, channel, message) {
        take_in_live(world, channel, message);
    }
    Ok(())
}

/// Something happened in a channel, just now.
fn take_in_live(world: &mut World, channel: Entity, message: api::ChannelMessage) {
    mirror::user_speaks(world, channel, &message.sender_id);
    let sender = presence_of(world, channel, &message.sender_id);
    let known = sender.and_then(|sender| presence::presence(world, sender));
    let message = ChatMessage::new(message, known.map(|known| &**known.info()));
    let end = end_of_membership(world, channel, &message);
    take_in(world, channel, message, false);
    if let Some(reason) = end {
        close(world, channel, reason);
    }
}

/// Takes a message into the log, and writes it for the game.
fn take_in(world: &mut World, channel: Entity, message: ChatMessage, replayed: bool) {
    note(world, channel, [&message]);
    let sender = presence_of(world, channel, message.sender_id.as_str());
    world.write_message(ChatMessageReceived {
        context: channel,
        sender,
        message,
        replayed,
    });
}

/// The presence of a user; of several, the local user's, or else the one that joined last.
fn presence_of(world: &World, channel: Entity, user: &str) -> Option<Entity> {
    let index = world.resource::<PresenceIndex>();
    let sessions = index.of_user(channel, user);
    let own = index.own_session();
    let own = own.and_then(|session| index.get(channel, session));
    own.filter(|own| sessions.contains(own))
        .or_else(|| sessions.last().copied())
}

/// Whether a message is the only sign that the local user is out of the channel.
fn end_of_membership(
    world: &World,
    channel: Entity,
    message: &ChatMessage,
) -> Option<ChatClosedReason> {
    let reason = match message.kind {
        ChatMessageKind::GroupLeave => ChatClosedReason::LeftGroup,
        ChatMessageKind::GroupKick => ChatClosedReason::KickedFromGroup,
        ChatMessageKind::GroupBan => ChatClosedReason::BannedFromGroup,
        _ => return None,
    };
    let (me, _) = world.resource::<NakamaConnection>().user()?;
    let is_group = matches!(
        world.get::<ChatChannel>(channel)?.kind,
        ChatChannelKind::Group { .. }
    );
    (is_group && *me == message.sender_id).then_some(reason)
}

/// Brings the log of a channel up to date.
fn note<'a>(
    world: &mut World,
    channel: Entity,
    messages: impl IntoIterator<Item = &'a ChatMessage>,
) {
    let messages: Vec<_> = messages.into_iter().collect();
    for message in &messages {
        fill::note_seen(world, channel, message);
    }
    let limit = world.resource::<NakamaSettings>().chat_log_lines;
    let Some(mut log) = world.get_mut::<ChatLog>(channel) else {
        return;
    };
    let mut has_changed = false;
    for message in messages {
        has_changed |= log.bypass_change_detection().apply(message, limit);
    }
    if has_changed {
        log.set_changed();
    }
}

/// The local user is out of a channel.
fn close(world: &mut World, channel: Entity, reason: ChatClosedReason) {
    let Some(id) = mirror::id_of::<ChatChannel>(world, channel) else {
        return;
    };
    world.trigger(ChatClosed { channel, reason });
    world.flush();
    mirror::remove::<ChatChannel>(world, &id);
}

/// Chat channels, and what is said in them.
pub(crate) struct ChatPlugin;

impl Plugin for ChatPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<ChatIndex>()
            .add_message::<ChatMessageReceived>()
            .register_type::<(ChatIndex, ChatChannel, ChatChannelKind)>()
            .register_type::<(ChatMemberOf, ChatMembers, ChatJoinedAs, ChatLastSeen)>()
            .register_type::<(ChatLog, ChatMessage, ChatMessageKind)>()
            .add_life_cycle(LifeCycle {
                on_opened: ecs::clear_messages::<ChatMessageReceived>,
                on_lost: reentry::on_lost,
                reenter: reentry::reenter,
                on_closed: mirror::clear::<ChatChannel>,
            })
            .handle_joins(mirror::on_join_answered::<ChatChannel>);
        on_pushed!(app:
            ChannelMessage => on_message,
            ChannelPresenceEvent => on_presence_event,
        );
    }
}
