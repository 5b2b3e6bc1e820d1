//! Matches.
//!
//! Joining or creating a match is a request whose entity *becomes* the match: it gets [`Match`] and [`MatchId`], and
//! everybody in it is an entity related to it by [`PresentIn`]. One match is one entity, however often it is joined.
//!
//! What the server does not tell: that one was kicked, and that an authoritative match ended. The mirror stays, and
//! nothing arrives any more.

use std::collections::BTreeMap;

use bevy_ecs::{entity::EntityHashSet, lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};
use hashbrown::HashMap;

use crate::{
    commands::NakamaCommands,
    early::{Area, EarlyArrivals, Held, Patience},
    error::{ErrorCode, ServerError},
    presence::{self, Joining, MatchId, Membership, Moment},
    proto::{Message, realtime},
    request::{
        Outcome, Request, RequestError, SocketRequest, refuse, send_unanswered, submit, unexpected,
    },
    transport::{People, Received},
};

/// A match that one is in. Appears on the entity of the request that joined it; goes when one leaves or the connection
/// ends.
///
/// Mirrors `Match`; its `size` is left out because the server counts differently from case to case: count
/// [`MatchPresences`].
#[derive(Clone, Component, Debug, Eq, PartialEq, Reflect)]
#[component(on_despawn = leave_despawned)]
#[reflect(Component)]
pub struct Match {
    /// Whether code on the server runs it; otherwise the server passes messages on between its members.
    pub authoritative: bool,
    /// The label that its handler gave it, as of the join: changes are not sent. `None` in relayed matches.
    pub label: Option<String>,
}

/// Relates a presence to the match that it is in.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[relationship(relationship_target = MatchPresences)]
#[reflect(Component)]
pub struct PresentIn(pub Entity);

impl Membership for PresentIn {}

/// Everybody in a match, oneself included, in no particular order. Absent if nobody is.
#[derive(Component, Debug, Default, Reflect)]
#[relationship_target(relationship = PresentIn, linked_spawn)]
#[reflect(Component)]
pub struct MatchPresences(EntityHashSet);

/// Finds the entity of a match.
#[derive(Debug, Default, Resource)]
pub struct MatchIndex {
    by_id: HashMap<MatchId, Entity>,
    /// Messages come in runs, most of the time for the same match.
    last: Option<(MatchId, Entity)>,
}

impl MatchIndex {
    /// The entity of a match that one is in.
    #[must_use]
    pub fn get(&self, id: &MatchId) -> Option<Entity> {
        self.by_id.get(id).copied()
    }

    /// The same, quicker for the match that was asked for last.
    pub(crate) fn get_again(&mut self, id: &MatchId) -> Option<Entity> {
        if let Some((last, entity)) = &self.last
            && std::ptr::eq(last.as_str(), id.as_str())
        {
            return Some(*entity);
        }
        let entity = self.get(id)?;
        self.last = Some((id.clone(), entity));
        Some(entity)
    }

    fn insert(&mut self, id: MatchId, entity: Entity) {
        self.by_id.insert(id, entity);
    }

    fn remove(&mut self, id: &MatchId) -> Option<Entity> {
        self.last = None;
        self.by_id.remove(id)
    }
}

/// How the server refuses something about matches. The server's own text is in the error.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchRefusal {
    /// There is no such match, or not any more.
    #[error(transparent)]
    NotFound(ServerError),
    /// The match handler said no; the text is its reason.
    #[error(transparent)]
    JoinRejected(ServerError),
    /// The id is none.
    #[error(transparent)]
    InvalidId(ServerError),
    /// The matchmaker's token is none, or older than 30 s.
    #[error(transparent)]
    InvalidToken(ServerError),
    /// Something else.
    #[error(transparent)]
    Other(ServerError),
}

impl From<ServerError> for MatchRefusal {
    fn from(error: ServerError) -> Self {
        match (error.code, error.message.as_str()) {
            (ErrorCode::MatchNotFound, _) => Self::NotFound(error),
            (ErrorCode::MatchJoinRejected, _) => Self::JoinRejected(error),
            (ErrorCode::BadInput, "Invalid match ID") => Self::InvalidId(error),
            (ErrorCode::BadInput, "Invalid match token") => Self::InvalidToken(error),
            _ => Self::Other(error),
        }
    }
}

/// One is in a match now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MatchJoined {
    /// The match: the request's own entity, or another one if one was in that match already.
    pub entity: Entity,
}

/// Creates a relayed match. Mirrors `MatchCreate`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CreateMatch {
    name: Option<String>,
}

impl CreateMatch {
    /// A new match.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The match of that name: the first who asks creates it, the others join.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
        }
    }
}

impl Request for CreateMatch {
    type Reply = MatchJoined;
    type Refusal = MatchRefusal;
    const NAME: &'static str = "CreateMatch";
}

impl SocketRequest for CreateMatch {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Match);

    fn to_message(&self) -> Message {
        Message::MatchCreate(realtime::MatchCreate {
            name: self.name.clone().unwrap_or_default(),
        })
    }

    fn succeed(
        self,
        world: &mut World,
        entity: Entity,
        since: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        become_match(world, entity, since, reply)
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        leave_unwanted(world, reply);
    }
}

/// Joins a match. Mirrors `MatchJoin`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JoinMatch {
    id: realtime::match_join::Id,
    metadata: BTreeMap<String, String>,
}

impl JoinMatch {
    /// The match with this id.
    #[must_use]
    pub fn by_id(id: impl Into<MatchId>) -> Self {
        let id: MatchId = id.into();
        Self {
            id: realtime::match_join::Id::MatchId(id.to_string()),
            metadata: BTreeMap::new(),
        }
    }

    /// The match of a token from the matchmaker. It is good for 30 s.
    #[must_use]
    pub fn by_token(token: impl Into<String>) -> Self {
        Self {
            id: realtime::match_join::Id::Token(token.into()),
            metadata: BTreeMap::new(),
        }
    }

    /// Something for the match handler to know. Relayed matches ignore it.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

impl Request for JoinMatch {
    type Reply = MatchJoined;
    type Refusal = MatchRefusal;
    const NAME: &'static str = "JoinMatch";
}

impl SocketRequest for JoinMatch {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Match);

    fn to_message(&self) -> Message {
        Message::MatchJoin(realtime::MatchJoin {
            id: Some(self.id.clone()),
            metadata: self.metadata.clone(),
        })
    }

    fn succeed(
        self,
        world: &mut World,
        entity: Entity,
        since: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        become_match(world, entity, since, reply)
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        leave_unwanted(world, reply);
    }
}

/// Leaves a match. The match's entity goes with the server's consent. Mirrors `MatchLeave`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaveMatch {
    id: MatchId,
}

impl Request for LeaveMatch {
    type Reply = ();
    type Refusal = MatchRefusal;
    const NAME: &'static str = "LeaveMatch";
}

impl SocketRequest for LeaveMatch {
    const IS_TRANSIENT: bool = true;

    fn to_message(&self) -> Message {
        leave_message(&self.id)
    }

    fn succeed(
        self,
        world: &mut World,
        _: Entity,
        _: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        if let Some(Received { message, .. }) = reply {
            return Err(unexpected(Some(&message)));
        }
        remove(world, &self.id);
        Ok(())
    }

    fn take_back(self, world: &mut World, _: Option<Received>) {
        // There is no way back: we are out.
        remove(world, &self.id);
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Creates a relayed match. The returned entity becomes it, see [`Replied<CreateMatch>`](crate::request::Replied).
    pub fn create_match(self, request: CreateMatch) -> EntityCommands<'a> {
        self.request_with(move |world, entity| join(world, entity, request))
    }

    /// Joins a match. The returned entity becomes it, see [`Replied<JoinMatch>`](crate::request::Replied).
    pub fn join_match(self, request: JoinMatch) -> EntityCommands<'a> {
        self.request_with(move |world, entity| join(world, entity, request))
    }

    /// Leaves a match: the answer is a [`Replied<LeaveMatch>`](crate::request::Replied) on the returned entity.
    ///
    /// Despawning the match's entity is leaving, too, if the answer does not matter.
    pub fn leave_match(self, match_entity: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            let id = world
                .get_entity(match_entity)
                .ok()
                .filter(|it| it.contains::<Match>());
            match id.and_then(|it| it.get::<MatchId>().cloned()) {
                Some(id) => submit(world, entity, LeaveMatch { id }),
                None => refuse::<LeaveMatch>(
                    world,
                    entity,
                    RequestError::WrongEntity { expected: "match" },
                ),
            }
        })
    }
}

fn join<R: SocketRequest>(world: &mut World, entity: Entity, request: R) {
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert(Joining);
    }
    submit(world, entity, request);
}

fn become_match(
    world: &mut World,
    entity: Entity,
    since: Moment,
    reply: Option<Received>,
) -> Result<MatchJoined, RequestError<MatchRefusal>> {
    let (joined, mut people) = match reply {
        Some(Received {
            message: Message::Match(joined),
            people,
        }) => (joined, people),
        other => return Err(unexpected(other.as_ref().map(|received| &received.message))),
    };
    let id = MatchId::from(joined.match_id);
    let known = world.resource::<MatchIndex>().get(&id);
    let mirror = known.unwrap_or(entity);
    let state = Match {
        authoritative: joined.authoritative,
        label: joined.label,
    };
    let mut request = world.entity_mut(entity);
    request.remove::<Joining>();
    if known.is_some() {
        request.insert(crate::request::Transient);
        world.entity_mut(mirror).insert(state);
    } else {
        request.insert((state, id.clone(), Name::new(format!("Match {id}"))));
        world
            .resource_mut::<MatchIndex>()
            .insert(id.clone(), mirror);
    }
    let everybody = joined
        .presences
        .iter()
        .map(|other| (other, false))
        .chain(joined.self_.iter().map(|me| (me, true)));
    let everybody = everybody.map(|(presence, is_self)| (people.info(presence), is_self));
    presence::apply_snapshot::<PresentIn>(world, mirror, everybody, since);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_known(Area::Match, id.as_str());
    Ok(MatchJoined { entity: mirror })
}

/// We are in a match that nobody asked for any more.
fn leave_unwanted(world: &mut World, reply: Option<Received>) {
    let Some(Received {
        message: Message::Match(joined),
        ..
    }) = reply
    else {
        return;
    };
    let id = MatchId::from(joined.match_id);
    // Another request may have joined it, too; then it is wanted.
    if world.resource::<MatchIndex>().get(&id).is_none() {
        send_unanswered(world, leave_message(&id));
    }
}

/// Hook: the game despawned a match that it was in.
fn leave_despawned(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(id) = world.get::<MatchId>(entity).cloned() else {
        return;
    };
    let Some(mut index) = world.get_resource_mut::<MatchIndex>() else {
        return;
    };
    if index.get(&id) != Some(entity) {
        return; // the plugin's own doing
    }
    index.remove(&id);
    world.commands().queue(move |world: &mut World| {
        forget(world, entity);
        send_unanswered(world, leave_message(&id));
    });
}

/// Despawns a match that we are out of.
fn remove(world: &mut World, id: &MatchId) {
    if let Some(entity) = world.resource_mut::<MatchIndex>().remove(id) {
        world.despawn(entity);
        forget(world, entity);
    }
}

/// Despawns all matches: the connection is gone.
pub(crate) fn clear(world: &mut World) {
    let ids: Vec<_> = world
        .resource::<MatchIndex>()
        .by_id
        .keys()
        .cloned()
        .collect();
    for id in ids {
        remove(world, &id);
    }
}

fn forget(world: &mut World, entity: Entity) {
    presence::forget(world, entity);
    world
        .resource_mut::<EarlyArrivals>()
        .context_is_gone(entity);
}

/// Somebody joined or left a match.
pub(crate) fn on_presence_event(
    world: &mut World,
    event: realtime::MatchPresenceEvent,
    mut people: People,
    patience: Patience,
) {
    let id = MatchId::from(event.match_id.as_str());
    let Some(entity) = world.resource::<MatchIndex>().get(&id) else {
        if patience == Patience::Wait {
            let now = world.resource::<Time<Real>>().elapsed();
            let held = Held::Pushed(Box::new(Received {
                message: Message::MatchPresenceEvent(event),
                people,
            }));
            world.resource_mut::<EarlyArrivals>().hold_for_context(
                now,
                Area::Match,
                id.as_str(),
                held,
            );
        }
        return;
    };
    let joins = people.infos(&event.joins);
    let leaves = people.infos(&event.leaves);
    presence::apply_event::<PresentIn>(world, entity, joins.clone(), &leaves);
    let mut early = world.resource_mut::<EarlyArrivals>();
    for known in joins.iter().chain(&leaves) {
        early.session_is_known(entity, &known.session_id);
    }
}

fn leave_message(id: &MatchId) -> Message {
    Message::MatchLeave(realtime::MatchLeave {
        match_id: id.to_string(),
    })
}
