//! Scenario 30: the local user shows the same status and follows the same users as before.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    healing::{AdoptReconnecting, Stale},
    prelude::*,
    presence::Departed,
    proto::{Kind, Message, UserPresence, realtime},
    testing::*,
};

use super::steps::{again, hear_of, lose, match_with, reopen};
use crate::common::log::Log;

fn user(game: &TestGame, name: &str) -> Option<Entity> {
    let index = game.app.world().resource::<FollowedUserIndex>();
    index.get(&UserId::from(format!("user-{name}")))
}

/// The sessions of a user, each with its entity, its session id, its status and whether it is stale.
fn sessions(game: &TestGame, name: &str) -> Vec<(Entity, String, String, bool)> {
    let world = game.app.world();
    let user = user(game, name).expect("a followed user");
    let sessions = world.get::<UserSessions>(user);
    let mut all: Vec<_> = sessions
        .map(|sessions| sessions.iter().collect())
        .unwrap_or_default();
    all.sort();
    all.into_iter()
        .map(|session: Entity| {
            (
                session,
                world
                    .get::<SessionId>(session)
                    .expect("a session")
                    .to_string(),
                world
                    .get::<UserStatus>(session)
                    .expect("a status")
                    .0
                    .clone(),
                world.get::<Stale>(session).is_some(),
            )
        })
        .collect()
}

fn shows(who: UserPresence, status: &str) -> UserPresence {
    UserPresence {
        status: Some(status.into()),
        ..who
    }
}

fn online(presences: Vec<UserPresence>) -> Message {
    Message::Status(realtime::Status { presences })
}

fn comes_online(joins: Vec<UserPresence>) -> Message {
    Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
        joins,
        leaves: Vec::new(),
    })
}

/// A game that follows bob and cat by their ids, and dave, who is offline, by name. It shows a status.
fn game() -> (TestGame, Log) {
    let mut game = TestGame::connected();
    game.server_says(status_presences(&[("ada", "")], &[]));
    game.update();
    game.commands(|commands| {
        let friends = FollowUsers::ids(["user-bob", "user-cat"]).usernames(["dave"]);
        commands.nakama().follow(friends);
        commands.nakama().set_status(Some("in the lobby"));
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("bob", "here"), ("cat", "there")]));
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.acknowledge(&asked);
    game.server_says(status_presences(&[("ada", "in the lobby")], &["ada"]));
    game.update();
    let log = hear_of::<FollowedUser>(&mut game);
    (game, log)
}

fn sent_follow(game: &mut TestGame) -> (bevy_nakama::proto::Envelope, Vec<String>, Vec<String>) {
    let asked = game.expect_sent(Kind::StatusFollow);
    let Some(Message::StatusFollow(follow)) = asked.message.clone() else {
        panic!("no follow");
    };
    (asked, follow.user_ids, follow.usernames)
}

#[test]
fn the_status_is_shown_again_first_and_all_are_followed_again_by_id_and_by_name() {
    let (mut game, _) = game();
    lose(&mut game);
    reopen(&mut game);
    let sent = game.sent();
    let kinds: Vec<_> = sent
        .iter()
        .filter_map(|it| it.message.as_ref().map(Kind::of))
        .collect();
    assert_eq!(kinds, [Kind::StatusUpdate, Kind::StatusFollow]);
    let Some(Message::StatusUpdate(update)) = &sent[0].message else {
        panic!("no status");
    };
    assert_eq!(update.status.as_deref(), Some("in the lobby"));
    let Some(Message::StatusFollow(follow)) = &sent[1].message else {
        panic!("no follow");
    };
    let mut ids = follow.user_ids.clone();
    ids.sort();
    assert_eq!(ids, ["user-bob", "user-cat"]);
    assert_eq!(follow.usernames, ["dave"]);
}

#[test]
fn who_stayed_keeps_the_entity_in_silence_and_the_others_come_and_go() {
    let (mut game, log) = game();
    let (bob, cat) = (sessions(&game, "bob")[0].0, sessions(&game, "cat")[0].0);
    let me = sessions(&game, "ada")[0].0;
    lose(&mut game);
    assert!(
        sessions(&game, "bob")[0].3,
        "nobody knows whether bob stays"
    );
    reopen(&mut game);
    game.sent_in_order_status(&[
        shows(user_presence("bob"), "here"),
        shows(again("bob"), "and on the phone"),
    ]);
    game.server_says(comes_online(vec![shows(again("ada"), "in the lobby")]));
    game.update();
    assert_eq!(
        log.take(),
        [
            "Restored", // the local user
            "+bob WhileAway",
            "Restored",
            "-cat WhileAway",
            "Restored",
            "resumed"
        ]
    );
    let of_bob = sessions(&game, "bob");
    assert_eq!(of_bob.len(), 2);
    assert!(of_bob.iter().any(|(it, id, status, stale)| *it == bob
        && id == "session-bob"
        && status == "here"
        && !stale));
    assert!(sessions(&game, "cat").is_empty());
    assert!(game.app.world().get::<Departed>(cat).is_some());
    let of_me = sessions(&game, "ada");
    assert_eq!(
        of_me,
        [(me, "session-ada-2".into(), "in the lobby".into(), false)]
    );
    assert!(game.app.world().get::<IsSelf>(me).is_some());
}

trait Answers {
    /// Acknowledges the status, and answers the follow with these sessions.
    fn sent_in_order_status(&mut self, presences: &[UserPresence]);
}

impl Answers for TestGame {
    fn sent_in_order_status(&mut self, presences: &[UserPresence]) {
        let asked = self.expect_sent(Kind::StatusUpdate);
        self.acknowledge(&asked);
        let asked = self.expect_sent(Kind::StatusFollow);
        self.answer(&asked, online(presences.to_vec()));
        self.update();
    }
}

#[test]
fn after_a_restart_of_the_server_everybody_is_waited_for() {
    let (mut game, log) = game();
    let bob = sessions(&game, "bob")[0].0;
    lose(&mut game);
    reopen(&mut game);
    game.server_says(comes_online(vec![shows(again("ada"), "in the lobby")]));
    game.sent_in_order_status(&[]);
    assert_eq!(log.take(), ["Restored", "Restored", "Restored", "resumed"]);
    game.advance(Duration::from_secs(5));
    game.server_says(comes_online(vec![shows(again("bob"), "here")]));
    game.server_says(comes_online(vec![shows(user_presence("dave"), "new")]));
    game.update();
    assert_eq!(log.take(), ["+dave Arrived"]);
    assert_eq!(
        sessions(&game, "bob"),
        [(bob, "session-bob-2".into(), "here".into(), false)]
    );
    game.advance(Duration::from_secs(16));
    assert_eq!(log.take(), ["-cat WhileAway"]);
    assert!(user(&game, "cat").is_some(), "cat is followed and offline");
}

#[test]
fn what_happens_before_the_answer_counts_after_it() {
    let (mut game, log) = game();
    lose(&mut game);
    reopen(&mut game);
    // Bob goes while the answer is on its way, which still has him.
    game.server_says(status_presences(&[], &["bob"]));
    game.update();
    assert_eq!(log.take(), ["Restored"], "the local user");
    game.sent_in_order_status(&[
        shows(user_presence("bob"), "here"),
        shows(user_presence("cat"), "there"),
    ]);
    assert_eq!(log.take(), ["Restored", "Restored", "-bob Left", "resumed"]);
}

#[test]
fn a_status_that_is_set_while_away_is_the_one_that_is_shown() {
    let (mut game, _) = game();
    lose(&mut game);
    game.commands(|commands| commands.nakama().set_status(Some("back soon")).id());
    reopen(&mut game);
    let sent = game.sent();
    let shown: Vec<_> = sent
        .iter()
        .filter_map(|it| match &it.message {
            Some(Message::StatusUpdate(update)) => Some(update.status.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(shown, [Some("back soon".to_owned())]);
}

#[test]
fn who_hides_stays_hidden() {
    let (mut game, _) = game();
    game.commands(|commands| commands.nakama().set_status(None).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusUpdate);
    game.acknowledge(&asked);
    game.server_says(status_presences(&[], &["ada"]));
    game.update();
    lose(&mut game);
    reopen(&mut game);
    let kinds: Vec<_> = game
        .sent()
        .iter()
        .filter_map(|it| it.message.as_ref().map(Kind::of))
        .collect();
    assert_eq!(kinds, [Kind::StatusFollow]);
}

#[test]
fn nobody_followed_and_nothing_shown_needs_no_message() {
    let mut game = TestGame::connected();
    let log = hear_of::<FollowedUser>(&mut game);
    lose(&mut game);
    reopen(&mut game);
    assert!(game.sent().is_empty());
    assert_eq!(log.take(), ["resumed"]);
}

#[test]
fn two_hundred_are_followed_in_parts() {
    let mut game = TestGame::connected();
    let names: Vec<_> = (0..200)
        .map(|n| format!("a-friend-of-mine-{n:03}"))
        .collect();
    let ids: Vec<_> = names.iter().map(|name| format!("user-{name}")).collect();
    game.commands(|commands| commands.nakama().follow(FollowUsers::ids(ids)).id());
    let everybody = |ids: &[String]| {
        let name = |id: &String| id.trim_start_matches("user-").to_owned();
        online(
            ids.iter()
                .map(|id| shows(user_presence(&name(id)), "here"))
                .collect(),
        )
    };
    let mut parts = 0;
    loop {
        game.update();
        let Some(asked) = game.sent().pop() else {
            break;
        };
        let Some(Message::StatusFollow(follow)) = &asked.message else {
            panic!("no follow");
        };
        parts += 1;
        game.answer(&asked, everybody(&follow.user_ids));
    }
    assert!(parts > 1);
    let before: Vec<_> = names.iter().map(|name| sessions(&game, name)).collect();
    let log = hear_of::<FollowedUser>(&mut game);
    lose(&mut game);
    reopen(&mut game);
    let mut again = 0;
    for _ in 0..parts {
        let (asked, ids, _) = sent_follow(&mut game);
        again += ids.len();
        game.answer(&asked, everybody(&ids));
    }
    game.update();
    assert_eq!(again, 200);
    let lines = log.take();
    assert_eq!(lines.len(), 201);
    assert!(lines[..200].iter().all(|line| line == "Restored"));
    let after: Vec<_> = names.iter().map(|name| sessions(&game, name)).collect();
    assert_eq!(before, after);
}

#[test]
fn who_is_unfollowed_while_away_is_not_followed_again_and_who_is_followed_is() {
    let (mut game, log) = game();
    let (bob, cat) = (
        user(&game, "bob").expect("bob"),
        user(&game, "cat").expect("cat"),
    );
    lose(&mut game);
    game.commands(|commands| {
        commands.nakama().unfollow(bob);
        commands.entity(cat).despawn();
        commands.nakama().follow(FollowUsers::ids(["user-eve"]));
    });
    game.update();
    assert_eq!(user(&game, "bob"), None);
    assert_eq!(user(&game, "cat"), None);
    log.take();
    reopen(&mut game);
    let (asked, ids, names) = sent_follow(&mut game);
    assert!(ids.is_empty());
    assert_eq!(names, ["dave"]);
    game.answer(&asked, online(Vec::new()));
    let (asked, ids, _) = sent_follow(&mut game);
    assert_eq!(ids, ["user-eve"]);
    game.answer(&asked, online(vec![shows(user_presence("eve"), "")]));
    game.update();
    assert!(log.take().contains(&"+eve Present".to_owned()));
}

fn on_the_phone(status: &str) -> UserPresence {
    let phone = UserPresence {
        session_id: "session-ada-phone".into(),
        ..user_presence("ada")
    };
    shows(phone, status)
}

#[test]
fn another_device_with_the_same_status_is_not_this_one() {
    let (mut game, _) = game();
    game.join("m", &["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.server_says(comes_online(vec![on_the_phone("in the lobby")]));
    game.update();
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    let world = game.app.world_mut();
    let index = world.resource::<PresenceIndex>();
    assert_eq!(index.own_session(), Some(&"session-ada-2".into()));
    let mut own = world.query_filtered::<&SessionId, With<IsSelf>>();
    let own: Vec<_> = own.iter(world).map(SessionId::to_string).collect();
    assert_eq!(own, ["session-ada-2"]);
    // Nor is it a ghost after the next loss.
    lose(&mut game);
    reopen(&mut game);
    let here = sessions(&game, "ada");
    assert!(here.iter().any(|(_, id, ..)| id == "session-ada-phone"));
}

/// The server was restarted, and the phone is back first.
#[test]
fn the_local_user_s_presence_does_not_pass_on_to_another_device() {
    for adopts in [false, true] {
        passes_on_to_nobody_else(adopts);
    }
}

fn passes_on_to_nobody_else(adopts: bool) {
    let (mut game, _) = game();
    let me = sessions(&game, "ada")[0].0;
    if adopts {
        let ada = user(&game, "ada").expect("the local user");
        game.app
            .world_mut()
            .entity_mut(ada)
            .insert(AdoptReconnecting);
    }
    game.join("m", &["ada", "bob"]);
    lose(&mut game);
    reopen(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        match_with("m", &[again("ada"), user_presence("bob")]),
    );
    game.update();
    game.server_says(comes_online(vec![on_the_phone("")]));
    game.update();
    game.server_says(comes_online(vec![shows(again("ada"), "in the lobby")]));
    game.update();
    let here = sessions(&game, "ada");
    let mine = here.iter().find(|it| it.0 == me).expect("it is there");
    assert_eq!(mine.1, "session-ada-2");
    assert_eq!(here.len(), 2);
    let world = game.app.world_mut();
    let mut own = world.query_filtered::<Entity, (With<IsSelf>, With<SessionOf>)>();
    assert_eq!(own.iter(world).collect::<Vec<_>>(), [me]);
}

/// Where the local user is hidden, whoever of theirs comes online is another device.
#[test]
fn who_hides_is_not_taken_for_another_device_that_comes_online() {
    let mut game = TestGame::connected();
    game.join("m", &["ada", "bob"]);
    game.commands(|commands| {
        commands.nakama().set_status(None);
    });
    game.update();
    lose(&mut game);
    reopen(&mut game);
    let everybody = [again("ada"), user_presence("bob")];
    for asked in game.sent() {
        match asked.message {
            Some(Message::MatchJoin(_)) => game.answer(&asked, match_with("m", &everybody)),
            Some(Message::StatusUpdate(_)) => game.acknowledge(&asked),
            _ => {}
        }
    }
    game.update();
    for asked in game.sent() {
        game.acknowledge(&asked); // the status, at the latest now
    }
    game.update();
    lose(&mut game);
    reopen(&mut game);
    game.server_says(comes_online(vec![on_the_phone("")]));
    game.update();
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.own_session(), None, "nobody has told");
}

#[test]
fn other_devices_of_the_local_user_stay() {
    let (mut game, log) = game();
    game.server_says(comes_online(vec![on_the_phone("")]));
    game.update();
    let before = sessions(&game, "ada");
    assert_eq!(before.len(), 2);
    log.take();
    lose(&mut game);
    reopen(&mut game);
    game.server_says(comes_online(vec![shows(again("ada"), "in the lobby")]));
    game.sent_in_order_status(&[]);
    game.advance(Duration::from_secs(30));
    let heard = log.take();
    assert!(
        !heard.iter().any(|line| line.starts_with("-ada")),
        "{heard:?}"
    );
    let here = sessions(&game, "ada");
    assert_eq!(
        here.iter().map(|it| it.0).collect::<Vec<_>>(),
        before.iter().map(|it| it.0).collect::<Vec<_>>()
    );
    assert!(here.iter().all(|(.., stale)| !stale));
}

/// The game unfollows bob after it was asked who is online, and before the answer.
#[test]
fn a_user_who_is_unfollowed_in_re_entry_does_not_come_back() {
    let (mut game, log) = game();
    lose(&mut game);
    reopen(&mut game);
    let (asked, ..) = sent_follow(&mut game);
    game.commands(|commands| {
        commands.nakama().unfollow(UnfollowUsers::ids(["user-bob"]));
    });
    let bob = user(&game, "bob").expect("bob is followed");
    game.app.world_mut().despawn(bob);
    game.update();
    log.take();
    let who = [
        shows(user_presence("bob"), "here"),
        shows(user_presence("cat"), "there"),
    ];
    game.answer(&asked, online(who.to_vec()));
    game.update();
    assert_eq!(user(&game, "bob"), None);
    let heard = log.take();
    assert!(!heard.iter().any(|it| it.starts_with("+bob")), "{heard:?}");
}

/// The status of before was left out in favour of another one, and nothing came of that.
#[test]
fn a_status_that_runs_out_of_time_leaves_the_one_of_before() {
    let (mut game, _) = game();
    let log = Log::default();
    let to = log.clone();
    game.observe(move |reply: On<Replied<UpdateStatus>>| {
        to.add(
            reply
                .result
                .as_ref()
                .err()
                .map_or_else(|| "done".into(), ToString::to_string),
        );
    });
    lose(&mut game);
    game.commands(|commands| {
        commands.nakama().set_status(Some("in a match"));
    });
    game.advance(Duration::from_secs(7));
    reopen(&mut game);
    let shown = |game: &mut TestGame| {
        let sent = game.sent().into_iter();
        let statuses = sent.filter_map(|sent| match sent.message {
            Some(Message::StatusUpdate(update)) => update.status,
            _ => None,
        });
        statuses.collect::<Vec<_>>()
    };
    assert_eq!(shown(&mut game), ["in a match"]);
    game.advance(Duration::from_secs(4));
    assert_eq!(log.take(), ["no answer within 10.0 s"]);
    assert_eq!(shown(&mut game), ["in the lobby"]);
}

/// Dave is offline and followed by name. The server does not let the local user follow anybody again.
#[test]
fn who_cannot_be_followed_again_does_not_come_online_later() {
    let (mut game, _) = game();
    lose(&mut game);
    reopen(&mut game);
    let (asked, ..) = sent_follow(&mut game);
    game.refuse(&asked, 3, "Invalid username");
    game.update();
    game.server_says(comes_online(vec![shows(user_presence("dave"), "hi")]));
    game.update();
    assert_eq!(user(&game, "dave"), None);
}

/// A server that is slow to notice the end of the old session reports it when the new one is there already.
#[test]
fn scenario_30_the_local_user_s_presence_stays_if_the_old_session_goes_before_the_new_one_shows_a_status()
 {
    let (mut game, log) = game();
    let before = sessions(&game, "ada");
    lose(&mut game);
    reopen(&mut game);
    game.server_says(status_presences(&[], &["ada"]));
    game.update();
    game.server_says(comes_online(vec![shows(again("ada"), "in the lobby")]));
    game.update();
    let after = sessions(&game, "ada");
    let entities =
        |all: &[(Entity, String, String, bool)]| -> Vec<_> { all.iter().map(|it| it.0).collect() };
    assert_eq!(entities(&after), entities(&before));
    assert_eq!(after[0].1, "session-ada-2");
    assert!(!after[0].3);
    let heard = log.take();
    assert!(!heard.iter().any(|it| it.contains("ada")), "{heard:?}");

    // Nobody comes: then the local user is offline there.
    lose(&mut game);
    reopen(&mut game);
    let old = UserPresence {
        status: None,
        ..again("ada")
    };
    game.server_says(Message::StatusPresenceEvent(
        realtime::StatusPresenceEvent {
            joins: Vec::new(),
            leaves: vec![old],
        },
    ));
    game.update();
    assert_eq!(sessions(&game, "ada").len(), 1);
    game.advance(Duration::from_secs(21));
    assert_eq!(sessions(&game, "ada"), []);
}

#[test]
fn whoever_is_followed_again_too_late_is_unfollowed() {
    let (mut game, _) = game();
    lose(&mut game);
    reopen(&mut game);
    sent_follow(&mut game);
    game.advance(Duration::from_secs(11));
    assert_eq!(user(&game, "bob"), None, "they are lost");
    let asked = game.expect_sent(Kind::StatusUnfollow);
    let Some(Message::StatusUnfollow(unfollow)) = asked.message else {
        panic!("nobody is unfollowed");
    };
    let mut ids = unfollow.user_ids;
    ids.sort();
    assert_eq!(ids, ["user-bob", "user-cat"]);
}
