//! A rule finds the frames of a kind on one way, and drops, replaces, doubles or cuts them. The others pass.

use super::*;

/// What arrives of "0" to "4" and of pings in between, under a rule.
#[track_caller]
fn arrived(direction: Direction, rule: Rule) -> (ChaosProxy, RuleId, Vec<String>) {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let rule = lines.proxy.add(rule);
    let (speaker, listener) = sockets.ends(direction);
    for text in ["0", "1", "2", "3", "4"] {
        tell(speaker, data(text));
        tell(speaker, ping());
    }
    tell(speaker, data("end"));
    let mut arrived = Vec::new();
    loop {
        let text = told(listener);
        if text == "end" {
            return (lines.proxy, rule, arrived);
        }
        arrived.extend((text != "ping").then_some(text));
    }
}

fn data_on(direction: Direction) -> Frames {
    match direction {
        Direction::ToServer => Frames::to_server(Kind::MatchData),
        Direction::ToClient => Frames::to_client(Kind::MatchData),
    }
}

#[test]
fn the_third_one_is_dropped_and_no_other() {
    for direction in Direction::BOTH {
        let rule = Rule::drop_frame(data_on(direction)).nth(3).once();
        let (proxy, rule, arrived) = arrived(direction, rule);
        assert_eq!(arrived, ["0", "1", "3", "4"]);
        assert_eq!(proxy.log().acts(rule), 1);
        let text = format!("drop at `match_data` {direction}, from number 3 on, once");
        assert_eq!(acts(&proxy), [(1, text)]);
    }
}

#[test]
fn a_rule_acts_as_often_as_it_says() {
    for (rule, expected) in [
        (data_on(Direction::ToClient), &["2", "3", "4"][..]),
        (Frames::to_client(Kind::Ping), &["0", "1", "2", "3", "4"]),
        (data_on(Direction::ToServer), &["0", "1", "2", "3", "4"]),
        // A ping after each of them.
        (Frames::any(Direction::ToClient), &["1", "2", "3", "4"]),
    ] {
        let (_, _, arrived) = arrived(Direction::ToClient, Rule::drop_frame(rule).times(2));
        assert_eq!(arrived, expected, "{rule}");
    }
}

#[test]
fn each_time_is_until_the_rule_is_removed() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let rule = Rule::drop_frame(Frames::to_client(Kind::MatchData));
    let rule = lines.proxy.add(rule);
    for text in ["a", "b", "c"] {
        tell(&mut sockets.server, data(text));
    }
    wait_for_acts(&lines.proxy, rule, 3);
    lines.proxy.remove(rule);
    tell(&mut sockets.server, data("d"));
    assert_eq!(told(&mut sockets.client), "d");
}

#[test]
fn a_frame_is_replaced_by_another() {
    for direction in Direction::BOTH {
        let rule = Rule::replace_frame(data_on(direction), data("other"));
        let (_, _, arrived) = arrived(direction, rule.nth(2).once());
        assert_eq!(arrived, ["0", "other", "2", "3", "4"]);
    }
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let rule = Rule::replace_frame(data_on(Direction::ToClient), &b"\xff\xff"[..]);
    lines.proxy.add(rule);
    tell(&mut sockets.server, data("good"));
    let heard = sockets.client.read().expect("a frame").into_data();
    assert_eq!(heard, &b"\xff\xff"[..]);
}

#[test]
fn a_frame_arrives_twice() {
    for direction in Direction::BOTH {
        let rule = Rule::duplicate_frame(data_on(direction)).nth(2).once();
        let (_, _, arrived) = arrived(direction, rule);
        assert_eq!(arrived, ["0", "1", "1", "2", "3", "4"]);
    }
}

#[test]
fn two_rules_work_together() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let frames = data_on(Direction::ToClient);
    lines.proxy.add(Rule::replace_frame(frames, data("other")));
    lines.proxy.add(Rule::duplicate_frame(frames));
    tell(&mut sockets.server, data("this"));
    for _ in 0..2 {
        assert_eq!(told(&mut sockets.client), "other");
    }
}

#[test]
fn frames_are_counted() {
    let note = Rule::note().when(data_on(Direction::ToServer));
    let (proxy, rule, arrived) = arrived(Direction::ToServer, note);
    assert_eq!(arrived, ["0", "1", "2", "3", "4"]);
    assert_eq!(proxy.log().acts(rule), 6, "with the last one");
}

/// Half of a frame arrives, and the end.
#[test]
fn a_frame_is_cut_in_the_middle() {
    for direction in Direction::BOTH {
        let lines = Lines::new();
        let mut sockets = lines.socket();
        let rule = lines.proxy.add(Rule::cut_frame(data_on(direction)));
        let whole = data("a text that is not very short");
        let (speaker, listener) = sockets.ends(direction);
        tell(speaker, whole.clone());
        let mut heard = Vec::new();
        let mut listener: &TcpStream = listener.get_ref();
        listener.read_to_end(&mut heard).expect("an end");
        assert!(
            !heard.is_empty() && heard.len() < whole.len(),
            "{} of {} bytes",
            heard.len(),
            whole.len()
        );
        assert_eq!(end_of(speaker.get_ref()), Ok(()));
        assert_eq!(lines.proxy.log().acts(rule), 1);
        drop(sockets);
        wait(&lines.proxy, "the end", |log| log.open_connections() == 0);
    }
}

/// What is held begins with that frame.
#[test]
fn a_frame_begins_a_stall() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let frames = data_on(Direction::ToClient);
    let rule = Rule::hold(Direction::ToClient).when(frames).nth(2);
    let rule = lines.proxy.add(rule);
    let before = lines.proxy.log().flow(Direction::ToClient).received;
    let mut sent = before;
    for text in ["a", "b", "c"] {
        tell(&mut sockets.server, data(text));
        sent += data(text).len() as u64 + 2;
    }
    wait_for_bytes(&lines.proxy, Direction::ToClient, sent);
    assert_eq!(told(&mut sockets.client), "a");
    let delivered = before + data("a").len() as u64 + 2;
    wait(&lines.proxy, "delivery", |log| {
        log.flow(Direction::ToClient).delivered == delivered
    });
    assert_eq!(lines.proxy.log().acts(rule), 1);
    lines.proxy.remove(rule);
    assert_eq!(told(&mut sockets.client), "b");
    assert_eq!(told(&mut sockets.client), "c");
}

/// The frame that resets a connection does not arrive, and the one before it does.
#[test]
fn a_frame_resets_the_connection() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let rule = Rule::reset().when(Frames::to_server(Kind::MatchData));
    let rule = lines.proxy.add(rule.nth(2).once());
    tell(&mut sockets.client, data("first"));
    assert_eq!(told(&mut sockets.server), "first");
    tell(&mut sockets.client, data("second"));
    wait_for_acts(&lines.proxy, rule, 1);
    for end in [sockets.client.get_ref(), sockets.server.get_ref()] {
        assert_eq!(end_of(end), Err(std::io::ErrorKind::ConnectionReset));
    }
}

/// A rule that is added in the middle of a frame lets that frame pass.
#[test]
fn a_frame_that_has_begun_to_pass_passes() {
    let lines = Lines::new();
    let mut sockets = lines.socket();
    let frame = [&[0x82, 4][..], b"\x82\x01\x01\x61"].concat();
    let before = lines.proxy.log().flow(Direction::ToClient).received;
    let mut raw: &TcpStream = sockets.server.get_ref();
    raw.write_all(&frame[..3]).expect("it is taken");
    wait(&lines.proxy, "delivery", |log| {
        log.flow(Direction::ToClient).delivered == before + 3
    });
    let rule = Rule::drop_frame(Frames::any(Direction::ToClient));
    let rule = lines.proxy.add(rule);
    raw.write_all(&frame[3..]).expect("it is taken");
    tell(&mut sockets.server, data("dropped"));
    wait_for_acts(&lines.proxy, rule, 1);
    let heard = sockets.client.read().expect("a frame").into_data();
    assert_eq!(heard, frame[2..]);
}
