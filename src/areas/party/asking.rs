//! Players who ask to join a party, as its leader sees them.

use bevy_ecs::{entity::EntityHashMap, prelude::*};
use bevy_reflect::Reflect;

use super::{Party, PartyRefusal, decisions};
use crate::{
    commands::NakamaCommands,
    ecs::{naming::name_for, uncloned::Uncloned as _},
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
    transport::{People, Received},
};

/// A player asks to join this party. In the game of the party's leader, the player is an entity with [`UserId`], [`SessionId`] and
/// [`Username`]. It goes when the local user accepts or declines, when the player joins, and when the local user stops being the leader.
///
/// Mirrors an entry of `PartyJoinRequest`.
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::party"]
#[relationship(relationship_target = PartyJoinRequests)]
#[reflect(Component)]
pub struct PartyJoinRequester(pub Entity);

/// Everybody who asks to join a party, in the order in which they asked. It is absent while nobody asks.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::party"]
#[relationship_target(relationship = PartyJoinRequester, linked_spawn)]
#[reflect(Component)]
pub struct PartyJoinRequests(Vec<Entity>);

/// Somebody who asks, and when that was heard of.
struct Asker {
    entity: Entity,
    who: UserPresence,
    session: SessionId,
    heard_at: Moment,
}

/// Who asks to join which party, in order of asking. Only the plugin says so, and no component that a game may take away.
#[derive(Default, Resource)]
pub(super) struct Askers(EntityHashMap<Vec<Asker>>);

impl Askers {
    fn of(&self, party: Entity) -> &[Asker] {
        self.0.get(&party).map_or(&[], Vec::as_slice)
    }
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
        if !decisions::accepts(world, party, asker) {
            note(world, party, asker);
        }
    }
    Ok(())
}

/// The entity of somebody who asks. `None` if an observer of the one before has left the party.
pub(super) fn note(world: &mut World, party: Entity, who: &UserPresence) -> Option<Entity> {
    if !mirror::is_in::<Party>(world, party) {
        return None;
    }
    let mut known = world.resource::<Askers>().of(party).iter();
    let known = known.find(|known| known.session == *who.session_id);
    let known = known.and_then(|known| world.get_entity(known.entity).ok());
    let entity = match known {
        Some(known) if known.get() == Some(&PartyJoinRequester(party)) => return Some(known.id()),
        Some(known) => known.id(),
        None => note_new(world, party, who),
    };
    let session = SessionId::from(who.session_id.as_str());
    let who = (
        UserId::from(who.user_id.as_str()),
        session,
        Username::from(who.username.as_str()),
    );
    let mut asker = world.entity_mut(entity);
    let name = name_for(&asker, format!("{} asks to join", who.2.as_str()));
    // All at once: whoever hears of it knows who asks.
    match name {
        Some(name) => asker.insert((PartyJoinRequester(party), who, name)),
        None => asker.insert((PartyJoinRequester(party), who)),
    };
    Some(entity)
}

/// Somebody who asks and has no entity, or whose entity the game has despawned.
fn note_new(world: &mut World, party: Entity, who: &UserPresence) -> Entity {
    forget(world, party, &who.session_id);
    let entity = world.spawn_empty().id();
    let asker = Asker {
        entity,
        who: UserPresence {
            user_id: who.user_id.clone(),
            session_id: who.session_id.clone(),
            username: who.username.clone(),
            ..Default::default()
        },
        session: SessionId::from(who.session_id.as_str()),
        heard_at: world.resource::<Moments>().now(),
    };
    let askers = &mut world.resource_mut::<Askers>().0;
    askers.entry(party).or_default().push(asker);
    entity
}

/// Somebody does not ask any more.
pub(super) fn forget(world: &mut World, party: Entity, session: &str) {
    forget_those(world, party, |asker| asker.session == *session);
}

/// The local user is not the leader any more, so they no longer see who asks to join.
pub(super) fn forget_all(world: &mut World, party: Entity) {
    decisions::forget_all(world, party);
    forget_those(world, party, |_| true);
}

fn forget_those(world: &mut World, party: Entity, mut is_gone: impl FnMut(&Asker) -> bool) {
    let askers = &mut world.resource_mut::<Askers>().0;
    let Some(of_party) = askers.get_mut(&party) else {
        return;
    };
    let gone: Vec<_> = of_party.extract_if(.., |asker| is_gone(asker)).collect();
    if of_party.is_empty() {
        askers.remove(&party);
    }
    for asker in gone {
        // The game may have despawned it.
        let _ = world.try_despawn(asker.entity);
    }
}

/// Asks the server who asks to join.
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

/// Lists the join requests of a party. Only its leader may do this. Mirrors `PartyJoinRequestList`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListPartyJoinRequests {
    id: PartyId,
    party: Entity,
}

/// Everybody who asks to join has an entity now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyJoinRequestsListed {
    /// Their entities, in the order in which they asked.
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
        let askers = take_in(world, self.party, &listed, consent.since);
        Ok(PartyJoinRequestsListed { askers })
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        PartyRefusal::for_leader(world, &self.id, error)
    }
}

/// The server has listed who asks to join.
fn take_in(
    world: &mut World,
    party: Entity,
    listed: &realtime::PartyJoinRequest,
    since: Moment,
) -> Vec<Entity> {
    let mut askers = Vec::new();
    for asker in &listed.presences {
        if !decisions::accepts(world, party, asker) {
            askers.extend(note(world, party, asker));
        }
    }
    // An asker whom the server announced after this request may be missing from an older list.
    forget_those(world, party, |known| {
        known.heard_at < since && !askers.contains(&known.entity)
    });
    askers
}

/// The local user leads a party after a loss of the connection, too: asks the server who asks to join by now.
pub(super) fn list_again(world: &mut World, party: Entity) {
    let Some(id) = id_of::<Party>(world, party) else {
        return;
    };
    let since = world.resource_mut::<Moments>().next();
    let message = Message::PartyJoinRequestList(realtime::PartyJoinRequestList {
        party_id: id.to_string(),
    });
    mirror::ask(world, message, move |world, answer| {
        if let Ok(Some(Received {
            message: Message::PartyJoinRequest(listed),
            ..
        })) = answer
        {
            take_in(world, party, &listed, since);
        }
    });
}

/// Accepts a join request. Only the leader may do this. Mirrors `PartyAccept`.
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
        decisions::keep_for_return(world, self.party, &self.asker);
        forget(world, self.party, &self.asker.session_id);
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        let refusal = PartyRefusal::for_leader(world, &self.id, error);
        match refusal {
            PartyRefusal::AskerGone(_) => {
                decisions::keep(world, self.party, &self.asker);
                forget(world, self.party, &self.asker.session_id);
            }
            PartyRefusal::RequestNotFound(_) => {
                forget(world, self.party, &self.asker.session_id);
            }
            _ => {}
        }
        refusal
    }
}

/// Declines a join request. Only the leader may do this. The server does not tell the player. Mirrors `PartyRemove`.
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
        decisions::forget(world, self.party, &self.asker.user_id);
        forget(world, self.party, &self.asker.session_id);
    }

    fn refused(self, world: &mut World, error: ServerError) -> PartyRefusal {
        // It may come after an accept that found nobody.
        decisions::forget(world, self.party, &self.asker.user_id);
        let refusal = PartyRefusal::for_leader(world, &self.id, error);
        if matches!(refusal, PartyRefusal::MemberNotFound(_)) {
            forget(world, self.party, &self.asker.session_id); // neither asking nor a member
        }
        refusal
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Accepts the join request of a player who [asks to join](PartyJoinRequester). Only the leader may do this. The answer is a
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

    /// Declines the join request of a player who [asks to join](PartyJoinRequester). Only the leader may do this. The answer is a
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

    /// Lists the join requests of a party. Only its leader may do this. The answer is a
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
    let mut askers = world.resource::<Askers>().0.iter();
    let asks = askers.find_map(|(party, askers)| {
        let mut askers = askers.iter();
        let asks = askers.find(|asks| asks.entity == asker && world.get_entity(asker).is_ok())?;
        Some((id_of::<Party>(world, *party)?, *party, asks.who.clone()))
    });
    match asks {
        Some((id, party, presence)) => submit(world, entity, request(id, party, presence)),
        None => refuse_for::<Party, R>(world, entity),
    }
}
