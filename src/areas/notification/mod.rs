//! Notifications: what the server, its functions and other users send to a user.
//!
//! # What arrives
//!
//! Every notification that arrives is a [`NotificationReceived`], in the order of the wire. All sockets of the user get it, also
//! those that do not appear online. The server keeps a [`persistent`](Notification::persistent) notification until it is deleted. It does
//! not send it again when you connect: your game has to fetch it.
//!
//! # The inbox
//!
//! [`NotificationInbox`] holds what the server keeps, as far as your game knows it. A persistent notification that arrives goes in by
//! itself, and so does every page that you [fetch](crate::commands::NakamaCommands::fetch_notifications). What you
//! [delete](crate::commands::NakamaCommands::delete_notifications) leaves it. It begins empty with every connection. So a game that shows
//! an inbox fetches the first page when it is connected:
//!
//! ```
//! # use bevy_ecs::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn fetch(_: On<Connected>, mut commands: Commands) {
//!     commands.nakama().fetch_notifications(FetchNotifications::new(100));
//! }
//!
//! fn show(inbox: Res<NotificationInbox>) {
//!     if inbox.is_changed() {
//!         for notification in inbox.iter() {
//!             println!("{} at {}", notification.subject, notification.create_time);
//!         }
//!     }
//! }
//!
//! /// The player has read everything.
//! fn clear(inbox: Res<NotificationInbox>, mut commands: Commands) {
//!     commands.nakama().delete_notifications(inbox.iter().map(|notification| &notification.id));
//! }
//!
//! /// Everything that arrives, persistent or not.
//! fn hear(mut notifications: MessageReader<NotificationReceived>) {
//!     for NotificationReceived { notification, .. } in notifications.read() {
//!         match notification.code {
//!             NotificationCode::FriendRequest => println!("{}", notification.subject),
//!             NotificationCode::Custom(7) => println!("a treasure: {}", notification.json),
//!             _ => {}
//!         }
//!     }
//! }
//! ```
//!
//! A game that only wants what is new since its last run keeps the cursor of the last page and continues from there: see
//! [`FetchNotifications::since`].
//!
//! # What cannot be known
//!
//! * Whether another device of the user has deleted a notification. The inbox holds it until the next connection.
//! * Whether a page is the last one. It is, if it holds fewer notifications than you asked for.

mod catch_up;
mod code;
mod inbox;
mod requests;

use std::{fmt, mem, sync::Arc};

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::*;
use bevy_reflect::{Reflect, ReflectDeserialize, ReflectSerialize};
use serde::{Deserialize, Serialize};

pub use self::{
    code::NotificationCode,
    inbox::NotificationInbox,
    requests::{DeleteNotifications, FetchNotifications, NotificationPage, NotificationRefusal},
};
use crate::{
    ecs,
    mirror::{AreaAppExt as _, LifeCycle, Timing, WaitsFor, on_pushed, presence::UserId},
    proto::{api, realtime},
    shared_text,
    transport::People,
};
pub use crate::{proto::Timestamp, transport::NotificationId};

/// A notification arrived. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive). A
/// [`persistent`](Notification::persistent) notification is also in the [`NotificationInbox`].
///
/// Mirrors one entry of `Notifications`. The entries of one envelope keep their order.
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message, PartialEq)]
pub struct NotificationReceived {
    /// What it says.
    pub notification: Notification,
    /// Whether the server has stored it while the connection was lost, and the plugin has fetched it now that the connection is back.
    pub replayed: bool,
}

/// A message to a user. Mirrors `Notification`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::notification"]
#[reflect(opaque)]
#[reflect(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Notification {
    /// Its id. You delete it by this.
    pub id: NotificationId,
    /// What it is about, for the player to read. The server's own notifications are in English.
    #[serde(with = "shared_text")]
    pub subject: Arc<str>,
    /// Anything else: a JSON object. If you fetch the notification later, the same object may be written differently.
    #[serde(with = "shared_text")]
    pub json: Arc<str>,
    /// What kind of notification it is.
    pub code: NotificationCode,
    /// Who sent it. `None` if the server sent it, or a function that named no user.
    pub sender: Option<UserId>,
    /// When it was sent, to the second.
    pub create_time: Timestamp,
    /// Whether the server keeps it until it is deleted.
    pub persistent: bool,
}

impl Notification {
    /// The content as a value.
    ///
    /// ```
    /// # use bevy_nakama::prelude::*;
    /// #[derive(serde::Deserialize)]
    /// struct Gift {
    ///     gold: u32,
    /// }
    ///
    /// fn gold_in(notification: &Notification) -> u32 {
    ///     notification.content::<Gift>().map_or(0, |gift| gift.gold)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If the JSON does not fit the type.
    #[cfg(feature = "serde")]
    pub fn content<T: serde::de::DeserializeOwned>(&self) -> Result<T, crate::error::PayloadError> {
        serde_json::from_str(&self.json).map_err(crate::error::PayloadError::new)
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)
    }
}

impl From<api::Notification> for Notification {
    fn from(notification: api::Notification) -> Self {
        // No sender is the nil UUID over the socket, and nothing over REST.
        let is_nobody = |id: &str| id.bytes().all(|byte| matches!(byte, b'0' | b'-'));
        let sender = notification.sender_id;
        Self {
            id: notification.id.into(),
            subject: notification.subject.into(),
            json: notification.content.into(),
            code: notification.code.into(),
            sender: (!is_nobody(&sender)).then(|| sender.into()),
            create_time: notification.create_time.unwrap_or_default(),
            persistent: notification.persistent,
        }
    }
}

/// Notifications arrived.
fn on_notifications(
    world: &mut World,
    event: &mut realtime::Notifications,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    for notification in mem::take(&mut event.notifications) {
        let notification = Notification::from(notification);
        if notification.persistent {
            if !catch_up::note(world, &notification) {
                continue;
            }
            inbox::take_in(world, vec![notification.clone()]);
        }
        world.write_message(NotificationReceived {
            notification,
            replayed: false,
        });
    }
    Ok(())
}

/// Notifications, and the inbox.
pub(crate) struct NotificationPlugin;

impl Plugin for NotificationPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<NotificationInbox>()
            .init_resource::<catch_up::Missed>()
            .add_message::<NotificationReceived>()
            .register_type::<(NotificationInbox, Notification, NotificationCode)>()
            .add_life_cycle(LifeCycle {
                on_opened: ecs::clear_messages::<NotificationReceived>,
                on_lost: catch_up::on_lost,
                reenter: catch_up::begin,
                on_closed: |world| {
                    inbox::clear(world);
                    *world.resource_mut::<catch_up::Missed>() = catch_up::Missed::default();
                },
            });
        on_pushed!(app: Notifications => on_notifications,);
    }
}
