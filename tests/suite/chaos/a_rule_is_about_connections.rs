//! A rule is for all connections or for some, acts at once or after a time, and as often as it says.

use std::{io::ErrorKind, time::Instant};

use super::*;

#[test]
fn a_refused_connection_is_reset_before_the_server_hears_of_it() {
    let lines = Lines::new();
    let rule = lines.proxy.add(Rule::refuse().times(2));
    for number in 1..=2 {
        assert_eq!(refusal(&lines), ErrorKind::ConnectionReset);
        wait_for_acts(&lines.proxy, rule, number);
    }
    let line = lines.open();
    say(&line.client, "x");
    assert_eq!(hear(&line.server, 1), "x");
    let expected = [1, 2].map(|number| (number, "reset, new connections, 2 times".to_owned()));
    assert_eq!(acts(&lines.proxy), expected);
}

/// How a connection ends that is not accepted.
#[track_caller]
fn refusal(lines: &Lines) -> ErrorKind {
    // The reset may be there as soon as the connection is.
    let client = TcpStream::connect(lines.proxy.address());
    let end = client.and_then(|mut client| {
        client.set_read_timeout(Some(PATIENCE))?;
        client.read(&mut [0])
    });
    end.expect_err("it is reset").kind()
}

#[test]
fn the_third_connection_is_refused_and_no_other() {
    let lines = Lines::new();
    let rule = lines.proxy.add(Rule::refuse().nth(3).once());
    let _open = [lines.open(), lines.open()];
    refusal(&lines);
    let _open = lines.open();
    wait_for_acts(&lines.proxy, rule, 1);
    assert_eq!(acts(&lines.proxy)[0].0, 3);
}

#[test]
fn open_connections_are_reset_and_new_ones_are_not() {
    let lines = Lines::new();
    let open = [lines.open(), lines.open()];
    let rule = lines.proxy.add(Rule::reset().for_open_connections());
    for line in &open {
        for end in [&line.client, &line.server] {
            assert_eq!(end_of(end), Err(ErrorKind::ConnectionReset));
        }
    }
    wait_for_acts(&lines.proxy, rule, 2);
    let new = lines.open();
    say(&new.client, "x");
    assert_eq!(hear(&new.server, 1), "x");
    assert_eq!(lines.proxy.log().acts(rule), 2);
}

#[test]
fn a_rule_for_one_connection_leaves_the_others_alone() {
    let lines = Lines::new();
    let open = [lines.open(), lines.open()];
    lines.proxy.add(Rule::reset().for_connection(2));
    assert_eq!(end_of(&open[1].client), Err(ErrorKind::ConnectionReset));
    say(&open[0].client, "x");
    assert_eq!(hear(&open[0].server, 1), "x");
    assert_eq!(acts(&lines.proxy), [(2, "reset, connection 2".to_owned())]);
}

#[test]
fn a_rule_acts_so_long_after_a_connection_was_opened() {
    let lines = Lines::new();
    let rule = Rule::reset().after(millis(80)).nth(2).once();
    let rule = lines.proxy.add(rule);
    let first = lines.open();
    let before = Instant::now();
    let second = lines.open();
    assert_eq!(end_of(&second.client), Err(ErrorKind::ConnectionReset));
    let late = before.elapsed();
    assert!(late >= millis(80), "{late:?}");
    say(&first.client, "x");
    assert_eq!(hear(&first.server, 1), "x");
    wait_for_acts(&lines.proxy, rule, 1);
}

#[test]
fn a_time_that_has_passed_is_now() {
    let lines = Lines::new();
    let line = lines.open();
    let opened = Instant::now();
    while opened.elapsed() < millis(20) {
        thread::yield_now();
    }
    lines.proxy.add(Rule::reset().after(millis(20)));
    assert_eq!(end_of(&line.client), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_rule_goes_when_its_time_is_over() {
    let lines = Lines::new();
    let line = lines.open();
    let rule = Rule::hold(Direction::ToServer).lasting(millis(80));
    let before = Instant::now();
    let rule = lines.proxy.add(rule);
    say(&line.client, "held");
    assert_eq!(hear(&line.server, 4), "held");
    let late = before.elapsed();
    assert!(late >= millis(80), "{late:?}");
    assert!(!lines.proxy.remove(rule), "it has gone");
}

#[test]
fn a_stall_for_one_connection_is_for_one() {
    let lines = Lines::new();
    let (first, second) = (lines.open(), lines.open());
    let rule = Rule::hold(Direction::ToServer).for_connection(1).once();
    let rule = lines.proxy.add(rule);
    say(&first.client, "held");
    wait_for_bytes(&lines.proxy, Direction::ToServer, 4);
    say(&second.client, "x");
    assert_eq!(hear(&second.server, 1), "x");
    lines.proxy.remove(rule);
    assert_eq!(hear(&first.server, 4), "held");
}
