//! Status: who is online.

use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::prelude::*;

use super::{Game, player};

/// The statuses of a user's sessions, sorted; `None` if nobody follows them.
fn statuses(app: &mut App, user: &UserId) -> Option<Vec<String>> {
    let world = app.world_mut();
    let mut users = world.query_filtered::<(Entity, &UserId), With<FollowedUser>>();
    let (found, _) = users.iter(world).find(|(_, id)| *id == user)?;
    let sessions = world.get::<UserSessions>(found);
    let sessions = sessions.into_iter().flat_map(UserSessions::iter);
    let mut statuses: Vec<_> = sessions
        .filter_map(|session| world.get::<UserStatus>(session))
        .map(|status| status.0.clone())
        .collect();
    statuses.sort();
    Some(statuses)
}

fn sees(game: &mut Game, user: &UserId, expected: &[&str]) {
    let what = format!("{user} with {expected:?}");
    game.until(&what, |app| {
        (statuses(app, user)? == expected).then_some(())
    });
}

fn user(game: &Game) -> (UserId, Username) {
    let connection = game.app.world().resource::<NakamaConnection>();
    let (id, name) = connection.user().expect("connected");
    (id.clone(), name.clone())
}

/// Following by id and by name, what friends do, and that they go.
pub(crate) fn friends(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let mut bob = player(server, "bob");
    let cat = player(server, "cat");
    let ((bobs, _), (cats, name)) = (user(&bob), user(&cat));
    let followed = ada
        .ask::<FollowUsers>(|nakama| {
            let users = FollowUsers::ids([bobs.clone()]).usernames([name]);
            nakama.follow(users).id()
        })
        .expect("they are followed")
        .users;
    assert_eq!(followed.len(), 2);
    // Who connects appears online, with an empty status.
    sees(&mut ada, &bobs, &[""]);
    sees(&mut ada, &cats, &[""]);

    bob.ask::<UpdateStatus>(|nakama| nakama.set_status(Some("in a duel")).id())
        .expect("a status");
    sees(&mut ada, &bobs, &["in a duel"]);
    sees(&mut bob, &bobs, &["in a duel"]);
    bob.ask::<UpdateStatus>(|nakama| nakama.set_status(None).id())
        .expect("offline");
    sees(&mut ada, &bobs, &[]);
    drop(cat);
    sees(&mut ada, &cats, &[]);

    let refused = bob
        .ask::<UpdateStatus>(|nakama| nakama.set_status(Some(&"x".repeat(2049))).id())
        .expect_err("too long");
    assert!(
        matches!(refused, RequestError::Refused(StatusRefusal::TooLong(_))),
        "{refused:?}"
    );
    ada.ask::<UnfollowUsers>(|nakama| nakama.unfollow(followed[0]).id())
        .expect("bob is not followed any more");
    assert_eq!(statuses(&mut ada.app, &bobs), None);
}
