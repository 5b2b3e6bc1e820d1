//! Notifications: told to all sockets of a user.

use super::{
    Core,
    ids::UserId,
    presence::{Mode, Stream},
};
use crate::proto::{Message, api::Notification, realtime::Notifications};

/// What a notification is about.
pub(super) struct Notice {
    code: i32,
    subject: String,
    /// A JSON object.
    content: String,
    sender: Option<UserId>,
    persistent: bool,
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

/// The stream that all sockets of a user are in.
pub(super) fn stream(user: UserId) -> Stream {
    Stream::new(Mode::Notifications, user.0)
}

pub(super) fn message(notifications: Vec<Notification>) -> Message {
    Message::Notifications(Notifications { notifications })
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
}
