//! Matches.
//!
//! To join or create a match is a request, whose entity *becomes* the match: it gets [`Match`] and [`MatchId`]. Everybody in the match
//! is an entity related to it by [`PresentIn`]. A match is one entity, however often you join it.
//!
//! ```no_run
//! # use bevy::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn enter(_: On<Connected>, mut commands: Commands) {
//!     commands.nakama().create_match(CreateMatch::named("lobby")).observe(
//!         |reply: On<Replied<CreateMatch>>| match &reply.result {
//!             Ok(joined) => println!("we are in {}", joined.entity),
//!             Err(error) => println!("no match: {error}"),
//!         },
//!     );
//! }
//!
//! fn greet(joined: On<Joined<Match>>, others: Query<&Username, Without<IsSelf>>) {
//!     let Ok(name) = others.get(joined.presence) else { return };
//!     match joined.how {
//!         JoinedAs::Present => println!("{name} was here before us"),
//!         _ => println!("{name} has joined"),
//!     }
//! }
//!
//! fn bye(left: On<Left<Match>>) {
//!     if left.why.has_left() {
//!         println!("{} has left", left.info.username);
//!     }
//! }
//! # fn main() { App::new().add_observer(enter).add_observer(greet).add_observer(bye); }
//! ```
//!
//! [`list_matches`](crate::commands::NakamaCommands::list_matches) asks which matches there are. The
//! [matchmaker](crate::matchmaker) finds others to play with.
//!
//! To leave, use [`leave_match`](crate::commands::NakamaCommands::leave_match), or despawn the match's entity. What else you may do to
//! entities, and what it means, is in [one table](crate::presence#what-you-may-do-to-entities).
//!
//! # Authoritative matches
//!
//! Code on the server runs them. They have a [label](Match::label). They send data themselves, without a `sender`. They may
//! refuse a player who wants to join, with a reason: [`MatchRefusal::JoinRejected`]. To tell them something with the join, use
//! [`JoinMatch::with_metadata`].
//!
//! What such a match sends to a player who joins may arrive before the answer to the join. The plugin puts it behind the answer.
//!
//! # What you cannot know
//!
//! * That the local user was kicked: the server tells the other members, and not the local user. The match's entity stays, and nothing
//!   arrives any more.
//! * That an authoritative match has ended. If the code of a match fails, the server ends the connection, too.
//! * A new label: [`Match::label`] is the label at the time of the join. [Lists](ListMatches) have the present one.
//!
//! # Limits
//!
//! A relayed match exists as long as somebody is in it. After that, nobody can join it by its id. A [named](CreateMatch::named) match is
//! made anew when a player asks for it. A token of the matchmaker is good for 30 s; after that, join the match by its id. A
//! server can be configured to allow one match for each user only. It then takes the local user out of the other matches without telling.

pub mod data;
mod list;
mod reentry;

use std::{collections::BTreeMap, fmt};

use bevy_app::{App, Plugin};
use bevy_ecs::{entity::EntityHashSet, prelude::*};
use bevy_reflect::Reflect;

use self::reentry::Entrance;
pub use self::{
    list::{ListMatches, ListedMatch, MatchListRefusal},
    reentry::EnteredBy,
};
use crate::{
    commands::NakamaCommands,
    data::add_data,
    ecs::uncloned::Uncloned as _,
    error::{ErrorCode, ServerError, refusals},
    mirror::{
        self, AreaAppExt as _, Context, ContextIndex, Entry, HasMembers, Leavable, Leave,
        LifeCycle, Membership, NOTHING, Timing, Vocabulary, WaitsFor, on_pushed,
        presence::{JoinWith, MatchId},
    },
    proto::{Message, realtime},
    request::{Area, Consent, Outcome, RequestError, SocketRequest, expect_message, request},
    transport::{MatchData, People, Received},
};

/// A match that the local user is in. It appears on the entity of the request that joined it, and goes when the local user leaves or
/// the connection ends.
///
/// Mirrors `Match`, without `size`, which the server counts differently from case to case: count [`MatchPresences`].
#[derive(Clone, Component, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matches"]
#[component(clone_behavior = Ignore, on_remove = mirror::leave_taken::<Match>)]
#[reflect(Component)]
pub struct Match {
    /// Whether code on the server runs it. In other matches, which are called relayed, the server passes on what members send.
    pub authoritative: bool,
    /// The label that its handler had given it when the local user joined. The server does not report changes. `None` in relayed
    /// matches.
    pub label: Option<String>,
}

/// Relates a presence to the match that it is in.
///
/// It goes when the player leaves. The entity lives on a little longer, marked with [`Departed`](crate::presence::Departed).
///
/// **To hear who joins and who leaves, observe [`Joined`](crate::presence::Joined) and [`Left`](crate::presence::Left)**: `On<Remove,
/// PresentIn>` also fires for everybody who stays when the local user leaves. An observer of `On<Add, …>` must not
/// [despawn the match](crate::presence#who-joins-and-who-leaves).
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::matches"]
#[relationship(relationship_target = MatchPresences)]
#[reflect(Component)]
pub struct PresentIn(pub Entity);

impl Membership for PresentIn {
    type Place = Match;
    type Detail = ();
    type Marks = ();
}

/// Everybody in a match, the local user included, in no particular order. It is absent while there is nobody.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::matches"]
#[relationship_target(relationship = PresentIn, linked_spawn)]
#[reflect(Component)]
pub struct MatchPresences(EntityHashSet);

/// Finds the entity of a match.
pub type MatchIndex = ContextIndex<MatchId>;

impl Context for Match {}

impl HasMembers for Match {}

impl Leavable for Match {
    type Refusal = MatchRefusal;
    const LEAVE: &'static str = "LeaveMatch";
}

impl Vocabulary for Match {
    type Id = MatchId;
    type Marks = (Entrance, EnteredBy);
    const AREA: Area = Area::Match;
    const NOUN: &'static str = "match";

    fn leave_message(_: &World, id: &MatchId) -> Option<Message> {
        Some(Message::MatchLeave(realtime::MatchLeave {
            match_id: id.to_string(),
        }))
    }
}

refusals! {
    /// How the server refuses something about matches. The server's own text is in the error.
    pub enum MatchRefusal(ServerError) {
        /// There is no such match, or it has ended.
        NotFound,
        /// The match handler refused the local user. The text is its reason.
        JoinRejected,
        /// The id is malformed.
        InvalidId,
        /// The matchmaker's token is malformed, or older than 30 s.
        InvalidToken,
        /// Something else.
        Other,
    }
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

/// The local user is in a match now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MatchJoined {
    /// The match: the request's own entity, or an older entity if the local user was in that match before.
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

    /// The match with this name. The first user who asks for it creates it, and the others join it.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
        }
    }
}

request!(CreateMatch -> MatchJoined, MatchRefusal);

impl SocketRequest for CreateMatch {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Match);

    fn to_message(&self) -> Message {
        Message::MatchCreate(realtime::MatchCreate {
            name: self.name.clone().unwrap_or_default(),
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        become_match(world, consent, Entrance::create(self.name))
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        mirror::leave_entered(world, entry(reply));
    }
}

/// Joins a match. Mirrors `MatchJoin`.
#[derive(Clone, Eq, PartialEq)]
pub struct JoinMatch {
    id: realtime::match_join::Id,
    metadata: BTreeMap<String, String>,
}

impl fmt::Debug for JoinMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Metadata are between the game and its server, and a token lets its bearer in.
        let id = match &self.id {
            realtime::match_join::Id::MatchId(id) => id,
            realtime::match_join::Id::Token(_) => "<token>",
        };
        f.debug_struct("JoinMatch")
            .field("id", &id)
            .finish_non_exhaustive()
    }
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

    /// Tells the match handler something. Relayed matches ignore it.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }
}

impl From<&JoinWith> for JoinMatch {
    fn from(join: &JoinWith) -> Self {
        match join {
            JoinWith::Token(token) => Self::by_token(token.expose()),
            JoinWith::Id(id) => Self::by_id(id.clone()),
        }
    }
}

impl<T: Into<MatchId>> From<T> for JoinMatch {
    fn from(id: T) -> Self {
        Self::by_id(id)
    }
}

request!(JoinMatch -> MatchJoined, MatchRefusal);

impl SocketRequest for JoinMatch {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Match);

    fn to_message(&self) -> Message {
        Message::MatchJoin(realtime::MatchJoin {
            id: Some(self.id.clone()),
            metadata: self.metadata.clone(),
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        become_match(world, consent, Entrance::join(self))
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        mirror::leave_entered(world, entry(reply));
    }
}

/// Leaves a match. When the server agrees, the match's entity goes. Mirrors `MatchLeave`.
pub type LeaveMatch = Leave<Match>;

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Creates a relayed match. The returned entity becomes it, see [`Replied<CreateMatch>`](crate::request::Replied).
    pub fn create_match(self, request: CreateMatch) -> EntityCommands<'a> {
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Joins a match. The returned entity becomes it, see [`Replied<JoinMatch>`](crate::request::Replied).
    ///
    /// Give it the [id](MatchId) of a match, as it is or as text. For what the matchmaker has found, call
    /// `join_match(&matched.join)`. With metadata for the match handler, give it a [`JoinMatch`].
    pub fn join_match(self, request: impl Into<JoinMatch>) -> EntityCommands<'a> {
        let request = request.into();
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Leaves a match. The answer is a [`Replied<LeaveMatch>`](crate::request::Replied) on the returned entity. If the match is still
    /// [`Joining`](crate::presence::Joining), you withdraw the join, and its entity goes at once.
    ///
    /// If you do not need the answer, despawn the match's entity instead.
    pub fn leave_match(self, match_entity: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            mirror::ask_to_leave::<Match>(world, entity, match_entity);
        })
    }
}

/// What the server answers when the local user joins or creates a match.
fn entry(reply: Option<Received>) -> Result<Entry<Match>, RequestError<MatchRefusal>> {
    let (joined, mut people) = expect_message!(reply, Match);
    let others = joined.presences.iter().map(|other| (other, false));
    let everybody = others.chain(joined.self_.iter().map(|me| (me, true)));
    Ok(Entry {
        id: MatchId::from(joined.match_id.as_str()),
        everybody: everybody
            .map(|(presence, is_self)| (people.info(presence), is_self))
            .collect(),
        state: Match {
            authoritative: joined.authoritative,
            label: joined.label,
        },
    })
}

fn become_match(
    world: &mut World,
    consent: Consent,
    entrance: Entrance,
) -> Result<MatchJoined, RequestError<MatchRefusal>> {
    let Consent { entity, since, .. } = consent;
    let entry = entry(consent.reply)?;
    let entity = mirror::enter::<PresentIn>(world, entity, entry, since);
    entrance.remember(world, entity);
    Ok(MatchJoined { entity })
}

/// Somebody joined or left a match.
fn on_presence_event(
    world: &mut World,
    event: &mut realtime::MatchPresenceEvent,
    people: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let context = mirror::context_of::<Match>(world, &event.match_id)?;
    mirror::on_presences::<PresentIn>(world, context, &event.joins, &event.leaves, people);
    Ok(())
}

/// Matches, and the data in them.
pub(crate) struct MatchesPlugin;

impl Plugin for MatchesPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<MatchIndex>()
            .register_type::<(MatchIndex, Match, PresentIn, MatchPresences, EnteredBy)>()
            .add_life_cycle(LifeCycle {
                on_opened: NOTHING,
                on_lost: mirror::make_stale::<Match>,
                reenter: reentry::reenter,
                on_closed: mirror::clear::<Match>,
            })
            .handle_joins(mirror::on_join_answered::<Match>);
        add_data::<MatchData>(app);
        on_pushed!(app: MatchPresenceEvent => on_presence_event,);
    }
}
