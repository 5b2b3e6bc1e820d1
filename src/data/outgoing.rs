//! From the game to the network thread.

use std::sync::Arc;

use bevy_ecs::prelude::*;
use bytes::Bytes;

use super::{
    codec::Codec as _,
    message::{DataContext, Payload},
    send::{SendError, note_policy, tell},
    window::terms_in,
};
use crate::{
    connection::NakamaConnection,
    error::PayloadError,
    mirror::{
        Context, id_of,
        presence::{PresenceIndex, PresenceInfo, presence},
    },
    request::NextFrame,
    transport::{SendPolicy, Terms},
};

/// Data for a match or party: in raw bytes, or for some of the members only, or with a [`SendPolicy`] of its own.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// # use bevy::prelude::Entity;
/// # let (ada, bob) = (Entity::PLACEHOLDER, Entity::PLACEHOLDER);
/// let whisper = OutgoingData::raw(42, &b"psst"[..]).to([ada, bob]);
/// let aim = OutgoingData::raw(43, &b"left"[..]).policy(SendPolicy::Drop);
/// ```
#[derive(Clone, Debug)]
pub struct OutgoingData {
    op_code: i64,
    data: Result<Bytes, PayloadError>,
    receivers: Option<Vec<Entity>>,
    policy: Option<SendPolicy>,
    key: u64,
}

impl OutgoingData {
    /// Bytes with an op code.
    #[must_use]
    pub fn raw(op_code: i64, data: impl Into<Bytes>) -> Self {
        Self::new(op_code, Ok(data.into()), None)
    }

    /// A value of a type of data.
    pub(crate) fn of<C: DataContext, T: Payload<C>>(payload: &T) -> Self {
        Self::new(T::KEY, T::Codec::encode(payload), T::POLICY)
    }

    fn new(op_code: i64, data: Result<Bytes, PayloadError>, policy: Option<SendPolicy>) -> Self {
        Self {
            op_code,
            data,
            receivers: None,
            policy,
            key: 0,
        }
    }

    /// Sends it to these presences only. If the local user is among them, they get it back, too. In an authoritative match, all data goes to
    /// the match handler. In a party, all data goes to everybody: if you choose receivers, you get
    /// [`ReceiversChosen`](SendError::ReceiversChosen).
    #[must_use]
    pub fn to(mut self, receivers: impl IntoIterator<Item = Entity>) -> Self {
        self.receivers = Some(receivers.into_iter().collect());
        self
    }

    /// What becomes of it if it cannot leave at once. It counts in place of the type's own
    /// [`POLICY`](crate::match_data::MatchPayload::POLICY).
    #[must_use]
    pub fn policy(mut self, policy: SendPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// With [`SendPolicy::Latest`], data with another key does not take its place: give each of your units its number, and the newest
    /// position of each of them waits. Without a key, it is 0. The key is not sent.
    #[must_use]
    pub fn key(mut self, key: u64) -> Self {
        self.key = key;
        self
    }
}

/// Data that has passed all checks and can be sent.
pub(crate) struct ReadyData {
    pub(crate) op_code: i64,
    pub(crate) data: Bytes,
    /// If it is empty, everybody else receives it.
    pub(crate) receivers: Vec<Arc<PresenceInfo>>,
    pub(crate) terms: Terms,
}

/// What the local user can send data to.
pub(crate) trait SendsData: Context {
    /// Whether the server lets the local user choose who receives it.
    const HAS_RECEIVERS: bool;

    /// Hands data over to the network thread.
    fn hand_over(world: &mut World, context: Entity, id: Self::Id, data: ReadyData);
}

/// Sends data, or tells the game in the next frame why not.
pub(crate) fn send_data<C: SendsData>(world: &mut World, context: Entity, data: OutgoingData) {
    let op_code = data.op_code;
    if data.policy.is_some() {
        note_policy(world, op_code);
    }
    match check::<C>(world, context, data) {
        Ok((id, data)) => C::hand_over(world, context, id, data),
        Err(reason) => {
            let mut next_frame = world.resource_mut::<NextFrame>();
            next_frame.tell(move |world| tell(world, context, op_code, reason));
        }
    }
}

fn check<C: SendsData>(
    world: &World,
    context: Entity,
    outgoing: OutgoingData,
) -> Result<(C::Id, ReadyData), SendError> {
    let id = id_of::<C>(world, context).ok_or_else(|| {
        let connection = world.resource::<NakamaConnection>();
        if connection.is_connected() || connection.is_lost() {
            SendError::NotAMember
        } else {
            SendError::NotConnected // whatever the local user was in is gone
        }
    })?;
    let connection = world.resource::<NakamaConnection>();
    let index = world.resource::<PresenceIndex>();
    if connection.is_connected() && index.awaits_snapshot(context) {
        return Err(SendError::NotConnected); // everything else is back, and this is not
    }
    // Those who are chosen may come back with other sessions.
    let is_for_all = outgoing.receivers.is_none();
    let ready = ReadyData {
        op_code: outgoing.op_code,
        data: outgoing.data.map_err(SendError::Unencodable)?,
        receivers: match outgoing.receivers {
            None => Vec::new(),
            Some(_) if !C::HAS_RECEIVERS => return Err(SendError::ReceiversChosen),
            Some(chosen) => receivers(world, context, &chosen)?,
        },
        terms: Terms {
            policy: outgoing.policy.unwrap_or_default(),
            key: outgoing.key,
            waits_while_away: is_for_all
                && outgoing
                    .policy
                    .is_some_and(|policy| policy != SendPolicy::Drop),
            waits_for_the_rest: !index.awaits_snapshot(context),
            ..terms_in(world, context)
        },
    };
    Ok((id, ready))
}

/// Those of the chosen presences that are here.
fn receivers(
    world: &World,
    context: Entity,
    chosen: &[Entity],
) -> Result<Vec<Arc<PresenceInfo>>, SendError> {
    let known = chosen.iter().filter_map(|entity| presence(world, *entity));
    let here = known.filter(|presence| presence.context() == context);
    let receivers: Vec<_> = here.map(|presence| presence.info().clone()).collect();
    if receivers.is_empty() {
        return Err(SendError::NoReceivers); // an empty list would mean everybody
    }
    Ok(receivers)
}
