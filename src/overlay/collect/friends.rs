//! Users that the local user follows.

use bevy_ecs::{
    entity_disabling::Disabled, prelude::*, query::Allow, relationship::RelationshipTarget,
};

use crate::{
    areas::status::{FollowedUser, UserSessions, UserStatus},
    mirror::presence::{IsSelf, SessionId, UserId, Username},
    overlay::{
        OverlayView,
        view::{FriendSessionView, FriendView, FriendsView, MAX_PEOPLE},
    },
};

/// A user, in the order in which users are listed.
type User<'w> = (
    bool,
    bool,
    Option<&'w Username>,
    &'w UserId,
    Entity,
    Option<&'w UserSessions>,
);

/// In `PostUpdate`: brings the followed users up to date.
pub(in crate::overlay) fn collect_friends(
    mut view: ResMut<OverlayView>,
    users: Query<
        (
            Entity,
            &UserId,
            Option<&Username>,
            Has<IsSelf>,
            Option<&UserSessions>,
        ),
        (With<FollowedUser>, Allow<Disabled>),
    >,
    sessions: Query<(&SessionId, &UserStatus, Has<IsSelf>), Allow<Disabled>>,
) {
    let mut users: Vec<User> = users
        .iter()
        .map(|(entity, id, name, is_self, sessions)| {
            (!is_self, sessions.is_none(), name, id, entity, sessions)
        })
        .collect();
    // Those without a name come after those with one.
    users.sort_by_key(|&(other, offline, name, id, ..)| (other, offline, name.is_none(), name, id));
    let others = || users.iter().filter(|(other, ..)| *other);
    view.friends = FriendsView {
        followed: others().count(),
        online: others().filter(|(_, offline, ..)| !offline).count(),
        users: users
            .iter()
            .take(MAX_PEOPLE)
            .map(|(other, _, name, id, entity, online)| FriendView {
                entity: *entity,
                user_id: (*id).clone(),
                username: name.cloned(),
                is_self: !other,
                sessions: online
                    .iter()
                    .flat_map(|online| online.iter())
                    .filter_map(|session| sessions.get(session).ok())
                    .take(MAX_PEOPLE)
                    .map(|(session_id, status, is_self)| FriendSessionView {
                        session_id: session_id.clone(),
                        is_self,
                        status: status.0.clone(),
                    })
                    .collect(),
            })
            .collect(),
    };
}
