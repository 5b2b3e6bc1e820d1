//! The session in place: who calls the server, and which server.

use bevy_ecs::prelude::*;
use hashbrown::HashSet;

use super::{store::Store, tokens::NakamaSession};
use crate::transport::{NakamaServer, RestCall, Secret, UserId, Username};

/// Who is logged in, and on which server. A resource, read only.
///
/// The last login that the server answered puts its session in place, and [`log_out`](crate::commands::NakamaCommands::log_out) takes
/// it out again. REST calls are made as this user, with or without a socket. Whose the *socket* is, [`NakamaConnection`] says: a login as
/// somebody else leaves an open socket alone.
///
/// ```
/// # use bevy_ecs::prelude::*;
/// # use bevy_nakama::prelude::*;
/// fn greet(current: Res<CurrentSession>) {
///     match current.user() {
///         Some((_, name)) => println!("welcome back, {name}"),
///         None if current.is_logging_in() => println!("logging in …"),
///         None => println!("please log in"),
///     }
/// }
/// ```
///
/// [`NakamaConnection`]: crate::connection::NakamaConnection
#[derive(Debug, Default, Resource)]
pub struct CurrentSession {
    place: Option<(NakamaServer, NakamaSession)>,
    tenure: Tenure,
    /// How often a session was put in place.
    placed: u64,
    /// The requests of logins that have no answer yet.
    logins: HashSet<Entity>,
    /// The token that is being replaced.
    renewing: Option<Secret>,
    /// The login for a restored session that the server has not accepted yet: if it does not know the session any more.
    fallback: Option<RestCall>,
}

/// Counts the users who were in place. New tokens for the same user change nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tenure(u64);

impl CurrentSession {
    /// The server of the session in place.
    #[must_use]
    pub fn server(&self) -> Option<&NakamaServer> {
        self.place.as_ref().map(|(server, _)| server)
    }

    /// The session in place.
    #[must_use]
    pub fn session(&self) -> Option<&NakamaSession> {
        self.place.as_ref().map(|(_, session)| session)
    }

    /// Who is logged in.
    #[must_use]
    pub fn user(&self) -> Option<(&UserId, &Username)> {
        self.session()
            .map(|session| (session.user_id(), session.username()))
    }

    /// Whether a login is under way. [`connect`](crate::commands::NakamaCommands::connect) waits for it.
    #[must_use]
    pub fn is_logging_in(&self) -> bool {
        !self.logins.is_empty()
    }

    /// Whether nobody is logged in, and a login is under way.
    pub(crate) fn awaits_first(&self) -> bool {
        self.place.is_none() && self.is_logging_in()
    }

    pub(crate) fn place(&self) -> Option<&(NakamaServer, NakamaSession)> {
        self.place.as_ref()
    }

    pub(crate) fn tenure(&self) -> Tenure {
        self.tenure
    }

    /// How often a session was put in place.
    pub(crate) fn placed(&self) -> u64 {
        self.placed
    }

    /// Puts a session in place.
    fn put(&mut self, server: NakamaServer, session: NakamaSession) {
        // What is asked for while nobody is in place is for whoever comes.
        let is_same = self.place.as_ref().is_none_or(|(old_server, old)| {
            *old_server == server && old.user_id() == session.user_id()
        });
        if !is_same {
            self.tenure.0 += 1;
        }
        self.placed += 1;
        self.place = Some((server, session));
    }

    /// Takes the session out of place. Logins that are under way put nothing in place any more.
    fn take(&mut self) -> Option<(NakamaServer, NakamaSession)> {
        self.logins.clear();
        self.fallback = None;
        self.tenure.0 += 1;
        self.place.take()
    }

    pub(crate) fn login_begins(&mut self, request: Entity) {
        self.logins.insert(request);
    }

    /// Whether a login is under way, and the user has not logged out since it began.
    pub(crate) fn awaits(&self, request: Entity) -> bool {
        self.logins.contains(&request)
    }

    /// A login has its answer. Whether that may put a session in place.
    pub(crate) fn login_ends(&mut self, request: Entity) -> bool {
        self.logins.remove(&request)
    }

    /// Whether the token in place is being replaced.
    pub(crate) fn is_renewing(&self) -> bool {
        let token = self.session().map(NakamaSession::token);
        self.renewing.is_some() && self.renewing.as_ref() == token
    }

    /// Whether there is a way to replace the token in place.
    pub(crate) fn is_renewable(&self) -> bool {
        let session = self.session();
        self.fallback.is_some() || session.is_some_and(|it| it.refresh_token().is_some())
    }

    /// The login for the session in place, if the server does not know it any more.
    pub(crate) fn fallback(&self) -> Option<&RestCall> {
        self.fallback.as_ref()
    }

    pub(crate) fn renewal_begins(&mut self, old: Secret) {
        self.renewing = Some(old);
    }

    /// The tokens in place of this one are there, or will not come. Whether nothing is being replaced now.
    pub(crate) fn renewal_ends(&mut self, old: &Secret) -> bool {
        self.renewing.take_if(|token| token == old);
        self.renewing.is_none()
    }
}

/// The session in place has new tokens. Global event. REST calls use the new tokens from now on. The old ones stay valid until they
/// expire.
///
/// It happens when the server has refused the old ones (see [`rest`](crate::rest)), when a connection needs new ones, and when your game
/// [refreshes](crate::commands::NakamaCommands::refresh) the session itself; then the
/// [`Replied<RefreshSession>`](crate::request::Replied) that follows tells the same. A stored session that is refreshed before it is in
/// place has its reply alone.
#[derive(Clone, Debug, Event)]
#[non_exhaustive]
pub struct SessionRefreshed {
    /// The session as it is now. Its tokens do not show in `Debug`.
    pub session: NakamaSession,
    /// Whether it is the session of another user than before. That happens with
    /// [`restore_or_log_in`](crate::commands::NakamaCommands::restore_or_log_in): if the server, set up anew, does not know the restored
    /// session, the login that you gave may find or make another account.
    pub is_other_user: bool,
    /// Whether the account was made just now, by that login.
    pub created: bool,
}

/// Puts a session in place, and keeps it for the next start.
pub(crate) fn put_in_place(world: &mut World, server: &NakamaServer, session: &NakamaSession) {
    take_up(world, server, session, None);
    keep(world);
}

/// Puts a session in place that is kept already. Nobody knows yet whether the server accepts it; if it does not, `fallback` is the login
/// to call.
pub(crate) fn take_up(
    world: &mut World,
    server: &NakamaServer,
    session: &NakamaSession,
    fallback: Option<RestCall>,
) {
    let mut current = world.resource_mut::<CurrentSession>();
    current.put(server.clone(), session.clone());
    current.fallback = fallback;
}

/// The server has accepted a token. If it is the one in place, nobody needs another way in.
pub(crate) fn on_accepted(world: &mut World, token: &Secret) {
    let mut current = world.resource_mut::<CurrentSession>();
    let is_in_place = current.session().is_some_and(|it| it.token() == token);
    if is_in_place {
        current.bypass_change_detection().fallback = None;
    }
}

/// Forgets the logins that the game has withdrawn: nobody waits for them. Whether there were any.
pub(crate) fn forget_withdrawn(world: &mut World) -> bool {
    let logins = world.resource::<CurrentSession>().logins.iter().copied();
    let gone: Vec<_> = logins
        .filter(|login| world.get_entity(*login).is_err())
        .collect();
    for login in &gone {
        world.resource_mut::<CurrentSession>().login_ends(*login);
    }
    !gone.is_empty()
}

/// Takes the session out of place. Logins that are under way put nothing in place any more.
pub(crate) fn take_out_of_place(world: &mut World) -> Option<(NakamaServer, NakamaSession)> {
    let taken = world.resource_mut::<CurrentSession>().take();
    keep(world);
    taken
}

/// Keeps what is in place for the next start.
fn keep(world: &mut World) {
    if world.contains_resource::<Store>() {
        world.resource_scope(|world, mut store: Mut<Store>| {
            store.keep(world.resource::<CurrentSession>().place());
        });
    }
}

/// A session has new tokens. If it is the one in place, they take its place. `created` is whether the login that brought them made the
/// account.
pub(crate) fn take_over(
    world: &mut World,
    old: &NakamaSession,
    new: &NakamaSession,
    created: bool,
) {
    let mut current = world.resource_mut::<CurrentSession>();
    let Some((server, session)) = current.place() else {
        return;
    };
    if session.token() != old.token() {
        return;
    }
    let is_other_user = session.user_id() != new.user_id();
    let server = server.clone();
    current.fallback = None;
    if is_other_user {
        current.put(server, new.clone());
    } else {
        current.place = Some((server, new.clone()));
    }
    keep(world);
    world.trigger(SessionRefreshed {
        session: new.clone(),
        is_other_user,
        created,
    });
    world.flush();
}
