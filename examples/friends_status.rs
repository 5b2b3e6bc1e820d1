//! Friends: who is online, and what they are doing: `cargo run --example friends_status`. With
//! `-- --server http://127.0.0.1:7350` on a Nakama of your own; `-- --help` lists the flags.
//!
//! Each player is an app here; your game is one app. `common` logs them in. Ada follows Bob by his id and Cat by her name before they are
//! online. Both come online, Bob with a second device, too. He changes his status and goes offline.

mod common;
#[path = "common/needs.rs"]
mod needs;

use std::process::ExitCode;

use bevy::prelude::*;
use bevy_nakama::{local_server::LocalServerConfig, prelude::*};

use self::common::{account, until};

/// What a player has seen of their friends so far.
#[derive(Default, Resource)]
struct News(Vec<String>);

fn player(name: &'static str, server: &NakamaServer) -> App {
    let mut app = common::player(name, server);
    app.init_resource::<News>()
        .add_observer(needs::needs::<FollowUsers>)
        .add_observer(needs::needs::<UpdateStatus>)
        .add_observer(tell_status)
        .add_observer(tell_online)
        .add_observer(tell_offline);
    app
}

/// The first session of a user. The local user has one, too.
fn tell_online(
    joined: On<Joined<FollowedUser>>,
    sessions: Res<PresenceIndex>,
    users: Query<&Username>,
    news: ResMut<News>,
) {
    if sessions.count(joined.context) == 1 {
        tell(news, users.get(joined.context).ok(), "is online");
    }
}

/// The last session of a user. Nobody goes offline because Ada does.
fn tell_offline(left: On<Left<FollowedUser>>, sessions: Res<PresenceIndex>, news: ResMut<News>) {
    if left.why.has_left() && sessions.count(left.context) == 0 {
        tell(news, Some(&left.info.username), "is offline");
    }
}

/// The first status of a session, and every change.
fn tell_status(
    shown: On<Insert, UserStatus>,
    sessions: Query<(&Username, &UserStatus)>,
    news: ResMut<News>,
) {
    if let Ok((name, status)) = sessions.get(shown.entity) {
        tell(news, Some(name), &format!("shows {:?}", status.0));
    }
}

fn tell(mut news: ResMut<News>, name: Option<&Username>, what: &str) {
    let name = name.map_or("somebody", |name| name.as_str());
    let name = name.split('-').next().unwrap_or_default();
    news.0.push(format!("{name} {what}"));
}

fn has_seen(players: &[App], what: &str) -> bool {
    let news = players[0].world().resource::<News>();
    news.0.iter().any(|line| line == what)
}

fn ask(app: &mut App, ask: impl FnOnce(NakamaCommands) -> Entity) {
    let world = app.world_mut();
    ask(world.commands().nakama());
    world.flush();
}

fn is_connected(app: &App) -> bool {
    app.world().resource::<NakamaConnection>().is_connected()
}

fn main() -> ExitCode {
    let about = "Friends: who is online, and what they are doing.";
    common::play(about, LocalServerConfig::default(), |server| {
        // Both have logged in before. Otherwise the server would not know whom to follow.
        let mut before = ["bob", "cat"].map(|name| player(name, server)).into();
        until(&mut before, |players| players.iter().all(is_connected))?;
        let connection = before[0].world().resource::<NakamaConnection>();
        let bob = connection.user().map(|(id, _)| id.clone());
        drop(before);

        let mut players = vec![player("ada", server)];
        until(&mut players, |players| is_connected(&players[0]))?;
        let friends = FollowUsers::ids(bob).usernames([account("cat")]);
        ask(&mut players[0], |nakama| nakama.follow(friends).id());
        players.extend(["cat", "bob", "bob"].map(|name| player(name, server))); // his phone is the last
        until(&mut players, |players| {
            has_seen(players, "cat is online")
                && has_seen(players, "bob is online")
                && players.iter().all(is_connected)
        })?;
        ask(&mut players[2], |nakama| {
            nakama.set_status(Some("in a match")).id()
        });
        until(&mut players, |players| {
            has_seen(players, "bob shows \"in a match\"")
        })?;
        players.truncate(2); // Bob goes home
        until(&mut players, |players| has_seen(players, "bob is offline"))?;
        println!("Ada saw: {:#?}", players[0].world().resource::<News>().0);
        Ok(())
    })
}
