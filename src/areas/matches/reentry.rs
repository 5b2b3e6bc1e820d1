//! How the local user came into a match, and how they come back after a loss of the connection.

use std::{collections::BTreeMap, time::Duration};

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};

use super::{CreateMatch, JoinMatch, Match, MatchRefusal, PresentIn, entry};
use crate::{
    error::ServerError,
    mirror::{self, Item, LossReason, Reentering, ReentryPolicy, presence::PresenceIndex},
    proto::{Message, realtime::match_join::Id},
    request::SocketRequest as _,
    transport::Secret,
};

/// How the local user came into a match. A component of the match, read only. After a loss of the connection, the local user comes back in the
/// same way, if the match's [`ReentryPolicy`](crate::healing::ReentryPolicy) says so.
#[derive(Clone, Component, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matches"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
#[non_exhaustive]
pub enum EnteredBy {
    /// With [`CreateMatch::named`], under this name.
    Name(String),
    /// With [`CreateMatch::new`]: nobody but the server knew the id before.
    Creation,
    /// With the match's id.
    Id,
    /// With a token of the matchmaker.
    Token,
}

/// What is remembered beside that.
#[derive(Clone, Component)]
#[component(immutable, clone_behavior = Ignore)]
#[doc(hidden)]
pub struct Entrance {
    by: EnteredBy,
    /// A token of the matchmaker: for 30 s it makes the match anew, if that is gone.
    token: Option<Secret>,
    metadata: BTreeMap<String, String>,
    /// In time since the app's start.
    at: Duration,
}

/// How long it takes until a match is asked for once more.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a token of the matchmaker is good.
const TOKEN_LIFE: Duration = Duration::from_secs(30);

impl Entrance {
    pub(super) fn create(name: Option<String>) -> Self {
        Self::new(name.map_or(EnteredBy::Creation, EnteredBy::Name))
    }

    pub(super) fn join(request: JoinMatch) -> Self {
        let (by, token) = match request.id {
            Id::MatchId(_) => (EnteredBy::Id, None),
            Id::Token(token) => (EnteredBy::Token, Some(token.into())),
        };
        Self {
            token,
            metadata: request.metadata,
            ..Self::new(by)
        }
    }

    fn new(by: EnteredBy) -> Self {
        Self {
            by,
            token: None,
            metadata: BTreeMap::new(),
            at: Duration::ZERO,
        }
    }

    /// Remembers it with the match, unless that is known from before: then the first way in counts, because it may be by name.
    pub(super) fn remember(mut self, world: &mut World, context: Entity) {
        if !mirror::is_in::<Match>(world, context) || world.get::<Self>(context).is_some() {
            return;
        }
        self.at = world.resource::<Time<Real>>().elapsed();
        let policy = match self.by {
            EnteredBy::Name(_) => ReentryPolicy::Recreate,
            _ => ReentryPolicy::Rejoin,
        };
        mirror::default_policy(world, context, policy);
        if let Ok(mut context) = world.get_entity_mut(context) {
            context.insert((self.by.clone(), self));
        }
    }
}

/// The connection is back.
pub(super) fn reenter(world: &mut World) {
    for (context, _) in mirror::stale_contexts::<Match>(world) {
        ask(world, context);
    }
}

/// Asks to enter a match again.
fn ask(world: &mut World, context: Entity) {
    let Some(id) = mirror::id_of::<Match>(world, context) else {
        return;
    };
    let entrance = world.get::<Entrance>(context);
    match (mirror::policy(world, context), entrance) {
        (ReentryPolicy::Drop, _) => {
            mirror::is_lost::<Match>(world, context, LossReason::Policy);
        }
        (
            ReentryPolicy::Recreate,
            Some(Entrance {
                by: EnteredBy::Name(name),
                ..
            }),
        ) => {
            let create = CreateMatch::named(name);
            send(world, context, create.to_message(), true);
        }
        (_, entrance) => {
            let metadata = entrance.map(|it| it.metadata.clone()).unwrap_or_default();
            // A relayed match that somebody has made anew has its old id.
            let is_relayed = world
                .get::<Match>(context)
                .is_none_or(|it| !it.authoritative);
            let id = Id::MatchId(id.to_string());
            send(
                world,
                context,
                JoinMatch { id, metadata }.to_message(),
                is_relayed,
            );
        }
    }
}

fn send(world: &mut World, context: Entity, message: Message, may_be_new: bool) {
    let how = Reentering::<Match, MatchRefusal> {
        read: entry,
        may_be_new,
        on_refusal: may_come,
        then: |_, _| {},
    };
    mirror::reenter::<PresentIn, _>(world, context, message, how);
}

/// The server refused. If the match is gone, somebody else may be about to make it anew, or its token may. Whether it is asked for once more.
fn may_come(world: &mut World, context: Entity, error: &ServerError) -> bool {
    if !matches!(MatchRefusal::from(error.clone()), MatchRefusal::NotFound(_)) {
        return false;
    }
    let now = world.resource::<Time<Real>>().elapsed();
    if let Some(entrance) = world.get::<Entrance>(context)
        && now.saturating_sub(entrance.at) < TOKEN_LIFE
        && let Some(token) = entrance.token.clone()
    {
        let mut entrance = entrance.clone();
        entrance.token = None;
        let id = Id::Token(token.expose().to_owned());
        let metadata = entrance.metadata.clone();
        if let Ok(mut context) = world.get_entity_mut(context) {
            context.insert(entrance);
        }
        let message = JoinMatch { id, metadata }.to_message();
        send(world, context, message, true);
        return true;
    }
    let has_others = world.resource::<PresenceIndex>().count(context) > 1;
    let waits = has_others && mirror::is_within_return_window(world);
    if waits {
        let item = Item::new(world);
        mirror::ask_later(world, context, AGAIN, Some(item), ask);
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_does_not_show() {
        let entrance = Entrance::join(JoinMatch::by_token("secret"));
        assert_eq!(entrance.by, EnteredBy::Token);
        assert_eq!(entrance.token, Some("secret".into()));
        assert_eq!(Entrance::join(JoinMatch::by_id("m.")).by, EnteredBy::Id);
    }
}
