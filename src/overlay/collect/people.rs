//! Lists the people in a match, party, channel or stream.

use std::cmp::Ordering;

use bevy_ecs::{
    entity_disabling::Disabled,
    prelude::*,
    query::{Allow, QueryData},
    relationship::RelationshipTarget,
    system::SystemParam,
};

use crate::{
    areas::party::PartyLeader,
    mirror::{
        healing::{MaybeGhost, Stale},
        presence::{IsSelf, Presence, PresenceIndex, SessionId, UserId, Username},
    },
    overlay::view::{MAX_PEOPLE, PersonView},
};

/// All presences.
#[derive(SystemParam)]
pub(in crate::overlay) struct People<'w, 's> {
    everybody: Query<'w, 's, Person, Allow<Disabled>>,
    index: Res<'w, PresenceIndex>,
}

#[derive(QueryData)]
pub(in crate::overlay) struct Person {
    username: &'static Username,
    user_id: &'static UserId,
    session_id: &'static SessionId,
    is_self: Has<IsSelf>,
    is_leader: Has<PartyLeader>,
    is_stale: Has<Stale>,
    may_be_ghost: Has<MaybeGhost>,
    /// Who asks to join has none.
    presence: Option<&'static Presence>,
}

impl People<'_, '_> {
    /// The people in a context: how many there are, and the first of them, in order.
    pub(super) fn list(&self, who: Option<&impl RelationshipTarget>) -> (usize, Vec<PersonView>) {
        self.pick(self.find(who))
    }

    /// The same, the local user first and then by name.
    pub(super) fn list_by_name(
        &self,
        who: Option<&impl RelationshipTarget>,
    ) -> (usize, Vec<PersonView>) {
        let mut found = self.find(who);
        let order = |a: &PersonItem, b: &PersonItem| -> Ordering {
            (!a.is_self, a.username, a.session_id).cmp(&(!b.is_self, b.username, b.session_id))
        };
        let size = found.len();
        if size > MAX_PEOPLE {
            found.select_nth_unstable_by(MAX_PEOPLE, order);
            found.truncate(MAX_PEOPLE);
        }
        found.sort_by(order);
        (size, self.pick(found).1)
    }

    fn find(&self, who: Option<&impl RelationshipTarget>) -> Vec<PersonItem<'_, '_>> {
        let who = who.into_iter().flat_map(RelationshipTarget::iter);
        who.filter_map(|entity| self.everybody.get(entity).ok())
            .collect()
    }

    /// Whether the presence has passed on to this session, and the server still has an older one.
    fn is_adopted(&self, person: &PersonItem) -> bool {
        let hidden = |presence: &Presence| {
            let user = person.user_id.as_str();
            self.index.hidden_ghosts_of(presence.context(), user)
        };
        !person.is_self && !person.may_be_ghost && person.presence.map_or(0, hidden) > 0
    }

    fn pick(&self, found: Vec<PersonItem>) -> (usize, Vec<PersonView>) {
        let people = found.iter().take(MAX_PEOPLE).map(|person| PersonView {
            username: person.username.clone(),
            user_id: person.user_id.clone(),
            session_id: person.session_id.clone(),
            is_self: person.is_self,
            is_leader: person.is_leader,
            is_stale: person.is_stale,
            may_be_ghost: person.may_be_ghost,
            is_adopted: self.is_adopted(person),
        });
        (found.len(), people.collect())
    }
}
