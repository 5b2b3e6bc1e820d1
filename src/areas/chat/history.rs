//! Older messages, over REST.

use bevy_ecs::prelude::*;
use serde::Deserialize;

use super::{ChatChannel, ChatIndex, ChatMessage, note};
use crate::{
    commands::NakamaCommands,
    error::{RestError, refusals},
    mirror::{id_of, presence::ChannelId, refuse_for},
    proto::{Timestamp, api},
    request::{
        Outcome, RequestError, RestRequest, UserCall, read_object, refuse, request, submit_rest,
    },
    transport::{RestResponse, path_segment},
};

/// Which part of a channel's history to fetch.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy_ecs::prelude::*;
/// fn page_back(reply: On<Replied<FetchChatHistory>>, mut commands: Commands, chat: Single<Entity, With<ChatChannel>>) {
///     let cursor = reply.result.as_ref().ok().and_then(|page| page.next_cursor.clone());
///     if let Some(cursor) = cursor {
///         commands.nakama().fetch_chat_history(*chat, ChatHistory::newest(50).cursor(cursor));
///     }
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChatHistory {
    limit: u32,
    forward: bool,
    cursor: Option<String>,
}

impl ChatHistory {
    /// From the newest message back, at most `limit` messages: 1 to 100. The next page is older.
    #[must_use]
    pub fn newest(limit: u32) -> Self {
        Self {
            limit,
            forward: false,
            cursor: None,
        }
    }

    /// From the oldest message on, at most `limit` messages: 1 to 100. The next page is newer.
    #[must_use]
    pub fn oldest(limit: u32) -> Self {
        Self {
            forward: true,
            ..Self::newest(limit)
        }
    }

    /// Continues after another page: give it that page's [`next_cursor`](ChatHistoryPage::next_cursor), and the same channel and
    /// direction.
    #[must_use]
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}

/// The channel whose history to fetch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChatHistoryOf {
    /// A channel that the local user is in.
    Channel(Entity),
    /// Any channel. The server lets the local user read every room, and checks membership for groups and direct messages.
    Id(ChannelId),
}

impl From<Entity> for ChatHistoryOf {
    fn from(channel: Entity) -> Self {
        Self::Channel(channel)
    }
}

impl From<ChannelId> for ChatHistoryOf {
    fn from(id: ChannelId) -> Self {
        Self::Id(id)
    }
}

impl From<&ChannelId> for ChatHistoryOf {
    fn from(id: &ChannelId) -> Self {
        Self::Id(id.clone())
    }
}

/// Fetches a page of a channel's history: the request that [`fetch_chat_history`](NakamaCommands::fetch_chat_history) makes.
#[derive(Clone, Debug)]
pub struct FetchChatHistory {
    id: ChannelId,
    history: ChatHistory,
}

/// A page of a channel's history. If the local user is in the channel, the messages are in its [`ChatLog`](super::ChatLog), too, as long
/// as there is room.
///
/// Mirrors `ChannelMessageList`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ChatHistoryPage {
    /// The messages, **oldest first, in either direction**. Edited messages are as they are now, and removed ones are not there.
    pub messages: Vec<ChatMessage>,
    /// Leads to the page after this one: older messages from [`newest`](ChatHistory::newest), newer ones from
    /// [`oldest`](ChatHistory::oldest). `None` at the end.
    pub next_cursor: Option<String>,
    /// Leads to the page before this one. `None` at the beginning.
    pub prev_cursor: Option<String>,
    /// Leads to what comes after the last message of this page, even if there is nothing yet. Keep it for later.
    pub cacheable_cursor: Option<String>,
}

refusals! {
    /// How the server refuses to show a history.
    pub enum ChatHistoryRefusal(RestError) {
        /// The local user may not read the channel: these are direct messages of others, or the channel of a group that the local user is
        /// not in.
        ChannelNotFound,
        /// It is not the id of a channel.
        InvalidChannelId,
        /// It is not a cursor, or it is the cursor of another channel or direction.
        InvalidCursor,
        /// The limit is not between 1 and 100.
        InvalidLimit,
        /// Something else.
        Other,
    }
}

impl From<RestError> for ChatHistoryRefusal {
    fn from(error: RestError) -> Self {
        let text = error.message.as_str();
        if text == "Channel not found." {
            Self::ChannelNotFound(error)
        } else if text == "Invalid channel ID." {
            Self::InvalidChannelId(error)
        } else if text.starts_with("Cursor is invalid") {
            Self::InvalidCursor(error)
        } else if text.starts_with("Invalid limit") {
            Self::InvalidLimit(error)
        } else {
            Self::Other(error)
        }
    }
}

/// The body of the answer. What is empty is left out; what a newer server adds is passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    messages: Vec<Line>,
    next_cursor: Option<String>,
    prev_cursor: Option<String>,
    cacheable_cursor: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    channel_id: String,
    message_id: String,
    code: Option<i32>,
    sender_id: String,
    username: String,
    content: String,
    create_time: Option<Timestamp>,
    update_time: Option<Timestamp>,
    persistent: Option<bool>,
}

impl From<Line> for ChatMessage {
    fn from(line: Line) -> Self {
        let message = api::ChannelMessage {
            message_id: line.message_id,
            code: line.code,
            sender_id: line.sender_id,
            username: line.username,
            content: line.content,
            create_time: line.create_time,
            update_time: line.update_time,
            persistent: line.persistent,
            ..Default::default()
        };
        Self::new(message, None)
    }
}

request!(FetchChatHistory -> ChatHistoryPage, ChatHistoryRefusal);

impl RestRequest for FetchChatHistory {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        history_call(&self.id, &self.history)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        let (id, page) = read_page(response, self.history.forward)?;
        // The game may have spelled the id differently than the server does.
        self.id = id.unwrap_or_else(|| self.id.clone());
        Ok(page)
    }

    fn apply(&self, world: &mut World, page: &ChatHistoryPage) {
        if let Some(channel) = world.resource::<ChatIndex>().get(&self.id) {
            note(world, channel, &page.messages);
        }
    }
}

/// The call that reads a part of a channel's history.
pub(super) fn history_call(id: &ChannelId, history: &ChatHistory) -> UserCall {
    let ChatHistory {
        limit,
        forward,
        cursor,
    } = history;
    let conditions = [
        ("limit", Some(limit.to_string())),
        ("forward", Some(forward.to_string())),
        ("cursor", cursor.clone()),
    ];
    let id = path_segment(id.as_str());
    UserCall::get(&format!("/v2/channel/{id}"), conditions)
}

/// The page in a response, and the id of its channel, if the page is not empty.
pub(super) fn read_page(
    response: &RestResponse,
    forward: bool,
) -> Result<(Option<ChannelId>, ChatHistoryPage), RequestError<ChatHistoryRefusal>> {
    let page: Page = read_object(response, "no list of messages")?;
    let named = page.messages.first().map(|line| line.channel_id.as_str());
    let id = named.filter(|id| !id.is_empty()).map(ChannelId::from);
    let mut messages: Vec<ChatMessage> = page.messages.into_iter().map(Into::into).collect();
    if !forward {
        messages.reverse();
    }
    let given = |cursor: Option<String>| cursor.filter(|cursor| !cursor.is_empty());
    let page = ChatHistoryPage {
        messages,
        next_cursor: given(page.next_cursor),
        prev_cursor: given(page.prev_cursor),
        cacheable_cursor: given(page.cacheable_cursor),
    };
    Ok((id, page))
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Fetches older messages of a channel, over REST. The answer is a [`Replied<FetchChatHistory>`](crate::request::Replied). If the
    /// local user is in the channel, the messages are then in its [`ChatLog`](super::ChatLog), too.
    ///
    /// To be logged in is enough, as with [`rest`](Self::rest).
    ///
    /// # Errors
    ///
    /// [`UnusableId`](RequestError::UnusableId) if the name of the room has a slash in it. Everything else works in such a room, but Nakama's
    /// REST interface does not find its history.
    pub fn fetch_chat_history(
        self,
        channel: impl Into<ChatHistoryOf>,
        history: ChatHistory,
    ) -> EntityCommands<'a> {
        let channel = channel.into();
        self.request_with(move |world, entity| {
            let id = match channel {
                ChatHistoryOf::Id(id) => id,
                ChatHistoryOf::Channel(channel) => {
                    let Some(id) = id_of::<ChatChannel>(world, channel) else {
                        return refuse_for::<ChatChannel, FetchChatHistory>(world, entity);
                    };
                    id
                }
            };
            // A Nakama decodes the path before it looks for the slashes in it, and finds nothing.
            if id.as_str().contains('/') {
                let id = id.to_string();
                return refuse::<FetchChatHistory>(world, entity, RequestError::UnusableId { id });
            }
            submit_rest(world, entity, FetchChatHistory { id, history });
        })
    }
}
