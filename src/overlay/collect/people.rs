//! Those who are in something.

use std::cmp::Ordering;

use bevy_ecs::{
    entity_disabling::Disabled,
    prelude::*,
    query::{Allow, QueryData},
    system::SystemParam,
};

use crate::{
    areas::party::PartyLeader,
    mirror::presence::{IsSelf, SessionId, UserId, Username},
    overlay::view::{MAX_PEOPLE, PersonView},
};

/// Everybody, in whatever they are.
#[derive(SystemParam)]
pub(in crate::overlay) struct People<'w, 's> {
    everybody: Query<'w, 's, Person, Allow<Disabled>>,
}

#[derive(QueryData)]
pub(in crate::overlay) struct Person {
    username: &'static Username,
    user_id: &'static UserId,
    session_id: &'static SessionId,
    is_self: Has<IsSelf>,
    is_leader: Has<PartyLeader>,
}

impl People<'_, '_> {
    /// Those among some entities who are somebody: how many, and the first of them, in the order given.
    pub(super) fn list(&self, who: impl Iterator<Item = Entity>) -> (usize, Vec<PersonView>) {
        self.pick(self.find(who))
    }

    /// The same, the local user first and then by name.
    pub(super) fn list_by_name(
        &self,
        who: impl Iterator<Item = Entity>,
    ) -> (usize, Vec<PersonView>) {
        let mut found = self.find(who);
        let order = |a: &PersonItem, b: &PersonItem| -> Ordering {
            (!a.is_self, a.username, a.session_id).cmp(&(!b.is_self, b.username, b.session_id))
        };
        if found.len() > MAX_PEOPLE {
            let size = found.len();
            found.select_nth_unstable_by(MAX_PEOPLE, order);
            found.truncate(MAX_PEOPLE);
            found.sort_by(order);
            return (size, self.pick(found).1);
        }
        found.sort_by(order);
        self.pick(found)
    }

    fn find(&self, who: impl Iterator<Item = Entity>) -> Vec<PersonItem<'_, '_>> {
        who.filter_map(|entity| self.everybody.get(entity).ok())
            .collect()
    }

    fn pick(&self, found: Vec<PersonItem>) -> (usize, Vec<PersonView>) {
        let people = found.iter().take(MAX_PEOPLE).map(|person| PersonView {
            username: person.username.clone(),
            user_id: person.user_id.clone(),
            session_id: person.session_id.clone(),
            is_self: person.is_self,
            is_leader: person.is_leader,
        });
        (found.len(), people.collect())
    }
}
