//! What the game wants while the line is away. The numbers are those of the scenarios of healing.

use std::time::Duration;

use super::line::{Door, Line, broken, refused};
use crate::{
    proto::{Message, api},
    transport::{LinkCommand, SendPolicy},
};

const SECOND: Duration = Duration::from_secs(1);

const LATEST: Option<SendPolicy> = Some(SendPolicy::Latest);

fn queue(max_messages: usize, max_age: Duration) -> Option<SendPolicy> {
    Some(SendPolicy::Queue {
        max_messages,
        max_bytes: 1 << 20,
        max_age,
    })
}

/// A line that is away.
fn away() -> Line {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.door = Door::Refuses(refused());
    line.ends(broken());
    line.told();
    line.taken();
    line
}

/// The line is back; nothing is entered again yet.
fn come_back(line: &mut Line) {
    line.door = Door::Opens;
    line.run(2 * SECOND);
    assert!(line.socket.is_some());
}

#[test]
fn scenario_32_what_has_a_policy_of_the_game_waits_for_the_end_of_reentry() {
    let mut line = away();
    line.send(7, 1, queue(64, 60 * SECOND));
    line.send(7, 2, LATEST);
    line.send(7, 1, queue(64, 60 * SECOND));
    line.send(7, 2, LATEST);
    let to_party = line.send_to_party(8, 3);
    assert_eq!(line.told_in_short(), [""; 0]);
    come_back(&mut line);
    line.send(7, 4, LATEST);
    line.run(SECOND);
    assert_eq!(
        line.taken(),
        [""; 0],
        "not before the match is entered again"
    );
    line.told();
    line.command(LinkCommand::Resume);
    line.run(SECOND);
    assert_eq!(
        line.taken(),
        ["match 1", "match 2", "match 1", "party 3", "match 4"]
    );
    line.server_says(
        &to_party.to_string(),
        Message::PartyData(Default::default()),
    );
    assert_eq!(line.told(), [format!("{to_party}: answered")]);
}

#[test]
fn scenario_32_what_has_none_is_refused_at_once() {
    let mut line = away();
    line.send(7, 1, None);
    let request = line.ask(Message::Rpc(api::Rpc::default()), false);
    let expected = [
        "unsent: 1 of 7: NotConnected".to_owned(),
        format!("{request}: NotConnected"),
    ];
    assert_eq!(line.told_in_short(), expected);
    come_back(&mut line);
    line.told();
    line.send(7, 1, None);
    let expected = ["unsent: 1 of 7: NotConnected"];
    assert_eq!(line.told(), expected, "nor before the end of re-entry");
    line.command(LinkCommand::Resume);
    line.send(7, 1, None);
    line.ask(Message::Rpc(api::Rpc::default()), false);
    assert_eq!(line.taken(), ["match 1", "rpc"]);
}

#[test]
fn a_request_that_is_made_during_re_entry_waits_for_its_end() {
    let mut line = away();
    come_back(&mut line);
    line.told();
    let request = line.ask(Message::Rpc(api::Rpc::default()), false);
    line.ask(Message::MatchJoin(Default::default()), true);
    assert_eq!(line.taken(), ["match_join"]);
    assert_eq!(line.told(), [""; 0]);
    line.command(LinkCommand::Resume);
    assert_eq!(line.taken(), ["rpc"]);
    line.server_says(&request.to_string(), Message::Rpc(api::Rpc::default()));
    assert_eq!(line.told(), [format!("{request}: answered")]);
}

#[test]
fn a_request_that_is_made_during_re_entry_ends_with_the_next_loss() {
    let mut line = away();
    come_back(&mut line);
    line.told();
    let request = line.ask(Message::Rpc(api::Rpc::default()), false);
    line.ends(broken());
    let lost = format!("{request}: ConnectionLost {{ maybe_executed: false }}");
    assert_eq!(line.told()[0], lost);
    come_back(&mut line);
    line.command(LinkCommand::Resume);
    line.run(SECOND);
    assert_eq!(line.taken(), [""; 0]);
}

#[test]
fn scenario_32_what_waited_before_the_loss_goes_on_waiting() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.answers_pings = false;
    // The window closes: what is behind it waits.
    for _ in 0..100 {
        line.send(7, 1, queue(1000, 60 * SECOND));
    }
    line.send(7, 2, None);
    line.run(SECOND);
    let sent = line.taken().len();
    assert!(sent < 100, "{sent}");
    line.told();
    line.ends(broken());
    let told = line.told();
    let lost = "unsent: 1 of 7: ConnectionLost { maybe_executed: true }";
    assert_eq!(told.iter().filter(|it| *it == lost).count(), sent);
    assert_eq!(told[sent], "unsent: 2 of 7: NotConnected");
    assert!(told[sent + 1].starts_with("lost: "), "{told:?}");
    line.answers_pings = true;
    come_back(&mut line);
    line.command(LinkCommand::Resume);
    line.run(SECOND);
    assert_eq!(line.taken().len(), 100 - sent);
}

#[test]
fn scenario_32_nothing_of_a_forgotten_match_or_party_is_sent() {
    let mut line = away();
    line.send(7, 1, queue(64, 60 * SECOND));
    line.send(9, 2, LATEST);
    let forgotten = line.send_to_party(7, 3);
    line.send_to_party(8, 4);
    line.told();
    come_back(&mut line);
    line.told();
    line.command(LinkCommand::Forget { origin: 7 });
    let expected = [
        "unsent: 1 of 7: NotConnected".to_owned(),
        format!("{forgotten}: NotConnected"),
    ];
    assert_eq!(line.told(), expected);
    line.command(LinkCommand::Resume);
    line.run(SECOND);
    assert_eq!(line.taken(), ["match 2", "party 4"]);
}

#[test]
fn scenario_32_bounds_hold_while_it_waits() {
    let mut line = away();
    for op_code in 1..=4 {
        line.send(7, 1, queue(2, 5 * SECOND));
        line.send(7, 10, LATEST);
        assert!(
            op_code < 3 || line.told_in_short() == ["unsent: 1 of 7: QueueFull { waiting: 2 }"]
        );
    }
    line.run(6 * SECOND);
    assert_eq!(
        line.told_in_short(),
        ["unsent: 1 of 7: Expired { after: 5s }"; 2]
    );
    come_back(&mut line);
    line.command(LinkCommand::Resume);
    line.run(SECOND);
    assert_eq!(line.taken(), ["match 10"]);
}

#[test]
fn scenario_32_a_request_with_data_for_a_party_has_its_deadline() {
    let mut line = away();
    let request = line.send_to_party(8, 3);
    line.run(11 * SECOND);
    assert_eq!(
        line.told_in_short(),
        [
            format!("{request}: Timeout {{ after: 10s, was_sent: false }}").as_str(),
            &format!("{request}: given up")
        ]
    );
}

#[test]
fn scenario_32_what_waited_leaves_at_its_pace() {
    let mut line = away();
    for _ in 0..1000 {
        line.send(7, 1, queue(2000, 60 * SECOND));
    }
    come_back(&mut line);
    line.command(LinkCommand::Resume);
    let at_once = line.taken().len();
    assert!(at_once <= 48, "{at_once} at once");
    line.run(20 * SECOND);
    assert_eq!(at_once + line.taken().len(), 1000);
}

#[test]
fn what_enters_again_does_not_wait_for_what_waits() {
    let mut line = away();
    line.send(7, 1, LATEST);
    line.send_to_party(8, 3);
    come_back(&mut line);
    line.ask(Message::MatchJoin(Default::default()), true);
    assert_eq!(line.taken(), ["match_join"]);
}

#[test]
fn what_waits_is_told_at_the_end() {
    let mut line = away();
    line.send(7, 1, LATEST);
    let request = line.send_to_party(8, 3);
    line.told();
    line.connect(true, false);
    let told = line.told();
    assert_eq!(
        told[..3],
        [
            "unsent: 1 of 7: NotConnected".to_owned(),
            format!("{request}: ConnectionLost {{ maybe_executed: false }}"),
            "closed: the game disconnected".to_owned(),
        ]
    );
    line.door = Door::Opens;
    line.connect(true, false);
    line.run(SECOND);
    assert_eq!(line.taken(), [""; 0], "nothing is for another connection");
}
