//! What the server has stored for the user while the connection was lost.

use std::{collections::VecDeque, time::Duration};

use bevy_ecs::prelude::*;

use super::{
    FetchNotifications, Notification, NotificationId, NotificationInbox, NotificationPage,
    NotificationReceived, NotificationRefusal, inbox,
    requests::{list_call, read_page},
};
use crate::{
    proto::Timestamp,
    request::{
        Outcome, Replied, RequestError, RestRequest, UserCall, is_connection_logged_in, request,
        submit_rest,
    },
    transport::RestResponse,
};

/// What is remembered for the next loss of the connection.
#[derive(Debug, Default, Resource)]
pub(super) struct Missed {
    /// When the stored notification was sent that arrived last. By the server's clock.
    last: Option<Timestamp>,
    /// When the connection was lost, by the clock of this machine.
    lost_at: Timestamp,
    /// What is older than this is not missed. Set until the list has been read to its end.
    since: Option<Timestamp>,
    /// Up to where the list was read last.
    cursor: Option<String>,
    /// What was told from the list. It may arrive yet.
    told: VecDeque<NotificationId>,
    /// What reads a page of the list.
    reading: Option<Entity>,
}

/// How many that were told from the list are remembered.
const TOLD: usize = 1024;

/// If none has arrived, those count as missed that were sent so long before the loss was noticed. It covers the time until then, and clocks
/// that differ.
const BEFORE_LOSS: Duration = Duration::from_secs(60);

/// How many a page has.
const PAGE: u32 = 100;

/// A stored notification arrived. Whether the game has not heard of it.
pub(super) fn note(world: &mut World, notification: &Notification) -> bool {
    let mut missed = world.resource_mut::<Missed>();
    missed.last = missed.last.max(Some(notification.create_time));
    let told = missed.told.iter().position(|id| *id == notification.id);
    told.and_then(|at| missed.told.remove(at)).is_none()
}

/// The connection is lost.
pub(super) fn on_lost(world: &mut World) {
    let mut missed = world.resource_mut::<Missed>();
    missed.lost_at = Timestamp::now();
    missed.told.clear();
    if let Some(request) = missed.reading.take() {
        let _ = world.try_despawn(request);
    }
}

/// The connection is back: reads what the server has stored. Nothing waits for that.
pub(super) fn begin(world: &mut World) {
    if !is_connection_logged_in(world) {
        return;
    }
    let inbox = world.resource::<NotificationInbox>();
    let cursor = Some(inbox.cursor()).filter(|cursor| !cursor.is_empty());
    let cursor = cursor.map(str::to_owned);
    let mut missed = world.resource_mut::<Missed>();
    let missed = &mut *missed;
    let since = || {
        missed
            .last
            .unwrap_or_else(|| missed.lost_at.earlier(BEFORE_LOSS))
    };
    missed.since.get_or_insert_with(since);
    let cursor = missed.cursor.clone().or(cursor);
    read_on(world, cursor.unwrap_or_default());
}

/// Reads the next page.
fn read_on(world: &mut World, cursor: String) {
    let mut request = world.spawn_empty();
    let read = ReadMissed { cursor };
    let asked = read.cursor.clone();
    request.observe(
        move |reply: On<Replied<ReadMissed>>, mut commands: Commands| {
            let (request, result) = (reply.request, reply.result.clone());
            let asked = asked.clone();
            commands.queue(move |world: &mut World| end(world, request, &asked, result));
        },
    );
    let request = request.id();
    world.resource_mut::<Missed>().reading = Some(request);
    submit_rest(world, request, read);
}

/// A page is read, or cannot be read.
fn end(world: &mut World, request: Entity, asked: &str, result: Outcome<ReadMissed>) {
    let mut missed = world.resource_mut::<Missed>();
    if missed
        .reading
        .take_if(|reading| *reading == request)
        .is_none()
    {
        return;
    }
    match result {
        Ok(NotificationPage {
            notifications,
            cacheable_cursor: cursor,
        }) => {
            missed.cursor = Some(cursor.clone());
            let is_full = notifications.len() >= PAGE as usize;
            tell(world, notifications);
            if is_full && cursor != asked {
                read_on(world, cursor);
            } else {
                world.resource_mut::<Missed>().since = None;
            }
        }
        Err(RequestError::Refused(NotificationRefusal::NotRetrieved(_))) if !asked.is_empty() => {
            // The cursor may be malformed.
            missed.cursor = None;
            read_on(world, String::new());
        }
        Err(error) => {
            log::warn!(
                "what the server has stored while the connection was lost cannot be read: {error}"
            );
        }
    }
}

/// Tells what has not arrived.
fn tell(world: &mut World, found: Vec<Notification>) {
    let Some(since) = world.resource::<Missed>().since else {
        return;
    };
    for notification in found {
        let inbox = world.resource::<NotificationInbox>();
        if notification.create_time < since || inbox.has_had(&notification.id) {
            continue;
        }
        let mut missed = world.resource_mut::<Missed>();
        missed.last = missed.last.max(Some(notification.create_time));
        if missed.told.len() == TOLD {
            missed.told.pop_front();
        }
        missed.told.push_back(notification.id.clone());
        inbox::take_in(world, vec![notification.clone()]);
        world.write_message(NotificationReceived {
            notification,
            replayed: true,
        });
    }
}

/// Reads a page of the list, from the cursor on.
#[derive(Clone, Debug)]
struct ReadMissed {
    cursor: String,
}

request!(ReadMissed -> NotificationPage, NotificationRefusal);

impl RestRequest for ReadMissed {
    type Call = UserCall;

    fn to_call(&self) -> UserCall {
        list_call(&FetchNotifications::new(PAGE).since(&self.cursor))
    }

    fn read(&mut self, response: &RestResponse) -> Outcome<Self> {
        read_page(response, &self.cursor)
    }
}
