//! Parties.
//!
//! A party is an entity with [`Party`] and [`PartyId`]. You create it, or join it by its id, which players tell each other in a chat or
//! as a code. Members are entities related to the party by [`PartyMemberOf`], in the order in which they joined; the leader carries
//! [`PartyLeader`].
//!
//! ```no_run
//! # use bevy::prelude::*;
//! # use bevy_nakama::prelude::*;
//! fn open_a_party(_: On<Connected>, mut commands: Commands) {
//!     commands.nakama().create_party(CreateParty::closed(4));
//! }
//!
//! fn invite(created: On<Add, Party>, ids: Query<&PartyId>) {
//!     if let Ok(id) = ids.get(created.entity) {
//!         println!("tell your friends: {id}");
//!     }
//! }
//!
//! fn let_everybody_in(asks: On<Add, PartyJoinRequester>, mut commands: Commands) {
//!     commands.nakama().accept_party_join(asks.entity);
//! }
//!
//! fn bye(left: On<Left<Party>>) {
//!     let name = &left.info.username;
//!     match left.why {
//!         LeaveReason::Kicked => println!("you removed {name}"),
//!         why if why.has_left() => println!("{name} has left"),
//!         _ => {} // the local user is out
//!     }
//! }
//! # fn main() {
//! #     App::new().add_observer(open_a_party).add_observer(invite).add_observer(let_everybody_in).add_observer(bye);
//! # }
//! ```
//!
//! # Joining
//!
//! To create a party is a request whose entity becomes the party. To join is different: the server's answer only means that it took the
//! request.
//!
//! * If the party is open, the local user is in it a moment later.
//! * If it is closed, its leader has to accept. That may take any time, and the server never reports a refusal.
//!
//! Until then, the entity is [`Joining`](crate::presence::Joining). If nothing has come after a second, it also gets
//! [`PendingApproval`]. To withdraw the join request, despawn the entity. You can ask again later.
//!
//! The server takes one request of each user. If it has another one of the local user, of another device or of a game that has ended,
//! the entity is `PendingApproval` at once, and the plugin asks again every 3 s until the leader has answered the other one. If the party
//! closes meanwhile, you hear [`Reentered`](crate::healing::Reentered) with [`Lost`](crate::healing::ReentryOutcome::Lost).
//!
//! In the leader's game, every player who asks to join is an entity related to the party by [`PartyJoinRequester`]. Call
//! [`accept_party_join`](crate::commands::NakamaCommands::accept_party_join) or
//! [`decline_party_join`](crate::commands::NakamaCommands::decline_party_join) with it.
//!
//! [`list_parties`](crate::commands::NakamaCommands::list_parties) asks which parties there are.
//!
//! To leave, use [`leave_party`](crate::commands::NakamaCommands::leave_party), or despawn the party's entity. What else you may do to
//! entities, and what it means, is in [one table](crate::presence#what-you-may-do-to-entities).
//!
//! # Party data
//!
//! Members send each other data as in a match, with types that you bind to op codes: see [`PartyPayload`] and
//! [`send_to_party`](crate::commands::NakamaCommands::send_to_party). It goes to all other members. Unlike with match data, the server
//! acknowledges each message, so a refusal comes back as [`SendFailed`](crate::send::SendFailed).
//!
//! Two types are two queues, which lose their order: if that matters, put both into one enum, as for
//! [match data](crate::match_data#order).
//!
//! # What you cannot know
//!
//! * That the leader declined the local user's join request, or that the party has closed meanwhile. Nothing comes any more, unless the
//!   plugin is asking again.
//! * Whether the local user was removed or the party closed: both are [`PartyClosed`].
//! * The label of a party that the local user joined, and whether it is hidden. Both stay `None` until one of them changes.
//! * Whether somebody who asks to join is still online. If not, to accept fails with [`PartyRefusal::AskerGone`], and the plugin
//!   [accepts them when they ask again](crate::healing#parties).
//!
//! # Limits
//!
//! A party has at most 256 members, and as many open join requests as it may have members. A label is a JSON object of at most 2048
//! bytes. Nakama before 3.28 has neither labels nor hidden parties, and no
//! [`update_party`](crate::commands::NakamaCommands::update_party). Older and newer servers write a party differently; the plugin reads
//! both.

mod asking;
mod data;
mod decisions;
mod joining;
mod list;
mod look_up;
mod order;
mod reentry;
mod refusal;
mod requests;

use std::mem;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::*;
use bevy_reflect::Reflect;

#[doc(hidden)]
pub use self::joining::Asking;
use self::joining::mark_pending_approval;
pub use self::{
    asking::{
        AcceptPartyJoin, DeclinePartyJoin, ListPartyJoinRequests, PartyJoinRequester,
        PartyJoinRequests, PartyJoinRequestsListed,
    },
    data::{FromParty, PartyDataAppExt, PartyDataReceived, PartyDataRejected, PartyPayload},
    joining::{JoinParty, PartyJoinRequested},
    list::{ListParties, ListedParty, PartyListRefusal, PartyPage},
    refusal::PartyRefusal,
    requests::{
        CloseParty, CreateParty, KickFromParty, LeaveParty, PartyCreated, PromotePartyMember,
        UpdateParty,
    },
};
pub(crate) use self::{decisions::KeptDecisions, joining::PartyAsks};
use crate::{
    data::add_data,
    ecs::{NakamaSystems, uncloned::Uncloned as _},
    mirror::{
        self, AreaAppExt as _, Context, ContextIndex, Entry, HasMembers, LeaderSession, Leavable,
        LifeCycle, MembersChanged, Membership, NOTHING, ReentryPolicy, Timing, Vocabulary,
        WaitsFor,
        early::EarlyArrivals,
        on_pushed,
        presence::{Joined, PartyId, Presence, PresenceIndex, SessionId},
        receive::{may_judge_deadlines, receive},
    },
    proto::{Message, UserPresence, realtime},
    request::{Area, Moment, Moments, Move, Requests},
    transport::{PartyData, People},
};

/// A party that the local user is in. It appears when the local user has created or joined it. It goes when the local user leaves or is
/// removed, when the party closes, or when the connection ends.
///
/// Mirrors `Party` and `PartyUpdate`.
#[derive(Clone, Component, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::party"]
#[component(clone_behavior = Ignore, on_remove = mirror::leave_taken::<Party>)]
#[reflect(Component)]
pub struct Party {
    /// Whether players may join without being accepted.
    pub open: bool,
    /// How many members it may have.
    pub max_size: u32,
    /// Whether lists leave it out. `None` means unknown: the server tells its creator, and everybody when it changes.
    pub hidden: Option<bool>,
    /// A JSON object that queries of lists look at. `None` means unknown: the server tells its creator, and everybody when it changes.
    pub label: Option<String>,
}

/// Relates a presence to the party that it is a member of.
///
/// It goes when the member leaves. The entity lives on a little longer, marked with [`Departed`](crate::presence::Departed).
///
/// **To hear who joins and who leaves, observe [`Joined`](crate::presence::Joined) and [`Left`](crate::presence::Left)**: `On<Remove,
/// PartyMemberOf>` also fires for everybody who stays when the local user leaves. An observer of `On<Add, …>` must not
/// [despawn the party](crate::presence#who-joins-and-who-leaves).
#[derive(Clone, Component, Copy, Debug, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::party"]
#[relationship(relationship_target = PartyMembers)]
#[reflect(Component)]
pub struct PartyMemberOf(pub Entity);

impl Membership for PartyMemberOf {
    type Place = Party;
    type Detail = ();
    type Marks = PartyLeader;
}

/// The members of a party, the local user included, in the order in which they joined.
#[derive(Component, Debug, Default, Reflect)]
#[type_path = "bevy_nakama::party"]
#[relationship_target(relationship = PartyMemberOf, linked_spawn)]
#[reflect(Component)]
pub struct PartyMembers(Vec<Entity>);

/// Marks the leader of a party among its members. It moves when another member becomes the leader.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::party"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct PartyLeader;

/// Marks an entity that asks to join a party and has heard nothing for a second: the party is closed, and its leader has to accept. It comes
/// at once if the server has another request of the local user. The mark may stay for ever, because the server does not report a refusal.
#[derive(Clone, Component, Copy, Debug, Default, Eq, PartialEq, Reflect)]
#[type_path = "bevy_nakama::party"]
#[component(clone_behavior = Ignore)]
#[reflect(Component)]
pub struct PendingApproval;

/// The local user is not in the party any more: it has closed, or the local user was removed. The server does not say which. It is an
/// event of the party's entity, which still has its members. Right after it, everybody gets [`Left`](crate::presence::Left) with
/// [`YouLeft`](crate::presence::LeaveReason::YouLeft), and the party goes.
#[derive(Clone, Copy, Debug, EntityEvent)]
pub struct PartyClosed {
    /// The party.
    #[event_target]
    pub party: Entity,
}

/// Finds the entity of a party that the local user is in.
pub type PartyIndex = ContextIndex<PartyId>;

impl Context for Party {}

impl HasMembers for Party {}

impl Leavable for Party {
    type Refusal = PartyRefusal;
    const LEAVE: &'static str = "LeaveParty";
}

impl Vocabulary for Party {
    type Id = PartyId;
    type Marks = (Asking, PendingApproval);
    const AREA: Area = Area::Party;
    const NOUN: &'static str = "party";

    fn leave_message(_: &World, id: &PartyId) -> Option<Message> {
        Some(Message::PartyLeave(realtime::PartyLeave {
            party_id: id.to_string(),
        }))
    }

    fn forget(world: &mut World, party: Entity, id: &PartyId) {
        asking::forget_all(world, party);
        world.resource_mut::<PartyAsks>().has_left(id);
    }
}

/// The local user is in a party, by creating it or as pushed. `state` is what it is like.
fn enter(
    world: &mut World,
    asking: Entity,
    party: &realtime::Party,
    people: &mut People,
    since: Moment,
    state: Party,
) -> Entity {
    let my_session = party.self_.as_ref().map(|me| me.session_id.as_str());
    let members = party.presences.iter().map(|member| {
        let is_self = my_session == Some(member.session_id.as_str());
        (people.info(member), is_self)
    });
    let entry = Entry {
        id: PartyId::from(party.party_id.as_str()),
        everybody: members.collect(),
        state,
    };
    let entity = mirror::enter::<PartyMemberOf>(world, asking, entry, since);
    if mirror::is_in::<Party>(world, entity) {
        order::is(world, entity, &party.presences);
        mirror::default_policy(world, entity, ReentryPolicy::Rejoin);
    }
    if let Some(leader) = &party.leader {
        set_leader(world, entity, leader.session_id.as_str().into());
    }
    entity
}

impl Party {
    /// As the answer to its creation tells. Of a push, `label` and `hidden` mean nothing.
    fn of(party: &realtime::Party) -> Self {
        Self {
            open: party.open,
            max_size: u32::try_from(party.max_size).unwrap_or_default(),
            hidden: Some(party.hidden),
            label: Some(party.label.clone()),
        }
    }
}

/// A pushed `party`: the local user has been accepted, or the server reports it again.
fn on_party(
    world: &mut World,
    party: &mut realtime::Party,
    people: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let id = PartyId::from(party.party_id.as_str());
    let since = world.resource_mut::<Moments>().next();
    let known = world.resource::<PartyIndex>().get(&id);
    let mut asks = world.resource_mut::<PartyAsks>();
    let asked = asks.let_in(&id);
    if let Some(entity) = known.or(asked) {
        let mut asking = None;
        if let Ok(mut entity) = world.get_entity_mut(entity) {
            asking = entity.take::<Asking>();
            entity.remove::<PendingApproval>();
        }
        let before = reentry::before(world, entity);
        let state = Party {
            hidden: before.party.as_ref().and_then(|party| party.hidden),
            label: before.party.as_ref().and_then(|party| party.label.clone()),
            ..Party::of(party)
        };
        let is_back = world.resource::<PresenceIndex>().awaits_snapshot(entity);
        enter(world, entity, party, people, since, state);
        if is_back {
            reentry::is_back(world, entity, &before);
        }
        if let Some(item) = asking.and_then(Asking::into_item) {
            item.done(world);
        }
    } else if asks.was_withdrawn(&id) {
        mirror::leave_unwanted::<Party>(world, &id);
        if world.resource::<Requests>().is_joining(Area::Party) {
            // It may be the party of that join, whose answer comes later.
            return Err(WaitsFor::context(Area::Party, id.as_str()));
        }
    } else {
        return Err(WaitsFor::context(Area::Party, id.as_str()));
    }
    Ok(())
}

/// Somebody joined or left a party.
fn on_presence_event(
    world: &mut World,
    event: &mut realtime::PartyPresenceEvent,
    people: &mut People,
    timing: Timing,
) -> Result<(), WaitsFor> {
    let party = mirror::context_of::<Party>(world, &event.party_id)?;
    let who = event.joins.iter().chain(&event.leaves);
    mirror::wait_for_answer(world, timing, Area::Party, &event.party_id, who)?;
    let is_change = mirror::is_change(world, party, &event.joins, &event.leaves);
    let is_kick = mirror::is_kick(world, party, &event.leaves);
    mirror::on_presences::<PartyMemberOf>(world, party, &event.joins, &event.leaves, people);
    for member in &event.joins {
        asking::forget(world, party, &member.session_id);
    }
    order::has_changed(world, party, &event.joins, &event.leaves);
    mark_leader(world, party);
    if is_change {
        let context = party;
        world.trigger(MembersChanged { context, is_kick });
    }
    Ok(())
}

/// A member comes or goes, because the local user asked for it as the leader.
fn member_move(party: &PartyId, member: &UserPresence) -> Move {
    Move::Of {
        area: Area::Party,
        id: party.as_str().into(),
        session: member.session_id.as_str().into(),
    }
}

/// A party has a new leader.
fn on_leader(
    world: &mut World,
    event: &mut realtime::PartyLeader,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let party = mirror::context_of::<Party>(world, &event.party_id)?;
    if let Some(leader) = &event.presence {
        let was_leader = mirror::is_led_by_self(world, party);
        set_leader(world, party, leader.session_id.as_str().into());
        match (was_leader, mirror::is_led_by_self(world, party)) {
            // The server does not tell the new leader who has been waiting.
            (false, true) => asking::list(world, party),
            (true, false) => asking::forget_all(world, party),
            _ => {}
        }
    }
    Ok(())
}

/// A party has been changed.
fn on_update(
    world: &mut World,
    update: &mut realtime::PartyUpdate,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let entity = mirror::context_of::<Party>(world, &update.party_id)?;
    look_up::forget(world, entity);
    if let Some(mut party) = world.get_mut::<Party>(entity) {
        let max_size = party.max_size;
        party.set_if_neq(Party {
            open: update.open,
            max_size,
            hidden: Some(update.hidden),
            label: Some(mem::take(&mut update.label)),
        });
    }
    Ok(())
}

/// The local user is out of a party.
fn on_close(
    world: &mut World,
    close: &mut realtime::PartyClose,
    _: &mut People,
    _: Timing,
) -> Result<(), WaitsFor> {
    let party = mirror::context_of::<Party>(world, &close.party_id)?;
    world.trigger(PartyClosed { party });
    world.flush();
    mirror::remove::<Party>(world, &PartyId::from(close.party_id.as_str()));
    Ok(())
}

fn set_leader(world: &mut World, party: Entity, session: SessionId) {
    // An observer may have despawned it.
    if let Ok(mut party) = world.get_entity_mut(party) {
        party.insert(LeaderSession(session));
    }
    mark_leader(world, party);
}

/// Observer: somebody is a member of a party. For the server they may have been there all the time, with a session without an entity.
fn on_member(joined: On<Joined<Party>>, mut commands: Commands) {
    let party = joined.context;
    commands.queue(move |world: &mut World| {
        order::sort(world, party);
        mark_leader(world, party);
    });
}

/// Puts the mark where it belongs.
fn mark_leader(world: &mut World, party: Entity) {
    let Some(LeaderSession(session)) = world.get::<LeaderSession>(party) else {
        return;
    };
    let index = world.resource::<PresenceIndex>();
    let leader = index.get(party, session);
    for member in index.members(party) {
        // Observers of the mark may leave, and all members with the local user.
        let Ok(mut member) = world.get_entity_mut(member) else {
            continue;
        };
        let leads = Some(member.id()) == leader && member.contains::<Presence>();
        if leads && !member.contains::<PartyLeader>() {
            member.insert(PartyLeader);
        } else if !leads && member.contains::<PartyLeader>() {
            member.remove::<PartyLeader>();
        }
    }
}

/// Frames for a party that the local user has asked to join are kept, however long that takes.
fn await_party(world: &mut World, id: &PartyId) {
    world
        .resource_mut::<EarlyArrivals>()
        .await_context(Area::Party, id.as_str());
}

/// Parties, and the data in them.
pub(crate) struct PartyPlugin;

impl Plugin for PartyPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<PartyIndex>()
            .init_resource::<PartyAsks>()
            .init_resource::<asking::Askers>()
            .init_resource::<KeptDecisions>()
            .register_type::<(PartyIndex, Party, PartyMemberOf, PartyMembers, PartyLeader)>()
            .register_type::<(PendingApproval, PartyJoinRequester, PartyJoinRequests)>()
            .add_life_cycle(LifeCycle {
                on_opened: NOTHING,
                on_lost: reentry::on_lost,
                reenter: reentry::reenter,
                on_closed,
            })
            .handle_joins(joining::on_join_answered)
            .add_observer(on_member)
            .add_systems(
                PreUpdate,
                mark_pending_approval
                    .run_if(may_judge_deadlines)
                    .in_set(NakamaSystems::Receive)
                    .after(receive),
            );
        add_data::<PartyData>(app);
        on_pushed!(app:
            Party => on_party,
            PartyClose => on_close,
            PartyJoinRequest => asking::on_join_request,
            PartyLeader => on_leader,
            PartyPresenceEvent => on_presence_event,
            PartyUpdate => on_update,
        );
    }
}

fn on_closed(world: &mut World) {
    joining::clear_asks(world);
    mirror::clear::<Party>(world);
}
