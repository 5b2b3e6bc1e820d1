//! What a game makes and gets: the request, its entity and its one reply.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;
use bevy_time::{Real, Time};

use super::error::RequestError;
use crate::ecs::{departure::Transient, naming::give_name, observed, sealed::Sealed};

/// One round trip. Games do not implement it.
pub trait Request: Sealed + fmt::Debug + Send + Sync + Sized + 'static {
    /// What the server's consent brings.
    type Reply: fmt::Debug + Send + Sync + 'static;
    /// How the server says no.
    type Refusal: Error + Clone + Send + Sync + 'static;
    /// What it is called, in lists and logs.
    const NAME: &'static str;
}

/// Says what a request brings, and how the server refuses it.
macro_rules! request {
    ($Request:ident -> $Reply:ty, $Refusal:ty) => {
        impl $crate::ecs::sealed::Sealed for $Request {}

        impl $crate::request::Request for $Request {
            type Reply = $Reply;
            type Refusal = $Refusal;
            const NAME: &'static str = stringify!($Request);
        }
    };
}
pub(crate) use request;

/// The one answer to a request, as an event of the request's entity.
///
/// Observe it on the entity that the call returned, or globally for all requests of a type. The world shows what the answer says
/// before the event is triggered.
#[derive(Debug, EntityEvent)]
pub struct Replied<R: Request> {
    /// The entity that the call returned. If the request failed or leaves nothing behind, the plugin despawns the entity in `Last` of
    /// this frame.
    #[event_target]
    pub request: Entity,
    /// How it went.
    pub result: Result<R::Reply, RequestError<R::Refusal>>,
}

impl<R: Request> Replied<R> {
    /// How it went, for `?`: in an observer that returns [`Result`], Bevy logs the error as a warning, and the game goes on.
    ///
    /// ```
    /// # use bevy_ecs::prelude::*;
    /// # use bevy_nakama::prelude::*;
    /// #[derive(Component)]
    /// struct Arena;
    ///
    /// fn enter(reply: On<Replied<JoinMatch>>, mut commands: Commands) -> Result {
    ///     let joined = reply.result()?;
    ///     commands.entity(joined.entity).insert(Arena);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The request failed. The error is a copy of the one in [`result`](Self#structfield.result), with
    /// [`Severity::Warning`](bevy_ecs::error::Severity::Warning).
    pub fn result(&self) -> Result<&R::Reply, BevyError> {
        self.result
            .as_ref()
            .map_err(|error| BevyError::warning(error.clone()))
    }
}

/// A request failed, whatever its type: for logs and tools, which cannot observe every [`Replied`] there is. It is a global event,
/// triggered right before the [`Replied`]. It costs nothing while nobody observes it.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct RequestFailed {
    /// The entity that the call returned. May be gone, if the request was withdrawn.
    pub request: Entity,
    /// What the request is called: [`Request::NAME`].
    pub name: &'static str,
    /// The error, in one line.
    pub reason: String,
}

/// What a request comes to.
pub(crate) type Outcome<R> = Result<<R as Request>::Reply, RequestError<<R as Request>::Refusal>>;

/// Marks a request that has no answer yet.
#[derive(Clone, Component, Debug, Reflect)]
#[type_path = "bevy_nakama::request"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
pub struct PendingRequest {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// When it was made, in time since the app's start (`Time<Real>`).
    pub since: Duration,
}

pub(super) fn mark_pending<R: Request>(world: &mut World, entity: Entity) {
    give_name(world, entity, R::NAME);
    let since = world.resource::<Time<Real>>().elapsed();
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        entity.insert(PendingRequest {
            name: R::NAME.into(),
            since,
        });
    }
}

pub(super) fn reply<R: Request>(
    world: &mut World,
    entity: Entity,
    result: Outcome<R>,
    is_transient: bool,
) {
    let goes = is_transient || result.is_err();
    if let Err(error) = &result {
        log::debug!("{} failed: {error}", R::NAME);
        warn_if_unheard::<R>(world, entity, error);
        tell_failed::<R>(world, entity, error);
    }
    if let Ok(mut entity) = world.get_entity_mut(entity) {
        if goes {
            entity.insert(Transient);
        }
        // Last: an observer of this may despawn it.
        entity.remove::<PendingRequest>();
    }
    world.trigger(Replied::<R> {
        request: entity,
        result,
    });
    world.flush();
}

/// A failure that the game does not hear of is told in the log. A request whose entity is gone was withdrawn: nobody waits for it.
fn warn_if_unheard<R: Request>(world: &World, request: Entity, error: &RequestError<R::Refusal>) {
    if world.get_entity(request).is_ok()
        && !observed::by_the_game::<Replied<R>>(world, Some(request))
        && !observed::by_the_game::<RequestFailed>(world, None)
    {
        log::warn!(
            "{name} failed, and the game observes neither `Replied<{name}>` nor `RequestFailed`: {error}",
            name = R::NAME,
        );
    }
}

/// Tells those who want to hear of every failure, if there are any.
fn tell_failed<R: Request>(world: &mut World, request: Entity, error: &RequestError<R::Refusal>) {
    let is_observed = world
        .event_key::<RequestFailed>()
        .and_then(|key| world.observers().try_get_observers(key))
        .is_some_and(|observers| !observers.global_observers().is_empty());
    if is_observed {
        world.trigger(RequestFailed {
            request,
            name: R::NAME,
            reason: error.to_string(),
        });
    }
}
