//! Ada shows her status again, and follows the same users.

use bevy_nakama::status::UserStatus;

use super::*;
use crate::common::raw_client::log_in;

fn user_of(player: &Player) -> UserId {
    let (user, _) = player.connection().user().expect("a user");
    user.clone()
}

fn follow(player: &mut Player, users: Vec<UserId>) {
    let asked = player
        .game
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids(users)).id());
    asked.expect("she may follow");
}

fn set_status(player: &mut Player, status: &str) {
    let asked = player
        .game
        .ask::<UpdateStatus>(|nakama| nakama.set_status(Some(status)).id());
    asked.expect("she may show it");
}

/// Everybody who is followed, their sessions and what those show: entities, sorted.
fn followed(player: &mut Player) -> (Vec<Entity>, Vec<(Entity, Entity, String)>) {
    let world = player.game.app.world_mut();
    let mut users = world.query_filtered::<Entity, With<FollowedUser>>();
    let mut users: Vec<_> = users.iter(world).collect();
    users.sort();
    let mut sessions = world.query::<(Entity, &SessionOf, &UserStatus)>();
    let sessions = sessions.iter(world);
    let mut sessions: Vec<_> = sessions
        .map(|(entity, of, status)| (entity, of.0, status.0.clone()))
        .collect();
    sessions.sort();
    (users, sessions)
}

/// Bob is among those whom Ada follows, if she follows anybody.
#[track_caller]
fn follows_again(count: usize) {
    let mut stage = Stage::new();
    set_status(&mut stage.bob, "at home");
    set_status(&mut stage.ada, "in the arena");
    let address = stage.local.address();
    let mut users = Vec::new();
    if count > 0 {
        users.push(user_of(&stage.bob));
        let others = (1..count).map(|n| {
            let (token, _) = log_in(address, &format!("player-{n}"));
            user_of_token(&token)
        });
        users.extend(others);
        follow(&mut stage.ada, users);
    }
    let ada = user_of(&stage.ada);
    follow(&mut stage.bob, vec![ada]);
    let before = followed(&mut stage.ada);
    // The plugin follows the local user by itself.
    assert_eq!(before.0.len(), count + 1);
    let shown = Log::default();
    let to = shown.clone();
    let bob = &mut stage.bob.game.app;
    bob.add_observer(
        move |status: On<Insert, UserStatus>, all: Query<&UserStatus>| {
            if let Ok(status) = all.get(status.entity) {
                to.add(format!("shows {:?}", status.0));
            }
        },
    );
    let to = shown.clone();
    bob.add_observer(move |_: On<Left<FollowedUser>>| to.add("goes"));
    let news = Log::default();
    let app = &mut stage.ada.game.app;
    let to = news.clone();
    app.add_observer(move |_: On<Joined<FollowedUser>>| to.add("joined"));
    let to = news.clone();
    app.add_observer(move |_: On<Left<FollowedUser>>| to.add("left"));

    stage.ada_goes_away();
    stage.ada_comes_back();
    stage.until("nobody is stale", |stage| {
        (!stage.ada.has_stale()).then_some(())
    });
    assert_eq!(followed(&mut stage.ada), before);
    stage.play_for(millis(300));
    assert_eq!(followed(&mut stage.ada), before);
    assert_eq!(news.take(), [""; 0]);
    // Without a status in between that is not hers.
    assert_eq!(shown.take(), ["goes", "shows \"in the arena\""]);
    // It is live: Ada sees what changes.
    if count > 0 {
        set_status(&mut stage.bob, "away");
        stage.until("the new status", |stage| {
            let (_, sessions) = followed(&mut stage.ada);
            sessions.iter().any(|it| it.2 == "away").then_some(())
        });
    }
}

fn user_of_token(token: &str) -> UserId {
    let session = NakamaSession::restore(token, None);
    session.expect("a token").user_id().clone()
}

#[test]
fn scenario_30_a_status_is_shown_again_by_who_follows_nobody() {
    follows_again(0);
}

#[test]
fn scenario_30_one_user_is_followed_again() {
    follows_again(1);
}

/// So many do not fit into one message.
#[test]
fn scenario_30_two_hundred_users_are_followed_again() {
    follows_again(200);
}
