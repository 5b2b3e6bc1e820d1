//! Streams: what code on the server tells the users whom it has put there.
//!
//! A client cannot join a stream by itself: code on the server does it, most of the time in a function that the client calls. The plugin
//! spawns an entity with [`Stream`] when it first hears of a stream, from a presence event or from data. [`StreamIndex`] finds it. Everybody
//! who joins after that is an entity related to it by [`StreamPresenceOf`]. Data arrives as [`StreamDataReceived`], or typed as
//! [`FromStream<T>`] if you have bound a type to the stream's mode with [`add_stream_data`](StreamDataAppExt::add_stream_data).
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_nakama::{payload::Json, prelude::*, stream::Stream, testing::*};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct News {
//!     headline: String,
//! }
//!
//! impl StreamPayload for News {
//!     const MODE: i32 = 130;
//!     type Codec = Json;
//! }
//!
//! #[derive(Default, Resource)]
//! struct Wall(Vec<String>);
//!
//! fn read(mut news: MessageReader<FromStream<News>>, streams: Query<&Stream>, mut wall: ResMut<Wall>) {
//!     for FromStream { context, payload, .. } in news.read() {
//!         // The stream may be gone by the time its data are read.
//!         let place = streams.get(*context).map_or("?", |stream| &stream.label);
//!         wall.0.push(format!("{place}: {}", payload.headline));
//!     }
//! }
//!
//! let mut game = TestGame::connected();
//! game.app.add_stream_data::<News>().init_resource::<Wall>().add_systems(Update, read);
//! let town = Stream { mode: 130, label: "town".into(), ..Stream::default() };
//! game.server_says(stream_data(&town, r#"{"headline":"rain"}"#));
//! game.update();
//! assert_eq!(game.app.world().resource::<Wall>().0, ["town: rain"]);
//! ```
//!
//! To hear who joins and leaves, observe [`Joined<Stream>`](crate::presence::Joined) and [`Left<Stream>`](crate::presence::Left).
//!
//! # What happens when
//!
//! On the wire, the join of the local user may come before or after the answer to the RPC that caused it. The plugin puts the answer
//! first. It cannot know which RPC puts the local user into a stream, so the local user's presence waits for the answer to any open RPC,
//! for at most 250 ms. Data does not wait: what the same function sends may come before its answer.
//!
//! When code on the server changes a presence, it stays the same entity. Of what that code can change, the server tells only
//! [`StreamPersistence`]. A presence that becomes hidden leaves.
//!
//! The data of one type arrives in order. Two types (two modes) are two queues, which lose their order: if that matters, use one mode, and
//! put both types into one enum, as for [match data](crate::match_data#order).
//!
//! # What you cannot know
//!
//! * **Who was in a stream before the local user joined.** They appear with their next update. If you need a list, let the function
//!   that joins answer with one.
//! * **That the local user is not in a stream any more**, because they left or because it was closed. The server tells only the others who
//!   leaves. The entity stays, and nothing arrives any more. If your game knows better, despawn the entity.
//! * Whether despawning the entity of a stream has left it: it has not, only code on the server can do that. The stream comes back as a new
//!   entity with the next event or data; the server does not tell again who is there. See the
//!   [table](crate::presence#what-you-may-do-to-entities).
//! * That a hidden user is in a stream. They hear everything, and the server tells nobody of them, not even themselves.
//! * Which presence is the local user's ([`IsSelf`](crate::presence::IsSelf)), until the server has told the local user's session: see
//!   [`PresenceIndex::own_session`](crate::presence::PresenceIndex::own_session). If the local user appears online, it has.
//!
//! Modes below 10 are the server's own. What it sends to such streams arrives as matches, parties, channels and status.

mod data;

use std::{borrow::Cow, fmt, hash::Hash};

use bevy_app::{App, Plugin};
use bevy_ecs::{entity::EntityHashSet, prelude::*};
use bevy_reflect::Reflect;
use hashbrown::Equivalent;

pub use self::data::{
    FromStream, StreamDataAppExt, StreamDataReceived, StreamDataRejected, StreamPayload,
};
use crate::{
    data::add_data,
    ecs::uncloned::Uncloned as _,
    mirror::{
        self, AreaAppExt as _, Context, ContextId, ContextIndex, Detail, HasMembers, LifeCycle,
        LossReason, Membership, NOTHING, Timing, Vocabulary, WaitsFor, on_pushed, sealed,
    },
    proto::{Message, UserPresence, realtime},
    request::Area,
    transport::{People, StreamData, StreamInfo, is_canonical, make_canonical},
};

/// A stream that the local user is in. It appears with the first presence event or data that arrives, and goes with the connection.
///
/// All four fields together are its id. Mirrors `Stream`.
#[derive(Clone, Component, Debug, Default, Eq, Hash, PartialEq, Reflect)]
#[type_path = "bevy_nakama::stream"]
#[component(immutable, clone_behavior = Ignore, on_remove = mirror::leave_taken::<Stream>)]
#[reflect(Component)]
pub struct Stream {
    /// The type of the stream: 10 to 255, as the game chooses. Lower modes are the server's own.
    pub mode: i32,
    /// A UUID, most of the time of what the stream is about. It may be empty.
    pub subject: String,
    /// Another UUID. It may be empty.
    pub subcontext: String,
    /// Any text. It may be empty.
    pub label: String,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mode,
            subject,
            subcontext,
            label,
        } = self;
        write!(f, "{mode}.{subject}.{subcontext}.{label}")
    }
}

impl From<&StreamInfo> for Stream {
    fn from(stream: &StreamInfo) -> Self {
        Self {
            mode: stream.mode,
            subject: (*stream.subject).into(),
            subcontext: (*stream.subcontext).into(),
            label: (*stream.label).into(),
        }
    }
}

impl From<realtime::Stream> for Stream {
    fn from(stream: realtime::Stream) -> Self {
        Self {
            mode: stream.mode,
            subject: stream.subject,
            subcontext: stream.subcontext,
            label: stream.label,
        }
        .into_canonical()
    }
}

impl From<&Stream> for realtime::Stream {
    fn from(stream: &Stream) -> Self {
        let Stream {
            mode,
            subject,
            subcontext,
            label,
        } = stream.clone();
        Self {
            mode,
            subject,
            subcontext,
            label,
        }
    }
}

impl Stream {
    /// With its UUIDs as the server writes them.
    fn into_canonical(mut self) -> Self {
        make_canonical(&mut self.subject);
        make_canonical(&mut self.subcontext);
        self
    }
}

/// As the network thread names it. The fields are hashed alike.
impl Equivalent<Stream> for StreamInfo {
    fn equivalent(&self, stream: &Stream) -> bool {
        self.mode == stream.mode
            && *self.subject == *stream.subject
            && *self.subcontext == *stream.subcontext
            && *self.label == *stream.label
    }
}

/// Relates a presence to the stream that it is in.
///
/// It goes when the presence leaves. The entity lives on a little longer, marked with [`Departed`](crate::presence::Departed).
///
/// **To hear who joins and who leaves, observe [`Joined`](crate::presence::Joined) and [`Left`](crate::presence::Left)**: `On<Remove,
/// StreamPresenceOf>` also fires for everybody who stays when the connection ends. An observer of `On<Add, …>` must not
/// [despawn the stream](crate::presence#who-joins-and-who-leaves).
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::stream"]
#[relationship(relationship_target = StreamPresences)]
#[reflect(Component)]
pub struct StreamPresenceOf(pub Entity);

/// Everybody in a stream of whom the server has told, in no particular order. It is absent while there is nobody.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::stream"]
#[relationship_target(relationship = StreamPresenceOf, linked_spawn)]
#[reflect(Component)]
pub struct StreamPresences(EntityHashSet);

/// The flag `persistence` of a presence in a stream. Code on the server sets it, and your game decides what it means.
///
/// Mirrors `UserPresence.persistence`.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::stream"]
#[component(immutable, clone_behavior = Ignore)]
#[reflect(Component)]
pub struct StreamPersistence(pub bool);

impl Membership for StreamPresenceOf {
    type Place = Stream;
    type Detail = StreamPersistence;
    type Marks = ();
}

impl Detail for StreamPersistence {
    fn of(presence: &UserPresence) -> Self {
        Self(presence.persistence)
    }

    fn read(known: &EntityRef<'_>) -> Self {
        known.get::<Self>().copied().unwrap_or_default()
    }

    fn update(self, known: &mut EntityWorldMut<'_>) {
        if known.get::<Self>() != Some(&self) {
            known.insert(self);
        }
    }
}

/// Finds the entity of a stream that the server has reported.
///
/// ```
/// # use bevy_nakama::{prelude::*, stream::Stream};
/// fn town(index: &StreamIndex) -> Option<bevy::prelude::Entity> {
///     index.get(&Stream { mode: 130, label: "town".into(), ..Stream::default() })
/// }
/// ```
pub type StreamIndex = ContextIndex<Stream>;

impl sealed::Sealed for Stream {}

impl ContextId for Stream {
    fn canonical(&self) -> Cow<'_, Self> {
        if is_canonical(&self.subject) && is_canonical(&self.subcontext) {
            Cow::Borrowed(self)
        } else {
            Cow::Owned(self.clone().into_canonical())
        }
    }
}

impl Context for Stream {}

impl HasMembers for Stream {}

impl Vocabulary for Stream {
    type Id = Self;
    type Marks = ();
    const AREA: Area = Area::Stream;
    const NOUN: &'static str = "stream";

    /// Only code on the server takes somebody out of a stream.
    fn leave_message(_: &World, _: &Self) -> Option<Message> {
        None
    }
}

/// The entity of a stream; a new entity if the stream has none.
fn entity_of<Q: Equivalent<Stream> + Hash>(
    world: &mut World,
    stream: &Q,
    new: impl FnOnce() -> Stream,
) -> Entity {
    let known = world.resource::<StreamIndex>().find(stream);
    known.unwrap_or_else(|| {
        let stream = new();
        let entity = world.spawn_empty().id();
        mirror::become_known::<Stream>(world, entity, &stream, stream.clone());
        entity
    })
}

/// Somebody joined or left a stream, or was changed there.
fn on_presence_event(
    world: &mut World,
    event: &mut realtime::StreamPresenceEvent,
    people: &mut People,
    timing: Timing,
) -> Result<(), WaitsFor> {
    let stream = Stream::from(event.stream.clone().unwrap_or_default());
    let who = event.joins.iter().chain(&event.leaves);
    mirror::wait_for_answer(world, timing, Area::Stream, &stream.to_string(), who)?;
    let entity = entity_of(world, &stream, || stream.clone());
    mirror::on_presences::<StreamPresenceOf>(world, entity, &event.joins, &event.leaves, people);
    Ok(())
}

/// Streams, and the data in them.
pub(crate) struct StreamPlugin;

impl Plugin for StreamPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<StreamIndex>()
            .register_type::<(StreamIndex, Stream, StreamPresenceOf)>()
            .register_type::<(StreamPresences, StreamPersistence)>()
            .add_life_cycle(LifeCycle {
                on_opened: NOTHING,
                on_lost: mirror::make_stale::<Stream>,
                reenter,
                on_closed: mirror::clear::<Stream>,
            });
        add_data::<StreamData>(app);
        on_pushed!(app: StreamPresenceEvent => on_presence_event,);
    }
}

/// The connection is back. Only code on the server brings the local user into a stream.
fn reenter(world: &mut World) {
    for (stream, _) in mirror::stale_contexts::<Stream>(world) {
        mirror::is_lost::<Stream>(world, stream, LossReason::ByServerOnly);
    }
}
