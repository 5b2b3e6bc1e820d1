//! The notifications that the server keeps for the user.

use bevy_ecs::prelude::*;

use crate::{
    areas::notification::{Notification, NotificationCode, NotificationInbox},
    overlay::{
        OverlayView, secrets,
        view::{InboxView, MAX_NOTIFICATIONS, NotificationView},
    },
};

/// In `PostUpdate`: updates the inbox if it has changed.
pub(in crate::overlay) fn collect_inbox(
    inbox: Res<NotificationInbox>,
    mut view: ResMut<OverlayView>,
) {
    if inbox.is_changed() {
        view.inbox = InboxView {
            cursor: inbox.cursor().to_owned(),
            size: inbox.len(),
            notifications: inbox
                .iter()
                .rev()
                .take(MAX_NOTIFICATIONS)
                .map(notification)
                .collect(),
        };
    }
}

fn notification(notification: &Notification) -> NotificationView {
    NotificationView {
        id: notification.id.to_string(),
        subject: notification.subject.to_string(),
        code: match notification.code {
            NotificationCode::Custom(_) | NotificationCode::Unknown(_) => {
                format!("{:?}", notification.code)
            }
            known => format!("{known:?} ({})", known.code()),
        },
        sender: notification.sender.clone(),
        create_time: notification.create_time.to_string(),
        json: secrets::pretty(&notification.json),
    }
}
