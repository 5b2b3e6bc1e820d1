//! A game that opts in keeps the entity of a member who is back.

use super::*;

#[derive(Component, Debug, PartialEq)]
struct Score(u32);

/// Bob is there, lost the connection, and is back. His entity has a score.
fn bob_is_back() -> (TestGame, Entity, Log, Entity, UserPresence, UserPresence) {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[old.clone()]);
    assert_eq!(log.take(), ["+bob Present", "+ada Present"]);
    let bob = presence(&game, here, &old).expect("bob");
    game.app.world_mut().entity_mut(bob).insert(Score(3));
    says(&mut game, event(&[new.clone()], &[]));
    assert_eq!(log.take(), ["bob is back"]);
    (game, here, log, bob, old, new)
}

#[test]
fn scenario_20_the_entity_passes_on() {
    let (mut game, here, log, bob, old, new) = bob_is_back();
    assert_eq!(presence(&game, here, &new), Some(bob));
    assert_eq!(presence(&game, here, &old), None);
    let world = game.app.world();
    assert_eq!(world.get::<Score>(bob), Some(&Score(3)));
    assert_eq!(
        world.get::<SessionId>(bob),
        Some(&SessionId::from(&*new.session_id))
    );
    let index = world.resource::<PresenceIndex>();
    assert_eq!(index.of_user(here, "user-bob"), [bob]);
    assert_eq!(counts(&game, here), (2, 1));
    assert_eq!(game.roster("m"), ["ada", "bob"]);
    says(&mut game, event(&[], &[old.clone()]));
    assert_eq!(log.take(), [""; 0], "the end of the ghost is silent");
    assert_eq!(counts(&game, here), (2, 0));
    says(&mut game, data(&old, 1)); // a last word that was late
    says(&mut game, event(&[], &[new]));
    assert_eq!(log.take(), ["-bob Left"]);
    wait(&mut game, 40);
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_20_adopted_tells_which_session_it_was() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, _) = game(true, &[old.clone()]);
    let bob = presence(&game, here, &old).expect("bob");
    let log = Log::default();
    let to = log.clone();
    game.app.world_mut().entity_mut(bob).observe(
        move |back: On<Adopted>, all: Query<(&SessionId, &PresentIn)>| {
            let (session, present) = all.get(back.presence).expect("a member");
            assert_eq!((session, present.0), (&back.new, back.context));
            to.add(format!("{} {}", back.old, back.new));
        },
    );
    says(&mut game, event(&[new.clone()], &[]));
    assert_eq!(
        log.take(),
        [format!("{} {}", old.session_id, new.session_id)]
    );
}

/// The server sends data from another task than joins.
#[test]
fn scenario_20_what_the_new_session_says_comes_from_the_same_entity() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[old.clone()]);
    let bob = presence(&game, here, &old);
    log.take();
    game.server_says(data(&new, 1));
    game.server_says(event(&[new.clone()], &[]));
    game.server_says(data(&new, 2));
    game.update();
    let heard = senders(&mut game);
    assert_eq!(heard, [(1, bob), (2, bob)]);
    assert_eq!(log.take(), ["bob is back"]);
}

/// The match data that have arrived: op code and sender.
fn senders(game: &mut TestGame) -> Vec<(i64, Option<Entity>)> {
    let messages = game.app.world().resource::<Messages<MatchDataReceived>>();
    let mut cursor = messages.get_cursor();
    let data = cursor.read(messages);
    data.map(|data| {
        let sender = data.sender.as_ref().and_then(|sender| sender.entity);
        (data.op_code, sender)
    })
    .collect()
}

#[test]
fn scenario_20_two_devices_after_all() {
    let (mut game, here, log, bob, old, new) = bob_is_back();
    says(&mut game, data(&old, 7));
    assert_eq!(log.take(), ["+bob Arrived"]);
    let second = presence(&game, here, &old).expect("an entity of its own");
    assert_ne!(second, bob);
    assert_eq!(senders(&mut game), [(7, Some(second))]);
    assert!(!is_ghost(&game, second) && !is_ghost(&game, bob));
    assert_eq!(counts(&game, here), (3, 0));
    assert!(game.app.world().get::<Score>(second).is_none());
    says(&mut game, event(&[], &[old]));
    assert_eq!(log.take(), ["-bob Left"]);
    says(&mut game, event(&[], &[new]));
    assert_eq!(log.take(), ["-bob Left"]);
}

/// In the moment in which its join is told, the message has not been delivered.
#[test]
fn scenario_20_the_join_of_the_other_device_comes_before_what_it_says() {
    let (mut game, _, log, _, old, _) = bob_is_back();
    let to = log.clone();
    game.observe(
        move |_: On<Joined<Match>>, messages: Res<Messages<MatchDataReceived>>| {
            to.add(format!("{} messages", messages.len()));
        },
    );
    says(&mut game, data(&old, 7));
    let heard = log.take();
    assert!(heard.contains(&"0 messages".to_owned()), "{heard:?}");
}

/// A device that is there for so long and says nothing is not a ghost.
#[test]
fn scenario_20_after_30_seconds_a_hidden_session_is_another_device() {
    let (mut game, here, log, ..) = bob_is_back();
    wait(&mut game, 29);
    assert_eq!(log.take(), [""; 0]);
    wait(&mut game, 2);
    assert_eq!(log.take(), ["+bob Arrived"]);
    assert_eq!(counts(&game, here), (3, 0));
}

#[test]
fn scenario_20_a_member_may_come_back_again_and_again() {
    let (mut game, here, log, bob, old, new) = bob_is_back();
    let third = made_at("bob", 30);
    says(&mut game, event(&[third.clone()], &[]));
    assert_eq!(log.take(), ["bob is back"]);
    assert_eq!(presence(&game, here, &third), Some(bob));
    assert_eq!(counts(&game, here), (2, 2));
    says(&mut game, event(&[], &[new, old]));
    says(&mut game, event(&[], &[third]));
    assert_eq!(log.take(), ["-bob Left"]);
}

#[test]
fn scenario_20_the_new_session_may_leave_first() {
    let (mut game, here, log, bob, old, new) = bob_is_back();
    says(&mut game, event(&[], &[new]));
    assert_eq!(log.take(), ["-bob Left"]);
    assert_eq!(counts(&game, here), (1, 1));
    wait(&mut game, 1);
    assert!(game.app.world().get_entity(bob).is_err());
    let third = made_at("bob", 30);
    says(&mut game, event(&[third], &[]));
    assert_eq!(log.take(), ["+bob Arrived"]);
    says(&mut game, event(&[], &[old]));
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn scenario_20_with_two_devices_there_nobody_knows_which_is_back() {
    let [a, b, c] = [10, 20, 30].map(|second| made_at("bob", second));
    let (mut game, here, log) = game(true, &[a.clone()]);
    says(&mut game, event(&[b.clone()], &[]));
    says(&mut game, data(&a, 1));
    log.take();
    says(&mut game, event(&[c], &[]));
    assert_eq!(log.take(), ["bob?", "bob?", "+bob Arrived"]);
    assert_eq!(counts(&game, here), (4, 0));
}

#[test]
fn scenario_20_an_older_session_that_joins_later_is_another_device() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[new]);
    log.take();
    says(&mut game, event(&[old], &[]));
    assert_eq!(log.take(), ["bob?", "+bob Arrived"]);
    assert_eq!(counts(&game, here), (3, 0));
}

#[test]
fn scenario_20_of_two_sessions_in_the_answer_the_newer_one_is_seen() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    for others in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        let (mut game, here, log) = game(true, &others);
        assert_eq!(log.take(), ["+bob Present", "+ada Present"]);
        assert!(presence(&game, here, &new).is_some());
        assert_eq!(counts(&game, here), (2, 1));
        says(&mut game, data(&old, 1));
        assert_eq!(log.take(), ["+bob Arrived"]);
    }
    let three = [10, 20, 30].map(|second| made_at("bob", second));
    let (game, here, log) = game(true, &three);
    assert_eq!(log.take(), ["+bob Present", "+ada Present"]);
    assert!(presence(&game, here, &three[2]).is_some());
    assert_eq!(counts(&game, here), (2, 2));
}

/// The local user's own presence does not count as a device that comes back.
#[test]
fn scenario_20_the_local_user_is_not_adopted() {
    let (first, second) = (made_at("ada", 10), made_at("ada", 20));
    let (mut game, here, log) = game(true, &[]);
    let own = presence(&game, here, &user_presence("ada"));
    log.take();
    says(&mut game, event(&[first.clone()], &[]));
    assert_eq!(log.take(), ["+ada Arrived"]);
    let phone = presence(&game, here, &first);
    says(&mut game, event(&[second.clone()], &[]));
    assert_eq!(log.take(), ["ada is back"]);
    assert_eq!(presence(&game, here, &second), phone);
    assert_eq!(presence(&game, here, &user_presence("ada")), own);
    assert_eq!(counts(&game, here), (2, 1));
}

#[test]
fn scenario_20_what_the_game_has_despawned_does_not_pass_on() {
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    let (mut game, here, log) = game(true, &[old.clone()]);
    log.take();
    let bob = presence(&game, here, &old).expect("bob");
    game.app.world_mut().despawn(bob);
    says(&mut game, event(&[new.clone()], &[]));
    assert_eq!(log.take(), ["+bob Arrived"]);
    says(&mut game, event(&[], &[old]));
    assert_eq!(log.take(), ["-bob Left"]);
    says(&mut game, event(&[], &[new]));
    assert_eq!(log.take(), ["-bob Left"]);
}

#[test]
fn scenario_20_an_adopted_presence_that_the_game_despawns_is_still_there() {
    let (mut game, here, log, bob, old, new) = bob_is_back();
    game.app.world_mut().despawn(bob);
    says(&mut game, data(&old, 1));
    assert_eq!(log.take(), ["+bob Arrived"]);
    assert_eq!(counts(&game, here), (2, 0));
    says(&mut game, event(&[], &[new, old]));
    assert_eq!(log.take(), ["-bob Left", "-bob Left"]);
}

#[test]
fn scenario_20_a_ghost_is_reported_again() {
    let (mut game, here, log, _, old, new) = bob_is_back();
    says(&mut game, event(&[old.clone(), new], &[]));
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(counts(&game, here), (2, 1));
    // It leaves and joins: it is alive.
    says(&mut game, event(&[old.clone()], &[old]));
    assert_eq!(log.take(), ["+bob Arrived"]);
}

#[test]
fn scenario_20_a_game_may_act_when_it_hears_of_it() {
    type Act = fn(&mut Commands, Entity, Entity);
    let acts: [Act; 4] = [
        |commands, bob, _| commands.entity(bob).despawn(),
        |commands, bob, _| {
            commands.entity(bob).remove::<Presence>();
        },
        |commands, _, here| commands.entity(here).despawn(),
        |commands, _, here| {
            commands.nakama().leave_match(here);
            commands.entity(here).remove::<AdoptReconnecting>();
        },
    ];
    let (old, new) = (made_at("bob", 10), made_at("bob", 20));
    for (number, act) in acts.into_iter().enumerate() {
        for at_once in [false, true] {
            let (mut game, here, log) = game(true, &[old.clone()]);
            let new_session = SessionId::from(&*new.session_id);
            if at_once {
                // As soon as the new session is on the entity.
                game.observe(
                    move |on: On<Insert, SessionId>,
                          all: Query<&SessionId>,
                          mut commands: Commands| {
                        if all.get(on.entity) == Ok(&new_session) {
                            act(&mut commands, on.entity, here);
                        }
                    },
                );
            } else {
                game.observe(move |back: On<Adopted>, mut commands: Commands| {
                    act(&mut commands, back.presence, here);
                });
            }
            says(&mut game, event(&[new.clone()], &[]));
            says(&mut game, data(&old, 1));
            says(&mut game, event(&[], &[old.clone(), new.clone()]));
            if let Some(asked) = game
                .sent()
                .into_iter()
                .find(|it| matches!(it.message, Some(Message::MatchLeave(_))))
            {
                game.acknowledge(&asked);
                game.update();
            }
            let heard = log.take();
            let count = |start: &str| heard.iter().filter(|it| it.starts_with(start)).count();
            assert_eq!(
                count("-bob"),
                count("+bob"),
                "{number} {at_once}: {heard:?}"
            );
        }
    }
}
