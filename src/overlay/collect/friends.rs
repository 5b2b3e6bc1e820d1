//! Users that the local user follows.

use bevy_ecs::{
    entity_disabling::Disabled, prelude::*, query::Allow, relationship::RelationshipTarget,
};

use crate::{
    areas::status::{FollowedUser, StatusBook, UserSessions, UserStatus},
    mirror::{
        healing::MaybeGhost,
        presence::{IsSelf, PresenceIndex, SessionId, UserId, Username},
    },
    overlay::{
        OverlayView,
        view::{FriendSessionView, FriendView, FriendsView, MAX_PEOPLE},
    },
};

/// In `PostUpdate`: brings the followed users up to date.
pub(in crate::overlay) fn collect_friends(
    mut view: ResMut<OverlayView>,
    book: Res<StatusBook>,
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
    sessions: Query<(&SessionId, &UserStatus, Has<IsSelf>, Has<MaybeGhost>), Allow<Disabled>>,
    presences: Res<PresenceIndex>,
) {
    let mut users: Vec<_> = users.iter().collect();
    // Those without a name come after those with one.
    users.sort_by_key(|&(_, id, name, is_self, online)| {
        (!is_self, online.is_none(), name.is_none(), name, id)
    });
    let others = || users.iter().filter(|(.., is_self, _)| !is_self);
    view.friends = FriendsView {
        shown: book.shown().map(str::to_owned),
        names: book.names_to_come(),
        followed: others().count(),
        online: others().filter(|(.., online)| online.is_some()).count(),
        users: users
            .iter()
            .take(MAX_PEOPLE)
            .map(|(entity, id, name, is_self, online)| FriendView {
                entity: *entity,
                user_id: (*id).clone(),
                username: name.cloned(),
                is_self: *is_self,
                sessions: online
                    .iter()
                    .flat_map(|online| online.iter())
                    .filter_map(|session| sessions.get(session).ok())
                    .take(MAX_PEOPLE)
                    .map(
                        |(session_id, status, is_self, may_be_ghost)| FriendSessionView {
                            session_id: session_id.clone(),
                            is_self,
                            status: status.0.clone(),
                            may_be_ghost,
                        },
                    )
                    .collect(),
                hidden_ghosts: presences.hidden_ghosts(*entity),
            })
            .collect(),
    };
}
