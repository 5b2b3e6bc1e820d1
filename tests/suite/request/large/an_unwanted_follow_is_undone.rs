//! A follow of many that is withdrawn, or answered too late, is undone.

use std::time::Duration;

use super::*;
use prost::Message as _;

#[test]
fn a_follow_of_many_that_is_withdrawn_is_undone() {
    let (mut game, log) = watched();
    let request = follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    let (taken, _) = asked_to_follow(&first);
    game.answer(&first, followed(&[]));
    game.app.world_mut().despawn(request);
    game.update();
    assert_eq!(log.take(), ["failed: it was withdrawn"]);
    assert_eq!(
        asked_to_unfollow(&only(&mut game, Kind::StatusUnfollow)),
        taken
    );
}

#[test]
fn a_follow_of_many_that_times_out_is_undone_whenever_the_answer_comes() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    game.advance(Duration::from_secs(6));
    let first = only(&mut game, Kind::StatusFollow);
    let (taken, _) = asked_to_follow(&first);
    game.answer(&first, followed(&[]));
    game.update();
    let second = only(&mut game, Kind::StatusFollow);
    // A server that is at work on a request does not answer a ping.
    game.server_goes_silent();
    game.advance(Duration::from_secs(5));
    assert_eq!(
        log.take(),
        ["failed: no answer within 10.0 s"],
        "of the whole"
    );
    assert_eq!(
        asked_to_unfollow(&only(&mut game, Kind::StatusUnfollow)),
        taken
    );
    game.answer(&second, followed(&[]));
    game.update();
    let (late, _) = asked_to_follow(&second);
    assert_eq!(
        asked_to_unfollow(&only(&mut game, Kind::StatusUnfollow)),
        late
    );
}

/// The first part is done, so it would be wrong to say that nothing was sent.
#[test]
fn a_follow_of_many_whose_rest_could_not_be_sent_may_have_been_done() {
    let (mut game, log) = watched();
    follow(&mut game, FollowUsers::ids(uuids(0..150)));
    let first = only(&mut game, Kind::StatusFollow);
    // Other requests are in front of the second part, and nobody answers them.
    game.commands(|commands| {
        for _ in 0..30 {
            let other = realtime::StatusUnfollow::default();
            commands.nakama().send_raw(Message::StatusUnfollow(other));
        }
    });
    game.update();
    game.answer(&first, followed(&[]));
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["failed: no answer within 10.0 s"]);
}

#[test]
fn those_who_were_followed_by_name_are_unfollowed_when_the_request_is_withdrawn() {
    let (mut game, log) = watched();
    let names: Vec<_> = (0..300).map(|number| format!("n{number}")).collect();
    let request = follow(&mut game, FollowUsers::named(names));
    let asked = only(&mut game, Kind::StatusFollow);
    let (_, names) = asked_to_follow(&asked);
    let here = names.iter().enumerate();
    let here = here.map(|(number, name)| online(&uuid(number), name));
    game.answer(&asked, status(here.collect()));
    game.app.world_mut().despawn(request);
    game.update();
    assert_eq!(log.take(), ["failed: it was withdrawn"]);
    assert_eq!(undone(&mut game), uuids(0..300));
}

#[test]
fn those_who_were_followed_by_name_are_unfollowed_when_the_answer_comes_late() {
    let (mut game, log) = watched();
    let names: Vec<_> = (0..300).map(|number| format!("n{number}")).collect();
    follow(&mut game, FollowUsers::named(names));
    let asked = only(&mut game, Kind::StatusFollow);
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["failed: no answer within 10.0 s"]);
    game.sent();
    let (_, names) = asked_to_follow(&asked);
    let here = names.iter().enumerate();
    let here = here.map(|(number, name)| online(&uuid(number), name));
    game.answer(&asked, status(here.collect()));
    game.update();
    assert_eq!(undone(&mut game), uuids(0..300));
}

/// Who is unfollowed, in three messages: ids are longer than names.
fn undone(game: &mut TestGame) -> Vec<String> {
    let sent = game.sent();
    assert_eq!(sent.len(), 3, "messages");
    assert!(sent.iter().all(|envelope| envelope.encoded_len() <= 4096));
    sent.iter().flat_map(asked_to_unfollow).collect()
}
