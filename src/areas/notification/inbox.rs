//! The notifications that the server keeps for the user.

use std::collections::VecDeque;

use bevy_ecs::{prelude::*, reflect::ReflectResource};
use bevy_reflect::Reflect;
use hashbrown::HashSet;

use super::{Notification, NotificationId};
use crate::settings::NakamaSettings;

/// The notifications that the server keeps for the user, as far as your game knows them. Oldest first. A resource.
///
/// It holds what has arrived and what you have [fetched](crate::commands::NakamaCommands::fetch_notifications), each notification once.
/// What you [delete](crate::commands::NakamaCommands::delete_notifications) leaves it. It keeps the newest, as many as
/// [`NakamaSettings::inbox_notifications`] says. It is emptied when the connection ends. It changes in `PreUpdate`,
/// [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive).
#[derive(Debug, Default, Reflect, Resource)]
#[type_path = "bevy_nakama::notification"]
#[reflect(Resource)]
pub struct NotificationInbox {
    notifications: VecDeque<Notification>,
    cursor: Option<String>,
    /// What was deleted. A page that is on its way may still hold it.
    #[reflect(ignore)]
    deleted: VecDeque<NotificationId>,
}

/// How many deleted notifications are remembered.
const DELETED: usize = 1024;

impl NotificationInbox {
    /// The notifications, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Notification> + ExactSizeIterator {
        self.notifications.iter()
    }

    /// The notification with an id, if it is there.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Notification> {
        self.iter().find(|notification| notification.id == id)
    }

    /// How many notifications there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.notifications.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.notifications.is_empty()
    }

    /// Where the last page that you fetched on this connection ends, for
    /// [`FetchNotifications::since`](super::FetchNotifications::since). Empty before the first page.
    #[must_use]
    pub fn cursor(&self) -> &str {
        self.cursor.as_deref().unwrap_or_default()
    }

    /// Whether a notification is in it, or was deleted.
    pub(super) fn has_had(&self, id: &NotificationId) -> bool {
        self.deleted.contains(id) || self.get(id.as_str()).is_some()
    }

    /// Adds notifications that are in order, and drops the oldest ones beyond the limit.
    fn take_in(&mut self, news: Vec<Notification>, limit: usize) {
        let mut ids = HashSet::new();
        let is_new =
            |news: &Notification| !self.deleted.contains(&news.id) && ids.insert(news.id.clone());
        let news: Vec<_> = news.into_iter().filter(is_new).collect();
        self.notifications.retain(|known| !ids.contains(&known.id));
        for news in news {
            let is_later = |known: &&Notification| known.create_time > news.create_time;
            let later = self.iter().rev().take_while(is_later).count();
            self.notifications.insert(self.len() - later, news);
        }
        let surplus = self.len().saturating_sub(limit);
        self.notifications.drain(..surplus);
    }

    fn remove(&mut self, ids: &[NotificationId]) {
        self.notifications.retain(|known| !ids.contains(&known.id));
        self.deleted.extend(ids.iter().cloned());
        let surplus = self.deleted.len().saturating_sub(DELETED);
        self.deleted.drain(..surplus);
    }
}

/// Notifications arrived, in order.
pub(super) fn take_in(world: &mut World, news: Vec<Notification>) {
    let inbox = world.resource::<NotificationInbox>();
    let is_known = |news: &Notification| {
        inbox.deleted.contains(&news.id) || inbox.iter().any(|known| known == news)
    };
    if news.iter().all(is_known) {
        return;
    }
    let limit = world.resource::<NakamaSettings>().inbox_notifications;
    world
        .resource_mut::<NotificationInbox>()
        .take_in(news, limit);
}

/// A page was fetched.
pub(super) fn turn_page(world: &mut World, news: Vec<Notification>, cursor: &str) {
    let mut inbox = world.resource_mut::<NotificationInbox>();
    if inbox.cursor.as_deref() != Some(cursor) {
        inbox.cursor = Some(cursor.to_owned());
    }
    take_in(world, news);
}

/// The server has deleted notifications.
pub(super) fn remove(world: &mut World, ids: &[NotificationId]) {
    changing(world, |inbox| inbox.remove(ids));
}

/// The connection has ended.
pub(super) fn clear(world: &mut World) {
    changing(world, |inbox| *inbox = NotificationInbox::default());
}

/// Changes the inbox. It counts as changed only if it holds something else afterwards.
fn changing(world: &mut World, change: impl FnOnce(&mut NotificationInbox)) {
    let mut inbox = world.resource_mut::<NotificationInbox>();
    let shown = |inbox: &NotificationInbox| (inbox.notifications.len(), inbox.cursor.clone());
    let before = shown(&inbox);
    change(inbox.bypass_change_detection());
    if shown(&inbox) != before {
        inbox.set_changed();
    }
}
