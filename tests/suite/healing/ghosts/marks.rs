//! Without opting in, a game sees both sessions, and which of them may be a ghost.

use super::*;

#[test]
fn scenario_20_the_older_session_is_marked_until_it_leaves() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(false, &[old.clone()]);
    log.take();
    let ghost = presence(&game, here, &old).expect("bob");
    says(&mut game, event(&[new.clone()], &[]));
    assert_eq!(log.take(), ["bob?", "+bob Arrived"]);
    let bob = presence(&game, here, &new).expect("bob");
    assert!(is_ghost(&game, ghost) && !is_ghost(&game, bob));
    says(&mut game, event(&[], &[old]));
    assert_eq!(log.take(), ["-bob Left", "bob!"]);
    assert!(!is_ghost(&game, bob));
    assert_eq!(counts(&game, here), (2, 0));
}

/// An observer of a leave sees what the member was.
#[test]
fn scenario_20_a_ghost_is_marked_when_its_leave_is_told() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, _, _) = game(false, &[old.clone()]);
    let log = Log::default();
    let to = log.clone();
    game.observe(
        move |left: On<Left<Match>>, marks: Query<Has<MaybeGhost>>| {
            to.add(format!("{:?}", marks.get(left.presence)));
        },
    );
    says(&mut game, event(&[new], &[]));
    says(&mut game, event(&[], &[old]));
    assert_eq!(log.take(), ["Ok(true)"]);
}

#[test]
fn scenario_20_the_id_tells_which_session_is_older() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    // The server lists them in no particular order.
    for others in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        let (game, here, _) = game(false, &others);
        let [ghost, bob] = [&old, &new].map(|who| presence(&game, here, who).expect("bob"));
        assert!(is_ghost(&game, ghost) && !is_ghost(&game, bob));
    }
    let (mut game, here, log) = game(false, &[new.clone()]);
    log.take();
    says(&mut game, event(&[old.clone()], &[]));
    let [ghost, bob] = [&old, &new].map(|who| presence(&game, here, who).expect("bob"));
    assert!(is_ghost(&game, ghost) && !is_ghost(&game, bob));
    assert_eq!(log.take(), ["bob?", "+bob Arrived"]);
}

#[test]
fn scenario_20_with_other_ids_who_was_there_before_is_the_older_one() {
    let bob = |session: &str| UserPresence {
        session_id: session.into(),
        ..user_presence("bob")
    };
    // Of version 4, and no UUID at all.
    for (old, new) in [
        (
            bob("ffffffff-ffff-4fff-8000-000000000000"),
            made_at("bob", 5),
        ),
        (
            made_at("bob", 5),
            bob("00000000-0000-4000-8000-000000000000"),
        ),
        (bob("z"), bob("a")),
        (bob("-1f-1000"), bob("+0000000-0000-1000")),
        (bob("++++++++-++++-1+++"), bob("é")),
    ] {
        let (mut game, here, _) = game(false, &[old.clone()]);
        says(&mut game, event(&[new.clone()], &[]));
        let [ghost, bob] = [&old, &new].map(|who| presence(&game, here, who).expect("bob"));
        assert!(is_ghost(&game, ghost) && !is_ghost(&game, bob), "{old:?}");
    }
}

#[test]
fn scenario_20_who_speaks_is_no_ghost() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(false, &[old.clone()]);
    says(&mut game, event(&[new.clone()], &[]));
    log.take();
    says(&mut game, data(&new, 1));
    assert_eq!(log.take(), [""; 0], "that is the newer one");
    says(&mut game, data(&old, 2));
    assert_eq!(log.take(), ["bob!"]);
    let bob = presence(&game, here, &old).expect("bob");
    assert!(!is_ghost(&game, bob));
    // One more device.
    says(&mut game, event(&[made_at("bob", 30)], &[]));
    assert_eq!(log.take(), ["bob?", "bob?", "+bob Arrived"]);
}

#[test]
fn scenario_20_a_ghost_does_not_live_for_30_seconds() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, _, log) = game(false, &[old]);
    says(&mut game, event(&[new], &[]));
    log.take();
    wait(&mut game, 29);
    assert_eq!(log.take(), [""; 0]);
    wait(&mut game, 2);
    assert_eq!(log.take(), ["bob!"]);
}

#[test]
fn scenario_20_without_a_newer_session_there_is_no_ghost() {
    let [a, b, c] = [10, 20, 30].map(|second| made_at("bob", second));
    let (mut game, here, log) = game(false, &[a.clone()]);
    says(&mut game, event(&[b.clone()], &[]));
    says(&mut game, event(&[c.clone()], &[]));
    let [first, second, third] = [&a, &b, &c].map(|who| presence(&game, here, who).expect("bob"));
    let ghosts = |game: &TestGame| [first, second, third].map(|it| is_ghost(game, it));
    assert_eq!(ghosts(&game), [true, true, false]);
    log.take();
    says(&mut game, event(&[], &[c]));
    assert_eq!(ghosts(&game)[..2], [true, false]);
    says(&mut game, event(&[], &[b]));
    assert_eq!(ghosts(&game)[..1], [false]);
    assert_eq!(log.take(), ["-bob Left", "bob!", "-bob Left", "bob!"]);
}

/// The local user plays on a phone, too.
#[test]
fn scenario_20_the_local_user_is_no_ghost() {
    let phone = made_at("ada", 10);
    let (mut game, here, log) = game(false, &[phone.clone()]);
    let [own, other] =
        [&user_presence("ada"), &phone].map(|who| presence(&game, here, who).expect("ada"));
    assert!(!is_ghost(&game, own));
    log.take();
    says(&mut game, event(&[made_at("ada", 20)], &[]));
    assert!(is_ghost(&game, other) && !is_ghost(&game, own));
    assert!(game.app.world().get::<IsSelf>(own).is_some());
}

/// Two users, and the same user in two matches.
#[test]
fn scenario_20_others_are_no_ghosts() {
    let (mut game, here, log) = game(false, &[made_at("bob", 10), made_at("cat", 5)]);
    game.join("n", &["ada"]);
    log.take();
    let mut elsewhere = event(&[made_at("bob", 20)], &[]);
    if let Message::MatchPresenceEvent(event) = &mut elsewhere {
        event.match_id = "n".into();
    }
    says(&mut game, elsewhere);
    assert_eq!(log.take(), ["+bob Arrived"]);
    assert_eq!(counts(&game, here), (3, 0));
}

/// Whatever a game does when it hears of a ghost.
#[test]
fn scenario_20_a_game_may_act_at_each_mark() {
    type Act = fn(&mut Commands, Entity, Entity);
    let acts: [Act; 4] = [
        |commands, ghost, _| commands.entity(ghost).despawn(),
        |commands, ghost, _| {
            commands.entity(ghost).remove::<Presence>();
        },
        |commands, _, here| commands.entity(here).despawn(),
        |commands, _, here| {
            commands.entity(here).remove::<Match>();
        },
    ];
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    for (number, act) in acts.into_iter().enumerate() {
        for at_the_end in [false, true] {
            let (mut game, here, log) = game(false, &[old.clone()]);
            log.take();
            if at_the_end {
                game.observe(move |on: On<Remove, MaybeGhost>, mut commands: Commands| {
                    act(&mut commands, on.entity, here);
                });
            } else {
                game.observe(move |on: On<Add, MaybeGhost>, mut commands: Commands| {
                    act(&mut commands, on.entity, here);
                });
            }
            says(&mut game, event(&[new.clone()], &[]));
            says(&mut game, data(&old, 1));
            says(&mut game, event(&[], &[old.clone(), new.clone()]));
            let heard = log.take();
            let count = |start: &str| heard.iter().filter(|it| it.starts_with(start)).count();
            // Each who joined leaves, bob's first session joined before.
            assert_eq!(
                count("-bob"),
                count("+bob") + 1,
                "{number} {at_the_end}: {heard:?}"
            );
        }
    }
}
