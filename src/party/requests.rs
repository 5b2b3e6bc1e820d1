//! What one asks of the server about parties.

use std::time::Duration;

use bevy_ecs::{lifecycle::HookContext, prelude::*, world::DeferredWorld};
use bevy_time::{Real, Time};
use hashbrown::{HashMap, HashSet};

use super::{MemberOf, Party, PartyIndex, PendingApproval, await_party, enter};
use crate::{
    commands::NakamaCommands,
    connection::NakamaConnection,
    early::{Area, EarlyArrivals, Move},
    error::ServerError,
    mirror::{self, ContextVocabulary as _, ask_about, id_of, refuse_for},
    presence::{Joining, Moment, PartyId, Presence},
    proto::{Message, PartyLayout, UserPresence, realtime},
    request::{
        Acknowledged, Outcome, Request, RequestError, SocketRequest, Transient, no_message, refuse,
        submit, unexpected,
    },
    transport::Received,
};

/// How long an open party may take to let one in. After that, its leader is being asked.
const OPEN_PARTY: Duration = Duration::from_secs(1);

/// How the server refuses something about parties. The server's own text is in the error.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PartyRefusal {
    /// There is no such party, or not any more.
    #[error(transparent)]
    NotFound(ServerError),
    /// Only the leader may do this. Outsiders get it, too.
    #[error(transparent)]
    NotLeader(ServerError),
    /// The party has as many members as it may have.
    #[error(transparent)]
    Full(ServerError),
    /// As many have asked to join as the party may have members.
    #[error(transparent)]
    RequestsFull(ServerError),
    /// One has asked to join already.
    #[error(transparent)]
    AlreadyAsked(ServerError),
    /// Nobody by that name has asked to join, or not any more.
    #[error(transparent)]
    RequestNotFound(ServerError),
    /// Who asked to join is not there any more.
    #[error(transparent)]
    AskerGone(ServerError),
    /// There is no such member.
    #[error(transparent)]
    MemberNotFound(ServerError),
    /// A leader cannot throw themselves out.
    #[error(transparent)]
    CannotRemoveSelf(ServerError),
    /// The label is no JSON object, too long, or not allowed for a hidden party.
    #[error(transparent)]
    InvalidLabel(ServerError),
    /// An id, a size or a presence has a form that the server does not take.
    #[error(transparent)]
    InvalidInput(ServerError),
    /// Something else.
    #[error(transparent)]
    Other(ServerError),
}

impl From<ServerError> for PartyRefusal {
    fn from(error: ServerError) -> Self {
        let says = |text| error.message.ends_with(text);
        // The server has one code for all of this, so its words have to do.
        if says(": party not found") {
            Self::NotFound(error)
        } else if says(": party leader only") {
            Self::NotLeader(error)
        } else if says(": party full") {
            Self::Full(error)
        } else if says(": party join requests full") {
            Self::RequestsFull(error)
        } else if says(": party join request duplicate") {
            Self::AlreadyAsked(error)
        } else if says(": party join request not found") {
            Self::RequestNotFound(error)
        } else if says(": party could not accept request") {
            Self::AskerGone(error)
        } else if says(": party member not found") {
            Self::MemberNotFound(error)
        } else if says(": party cannot remove self") {
            Self::CannotRemoveSelf(error)
        } else if error.message.contains("label") {
            Self::InvalidLabel(error)
        } else if error.message.starts_with("Invalid ") {
            Self::InvalidInput(error)
        } else {
            Self::Other(error)
        }
    }
}

/// Joins that wait for a leader, and joins that were withdrawn while they did.
#[derive(Default, Resource)]
pub(crate) struct PartyAsks {
    /// By id in lower case: ids are asked for as people write them, and answered as the server does.
    asking: HashMap<String, Entity>,
    withdrawn: HashSet<String>,
}

impl PartyAsks {
    /// The server let us in: the entity that asked.
    pub(super) fn let_in(&mut self, id: &PartyId) -> Option<Entity> {
        self.asking.remove(&key(id))
    }

    /// Whether we asked for this once, and not any more.
    pub(super) fn was_withdrawn(&mut self, id: &PartyId) -> bool {
        self.withdrawn.remove(&key(id))
    }
}

fn key(id: &PartyId) -> String {
    id.as_str().to_ascii_lowercase()
}

/// On an entity whose join the server has taken.
#[derive(Component)]
#[component(immutable, on_despawn = withdraw)]
pub(crate) struct Asking {
    id: PartyId,
    since: Duration,
}

#[cfg(feature = "overlay")]
impl Asking {
    /// What it asked to join.
    pub(crate) fn id(&self) -> &PartyId {
        &self.id
    }
}

/// Hook: the game despawned a join that was waiting. The server has no way to take back a request, so should the leader
/// accept it, we leave.
fn withdraw(mut world: DeferredWorld, HookContext { entity, .. }: HookContext) {
    let Some(id) = world.get::<Asking>(entity).map(|asking| asking.id.clone()) else {
        return;
    };
    let Some(mut asks) = world.get_resource_mut::<PartyAsks>() else {
        return;
    };
    if asks.asking.get(&key(&id)) == Some(&entity) {
        asks.asking.remove(&key(&id));
        asks.withdrawn.insert(key(&id));
        world
            .commands()
            .queue(move |world: &mut World| take_back(world, &id));
    }
}

fn take_back(world: &mut World, id: &PartyId) {
    world
        .resource_mut::<EarlyArrivals>()
        .no_longer_await(Area::Party, id.as_str());
    mirror::send_leave::<Party>(world, id.clone());
}

/// In `PreUpdate`: marks joins that wait for a leader.
pub(crate) fn mark_pending_approval(
    mut commands: Commands,
    time: Res<Time<Real>>,
    asking: Query<(Entity, &Asking), (With<Joining>, Without<PendingApproval>)>,
) {
    for (entity, asking) in &asking {
        if time.elapsed().saturating_sub(asking.since) >= OPEN_PARTY {
            commands.entity(entity).insert(PendingApproval);
        }
    }
}

/// The connection is gone, and with it what was asked.
pub(super) fn clear_asks(world: &mut World) {
    let asks = std::mem::take(&mut *world.resource_mut::<PartyAsks>());
    for entity in asks.asking.into_values() {
        world.despawn(entity);
    }
}

/// Creates a party. Mirrors `PartyCreate`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CreateParty {
    open: bool,
    max_size: u32,
    label: String,
    hidden: bool,
}

impl CreateParty {
    /// A closed party: its leader accepts who joins. 1 to 256 members.
    #[must_use]
    pub fn closed(max_size: u32) -> Self {
        Self {
            open: false,
            max_size,
            label: String::new(),
            hidden: false,
        }
    }

    /// A party that everybody who knows its id can join. 1 to 256 members.
    #[must_use]
    pub fn open(max_size: u32) -> Self {
        Self {
            open: true,
            ..Self::closed(max_size)
        }
    }

    /// A JSON object that lists of parties can be searched for, 2048 bytes at most. Servers before 3.28 ignore it.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Whether it is left out of lists. Servers before 3.28 ignore it.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }
}

/// A party was created.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyCreated {
    /// The party: the request's own entity.
    pub entity: Entity,
}

impl Request for CreateParty {
    type Reply = PartyCreated;
    type Refusal = PartyRefusal;
    const NAME: &'static str = "CreateParty";
}

impl SocketRequest for CreateParty {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Party);

    fn to_message(&self) -> Message {
        let Self {
            open,
            max_size,
            label,
            hidden,
        } = self.clone();
        Message::PartyCreate(realtime::PartyCreate {
            open,
            max_size: i32::try_from(max_size).unwrap_or(i32::MAX),
            label,
            hidden,
        })
    }

    fn succeed(
        self,
        world: &mut World,
        entity: Entity,
        since: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        match reply {
            Some(Received {
                message: Message::Party(party),
                people,
            }) => {
                let entity = enter(world, entity, &party, people, since, true);
                Ok(PartyCreated { entity })
            }
            other => Err(unexpected(other)),
        }
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        if let Some(Received {
            message: Message::Party(party),
            ..
        }) = reply
        {
            mirror::leave_unwanted::<Party>(world, &PartyId::from(party.party_id));
        }
    }
}

/// Joins a party, or asks to. Mirrors `PartyJoin`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JoinParty {
    id: PartyId,
}

/// The server took the request. One is not in the party yet, see [the module](super).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PartyJoinTaken {
    /// What is or becomes the party: the request's own entity, or another one if one was in that party, or had asked to
    /// join it, already.
    pub entity: Entity,
}

impl Request for JoinParty {
    type Reply = PartyJoinTaken;
    type Refusal = PartyRefusal;
    const NAME: &'static str = "JoinParty";
}

impl SocketRequest for JoinParty {
    const IS_TRANSIENT: bool = false;
    const JOINS: Option<Area> = Some(Area::Party);

    fn to_message(&self) -> Message {
        Message::PartyJoin(realtime::PartyJoin {
            party_id: self.id.to_string(),
        })
    }

    fn succeed(
        self,
        world: &mut World,
        entity: Entity,
        _: Moment,
        reply: Option<Received>,
    ) -> Outcome<Self> {
        no_message(reply)?;
        let mut parties = world.resource::<PartyIndex>().iter();
        let known = parties
            .find(|(id, _)| key(id) == key(&self.id))
            .map(|(_, entity)| entity);
        drop(parties);
        let known = known.or_else(|| {
            world
                .resource::<PartyAsks>()
                .asking
                .get(&key(&self.id))
                .copied()
        });
        if let Some(known) = known {
            world
                .entity_mut(entity)
                .remove::<Joining>()
                .insert(Transient);
            return Ok(PartyJoinTaken { entity: known });
        }
        let since = world.resource::<Time<Real>>().elapsed();
        let mut asks = world.resource_mut::<PartyAsks>();
        asks.withdrawn.remove(&key(&self.id));
        asks.asking.insert(key(&self.id), entity);
        await_party(world, &self.id);
        world
            .entity_mut(entity)
            .insert(Asking { id: self.id, since });
        Ok(PartyJoinTaken { entity })
    }

    fn take_back(self, world: &mut World, _: Option<Received>) {
        let is_wanted = world
            .resource::<PartyAsks>()
            .asking
            .contains_key(&key(&self.id));
        if !is_wanted && world.resource::<PartyIndex>().get(&self.id).is_none() {
            world
                .resource_mut::<PartyAsks>()
                .withdrawn
                .insert(key(&self.id));
            take_back(world, &self.id);
        }
    }
}

/// Leaves a party. The party's entity goes with the server's consent. Mirrors `PartyLeave`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaveParty {
    id: PartyId,
}

impl Request for LeaveParty {
    type Reply = ();
    type Refusal = PartyRefusal;
    const NAME: &'static str = "LeaveParty";
}

impl Acknowledged for LeaveParty {
    fn to_message(&self) -> Message {
        Party::leave_message(&self.id)
    }

    fn done(self, world: &mut World) {
        mirror::remove::<Party>(world, &self.id);
    }
}

/// Closes a party, as its leader; all members are out. Mirrors `PartyClose`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CloseParty {
    id: PartyId,
}

impl Request for CloseParty {
    type Reply = ();
    type Refusal = PartyRefusal;
    const NAME: &'static str = "CloseParty";
}

impl Acknowledged for CloseParty {
    fn to_message(&self) -> Message {
        Message::PartyClose(realtime::PartyClose {
            party_id: self.id.to_string(),
        })
    }

    fn done(self, world: &mut World) {
        // The announcement has come before, as a rule.
        mirror::remove::<Party>(world, &self.id);
    }
}

/// Makes another member the leader, as the leader. The mark moves with the server's announcement. Mirrors `PartyPromote`.
#[derive(Clone, Debug, PartialEq)]
pub struct PromotePartyMember {
    id: PartyId,
    member: UserPresence,
}

impl Request for PromotePartyMember {
    type Reply = ();
    type Refusal = PartyRefusal;
    const NAME: &'static str = "PromotePartyMember";
}

impl Acknowledged for PromotePartyMember {
    fn to_message(&self) -> Message {
        let Self { id, member } = self.clone();
        Message::PartyPromote(realtime::PartyPromote {
            party_id: id.to_string(),
            presence: Some(member),
        })
    }
}

/// Throws a member out, as the leader. The member goes with the server's announcement. Mirrors `PartyRemove`.
#[derive(Clone, Debug, PartialEq)]
pub struct KickFromParty {
    id: PartyId,
    member: UserPresence,
}

impl Request for KickFromParty {
    type Reply = ();
    type Refusal = PartyRefusal;
    const NAME: &'static str = "KickFromParty";
}

impl Acknowledged for KickFromParty {
    fn to_message(&self) -> Message {
        let Self { id, member } = self.clone();
        Message::PartyRemove(realtime::PartyRemove {
            party_id: id.to_string(),
            presence: Some(member),
        })
    }

    fn moves(&self) -> Option<Move> {
        Some(super::member_move(&self.id, &self.member))
    }
}

/// What a party is to be like. Nakama 3.28 and newer; an older server would close the socket, so it is not sent there.
/// Mirrors `PartyUpdate`.
///
/// All three values are replaced: what is left out becomes closed, visible, without a label.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let open_to_all = UpdateParty::default().open(true).label(r#"{"mode":"duel"}"#);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UpdateParty {
    id: String,
    open: bool,
    hidden: bool,
    label: String,
}

impl UpdateParty {
    /// Whether anybody may join without being accepted.
    #[must_use]
    pub fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }

    /// Whether it is left out of lists. Not together with a label.
    #[must_use]
    pub fn hidden(mut self, hidden: bool) -> Self {
        self.hidden = hidden;
        self
    }

    /// A JSON object that lists of parties can be searched for, 2048 bytes at most.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
}

impl Request for UpdateParty {
    type Reply = ();
    type Refusal = PartyRefusal;
    const NAME: &'static str = "UpdateParty";
}

impl Acknowledged for UpdateParty {
    fn to_message(&self) -> Message {
        let Self {
            id,
            open,
            hidden,
            label,
        } = self.clone();
        Message::PartyUpdate(realtime::PartyUpdate {
            party_id: id,
            open,
            hidden,
            label,
        })
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Creates a party. The returned entity becomes it, see [`Replied<CreateParty>`](crate::request::Replied).
    pub fn create_party(self, request: CreateParty) -> EntityCommands<'a> {
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Joins a party, or asks its leader to. The returned entity becomes the party once one is let in; the answer,
    /// [`Replied<JoinParty>`](crate::request::Replied), means that the server took the request.
    ///
    /// Despawning the entity meanwhile withdraws the request: the server keeps it, but should the leader accept it, the
    /// plugin leaves again.
    pub fn join_party(self, id: impl Into<PartyId>) -> EntityCommands<'a> {
        let request = JoinParty { id: id.into() };
        self.request_with(move |world, entity| mirror::ask_to_join(world, entity, request))
    }

    /// Leaves a party: the answer is a [`Replied<LeaveParty>`](crate::request::Replied) on the returned entity. If one leads
    /// it, the member who has been there longest takes over.
    ///
    /// Despawning the party's entity is leaving, too, if the answer does not matter.
    pub fn leave_party(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about::<Party, _>(world, entity, party, |id| LeaveParty { id })
        })
    }

    /// Closes a party, as its leader: the answer is a [`Replied<CloseParty>`](crate::request::Replied).
    pub fn close_party(self, party: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about::<Party, _>(world, entity, party, |id| CloseParty { id })
        })
    }

    /// Makes another member the leader, as the leader: the answer is a
    /// [`Replied<PromotePartyMember>`](crate::request::Replied).
    pub fn promote_party_member(self, member: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about_member(world, entity, member, |id, member| PromotePartyMember {
                id,
                member,
            });
        })
    }

    /// Throws a member out, as the leader: the answer is a [`Replied<KickFromParty>`](crate::request::Replied).
    pub fn kick_from_party(self, member: Entity) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            ask_about_member(world, entity, member, |id, member| KickFromParty {
                id,
                member,
            });
        })
    }

    /// Changes a party, as its leader: the answer is a [`Replied<UpdateParty>`](crate::request::Replied). Nakama 3.28 and
    /// newer; on an older server, it is [`RequestError::Unsupported`].
    pub fn update_party(self, party: Entity, update: UpdateParty) -> EntityCommands<'a> {
        self.request_with(move |world, entity| {
            // Who leads a party has been sent it, so the layout is known.
            if world.resource::<NakamaConnection>().party_layout() == Some(PartyLayout::Before3_28)
            {
                return refuse::<UpdateParty>(
                    world,
                    entity,
                    RequestError::Unsupported {
                        since: "Nakama 3.28",
                    },
                );
            }
            ask_about::<Party, _>(world, entity, party, |id| UpdateParty {
                id: id.to_string(),
                ..update
            });
        })
    }
}

/// Makes a request about a member of a party.
fn ask_about_member<R: SocketRequest>(
    world: &mut World,
    entity: Entity,
    member: Entity,
    request: impl FnOnce(PartyId, UserPresence) -> R,
) {
    let found = world.get_entity(member).ok().and_then(|member| {
        // Not the party's list of members: whoever has just been spawned is not in it yet, but can be observed.
        let MemberOf(party) = *member.get()?;
        let presence = member.get::<Presence>()?.to_proto();
        Some((id_of::<Party>(world, party)?, presence))
    });
    match found {
        Some((id, presence)) => submit(world, entity, request(id, presence)),
        None => refuse_for::<Party, R>(world, entity),
    }
}
