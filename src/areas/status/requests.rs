//! Requests: following users, and showing a status.

use bevy_ecs::{entity::EntityHashMap, prelude::*};
use hashbrown::HashSet;

use super::{
    FollowedUser, FollowedUserIndex, HeardAt, SessionOf, StatusBook, UserStatus, become_user,
    reentry, unfollow_message,
};
use crate::{
    commands::NakamaCommands,
    connection::NakamaConnection,
    data::TO_WHOMEVER,
    error::{ServerError, refusals},
    mirror::{
        self, Detail as _, early, id_of,
        presence::{PresenceIndex, UserId, Username},
        refuse_for,
    },
    proto::{Kind, Message, realtime},
    request::{
        Acknowledged, Area, Consent, Moment, Move, Outcome, Parts, SocketRequest, WhenLost,
        expect_message, in_parts, request, room, room_for_fields, send_then, submit, text_size,
    },
    transport::{People, Received, Terms},
};

refusals! {
    /// How the server refuses something about status. The server's own text is in the error.
    pub enum StatusRefusal(ServerError) {
        /// The status is longer than 2048 bytes.
        TooLong,
        /// A user id is malformed. The server has followed or unfollowed none of the users.
        InvalidUserId,
        /// A username is empty. The server has followed none of the users.
        InvalidUsername,
        /// Something else.
        Other,
    }
}

impl From<ServerError> for StatusRefusal {
    fn from(error: ServerError) -> Self {
        // The server has one code for all of this, so its words have to do.
        match error.message.as_str() {
            "Status must be 2048 characters or less" => Self::TooLong(error),
            "Invalid user identifier" => Self::InvalidUserId(error),
            "Invalid username" => Self::InvalidUsername(error),
            _ => Self::Other(error),
        }
    }
}

/// Follows users: from now on, their sessions are entities. Mirrors `StatusFollow`.
///
/// You can name any number of users. About a hundred ids fit into the largest message that the server takes; for more, the plugin sends
/// several messages, one after the other. For you it is one request, which follows all of them or nobody.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let by_both = FollowUsers::ids(["4c2ae592-b2a7-445e-98ec-697694478b1c"]).usernames(["cat"]);
/// let by_name = FollowUsers::named(["cat", "dave"]);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FollowUsers {
    ids: Vec<UserId>,
    names: Vec<Username>,
}

impl FollowUsers {
    /// The users with these ids.
    #[must_use]
    pub fn ids(ids: impl IntoIterator<Item: Into<UserId>>) -> Self {
        Self {
            ids: ids.into_iter().map(Into::into).collect(),
            names: Vec::new(),
        }
    }

    /// The users with these names. A user who is offline has no entity until they come online.
    #[must_use]
    pub fn named(names: impl IntoIterator<Item: Into<Username>>) -> Self {
        Self {
            ids: Vec::new(),
            names: Vec::new(),
        }
        .usernames(names)
    }

    /// The users with these names, too, see [`named`](Self::named).
    #[must_use]
    pub fn usernames(mut self, names: impl IntoIterator<Item: Into<Username>>) -> Self {
        self.names.extend(names.into_iter().map(Into::into));
        self
    }
}

/// Users are followed now.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UsersFollowed {
    /// Their entities: first of those whom you asked for by id, in that order, then of those whom you asked for by name. A name that nobody
    /// has, or whose user is offline, has no entity.
    pub users: Vec<Entity>,
}

request!(FollowUsers -> UsersFollowed, StatusRefusal);

impl SocketRequest for FollowUsers {
    const IS_TRANSIENT: bool = true;
    const JOINS: Option<Area> = Some(Area::Status);

    fn to_message(&self) -> Message {
        Message::StatusFollow(realtime::StatusFollow {
            user_ids: self.ids.iter().map(ToString::to_string).collect(),
            usernames: self.names.iter().map(ToString::to_string).collect(),
        })
    }

    fn split(self, room: usize) -> Parts<Self> {
        let ids = self.ids.into_iter().map(Who::Id);
        let all: Vec<_> = ids.chain(self.names.into_iter().map(Who::Named)).collect();
        let room = room_for_fields(Kind::StatusFollow, room);
        let parts = in_parts(all, room, |who| match who {
            Who::Id(id) => text_size(id.as_str()),
            Who::Named(name) => text_size(name.as_str()),
        });
        parts.map(Self::of)
    }

    fn add_reply(all: &mut UsersFollowed, next: UsersFollowed) {
        let known: HashSet<_> = all.users.iter().copied().collect();
        let new = next.users.into_iter().filter(|user| !known.contains(user));
        all.users.extend(new);
    }

    fn succeed(self, world: &mut World, consent: Consent) -> Outcome<Self> {
        let (status, people) = expect_message!(consent.reply, Status);
        let Self { ids, names } = self;
        let users = take_in(world, ids, names, &status, people, consent.since);
        early::contexts_are_known(world, Area::Status);
        Ok(UsersFollowed { users })
    }

    fn take_back(self, world: &mut World, reply: Option<Received>) {
        let mut ids = self.ids;
        if let Some(Message::Status(status)) = reply.map(|reply| reply.message) {
            let named = status.presences.iter();
            ids.extend(named.map(|presence| UserId::from(presence.user_id.as_str())));
        }
        unfollow_unwanted(world, ids);
    }
}

/// The local user follows these users now, and these of their sessions are online. Returns the users' entities.
pub(super) fn take_in(
    world: &mut World,
    ids: Vec<UserId>,
    names: Vec<Username>,
    status: &realtime::Status,
    mut people: People,
    since: Moment,
) -> Vec<Entity> {
    let mut users: Vec<Entity> = Vec::new();
    let mut sessions: EntityHashMap<Vec<_>> = EntityHashMap::default();
    let mut in_order: Vec<Entity> = Vec::new();
    let mut add = |user: Option<Entity>| {
        users.extend(user.filter(|user| !users.contains(user)));
    };
    for id in &ids {
        add(become_user(world, id, None));
    }
    for presence in &status.presences {
        let info = people.info(presence);
        let user = become_user(world, &info.user_id, Some(&info.username));
        add(user);
        let index = world.resource::<PresenceIndex>();
        let known = user.and_then(|user| index.get(user, &info.session_id));
        let heard = known.and_then(|session| world.get::<HeardAt>(session));
        let is_outdated = heard.is_some_and(|HeardAt(when)| *when >= since);
        if let Some(user) = user.filter(|_| !is_outdated) {
            let session = (info, UserStatus::of(presence), false);
            sessions.entry(user).or_default().push(session);
            in_order.push(user);
        }
    }
    for user in in_order.into_iter().chain(users.iter().copied()) {
        let sessions = sessions.remove(&user).unwrap_or_default();
        mirror::apply_snapshot::<SessionOf>(world, user, sessions, since);
    }
    for name in names {
        let user = user_named(world, &name);
        users.extend(user.filter(|user| !users.contains(user)));
        if user.is_none() && !is_own_name(world, &name) {
            world.resource_mut::<StatusBook>().names.insert(name);
        }
    }
    users
}

/// A user to follow.
enum Who {
    Id(UserId),
    Named(Username),
}

impl FollowUsers {
    fn of(everybody: Vec<Who>) -> Self {
        let (mut ids, mut names) = (Vec::new(), Vec::new());
        for who in everybody {
            match who {
                Who::Id(id) => ids.push(id),
                Who::Named(name) => names.push(name),
            }
        }
        Self { ids, names }
    }

    /// Who it follows, by id and by name.
    pub(super) fn into_users(self) -> (Vec<UserId>, Vec<Username>) {
        (self.ids, self.names)
    }
}

/// Unfollows those of these users whom no request follows. Waits for other requests that may still follow them.
pub(super) fn unfollow_unwanted(world: &mut World, mut ids: Vec<UserId>) {
    let index = world.resource::<FollowedUserIndex>();
    ids.retain(|id| index.get(id).is_none() && !mirror::is_own_user(world, id.as_str()));
    ids.sort();
    ids.dedup();
    ids.retain(|id| !early::put_off_leaving(world, Area::Status, id.as_str()));
    for ids in unfollow_parts(ids, room(world)) {
        if !ids.is_empty() {
            let message = unfollow_message(&ids);
            send_then(world, message, move |world| forget(world, &ids));
        }
    }
}

fn unfollow_parts(ids: Vec<UserId>, room: usize) -> Parts<Vec<UserId>> {
    let room = room_for_fields(Kind::StatusUnfollow, room);
    in_parts(ids, room, |id| text_size(id.as_str()))
}

fn user_named(world: &World, name: &Username) -> Option<Entity> {
    let mut known = world.resource::<StatusBook>().known.iter();
    let (id, _) = known.find(|(_, known)| *known == name)?;
    world.resource::<FollowedUserIndex>().get(id)
}

fn is_own_name(world: &World, name: &Username) -> bool {
    let user = world.resource::<NakamaConnection>().user();
    user.is_some_and(|(_, own)| own == name)
}

/// The server says that none of them is followed. The local user always is.
fn forget(world: &mut World, ids: &[UserId]) {
    for id in ids {
        if !mirror::is_own_user(world, id.as_str()) {
            mirror::remove::<FollowedUser>(world, id);
        }
    }
}

/// Unfollows users. When the server agrees, their entities go. Mirrors `StatusUnfollow`.
///
/// It is made from the entity of a user, or from any number of ids. If the plugin needs several messages and one of them fails, the users
/// in the messages before it are unfollowed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnfollowUsers {
    user: Option<Entity>,
    ids: Vec<UserId>,
}

impl UnfollowUsers {
    /// The users with these ids, whether they have entities or not.
    #[must_use]
    pub fn ids(ids: impl IntoIterator<Item: Into<UserId>>) -> Self {
        Self {
            user: None,
            ids: ids.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Entity> for UnfollowUsers {
    fn from(user: Entity) -> Self {
        Self {
            user: Some(user),
            ids: Vec::new(),
        }
    }
}

request!(UnfollowUsers -> (), StatusRefusal);

impl Acknowledged for UnfollowUsers {
    const WHEN_LOST: WhenLost = WhenLost::IsDone;
    const UNDOES: Option<Area> = Some(Area::Status);

    fn to_message(&self) -> Message {
        unfollow_message(&self.ids)
    }

    fn split(self, room: usize) -> Parts<Self> {
        unfollow_parts(self.ids, room).map(Self::ids)
    }

    fn done(self, world: &mut World) {
        forget(world, &self.ids);
    }
}

/// Shows a status, or makes the local user appear offline. Mirrors `StatusUpdate`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpdateStatus {
    status: Option<String>,
}

request!(UpdateStatus -> (), StatusRefusal);

impl Acknowledged for UpdateStatus {
    const WHEN_LOST: WhenLost = WhenLost::IsMadeAgain;

    fn to_message(&self) -> Message {
        Message::StatusUpdate(realtime::StatusUpdate {
            status: self.status.clone(),
        })
    }

    /// The server does not say who follows the local user.
    fn terms(&self, _: &World) -> Option<Terms> {
        Some(TO_WHOMEVER)
    }

    fn moves(&self) -> Option<Move> {
        Some(Move::Own(Area::Status))
    }

    fn done(self, world: &mut World) {
        reentry::remember(world, self.status);
    }

    fn is_over_time(&self, world: &mut World) {
        reentry::on_missed(world);
    }

    fn refused(self, world: &mut World, error: ServerError) -> StatusRefusal {
        reentry::on_missed(world);
        let own = &mut world.resource_mut::<StatusBook>().own;
        own.retain(|status| Some(status) != self.status.as_ref());
        error.into()
    }
}

impl<'a> NakamaCommands<'a, '_, '_> {
    /// Follows users. The answer is a [`Replied<FollowUsers>`](crate::request::Replied) on the returned entity. If you follow a user
    /// again, nothing changes.
    pub fn follow(self, request: FollowUsers) -> EntityCommands<'a> {
        self.request_with(move |world, entity| submit(world, entity, request))
    }

    /// Unfollows a user by their entity, or [users by their ids](UnfollowUsers::ids). The answer is a
    /// [`Replied<UnfollowUsers>`](crate::request::Replied) on the returned entity.
    ///
    /// If you do not need the answer, despawn the user's entity instead. You cannot unfollow the local user.
    pub fn unfollow(self, users: impl Into<UnfollowUsers>) -> EntityCommands<'a> {
        let mut request = users.into();
        self.request_with(move |world, entity| {
            if let Some(user) = request.user {
                match id_of::<FollowedUser>(world, user) {
                    Some(id) => request.ids.push(id),
                    None => return refuse_for::<FollowedUser, UnfollowUsers>(world, entity),
                }
            }
            submit(world, entity, request);
        })
    }

    /// Shows a status of at most 2048 bytes to the local user's followers. With `None`, the local user appears offline to them. The answer
    /// is a [`Replied<UpdateStatus>`](crate::request::Replied) on the returned entity.
    ///
    /// It is the status of this connection's session, and goes with it. After the answer, [`UserStatus`] of that session changes.
    pub fn set_status(self, status: Option<&str>) -> EntityCommands<'a> {
        let status = status.map(str::to_owned);
        self.request_with(move |world, entity| {
            let is_known = world.resource::<PresenceIndex>().own_session().is_some();
            let own = &mut world.resource_mut::<StatusBook>().own;
            if is_known {
                own.clear(); // the last one counts if the connection is lost before the answer
            }
            own.extend(status.clone());
            submit(world, entity, UpdateStatus { status });
        })
    }
}
