//! What the local user, as the leader, has decided about players whose lines broke while they asked to join.

use std::time::Duration;

use bevy_ecs::prelude::*;
use bevy_time::{Real, Time};

use super::{PartyRefusal, asking};
use crate::{
    mirror::{
        self, id_of,
        presence::{PartyId, PresenceIndex, SessionId, UserId, Username},
    },
    proto::{Message, UserPresence, realtime},
    request::{Unconfirmed, send_heard},
};

/// How long a decision is kept.
const KEPT: Duration = Duration::from_secs(30);

/// The local user has accepted somebody who comes back with another session.
struct Kept {
    party: Entity,
    user: UserId,
    #[cfg_attr(
        not(feature = "overlay"),
        expect(dead_code, reason = "only the overlay shows it")
    )]
    username: Username,
    /// In time since the app's start.
    until: Duration,
    /// The session that is in the party since. It may be one whose line is broken, so the decision holds as long as it is there. `None`: the
    /// session that asked was gone.
    let_in: Option<SessionId>,
    /// The session that the plugin is accepting.
    accepting: Option<SessionId>,
}

/// The decisions that hold for the next request of the same user.
#[derive(Default, Resource)]
pub(crate) struct KeptDecisions(Vec<Kept>);

impl KeptDecisions {
    /// Whom the plugin accepts into a party, and until when.
    #[cfg(feature = "overlay")]
    pub(crate) fn of(
        &self,
        party: Entity,
        now: Duration,
    ) -> impl Iterator<Item = (&Username, Duration)> {
        let kept = self.0.iter();
        let kept = kept.filter(move |kept| kept.party == party && kept.until > now);
        kept.filter(|kept| kept.let_in.is_none())
            .map(|kept| (&kept.username, kept.until))
    }

    fn find(&mut self, party: Entity, user: &str) -> Option<&mut Kept> {
        let mut kept = self.0.iter_mut();
        kept.find(|kept| kept.party == party && kept.user == *user)
    }
}

fn now(world: &World) -> Duration {
    world.resource::<Time<Real>>().elapsed()
}

/// The local user has accepted somebody, and the session that asked was gone.
pub(super) fn keep(world: &mut World, party: Entity, who: &UserPresence) {
    keep_one(world, party, who, None);
}

/// The local user has accepted somebody, and the server has let the session in. Its line may be broken.
pub(super) fn keep_for_return(world: &mut World, party: Entity, who: &UserPresence) {
    let session = SessionId::from(who.session_id.as_str());
    keep_one(world, party, who, Some(session));
}

fn keep_one(world: &mut World, party: Entity, who: &UserPresence, let_in: Option<SessionId>) {
    if !mirror::is_led_by_self(world, party) {
        return;
    }
    let now = now(world);
    let mut decisions = world.resource_mut::<KeptDecisions>();
    decisions.0.retain(|kept| kept.until > now);
    if let Some(kept) = decisions.find(party, &who.user_id) {
        kept.let_in = let_in;
        kept.accepting = None;
        return;
    }
    decisions.0.push(Kept {
        party,
        user: UserId::from(who.user_id.as_str()),
        username: Username::from(who.username.as_str()),
        until: now + KEPT,
        let_in,
        accepting: None,
    });
}

/// The local user does not want somebody in a party any more.
pub(super) fn forget(world: &mut World, party: Entity, user: &str) {
    let mut decisions = world.resource_mut::<KeptDecisions>();
    decisions
        .0
        .retain(|kept| kept.party != party || kept.user != *user);
}

/// The local user does not lead a party any more.
pub(super) fn forget_all(world: &mut World, party: Entity) {
    let mut decisions = world.resource_mut::<KeptDecisions>();
    decisions.0.retain(|kept| kept.party != party);
}

/// Somebody asks to join. If the local user has accepted the same user shortly before, the plugin accepts again. Returns whether it does.
pub(super) fn accepts(world: &mut World, party: Entity, who: &UserPresence) -> bool {
    let Some(id) = id_of::<super::Party>(world, party) else {
        return false;
    };
    let session = SessionId::from(who.session_id.as_str());
    let now = now(world);
    let mut decisions = world.resource_mut::<KeptDecisions>();
    decisions.0.retain(|kept| kept.until > now);
    let Some(kept) = decisions.find(party, &who.user_id) else {
        return false;
    };
    if kept.accepting.as_ref() == Some(&session) {
        return true;
    }
    let let_in = kept.let_in.clone();
    if let_in.as_ref() == Some(&session) {
        return false; // a member asks, whose line is well
    }
    let index = world.resource::<PresenceIndex>();
    if let_in.is_some_and(|let_in| index.get(party, &let_in).is_none()) {
        forget(world, party, &who.user_id); // they have left
        return false;
    }
    let mut decisions = world.resource_mut::<KeptDecisions>();
    if let Some(kept) = decisions.find(party, &who.user_id) {
        kept.accepting = Some(session);
    }
    accept(world, party, &id, who.clone());
    true
}

fn accept(world: &mut World, party: Entity, id: &PartyId, who: UserPresence) {
    let message = Message::PartyAccept(realtime::PartyAccept {
        party_id: id.to_string(),
        presence: Some(who.clone()),
    });
    send_heard(world, message, move |world, outcome| {
        let error = match outcome {
            Ok(_) => return keep_for_return(world, party, &who),
            Err(Unconfirmed::Refused(error)) => error,
            // If the connection is lost, those who ask are listed when it is back.
            Err(_) => return keep(world, party, &who),
        };
        match PartyRefusal::from(error) {
            PartyRefusal::AskerGone(_) => keep(world, party, &who),
            refusal => {
                log::debug!("{} is not accepted again: {refusal}", who.username);
                forget(world, party, &who.user_id);
                if !matches!(refusal, PartyRefusal::RequestNotFound(_)) {
                    asking::note(world, party, &who);
                }
            }
        }
    });
}
