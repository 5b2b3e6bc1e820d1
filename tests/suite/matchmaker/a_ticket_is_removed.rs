//! A ticket is removed: by a request, by despawning it, by a withdrawn request, or with the connection.

use std::time::Duration;

use super::*;

#[test]
fn removing_ends_with_the_servers_consent() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = added(&mut game, "t1");
    log.take();
    game.commands(|c| c.nakama().remove_matchmaker_ticket(entity).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerRemove);
    assert_eq!(asked.message, removal("t1"));
    assert_eq!(log.take(), [""; 0]);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["-t1", "RemoveMatchmakerTicket"]);
    assert_eq!((tickets(&game), game.sent()), (0, vec![]));
}

#[test]
fn a_ticket_that_is_matched_while_it_is_removed_is_matched() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = added(&mut game, "t1");
    log.take();
    game.commands(|c| c.nakama().remove_matchmaker_ticket(entity).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerRemove);
    game.refuse(&asked, 3, "Matchmaker ticket not found");
    game.update();
    let refused = "RemoveMatchmakerTicket: Matchmaker ticket not found (bad input)";
    assert_eq!(log.take(), [refused]);
    assert!(is_alive(&game, entity), "its match is under way");
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), ["t1 matched ada (self), bob", "-t1"]);
}

#[test]
fn despawning_a_ticket_is_removing_it() {
    let (mut game, log) = watched(TestGame::connected());
    let entity = added(&mut game, "t1");
    game.commands(|c| c.entity(entity).despawn());
    game.update();
    assert_eq!(
        game.expect_sent(Kind::MatchmakerRemove).message,
        removal("t1")
    );
    log.take();
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.update();
    assert_eq!(log.take(), [""; 0], "the game does not want it any more");
}

#[test]
fn a_ticket_that_nobody_waits_for_is_removed_when_it_comes() {
    // The game despawns the entity before the answer.
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = add(&mut game);
    game.commands(|c| c.entity(entity).despawn());
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], None));
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    assert_eq!(log.take(), ["AddMatchmaker: it was withdrawn"]);
    assert_eq!(
        game.expect_sent(Kind::MatchmakerRemove).message,
        removal("t1")
    );

    // The answer comes after the timeout.
    let (entity, asked) = add(&mut game);
    game.advance(Duration::from_secs(11));
    assert_eq!(log.take(), ["AddMatchmaker: no answer within 10.0 s"]);
    assert!(!is_alive(&game, entity));
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    assert_eq!(
        game.expect_sent(Kind::MatchmakerRemove).message,
        removal("t2")
    );
    assert_eq!(log.take(), [""; 0], "a request has one answer");
}

#[test]
fn tickets_end_with_their_connection() {
    let (mut game, log) = watched(TestGame::connected());
    added(&mut game, "t1");
    let (joining, _) = add(&mut game);
    log.take();
    game.connection_ends();
    game.update();
    assert_eq!(
        log.take(),
        [
            "AddMatchmaker: the connection was lost before the answer",
            "-t1"
        ]
    );
    assert!(!is_alive(&game, joining));
    assert_eq!((tickets(&game), game.sent()), (0, vec![]));
}
