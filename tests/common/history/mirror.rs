//! What a game shows of the server.

use std::collections::BTreeMap;

use bevy::{ecs::query::QueryFilter, prelude::*};
use bevy_nakama::{
    connection::NakamaConnection,
    healing::{AdoptReconnecting, MaybeGhost, Stale},
    mirror::{ContextId, ContextIndex},
    prelude::*,
    stream::Stream,
};

use super::{Id, Kind};

/// What a game shows in a quiet moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mirror {
    pub(crate) is_connected: bool,
    /// Whether the connection is neither up nor given up.
    pub(crate) is_between: bool,
    pub(crate) session: Option<String>,
    pub(crate) places: BTreeMap<(Kind, String), PlaceView>,
    pub(crate) tickets: BTreeMap<String, Id>,
    /// What should not be there when all is quiet, in words.
    pub(crate) leftovers: Vec<String>,
}

/// What a game shows of a match, party, channel or followed user.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlaceView {
    pub(crate) context: Id,
    pub(crate) is_stale: bool,
    /// The local user was in it, and waits for its leader to let them in again.
    pub(crate) is_waiting: bool,
    pub(crate) is_own: bool,
    /// Whether the game keeps the entities of members who are back.
    pub(crate) adopts: bool,
    pub(crate) open: Option<bool>,
    pub(crate) members: Vec<Member>,
}

/// Somebody in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Member {
    pub(crate) presence: Id,
    pub(crate) user: String,
    pub(crate) session: String,
    pub(crate) status: Option<String>,
    pub(crate) is_own: bool,
    pub(crate) is_stale: bool,
    pub(crate) leads: bool,
    /// Whether the index finds it.
    pub(crate) is_indexed: bool,
}

/// What a game shows now.
pub(crate) fn read_mirror(app: &mut App) -> Mirror {
    let leftovers = leftovers(app.world_mut());
    let world = app.world();
    let connection = world.resource::<NakamaConnection>();
    let session = world.resource::<PresenceIndex>().own_session();
    let mut places = BTreeMap::new();
    read::<MatchId, MatchPresences>(world, Kind::Match, &mut places);
    read::<PartyId, PartyMembers>(world, Kind::Party, &mut places);
    read::<ChannelId, ChatMembers>(world, Kind::Channel, &mut places);
    read::<UserId, UserSessions>(world, Kind::User, &mut places);
    let tickets = world.resource::<TicketIndex>().iter();
    Mirror {
        is_connected: connection.is_connected(),
        is_between: !matches!(
            connection.state(),
            ConnectionState::Connected | ConnectionState::Disconnected
        ),
        session: session.map(ToString::to_string),
        tickets: tickets
            .map(|(id, entity)| (id.to_string(), entity.to_bits()))
            .collect(),
        places,
        leftovers,
    }
}

fn read<I: ContextId, T: RelationshipTarget>(
    world: &World,
    kind: Kind,
    places: &mut BTreeMap<(Kind, String), PlaceView>,
) {
    let Some(index) = world.get_resource::<ContextIndex<I>>() else {
        return;
    };
    for (id, context) in index.iter() {
        let members = world.get::<T>(context).into_iter().flat_map(T::iter);
        let members = members.map(|presence| member(world, context, presence));
        let view = PlaceView {
            context: context.to_bits(),
            is_stale: world.get::<Stale>(context).is_some(),
            is_waiting: world.get::<PendingApproval>(context).is_some(),
            is_own: world.get::<IsSelf>(context).is_some(),
            adopts: world.get::<AdoptReconnecting>(context).is_some(),
            open: world.get::<Party>(context).map(|party| party.open),
            members: members.collect(),
        };
        places.insert((kind, id.to_string()), view);
    }
}

fn member(world: &World, context: Entity, presence: Entity) -> Member {
    let session = world.get::<SessionId>(presence).cloned();
    let index = world.resource::<PresenceIndex>();
    let found = session
        .as_ref()
        .and_then(|session| index.get(context, session));
    Member {
        presence: presence.to_bits(),
        user: text(world.get::<UserId>(presence)),
        session: text(session.as_ref()),
        status: world.get::<UserStatus>(presence).map(|it| it.0.clone()),
        is_own: world.get::<IsSelf>(presence).is_some(),
        is_stale: world.get::<Stale>(presence).is_some(),
        leads: world.get::<PartyLeader>(presence).is_some(),
        is_indexed: found == Some(presence),
    }
}

pub(super) fn text(of: Option<&impl ToString>) -> String {
    of.map(ToString::to_string).unwrap_or_default()
}

fn leftovers(world: &mut World) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |what: &str, entities: Vec<Entity>| {
        found.extend(entities.into_iter().map(|it| format!("{it} {what}")));
    };
    // A leader may take any time to let the local user in again.
    let mut stale = all::<With<Stale>>(world);
    stale.retain(|it| {
        let context = world.get::<Presence>(*it).map_or(*it, Presence::context);
        world.get::<PendingApproval>(context).is_none()
    });
    look("is stale", stale);
    look("may be a ghost", all::<With<MaybeGhost>>(world));
    look("has departed, and is there", all::<With<Departed>>(world));
    look("waits for a reply", all::<With<PendingRequest>>(world));
    // Who asks to join a closed party may wait for ever.
    let joining = all::<(With<Joining>, Without<PendingApproval>)>(world);
    look("is joining", joining);
    let nowhere = all::<(With<Presence>, Without<Stream>)>(world)
        .into_iter()
        .filter(|it| {
            let Some(presence) = world.get::<Presence>(*it) else {
                return false;
            };
            let index = world.resource::<PresenceIndex>();
            index.get(presence.context(), &presence.info().session_id) != Some(*it)
        });
    look("is a presence that no index knows", nowhere.collect());
    let mut contexts = all::<
        Or<(
            With<MatchId>,
            With<PartyId>,
            With<ChannelId>,
            With<FollowedUser>,
        )>,
    >(world);
    let index = world.resource::<PresenceIndex>();
    contexts.retain(|context| index.hidden_ghosts(*context) > 0);
    look("has hidden ghosts", contexts);
    found
}

fn all<F: QueryFilter>(world: &mut World) -> Vec<Entity> {
    world.query_filtered::<Entity, F>().iter(world).collect()
}
