//! The local user loses the connection, too.

use super::*;
use bevy_nakama::proto::Kind;

use crate::healing::steps::again;

/// The connection is lost and back, and the server answers with these.
fn come_back(game: &mut TestGame, log: &Log, others: &[UserPresence]) {
    lose(game);
    reopen(game);
    log.take();
    let asked = game.expect_sent(Kind::MatchJoin);
    let everybody: Vec<_> = [again("ada")]
        .into_iter()
        .chain(others.iter().cloned())
        .collect();
    game.answer(&asked, match_with("m", &everybody));
    game.update();
}

#[test]
fn scenario_20_who_comes_back_meanwhile_passes_on() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[old.clone()]);
    let bob = presence(&game, here, &old);
    come_back(&mut game, &log, &[old.clone(), new.clone()]);
    assert_eq!(log.take(), ["bob is back", "match: Restored", "resumed"]);
    assert_eq!(presence(&game, here, &new), bob);
    assert_eq!(counts(&game, here), (2, 1));
    says(&mut game, event(&[], &[old]));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_20_without_opting_in_a_ghost_is_marked_after_a_loss() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(false, &[old.clone()]);
    come_back(&mut game, &log, &[new.clone(), old.clone()]);
    assert_eq!(
        log.take(),
        ["bob?", "+bob WhileAway", "match: Restored", "resumed"]
    );
    let ghost = presence(&game, here, &old).expect("bob");
    assert!(is_ghost(&game, ghost));
    come_back(&mut game, &log, &[new]);
    assert_eq!(
        log.take(),
        ["-bob WhileAway", "bob!", "match: Restored", "resumed"]
    );
}

#[test]
fn scenario_20_a_hidden_session_stays_hidden_or_goes_silently() {
    for stays in [true, false] {
        let (old, new) = (made_at("bob", 10), made_at("bob", 20));
        let (mut game, here, log) = game(true, &[old.clone()]);
        let bob = presence(&game, here, &old);
        says(&mut game, event(&[new.clone()], &[]));
        let others = if stays {
            vec![old.clone(), new.clone()]
        } else {
            vec![new.clone()]
        };
        come_back(&mut game, &log, &others);
        assert_eq!(log.take(), ["match: Restored", "resumed"]);
        assert_eq!(presence(&game, here, &new), bob);
        assert_eq!(counts(&game, here), (2, usize::from(stays)));
        says(&mut game, data(&old, 1));
        let heard = log.take();
        assert_eq!(
            heard.iter().any(|it| it == "+bob Arrived"),
            stays,
            "{heard:?}"
        );
    }
}

/// While nobody knows who is there, nobody appears.
#[test]
fn scenario_20_a_hidden_session_does_not_appear_while_the_connection_is_lost() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[old.clone()]);
    says(&mut game, event(&[new.clone()], &[]));
    lose(&mut game);
    log.take();
    wait(&mut game, 31);
    reopen(&mut game);
    assert!(!log.take().iter().any(|it| it.contains("bob")));
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_with("m", &[again("ada"), new]));
    game.update();
    wait(&mut game, 1);
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    assert_eq!(counts(&game, here), (2, 0));
}

/// The session that had taken over is missing, and another one is new.
#[test]
fn scenario_20_an_adopted_member_comes_back_once_more() {
    let [a, b, c] = [10, 20, 30].map(|second| made_at("bob", second));
    for ghost_is_there in [false, true] {
        let (mut game, here, log) = game(true, &[a.clone()]);
        let bob = presence(&game, here, &a);
        says(&mut game, event(&[b.clone()], &[]));
        let others = if ghost_is_there {
            vec![c.clone(), a.clone()]
        } else {
            vec![c.clone()]
        };
        come_back(&mut game, &log, &others);
        // Without a session from before, it may be another match with the same name.
        let outcome = if ghost_is_there {
            "Restored"
        } else {
            "Recreated"
        };
        assert_eq!(log.take(), [&format!("match: {outcome}"), "resumed"]);
        assert_eq!(presence(&game, here, &c), bob);
        assert_eq!(counts(&game, here), (2, usize::from(ghost_is_there)));
    }
}

/// Both of bob's sessions are new, and the old one is missing.
#[test]
fn scenario_20_of_two_new_sessions_the_newer_one_gets_the_entity() {
    let [a, b, c] = [10, 20, 30].map(|second| made_at("bob", second));
    let (mut game, here, log) = game(true, &[a.clone()]);
    let bob = presence(&game, here, &a);
    come_back(&mut game, &log, &[b.clone(), c.clone()]);
    assert_eq!(log.take(), ["match: Recreated", "resumed"]);
    assert_eq!(presence(&game, here, &c), bob);
    assert_eq!(counts(&game, here), (2, 1));
}

/// The same without opting in: it is the player who was there before, and one ghost.
#[test]
fn scenario_20_without_opting_in_the_newer_of_two_new_sessions_gets_the_entity() {
    let [a, b, c, d] = [10, 20, 30, 40].map(|second| made_at("bob", second));
    for listed in [[b.clone(), c.clone()], [c.clone(), b.clone()]] {
        let (mut game, here, log) = game(false, &[a.clone()]);
        let bob = presence(&game, here, &a);
        come_back(&mut game, &log, &listed);
        assert_eq!(
            log.take(),
            ["bob?", "+bob WhileAway", "match: Recreated", "resumed"]
        );
        assert_eq!(presence(&game, here, &c), bob);
        says(&mut game, event(&[], &[b.clone()]));
        assert_eq!(log.take(), ["-bob Left", "bob!"]);
        assert_eq!(presence(&game, here, &c), bob);
    }
    // Of two devices that are both missing, nobody knows which is which.
    let (mut game, here, log) = game(false, &[a.clone()]);
    says(&mut game, event(&[b.clone()], &[]));
    let before = [&a, &b].map(|session| presence(&game, here, session));
    come_back(&mut game, &log, &[c.clone(), d.clone()]);
    let heard = log.take();
    let joined = heard.iter().filter(|it| *it == "+bob WhileAway");
    assert_eq!(joined.count(), 2, "{heard:?}");
    for session in [&c, &d] {
        assert!(!before.contains(&presence(&game, here, session)));
    }
}

/// The local user's phone keeps its entity when it comes back with a new session.
#[test]
fn scenario_20_an_own_ghost_does_not_count_as_another_device() {
    let [phone, later] = [10, 30].map(|second| made_at("ada", second));
    for order in [[0, 1], [1, 0]] {
        let (mut game, here, log) = game(false, &[]);
        says(&mut game, event(&[phone.clone()], &[]));
        let before = presence(&game, here, &phone);
        let listed = [user_presence("ada"), later.clone()];
        come_back(&mut game, &log, &order.map(|at| listed[at].clone()));
        assert_eq!(log.take(), ["match: Restored", "resumed"]);
        assert_eq!(presence(&game, here, &later), before);
    }
}

/// That this device was away does not make a ghost of the local user's phone.
#[test]
fn scenario_20_the_local_users_other_device_is_not_marked_by_coming_back() {
    let phone = UserPresence {
        session_id: "session-ada-0".into(),
        ..user_presence("ada")
    };
    let (mut game, here, log) = game(true, &[]);
    says(&mut game, event(&[phone.clone()], &[]));
    come_back(&mut game, &log, &[user_presence("ada"), phone.clone()]);
    assert_eq!(log.take(), ["match: Restored", "resumed"]);
    let phone = presence(&game, here, &phone).expect("the phone");
    assert!(!is_ghost(&game, phone));
    assert_eq!(counts(&game, here), (2, 0));
}

#[test]
fn scenario_20_nothing_is_left_of_ghosts_after_the_end() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[old]);
    says(&mut game, event(&[new], &[]));
    log.take();
    game.commands(|commands| commands.nakama().disconnect());
    wait(&mut game, 1);
    let heard = log.take();
    assert_eq!(
        heard.iter().filter(|it| it.starts_with("-bob")).count(),
        1,
        "{heard:?}"
    );
    assert_eq!(counts(&game, here), (0, 0));
    wait(&mut game, 40);
    assert_eq!(log.take(), [""; 0]);
}

/// Bob has come back more than once while the local user was away, and his first session is gone.
#[test]
fn scenario_20_a_session_that_is_gone_is_not_hidden() {
    let old = made_at("bob", 10);
    let back = [20, 30, 40].map(|second| made_at("bob", second));
    let (mut game, here, log) = game(true, &[old.clone()]);
    come_back(&mut game, &log, &back);
    let index = game.app.world().resource::<PresenceIndex>();
    assert_eq!(index.get(here, &SessionId::from(&*old.session_id)), None);
    game.advance(std::time::Duration::from_secs(31));
    assert_eq!(presence(&game, here, &old), None, "{:?}", log.take());
    assert_eq!(counts(&game, here), (4, 0));
}
