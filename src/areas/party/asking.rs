//! Who asks to join a party, as its leader sees it.

use bevy_ecs::{prelude::*, relationship::RelationshipTarget};
use bevy_reflect::Reflect;

use super::{Party, PartyRefusal};
use crate::{
    commands::NakamaCommands,
    ecs::uncloned::Uncloned as _,
    error::ServerError,
    mirror::{
        self, Timing, WaitsFor, ask_about, id_of,
        presence::{PartyId, SessionId, UserId, Username},
        refuse_for,
    },
    proto::{Message, UserPresence, realtime},
    request::{
        Acknowledged, Consent, Moment, Moments, Move, Outcome, Replied, SocketRequest,
        expect_message, request, submit,
    },
    transport::People,
};

/// Somebody asks to join this party. An entity of its own with [`UserId`], [`SessionId`] and [`Username`], in the world of
/// the party's leader. Goes when the local user answers, when the asker joins, and when the local user stops being the leader.
///
/// Mirrors an entry of `PartyJoinRequest`.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::party"]
#[relationship(relationship_target = PartyJoinRequests)]
#[reflect(Component)]
pub struct AsksToJoin(pub Entity);

/// Everybody who asks to join a party, in order of asking. Absent if nobody does.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::party"]
#[relationship_target(relationship = AsksToJoin, linked_spawn)]
#[reflect(Component)]
pub struct PartyJoinRequests(Vec<Entity>);

/// Who asks, and when that was heard of.
#[derive(Component)]
#[component(immutable, clone_behavior = Ignore)]
struct Asker {
    who: UserPresence,
    session: SessionId,
    party: Entity,
    heard_at: Moment,
}

/// Somebody asks to join a party.
pub(super) fn on_join_request(
    world: &mut World,
    request: &mut realtime::PartyJoinRequest,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let party = mirror::context_of::<Party>(world, &request.party_id)?;
    for asker in &request.presences {
        // An observer of the one before may have left the party.
        if world.get_entity(party).is_ok() {
            note(world, party, asker);
        }
    }
    Ok(())
}

fn note(world: &mut World, party: Entity, asker: &UserPresence) -> Entity {
    if let Some(known) = find(world, party, &asker.session_id) {
        return known;
    }
    let heard_at = world.resource::<Moments>().now();
    let who = UserPresence {
        user_id: asker.user_id.clone(),
        session_id: asker.session_id.clone(),
        username: asker.username.clone(),
        ..Default::default()
    };
    let session = SessionId::from(who.session_id.as_str());
    let asker = (
        AsksToJoin(party),
        UserId::from(who.user_id.as_str()),
        session.clone(),
        Username::from(who.username.as_str()),
        Name::new(format!("{} asks to join", who.username)),
        Asker {
            who,
            session,
            party,
            heard_at,
        },
    );
    world.spawn(asker).id()
}

fn all(world: &World, party: Entity) -> Vec<Entity> {
    world
        .get::<PartyJoinRequests>(party)
        .into_iter()
        .flat_map(PartyJoinRequests::iter)
        .collect()
}

fn find(world: &World, party: Entity, session: &str) -> Option<Entity> {
    let is_it = |entity: &Entity| {
        let asker = world.get::<Asker>(*entity);
        asker.is_some_and(|asker| asker.session == *session)
    };
    all(world, party).into_iter().find(is_it)
}

/// Somebody does not ask any more.
pub(super) fn forget(world: &mut World, party: Entity, session: &str) {
    if let Some(asker) = find(world, party, session) {
        world.despawn(asker);
    }
}

/// The local user is not the leader any more, so they no longer see who asks to join.
pub(super) fn forget_all(world: &mut World, party: Entity) {
    for asker in all(world, party) {
        world.despawn(asker);
    }
}

/// Asks the server who is waiting to be let in.
pub(super) fn list(world: &mut World, party: Entity) {
    let mut request = world.spawn_empty();
    // The game has not asked, so it does not hear of a refusal.
    request.observe(|_: On<Replied<ListPartyJoinRequests>>| {});
    let request = request.id();
    ask_about::<Party, _>(world, request, party, |id| ListPartyJoinRequests {
        id,
        party,
    });
}

/// Asks who asks to join, as the leader. Mirrors `PartyJoinRequestList`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListPartyJoinRequests {
    id: PartyId,
    party: Entity,
}

/// Everybody who asks to join is in the world now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyJoinRequestsListed {
    /// Their entities, in order of asking.
    pub askers: Vec<Entity>,
}

request!(ListPartyJoinRequests -> PartyJoinRequestsListed, PartyRefusal);

impl SocketRequest for ListPartyJoinRequests {
    const IS_TRANSIENT: bool = true;

    fn to_message(&self) -> Message {
        Message::PartyJoinRequestList(realtime::PartyJoinRequestList {
            party_id: self.id.to_string(),
        })
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let (listed, _) = expect_message!(consent.reply, PartyJoinRequest);
        if id_of::<Party>(world, self.party).is_none() {
            return Ok(PartyJoinRequestsListed { askers: Vec::new() }); // the local user left meanwhile
        }
        let mut askers = Vec::new();
        for asker in &listed.presences {
            if world.get_entity(self.party).is_ok() {
                askers.push(note(world, self.party, asker));
            }
        }
        for known in all(world, self.party) {
            // An asker whom the server announced after this request may be missing from an older list.
            let is_older = world
                .get::<Asker>(known)
                .is_some_and(|asker| asker.heard_at < consent.since);
            if is_older && !askers.contains(&known) {
                world.despawn(known);
            }
        }
        Ok(PartyJoinRequestsListed { askers })
    }
}

/// Lets somebody in who asked to join, as the leader. Mirrors `PartyAccept`.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptPartyJoin {
    id: PartyId,
    party: Entity,
    asker: UserPresence,
}

request!(AcceptPartyJoin -> (), PartyRefusal);

impl Acknowledged for AcceptPartyJoin {
    fn to_message(&self) -> Message {
        let presence = Some(self.asker.clone());
        Message::PartyAccept(realtime::PartyAccept {
            party_id: self.id.to_string(),
            presence,
        })
    }

    fn moves(&self) -> Option<Move> {
        Some(super::member_move(&self.id, &self.asker))
    }

    fn done(self, world: &mut World) {
        forget(world, self.party, &self.asker.session_id);
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        let refusal = PartyRefusal::from(error);
        if matches!(
            refusal,
            PartyRefusal::RequestNotFound(_) | PartyRefusal::AskerGone(_)
        ) {
            forget(world, self.party, &self.asker.session_id);
        }
        refusal
    }
}

/// Declines somebody who asked to join, as the leader. They are not told. Mirrors `PartyRemove`.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclinePartyJoin {
    id: PartyId,
    party: Entity,
    asker: UserPresence,
}

request!(DeclinePartyJoin -> (), PartyRefusal);

impl Acknowledged for DeclinePartyJoin {
    fn to_message(&self) -> Message {
        let presence = Some(self.asker.clone());
        Message::PartyRemove(realtime::PartyRemove {
            party_id: self.id.to_string(),
            presence,
        })
    }

    fn done(self, world: &mut World) {
        forget(world, self.party, &self.asker.session_id);
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        let refusal = PartyRefusal::from(error);
        if matches!(refusal, PartyRefusal::MemberNotFound(_)) {
            forget(world, self.party, &self.asker.session_id); // neither asking nor a member
        }
        refusal
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Lets somebody in who [asks to join](AsksToJoin), as the leader: the answer is a
    /// [`Replied<AcceptPartyJoin>`](crate::request::Replied).
    pub fn accept_party_join(self, asker: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            answer(world, entity, asker, |id, party, asker| AcceptPartyJoin {
                id,
                party,
                asker,
            });
        })
    }

    /// Declines somebody who [asks to join](AsksToJoin), as the leader: the answer is a
    /// [`Replied<DeclinePartyJoin>`](crate::request::Replied).
    pub fn decline_party_join(self, asker: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            answer(world, entity, asker, |id, party, asker| DeclinePartyJoin {
                id,
                party,
                asker,
            });
        })
    }

    /// Asks the server who asks to join, as the leader: the answer is a
    /// [`Replied<ListPartyJoinRequests>`](crate::request::Replied). The plugin does this by itself when the local user becomes the leader.
    pub fn list_party_join_requests(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about::<Party, _>(world, entity, party, |id| ListPartyJoinRequests {
                id,
                party,
            });
        })
    }
}

/// Makes a request that answers somebody who asks to join.
fn answer<R: SocketRequest>(
    world: &mut World,
    entity: Entity,
    asker: Entity,
    request: impl FnOnce(PartyId, Entity, UserPresence) -> R,
) {
    let asks = world.get::<Asker>(asker).and_then(|asker| {
        let id = id_of::<Party>(world, asker.party)?;
        Some((id, asker.party, asker.who.clone()))
    });
    match asks {
        Some((id, party, presence)) => submit(world, entity, request(id, party, presence)),
        None => refuse_for::<Party, R>(world, entity),
    }
}
