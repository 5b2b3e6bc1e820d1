//! Notifications sent by the game's own code.

use uuid::Uuid;

use super::{Runtime, RuntimeError};
use crate::local_server::core::{ids::UserId, json, notifications::Notice};

/// A notification to be sent to a user.
///
/// ```
/// use bevy_nakama::local_server::NotificationSend;
///
/// let found = NotificationSend::new("8d9f…", 7, "treasure found").with_content(r#"{"gold": 5}"#).persistent();
/// assert!(found.persistent && found.sender_id.is_none());
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotificationSend {
    /// Who gets it.
    pub user_id: String,
    /// What kind of notification it is: a number of your own, above 0. The server's own numbers are negative.
    pub code: i32,
    /// What it is about, for the player to read.
    pub subject: String,
    /// Anything else, a JSON object. Default: `{}`.
    pub content: String,
    /// The user that it comes from. Default: the server itself.
    pub sender_id: Option<String>,
    /// Whether the server keeps it until the user deletes it. Default: no, only the sockets that are open get it.
    pub persistent: bool,
}

impl NotificationSend {
    /// A transient notification from the server, without content.
    pub fn new(user_id: impl Into<String>, code: i32, subject: impl Into<String>) -> Self {
        Self {
            user_id: user_id.into(),
            code,
            subject: subject.into(),
            content: "{}".to_owned(),
            sender_id: None,
            persistent: false,
        }
    }

    /// The same with this content, a JSON object.
    #[must_use]
    pub fn with_content(self, content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ..self
        }
    }

    /// The same from this user.
    #[must_use]
    pub fn with_sender(self, user_id: impl Into<String>) -> Self {
        Self {
            sender_id: Some(user_id.into()),
            ..self
        }
    }

    /// The same, but the server keeps it.
    #[must_use]
    pub fn persistent(self) -> Self {
        Self {
            persistent: true,
            ..self
        }
    }

    fn checked(self) -> Result<(UserId, Notice), RuntimeError> {
        let invalid = |problem| move |_| RuntimeError::new(problem);
        let user = Uuid::parse_str(&self.user_id);
        let user = user.map_err(invalid("expects user_id to be a valid identifier"))?;
        let sender = match &self.sender_id {
            None => Uuid::nil(),
            Some(sender) => Uuid::parse_str(sender)
                .map_err(invalid("expects sender_id to be a valid identifier"))?,
        };
        let problem = if self.code <= 0 {
            "expects code number to be a positive integer"
        } else if self.subject.is_empty() {
            "expects subject to be a non-empty string"
        } else if !json::is_object(&self.content) {
            "expects content to be a JSON object"
        } else {
            let notice = Notice {
                code: self.code,
                subject: self.subject,
                content: self.content,
                sender: Some(UserId(sender)),
                persistent: self.persistent,
            };
            return Ok((UserId(user), notice));
        };
        Err(RuntimeError::new(problem))
    }
}

impl Runtime<'_> {
    /// Sends one notification, to every socket of its user.
    ///
    /// # Errors
    ///
    /// A malformed id, a code below 1, an empty subject, or content that is not a JSON object.
    pub fn notification_send(
        &mut self,
        notification: NotificationSend,
    ) -> Result<(), RuntimeError> {
        self.notifications_send([notification])
    }

    /// Sends several at once. Those for one user come in one message.
    ///
    /// # Errors
    ///
    /// As [`notification_send`](Self::notification_send); nothing is sent then.
    pub fn notifications_send(
        &mut self,
        notifications: impl IntoIterator<Item = NotificationSend>,
    ) -> Result<(), RuntimeError> {
        let mut by_user: Vec<(UserId, Vec<Notice>)> = Vec::new();
        for notification in notifications {
            let (user, notice) = notification.checked()?;
            match by_user.iter_mut().find(|(known, _)| *known == user) {
                Some((_, notices)) => notices.push(notice),
                None => by_user.push((user, vec![notice])),
            }
        }
        for (user, notices) in by_user {
            if self.core.accounts.get(user).is_some() {
                self.core.notify(user, notices);
            }
        }
        Ok(())
    }
}
