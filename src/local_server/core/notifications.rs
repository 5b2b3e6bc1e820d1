//! Notifications: told to all sockets of a user, and kept if they are to be.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound::{Excluded, Unbounded},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Core, cursor,
    http::{ApiError, ApiResult, Call, Code, answer, empty},
    ids::UserId,
    json,
    presence::{Mode, Stream},
    tokens::Claims,
};
use crate::proto::{
    Message,
    api::{Notification, NotificationList},
    realtime,
};

/// What a notification is about.
pub(super) struct Notice {
    pub(super) code: i32,
    pub(super) subject: String,
    /// A JSON object.
    pub(super) content: String,
    pub(super) sender: Option<UserId>,
    /// It is kept until it is deleted.
    pub(super) persistent: bool,
}

impl Notice {
    /// A transient notification from nobody, without content.
    pub(super) fn new(code: i32, subject: impl Into<String>) -> Self {
        Self {
            code,
            subject: subject.into(),
            content: "{}".to_owned(),
            sender: None,
            persistent: false,
        }
    }
}

/// The notifications that are kept, in the order they came in.
#[derive(Default)]
pub(super) struct Notifications {
    by_user: HashMap<UserId, BTreeMap<u64, Notification>>,
    last_position: u64,
}

/// The position of the last notification seen.
#[derive(Default, Deserialize, Serialize)]
struct Cursor {
    after: u64,
}

/// The stream that all sockets of a user are in.
pub(super) fn stream(user: UserId) -> Stream {
    Stream::new(Mode::NOTIFICATIONS, user.0)
}

pub(super) fn message(notifications: Vec<Notification>) -> Message {
    Message::Notifications(realtime::Notifications { notifications })
}

impl Core {
    pub(super) fn notification(&mut self, notice: Notice) -> Notification {
        Notification {
            id: self.ids.random().to_string(),
            subject: notice.subject,
            content: notice.content,
            code: notice.code,
            sender_id: notice
                .sender
                .map_or_else(String::new, |user| user.to_string()),
            create_time: Some(self.clock.timestamp_seconds()),
            persistent: notice.persistent,
        }
    }

    /// Tells a user, on all sockets and at once, and keeps what is to be kept.
    pub(super) fn notify(&mut self, user: UserId, notices: impl IntoIterator<Item = Notice>) {
        let mut notifications = Vec::new();
        for notice in notices {
            let notification = self.notification(notice);
            if notification.persistent {
                self.notifications.insert(user, notification.clone());
            }
            notifications.push(notification);
        }
        self.broadcast(&stream(user), message(notifications));
    }

    pub(super) fn list_notifications(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let limit = call.limit(1)?;
        let invalid = ApiError::new(Code::Internal, "Error retrieving notifications.");
        let Cursor { after } = call
            .cursor("cacheable_cursor", invalid)?
            .unwrap_or_default();
        let empty = BTreeMap::new();
        let kept = self.notifications.by_user.get(&caller.user);
        let later = kept.unwrap_or(&empty).range((Excluded(after), Unbounded));
        let page: Vec<_> = later.take(limit).collect();
        let last = page.last().map_or(after, |(position, _)| **position);
        answer(NotificationList {
            notifications: page.into_iter().map(|(_, kept)| kept.clone()).collect(),
            cacheable_cursor: cursor::encode(&Cursor { after: last }),
        })
    }

    pub(super) fn delete_notifications(&mut self, call: &Call<'_>, caller: Claims) -> ApiResult {
        let ids: Vec<Uuid> = call
            .query_all("ids")
            .map(Uuid::parse_str)
            .collect::<Result<_, _>>()
            .map_err(|_| ApiError::new(Code::Internal, "Error while deleting notifications."))?;
        if let Some(kept) = self.notifications.by_user.get_mut(&caller.user) {
            kept.retain(|_, notification| {
                let id = Uuid::parse_str(&notification.id);
                !id.is_ok_and(|id| ids.contains(&id))
            });
        }
        empty()
    }
}

impl Notifications {
    /// Removes what is kept for a user.
    pub(super) fn forget(&mut self, user: UserId) {
        self.by_user.remove(&user);
    }

    fn insert(&mut self, user: UserId, notification: Notification) {
        self.last_position += 1;
        let is_from_server = notification.sender_id == Uuid::nil().to_string();
        let kept = Notification {
            sender_id: if is_from_server {
                String::new()
            } else {
                notification.sender_id
            },
            content: json::jsonb(&notification.content).unwrap_or_default(),
            ..notification
        };
        let of_user = self.by_user.entry(user).or_default();
        of_user.insert(self.last_position, kept);
    }
}
