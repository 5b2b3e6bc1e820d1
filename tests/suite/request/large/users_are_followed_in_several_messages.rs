//! A request follows more users than one message can name.

use super::*;

#[test]
fn three_hundred_users_are_followed_in_one_request() {
    let (mut game, log) = watched();
    let users = Log::default();
    let seen = users.clone();
    game.observe(
        move |reply: On<Replied<FollowUsers>>, ids: Query<&UserId>| {
            let reply = reply.result.as_ref().expect("followed");
            let users = reply.users.iter().filter_map(|user| ids.get(*user).ok());
            users.for_each(|id| seen.add(id.as_str()));
        },
    );
    let names: Vec<_> = (0..300).map(|number| format!("name-{number}")).collect();
    let request = FollowUsers::ids(uuids(0..300)).usernames(names.clone());
    follow(&mut game, request);
    let (mut ids_asked, mut names_asked, mut messages) = (Vec::new(), Vec::new(), 0);
    while ids_asked.len() + names_asked.len() < 600 {
        assert_eq!(log.take(), [""; 0], "not done before all of it is");
        let asked = only(&mut game, Kind::StatusFollow);
        let (ids, names) = asked_to_follow(&asked);
        // The last user of each message is online.
        let here = match (ids.last(), names.last()) {
            (_, Some(name)) => online(&format!("user of {name}"), name),
            (Some(id), None) => online(id, &format!("name of {id}")),
            (None, None) => panic!("nobody is asked for"),
        };
        game.answer(&asked, status(vec![here]));
        game.update();
        ids_asked.extend(ids);
        names_asked.extend(names);
        messages += 1;
    }
    assert_eq!(ids_asked, uuids(0..300), "each once, in order");
    assert_eq!(names_asked, names);
    assert!(messages <= 5, "{messages} messages are more than it takes");
    assert_eq!(log.take(), ["done"]);
    let told = users.take();
    assert_eq!(
        told[..300],
        uuids(0..300),
        "those asked for by id, in order"
    );
    assert!(told.len() > 300 && told[300..].iter().all(|id| id.starts_with("user of ")));

    // The game also follows users who were asked for by name and were not online.
    let late = online("user of name-0", "name-0");
    game.server_says(Message::StatusPresenceEvent(
        realtime::StatusPresenceEvent {
            joins: vec![late],
            leaves: vec![],
        },
    ));
    game.update();
    assert!(followed_ids(&mut game).contains(&"user of name-0".to_owned()));
}

#[test]
fn as_many_as_one_message_takes_are_asked_for_in_one() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::ids(uuids(0..107)));
    let asked = only(&mut game, Kind::StatusFollow);
    assert_eq!(asked_to_follow(&asked).0.len(), 107);
    game.answer(&asked, followed(&[]));
    game.update();
    assert_eq!(log.take(), ["done"]);
}

#[test]
fn if_one_of_many_has_no_valid_id_nobody_is_followed() {
    let (mut game, log) = watched();
    let mut ids = uuids(0..150);
    ids.push("nobody".into());
    follow(&mut game, FollowUsers::ids(ids));
    let first = only(&mut game, Kind::StatusFollow);
    let (taken, _) = asked_to_follow(&first);
    game.answer(&first, status(vec![online(&taken[0], "zero")]));
    game.update();
    let second = only(&mut game, Kind::StatusFollow);
    game.refuse(&second, 3, "Invalid user identifier");
    game.update();
    assert_eq!(log.take(), ["failed: Invalid user identifier (bad input)"]);
    let back = only(&mut game, Kind::StatusUnfollow);
    assert_eq!(asked_to_unfollow(&back), taken, "what was done is undone");
    assert_eq!(followed_ids(&mut game), [""; 0]);
}

#[test]
fn events_about_those_who_are_followed_first_wait_for_the_answer_of_all() {
    let (mut game, log) = watched();
    let seen = log.clone();
    game.observe(move |came: On<Add, UserSessions>, who: Query<&Username>| {
        seen.add(format!(
            "{} is online",
            who.get(came.entity).expect("known")
        ));
    });
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    game.answer(&first, followed(&[]));
    game.server_says(Message::StatusPresenceEvent(
        realtime::StatusPresenceEvent {
            joins: vec![online(&uuid(0), "zero")],
            leaves: vec![],
        },
    ));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    let second = only(&mut game, Kind::StatusFollow);
    game.answer(&second, followed(&[]));
    game.update();
    assert_eq!(log.take(), ["done", "zero is online"]);
}

#[test]
fn a_connection_that_ends_between_the_messages_ends_the_follow() {
    let (mut game, log) = watched();
    let seen = log.clone();
    game.observe(move |_: On<Disconnected>| seen.add("disconnected"));
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    game.answer(&first, followed(&[]));
    game.connection_ends();
    game.update();
    game.update();
    let lost = "failed: the connection was lost before the answer";
    assert_eq!(log.take(), [lost, "disconnected"]);
}

#[test]
fn a_name_that_is_too_long_for_any_message_is_too_large() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::named(["x".repeat(5000)]));
    game.update();
    let [failed] = log.take().try_into().expect("one answer");
    assert!(
        failed.ends_with("above the server's limit of 4096"),
        "{failed}"
    );
    assert_eq!(game.sent().len(), 0);
}
