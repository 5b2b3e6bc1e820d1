//! Status: who is online.

use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::prelude::*;

use super::{Game, fresh, player};

/// The statuses of a user's sessions, sorted; `None` if there is no such user in the world.
fn statuses(app: &mut App, name: &str) -> Option<Vec<String>> {
    let world = app.world_mut();
    let mut users =
        world.query_filtered::<(&Username, Option<&UserSessions>), With<FollowedUser>>();
    let mut users = users.iter(world);
    let (_, sessions) = users.find(|(username, _)| username.as_str() == name)?;
    let sessions = sessions.into_iter().flat_map(UserSessions::iter);
    let mut statuses: Vec<_> = sessions
        .map(|session| world.get::<UserStatus>(session).expect("one").0.clone())
        .collect();
    statuses.sort();
    Some(statuses)
}

fn sees_status(game: &mut Game, name: &str, expected: &[&str]) {
    let what = format!("{name} with {expected:?}");
    let is_so = |statuses: Vec<String>| (statuses == expected).then_some(());
    game.until(&what, |app| statuses(app, name).and_then(is_so));
}

/// Following by id and by name, before and after they come; changes, two devices, appearing offline, unfollowing.
pub(crate) fn friends(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let login = |name: &str| Login::device(format!("device-of-{name}")).username(name);
    let (bobs, cats) = (fresh("bob"), fresh("cat"));
    // Their accounts are there, and they are not.
    let mut cat = Game::online(server, login(&cats));
    let mut bob = Game::online(server, login(&bobs));
    let connection = bob.app.world().resource::<NakamaConnection>();
    let bobs_id = connection.user().expect("bob").0.clone();
    for gone in [&mut cat, &mut bob] {
        gone.commands(|commands| commands.nakama().disconnect());
        assert_ne!(gone.next_phase(), "connected");
    }
    let request = FollowUsers::ids([bobs_id.clone()]).usernames([cats.as_str()]);
    let followed = ada
        .ask::<FollowUsers>(|nakama| nakama.follow(request).id())
        .expect("followed");
    assert_eq!(followed.users.len(), 1, "where cat is, nobody tells");
    assert_eq!(statuses(&mut ada.app, &cats), None);

    let mut cat = Game::online(server, login(&cats));
    sees_status(&mut ada, &cats, &[""]);
    let mut bob = Game::online(server, login(&bobs));
    sees_status(&mut ada, &bobs, &[""]);
    bob.ask::<UpdateStatus>(|nakama| nakama.set_status(Some("in a match")).id())
        .expect("shown");
    sees_status(&mut ada, &bobs, &["in a match"]);
    sees_status(&mut bob, &bobs, &["in a match"]);
    let mut second = Game::online(server, login(&bobs));
    sees_status(&mut ada, &bobs, &["", "in a match"]);
    sees_status(&mut bob, &bobs, &["", "in a match"]);
    let world = bob.app.world_mut();
    let mut own = world.query_filtered::<&UserStatus, With<IsSelf>>();
    assert_eq!(
        own.single(world).expect("the local user's own").0,
        "in a match"
    );
    second
        .ask::<UpdateStatus>(|nakama| nakama.set_status(None).id())
        .expect("hidden");
    sees_status(&mut ada, &bobs, &["in a match"]);
    drop(bob);
    sees_status(&mut ada, &bobs, &[]);

    let refused = ada
        .ask::<UpdateStatus>(|nakama| nakama.set_status(Some(&"x".repeat(2049))).id())
        .expect_err("too long");
    assert!(
        matches!(refused, RequestError::Refused(StatusRefusal::TooLong(_))),
        "{refused:?}"
    );
    let refused = ada
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids(["x"])).id())
        .expect_err("no id");
    assert!(
        matches!(
            refused,
            RequestError::Refused(StatusRefusal::InvalidUserId(_))
        ),
        "{refused:?}"
    );
    let ids = UnfollowUsers::ids([bobs_id]);
    ada.ask::<UnfollowUsers>(|nakama| nakama.unfollow(ids).id())
        .expect("unfollowed");
    assert_eq!(statuses(&mut ada.app, &bobs), None);
    cat.ask::<UpdateStatus>(|nakama| nakama.set_status(Some("alone")).id())
        .expect("shown");
    sees_status(&mut ada, &cats, &["alone"]);
}
