//! Notifications: what the server, its functions and other users tell a user.
//!
//! # What arrives
//!
//! Every notification that arrives during the connection is a [`NotificationReceived`], in the order of the wire. All sockets of
//! the user get it, whether they appear online or not. Some are kept by the server until they are deleted: those that are
//! [`persistent`](Notification::persistent). The server does not send them again when you connect: your game has to fetch them.
//!
//! # The inbox
//!
//! [`NotificationInbox`] holds what the server keeps, as far as it is known: kept ones that arrive go in by themselves, and so does every page that
//! is [fetched](crate::commands::NakamaCommands::fetch_notifications); what is [deleted](crate::commands::NakamaCommands::delete_notifications)
//! goes. It begins empty with every connection, so a game that shows an inbox fetches when it is connected, and looks at it when it has
//! changed:
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
//! /// What passes by, whether it is kept or not.
//! fn hear(mut notifications: MessageReader<NotificationReceived>) {
//!     for NotificationReceived { notification } in notifications.read() {
//!         match notification.code {
//!             NotificationCode::FriendRequest => println!("{}", notification.subject),
//!             NotificationCode::Custom(7) => println!("a treasure: {}", notification.json),
//!             _ => {}
//!         }
//!     }
//! }
//! ```
//!
//! A game that only wants what is new since the last time keeps the cursor of the last page, and goes on from there: see
//! [`FetchNotifications::since`].
//!
//! # What cannot be known
//!
//! That another device of the user has deleted something is not told: the inbox holds it until the next connection. Nor does a page
//! say whether it is the last one: it is, if it holds less than was asked for.

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
    mirror::{AreaAppExt as _, LifeCycle, NOTHING, Timing, WaitsFor, on_pushed, presence::UserId},
    proto::{api, realtime},
    shared_text,
    transport::People,
};
pub use crate::{proto::Timestamp, transport::NotificationId};

/// A notification arrived. Written in `PreUpdate`, [`NakamaSystems::Receive`](crate::plugin::NakamaSystems::Receive). If it is
/// [kept](Notification::persistent), it is in the [`NotificationInbox`], too.
///
/// Mirrors one entry of `Notifications`; those of one envelope follow each other in its order.
///
/// While virtual time is paused, Bevy keeps it even after you have read it, see [payloads](crate::payload#while-the-game-is-paused).
#[derive(Clone, Debug, Message, PartialEq)]
pub struct NotificationReceived {
    /// What it says.
    pub notification: Notification,
}

/// What somebody tells the user. Mirrors `Notification`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Reflect, Serialize)]
#[type_path = "bevy_nakama::notification"]
#[reflect(opaque)]
#[reflect(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Notification {
    /// Its id, by which it is deleted.
    pub id: NotificationId,
    /// What it is about, to be shown. English, if it is the server's own.
    #[serde(with = "shared_text")]
    pub subject: Arc<str>,
    /// Anything else: a JSON object. Live ones are as they were sent; the server's database writes JSON its own way.
    #[serde(with = "shared_text")]
    pub json: Arc<str>,
    /// What kind of notification it is.
    pub code: NotificationCode,
    /// Who sent it. `None` if the server or one of its functions did without naming a user.
    pub sender: Option<UserId>,
    /// When, to the second.
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
    /// It is something else.
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
            inbox::take_in(world, vec![notification.clone()]);
        }
        world.write_message(NotificationReceived { notification });
    }
    Ok(())
}

/// Notifications, and the inbox.
pub(crate) struct NotificationPlugin;

impl Plugin for NotificationPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<NotificationInbox>()
            .add_message::<NotificationReceived>()
            .register_type::<(NotificationInbox, Notification, NotificationCode)>()
            .add_life_cycle(LifeCycle {
                on_opened: ecs::clear_messages::<NotificationReceived>,
                on_lost: NOTHING,
                reenter: NOTHING,
                on_closed: inbox::clear,
            });
        on_pushed!(app: Notifications => on_notifications,);
    }
}
