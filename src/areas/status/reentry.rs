//! How the local user shows the same status and follows the same users again, after a loss of the connection.

use std::collections::BTreeSet;

use bevy_ecs::prelude::*;

use super::{FollowUsers, FollowedUser, FollowedUserIndex, StatusBook, requests::take_in};
use crate::{
    connection::NakamaConnection,
    mirror::{
        self, LossReason, ReentryOutcome,
        early::EarlyArrivals,
        presence::{PresenceIndex, SessionId, UserId, Username},
    },
    proto::{Message, UserPresence, realtime},
    request::{Area, Moments, RequestError, Requests, SocketRequest as _, Unconfirmed, room},
    transport::Received,
};

/// The server has agreed that the local user shows this. It is shown again when the connection was lost and is back.
pub(super) fn remember(world: &mut World, status: Option<String>) {
    let mut book = world.resource_mut::<StatusBook>();
    book.shown = Some(status);
    book.is_outdated = false;
    world
        .resource_mut::<NakamaConnection>()
        .bypass_change_detection()
        .shows_a_status();
}

/// The connection is back.
pub(super) fn reenter(world: &mut World) {
    show_again(world);
    let followed = mirror::stale_contexts::<FollowedUser>(world);
    let (own, others): (Vec<_>, Vec<_>) = followed
        .into_iter()
        .partition(|(_, id)| mirror::is_own_user(world, id.as_str()));
    for (own, _) in own {
        // Nobody has to follow themselves: the server tells by itself.
        mirror::keep_other_devices(world, own);
        mirror::is_restored::<FollowedUser>(world, own, ReentryOutcome::Restored);
    }
    let ids: Vec<_> = others.into_iter().map(|(_, id)| id).collect();
    let names: BTreeSet<_> = world
        .resource::<StatusBook>()
        .names
        .iter()
        .cloned()
        .collect();
    if ids.is_empty() && names.is_empty() {
        return;
    }
    let mut early = world.resource_mut::<EarlyArrivals>();
    for id in &ids {
        early.await_context(Area::Status, id.as_str());
    }
    for part in FollowUsers::ids(ids).usernames(names).split(room(world)) {
        let message = part.to_message();
        let (ids, names) = part.into_users();
        mirror::ask(world, message, move |world, answer| {
            on_followed(world, ids, names, answer);
        });
    }
}

/// The local user shows the status that they have shown before, or hides as before.
fn show_again(world: &mut World) {
    let connection = world.resource::<NakamaConnection>();
    let appears_online = connection.appears_online();
    let shown = world.resource::<StatusBook>().shown.clone();
    // If the game has set another one meanwhile, nobody shows the old one.
    let is_replaced = world
        .resource::<Requests>()
        .carries_own_move(world, Area::Status);
    let own = match &shown {
        Some(status) => status.clone().filter(|_| !is_replaced),
        None => appears_online.then(String::new),
    };
    let mut book = world.resource_mut::<StatusBook>();
    if !is_replaced {
        book.own.clear(); // an earlier session was about to show that
    }
    book.own.extend(own);
    book.is_outdated = false;
    let Some(status) = shown else {
        return;
    };
    if is_replaced {
        // If the server refuses the other one, the old one counts.
        world.resource_mut::<StatusBook>().is_outdated = true;
    } else if status.is_some() {
        send(world, status);
    }
}

/// Nothing has come of a status. If it was to replace the one from before the loss, that one is shown again.
pub(super) fn on_missed(world: &mut World) {
    let connection = world.resource::<NakamaConnection>();
    if connection.is_lost() && !connection.is_reentering() {
        return; // it is shown again when the connection is back
    }
    let mut book = world.resource_mut::<StatusBook>();
    if std::mem::take(&mut book.is_outdated)
        && let Some(Some(status)) = book.shown.clone()
    {
        book.own.push(status.clone());
        send(world, Some(status));
    }
}

fn send(world: &mut World, status: Option<String>) {
    let message = Message::StatusUpdate(realtime::StatusUpdate {
        status: status.clone(),
    });
    mirror::ask(world, message, |world, answer| match answer {
        Ok(_) => remember(world, status),
        Err(error) => {
            log::warn!("the local user's status could not be shown again: {error:?}");
        }
    });
}

/// The server has answered which of these users are online.
fn on_followed(
    world: &mut World,
    ids: Vec<UserId>,
    names: Vec<Username>,
    answer: Result<Option<Received>, Unconfirmed>,
) {
    let index = world.resource::<FollowedUserIndex>();
    let still_followed: Vec<_> = ids
        .iter()
        .filter(|id| index.get(id).is_some())
        .cloned()
        .collect();
    let reason = match answer {
        Ok(Some(Received {
            message: Message::Status(mut status),
            people,
        })) => {
            // The game may have unfollowed somebody while the answer was under way.
            status.presences.retain(|who| {
                let is_followed = |id: &UserId| *id == *who.user_id.as_str();
                let is_named = |name: &Username| *name == *who.username.as_str();
                mirror::is_own_user(world, &who.user_id)
                    || still_followed.iter().any(is_followed)
                    || names.iter().any(is_named)
            });
            let since = world.resource_mut::<Moments>().next();
            let anybody_stayed = status.presences.iter().any(|who| is_known(world, who));
            take_in(world, still_followed.clone(), names, &status, people, since);
            super::requests::unfollow_unwanted(world, ids);
            for id in still_followed {
                is_back(world, &id, anybody_stayed);
            }
            return mirror::early::contexts_are_known(world, Area::Status);
        }
        Ok(_) | Err(Unconfirmed::Unexpected) => LossReason::NoAnswer("something else".into()),
        Err(Unconfirmed::Refused(error)) => LossReason::Refused(error),
        Err(Unconfirmed::Failed(failure)) => {
            let error: RequestError = failure.into();
            LossReason::NoAnswer(error.to_string())
        }
    };
    for name in &names {
        world.resource_mut::<StatusBook>().names.remove(name);
    }
    for id in still_followed {
        let user = world.resource::<FollowedUserIndex>().get(&id);
        if let Some(user) = user {
            mirror::is_lost::<FollowedUser>(world, user, reason.clone());
        }
    }
    if matches!(reason, LossReason::NoAnswer(_)) {
        // The server may follow them later. It works in order.
        super::requests::unfollow_unwanted(world, ids);
    }
    mirror::early::contexts_are_known(world, Area::Status);
}

/// Whether a session was online before the connection was lost. Then the server has not lost the others either.
fn is_known(world: &World, who: &UserPresence) -> bool {
    let user = UserId::from(who.user_id.as_str());
    let session = SessionId::from(who.session_id.as_str());
    let user = world.resource::<FollowedUserIndex>().get(&user);
    user.is_some_and(|user| {
        world
            .resource::<PresenceIndex>()
            .get(user, &session)
            .is_some()
    })
}

/// A user is followed again. Their sessions that are missing are gone if those of others are there.
fn is_back(world: &mut World, id: &UserId, anybody_stayed: bool) {
    world
        .resource_mut::<EarlyArrivals>()
        .no_longer_await(Area::Status, id.as_str());
    if let Some(user) = world.resource::<FollowedUserIndex>().get(id) {
        if anybody_stayed {
            mirror::all_missing_leave(world, user);
        }
        mirror::is_restored::<FollowedUser>(world, user, ReentryOutcome::Restored);
    }
}
