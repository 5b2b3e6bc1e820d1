//! Fetching and deleting what the server keeps.

use bevy_ecs::prelude::*;
use serde::Deserialize;

use super::{Notification, NotificationId, inbox};
use crate::{
    commands::NakamaCommands,
    error::{RestError, refusals},
    proto::{Timestamp, api},
    request::{
        Outcome, Parts, RequestError, RestRequest, UserCall, in_parts, read_object, request,
        settle_at_once, submit_rest,
    },
    transport::RestResponse,
};

/// Fetches a page of the notifications that the server keeps, oldest first.
///
/// ```
/// # use bevy_ecs::prelude::*;
/// # use bevy_nakama::prelude::*;
/// /// All of them, page by page.
/// fn fetch_on(reply: On<Replied<FetchNotifications>>, mut commands: Commands) {
///     if let Ok(page) = &reply.result && page.notifications.len() == 100 {
///         commands.nakama().fetch_notifications(FetchNotifications::new(100).since(&page.cacheable_cursor));
///     }
/// }
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FetchNotifications {
    limit: u32,
    since: String,
}

impl FetchNotifications {
    /// From the beginning, and up to this many: 1 to 100.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            since: String::new(),
        }
    }

    /// From the end of another page: a [`cacheable_cursor`](NotificationPage::cacheable_cursor) of this user, from this run of the game or
    /// an earlier run. An empty text means from the beginning.
    #[must_use]
    pub fn since(mut self, cursor: impl Into<String>) -> Self {
        self.since = cursor.into();
        self
    }
}

/// A page of the notifications that the server keeps. They are in the [`NotificationInbox`](super::NotificationInbox), too.
///
/// Mirrors `NotificationList`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct NotificationPage {
    /// The notifications, oldest first. If there are fewer than you asked for, this page is the last one.
    pub notifications: Vec<Notification>,
    /// Leads to what comes after this page, even if nothing is there yet. Keep it, and pass it to
    /// [`since`](FetchNotifications::since) the next time.
    pub cacheable_cursor: String,
}

refusals! {
    /// Why the server refuses to list or delete notifications.
    pub enum NotificationRefusal(RestError) {
        /// A malformed cursor, or an error of the server's database: the server does not say which. Begin without a cursor.
        NotRetrieved,
        /// The limit is less than 1 or greater than 100.
        InvalidLimit,
        /// Any other reason.
        Other,
    }
}

impl From<RestError> for NotificationRefusal {
    fn from(error: RestError) -> Self {
        let text = error.message.as_str();
        if text == "Error retrieving notifications." {
            Self::NotRetrieved(error)
        } else if text.starts_with("Invalid limit") {
            Self::InvalidLimit(error)
        } else {
            Self::Other(error)
        }
    }
}

/// The body of the answer. The server leaves empty fields out. Fields that a newer server adds are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Page {
    notifications: Vec<Entry>,
    cacheable_cursor: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    id: String,
    subject: String,
    content: String,
    code: i32,
    sender_id: String,
    create_time: Option<Timestamp>,
    persistent: bool,
}

impl From<Entry> for Notification {
    fn from(entry: Entry) -> Self {
        Self::from(api::Notification {
            id: entry.id,
            subject: entry.subject,
            content: entry.content,
            code: entry.code,
            sender_id: entry.sender_id,
            create_time: entry.create_time,
            persistent: entry.persistent,
        })
    }
}

request!(FetchNotifications -> NotificationPage, NotificationRefusal);

impl RestRequest for FetchNotifications {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        list_call(self)
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        read_page(response, &self.since)
    }

    fn apply(&self, world: &mut World, page: &NotificationPage) {
        inbox::turn_page(world, page.notifications.clone(), &page.cacheable_cursor);
    }
}

/// The call that lists notifications.
pub(super) fn list_call(FetchNotifications { limit, since }: &FetchNotifications) -> UserCall {
    let since = Some(since.clone()).filter(|since| !since.is_empty());
    let conditions = [
        ("limit", Some(limit.to_string())),
        ("cacheable_cursor", since),
    ];
    UserCall::get("/v2/notification", conditions)
}

/// The page in a response to a call that began at this cursor.
pub(super) fn read_page(
    response: &RestResponse,
    since: &str,
) -> Result<NotificationPage, RequestError<NotificationRefusal>> {
    let page: Page = read_object(response, "no list of notifications")?;
    let notifications = page.notifications.into_iter().map(Into::into).collect();
    let cacheable_cursor = match page.cacheable_cursor {
        none if none.is_empty() => since.to_owned(),
        cursor => cursor,
    };
    Ok(NotificationPage {
        notifications,
        cacheable_cursor,
    })
}

/// Deletes notifications that the server keeps. Made by [`delete_notifications`](NakamaCommands::delete_notifications).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeleteNotifications {
    ids: Vec<NotificationId>,
}

request!(DeleteNotifications -> (), NotificationRefusal);

/// How long the path and query of a call may be, in bytes. Nakama takes 9216 bytes for the first line and the headers together, and the
/// token among them has no fixed size.
const LONGEST_TARGET: usize = 4096;

const DELETE: &str = "/v2/notification?";

impl RestRequest for DeleteNotifications {
    type Call = UserCall;

    fn split(self) -> Parts<Self> {
        let room = LONGEST_TARGET - DELETE.len();
        let size = |id: &NotificationId| {
            let escaped = form_urlencoded::byte_serialize(id.as_str().as_bytes());
            "&ids=".len() + escaped.map(str::len).sum::<usize>()
        };
        let parts = in_parts(self.ids, room, size);
        parts.map(|ids| Self { ids })
    }

    fn to_call(&self) -> UserCall {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for id in &self.ids {
            query.append_pair("ids", id.as_str());
        }
        UserCall {
            method: "DELETE",
            target: format!("{DELETE}{}", query.finish()),
            body: None,
        }
    }

    fn read(&mut self, _: &RestResponse) -> Outcome<Self> {
        Ok(())
    }

    fn apply(&self, world: &mut World, (): &()) {
        inbox::remove(world, &self.ids);
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Fetches notifications that the server keeps, over REST: the answer is a
    /// [`Replied<FetchNotifications>`](crate::request::Replied). While this user is connected, what it holds is in the
    /// [`NotificationInbox`](super::NotificationInbox), too.
    ///
    /// To be logged in is enough, as with [`rest`](Self::rest). The inbox stays empty then: read the reply.
    pub fn fetch_notifications(self, request: FetchNotifications) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit_rest(world, entity, request))
    }

    /// Deletes notifications that the server keeps, over REST: the answer is a
    /// [`Replied<DeleteNotifications>`](crate::request::Replied). While this user is connected, they are out of the
    /// [`NotificationInbox`](super::NotificationInbox), too. The server ignores the ids of other users' notifications.
    ///
    /// You can name any number. The plugin makes one call after the other, each with about a hundred ids. If a call fails, its error is the
    /// answer: the notifications of earlier calls are deleted and out of the inbox, the others are not.
    pub fn delete_notifications<T: Into<NotificationId>>(
        self,
        ids: impl IntoIterator<Item = T>,
    ) -> EntityCommands<'a> {
        let ids: Vec<_> = ids.into_iter().map(Into::into).collect();
        let request = DeleteNotifications { ids };
        self.request_with(move |world, entity| {
            if request.ids.is_empty() {
                return settle_at_once::<DeleteNotifications>(world, entity, Ok(()));
            }
            submit_rest(world, entity, request);
        })
    }
}
