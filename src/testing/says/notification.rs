//! What a server tells a user.

use crate::{
    areas::chat::Timestamp,
    proto::{Message, api, realtime},
};

/// The server tells the user something, at the beginning of 1970 and in nobody's name. `persistent`: and keeps it.
#[must_use]
pub fn notification_sent(
    id: &str,
    code: i32,
    subject: &str,
    json: &str,
    persistent: bool,
) -> Message {
    let notification = api::Notification {
        id: id.into(),
        subject: subject.into(),
        content: json.into(),
        code,
        sender_id: "00000000-0000-0000-0000-000000000000".into(),
        create_time: Some(Timestamp::default()),
        persistent,
    };
    Message::Notifications(realtime::Notifications {
        notifications: vec![notification],
    })
}
