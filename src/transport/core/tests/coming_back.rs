//! A line that is lost is tried again until it is back, or until there is a reason to stop. The numbers are those of the scenarios of
//! healing.

use std::time::Duration;

use super::line::{Door, Line, broken, closed, refused, status};
use crate::{
    proto::{
        Message,
        api::{self, Notification},
        realtime,
    },
    transport::{DisconnectReason, Epoch, Input, LinkCommand, RequestId},
};

const SECOND: Duration = Duration::from_secs(1);

fn rpc() -> Message {
    Message::Rpc(api::Rpc::default())
}

fn farewell(code: i32) -> Message {
    Message::Notifications(realtime::Notifications {
        notifications: vec![Notification {
            code,
            ..Default::default()
        }],
    })
}

/// The pauses between the tries.
fn pauses(line: &Line) -> Vec<Duration> {
    let dialed = &line.dialed;
    dialed.windows(2).map(|it| it[1] - it[0]).collect()
}

#[test]
fn scenario_1_a_reset_is_told_in_order_and_healed_at_once() {
    for seed in 0..50 {
        let mut line = Line::idle(seed);
        line.connect(true, false);
        line.run(6 * SECOND);
        line.ask(rpc(), false);
        line.send(7, 1, None);
        line.server_says("", Message::StatusPresenceEvent(Default::default()));
        line.told();
        line.ends(broken());
        assert_eq!(
            line.told(),
            [
                "unsent: 1 of 7: ConnectionLost { maybe_executed: true }",
                "1: ConnectionLost { maybe_executed: true }",
                "lost: the connection was lost: the server hung up",
                "waiting for 1",
            ]
        );
        line.run(Duration::from_millis(250));
        assert_eq!(line.told(), ["due: 1", "opened"]);
        assert_eq!(line.dialed.len(), 2);
    }
}

#[test]
fn scenario_1_what_arrived_before_a_loss_is_told_before_it() {
    let mut line = Line::open();
    line.told();
    let socket = line.socket.expect("it is open");
    line.say(LinkCommand::Request {
        id: RequestId(1),
        message: Box::new(rpc()),
        timeout: SECOND,
        terms: None,
        for_reentry: false,
    });
    line.server_says("", Message::StatusPresenceEvent(Default::default()));
    line.core.handle(line.now, Input::Ended(socket, broken()));
    line.turn();
    assert_eq!(
        line.told(),
        [
            "pushed: status_presence_event",
            "1: ConnectionLost { maybe_executed: true }",
            "lost: the connection was lost: the server hung up",
            "waiting for 1",
        ]
    );
}

#[test]
fn scenario_2_a_close_frame_is_no_reason_to_stop_whatever_it_says() {
    let reasons = [
        closed(Some(1000), ""),
        closed(Some(1000), "server-side session disconnect"),
        closed(Some(1000), "session outgoing queue full"),
        closed(Some(1001), "going away"),
        closed(Some(1011), "internal"),
        closed(None, ""),
    ];
    for reason in reasons {
        let mut line = Line::open();
        line.run(6 * SECOND);
        line.told();
        line.ends(reason.clone());
        line.run(SECOND / 4);
        assert_eq!(
            line.told_in_short(),
            [format!("lost: {reason}"), "opened".into()]
        );
    }
}

#[test]
fn scenario_9_refused_again_and_again_it_waits_within_its_bounds() {
    for seed in 0..50 {
        let mut line = Line::idle(seed);
        line.connect(true, false);
        line.run(6 * SECOND);
        line.door = Door::Refuses(refused());
        let lost_at = line.time();
        line.ends(broken());
        line.run(180 * SECOND);
        let tries = line.dialed.split_off(1);
        assert!(tries[0] - lost_at <= SECOND / 4, "{:?}", tries[0]);
        for (before, after) in tries.iter().zip(&tries[1..]) {
            let is_early = *before - lost_at < 30 * SECOND;
            let cap = if is_early { 2 } else { 15 };
            assert!(*after - *before <= cap * SECOND, "{before:?}, {after:?}");
        }
        let early = tries.iter().filter(|at| **at - lost_at < 30 * SECOND);
        let early = early.count();
        let late = tries.len() - early;
        assert!((15..90).contains(&early), "{early} tries in 30 s");
        assert!((10..60).contains(&late), "{late} tries in 150 s");
        line.door = Door::Opens;
        line.run(15 * SECOND);
        assert!(line.socket.is_some(), "and then it is back");
        assert_eq!(
            line.told_in_short().last().map(String::as_str),
            Some("opened")
        );
    }
}

#[test]
fn scenario_9_each_try_says_why_the_one_before_failed() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.told();
    line.door = Door::Refuses(status(503));
    line.ends(broken());
    line.run(SECOND / 4);
    assert_eq!(
        line.told(),
        [
            "lost: the connection was lost: the server hung up",
            "waiting for 1",
            "due: 1",
            "waiting for 2: the server refused the socket with 503: ",
        ]
    );
}

#[test]
fn scenario_9_the_count_begins_anew_after_five_seconds() {
    for (up, attempt) in [(4, 3), (5, 1)] {
        let mut line = Line::open();
        line.run(6 * SECOND);
        line.door = Door::Refuses(refused());
        line.ends(broken());
        while line.dialed.len() < 2 {
            line.run(SECOND / 100);
        }
        line.door = Door::Opens;
        line.run(2 * SECOND);
        let opened_at = line.dialed[2];
        line.run(opened_at + up * SECOND - line.time());
        line.told();
        line.ends(broken());
        let told = line.told();
        assert_eq!(told[1], format!("waiting for {attempt}"), "after {up} s");
    }
}

#[test]
fn scenario_10_a_server_that_accepts_and_says_nothing_is_given_up() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.door = Door::IsMute;
    line.ends(broken());
    line.run(120 * SECOND);
    let lost_at = 6 * SECOND;
    for (index, pause) in pauses(&line).into_iter().enumerate().skip(1) {
        let is_early = line.dialed[index] - lost_at < 30 * SECOND;
        let (patience, cap) = if is_early { (3, 2) } else { (10, 15) };
        let bounds = patience * SECOND..=(patience + cap) * SECOND;
        assert!(bounds.contains(&pause), "{pause:?} after try {index}");
    }
    let told = line.told();
    assert!(told[4].ends_with("no connection within 3.0 s"), "{told:?}");
    let last = told.last().expect("it goes on");
    assert!(!last.starts_with("closed"), "{last}");
    assert!(
        told.iter()
            .any(|it| it.ends_with("no connection within 10.0 s")),
        "{told:?}"
    );
}

#[test]
fn scenario_11_a_line_that_drops_again_and_again_is_no_hot_loop() {
    for seed in 0..20 {
        let mut line = Line::idle(seed);
        line.connect(true, false);
        for _ in 0..300 * 100 {
            line.run(SECOND / 100);
            if line.socket.is_some() {
                line.ends(broken());
            }
        }
        let (early, late) = line
            .dialed
            .iter()
            .partition::<Vec<&Duration>, _>(|at| **at < 30 * SECOND);
        assert!(early.len() < 90, "{} tries in 30 s", early.len());
        assert!(late.len() < 80, "{} tries in 270 s", late.len());
        let told = line.told_in_short();
        assert!(told.iter().all(|it| !it.starts_with("closed")), "{told:?}");
    }
}

#[test]
fn scenario_12_an_outage_during_reentry_starts_it_over() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.ends(broken());
    line.run(SECOND / 4);
    line.told();
    line.taken();
    let join = line.ask(Message::MatchJoin(Default::default()), true);
    assert_eq!(line.taken(), ["match_join"]);
    line.ends(broken());
    assert_eq!(
        line.told(),
        [
            format!("{join}: ConnectionLost {{ maybe_executed: true }}").as_str(),
            "lost: the connection was lost: the server hung up",
            "waiting for 2",
        ]
    );
    line.run(SECOND);
    assert_eq!(line.told(), ["due: 2", "opened"]);
    assert_eq!(line.taken(), [""; 0], "nothing is repeated by itself");
    let again = line.ask(Message::MatchJoin(Default::default()), true);
    assert_eq!(line.taken(), ["match_join"]);
    line.server_says(&again.to_string(), Message::Match(Default::default()));
    assert_eq!(line.told(), [format!("{again}: answered")]);
}

#[test]
fn scenario_12_every_outage_is_healed() {
    let mut line = Line::open();
    for outage in 1..=10 {
        line.run(6 * SECOND);
        line.told();
        line.ends(broken());
        line.run(SECOND / 4);
        assert_eq!(line.told().last().map(String::as_str), Some("opened"));
        line.command(LinkCommand::Resume);
        assert_eq!(line.dialed.len(), 1 + outage);
    }
}

#[test]
fn scenario_13_a_refused_token_is_replaced_at_once() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.gives_tokens = false;
    line.door = Door::Refuses(status(401));
    line.ends(broken());
    line.run(SECOND);
    line.told();
    let token = || LinkCommand::Reopen {
        token: "token".into(),
        appear_online: true,
    };
    line.command(token());
    assert_eq!(
        line.told(),
        ["due: 1 with another token"],
        "it does not count"
    );
    line.run(60 * SECOND);
    assert_eq!(line.told(), [""; 0], "it waits for the game");
    line.door = Door::Opens;
    line.command(token());
    assert_eq!(line.told(), ["opened"]);
    line.command(token());
    assert_eq!(line.told(), [""; 0], "nobody asked for that one");
    assert_eq!(line.dialed.len(), 3);
}

#[test]
fn scenario_14_without_a_token_just_now_it_waits_as_after_a_try() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.gives_tokens = false;
    line.ends(broken());
    line.run(SECOND);
    line.told();
    for attempt in 2..10 {
        let reason = DisconnectReason::RefreshFailed {
            message: "busy".into(),
        };
        line.command(LinkCommand::Postpone(reason));
        let told = line.told();
        assert_eq!(
            told,
            [format!(
                "waiting for {attempt}: the session cannot be refreshed: busy"
            )]
        );
        line.run(2 * SECOND);
        assert_eq!(line.told(), [format!("due: {attempt}")]);
    }
}

#[test]
fn scenarios_16_and_17_after_a_farewell_it_stops() {
    let cases = [
        (-7, "closed: replaced by a newer socket of the same account"),
        (-8, "closed: the account is banned"),
    ];
    for (code, end) in cases {
        for reason in [closed(Some(1000), ""), closed(None, ""), broken()] {
            let mut line = Line::open();
            line.server_says("", farewell(code));
            line.told();
            line.ends(reason);
            line.run(60 * SECOND);
            assert_eq!(line.told(), [end]);
            assert_eq!(line.dialed.len(), 1);
        }
        let mut line = Line::open();
        line.server_says("", farewell(code));
        line.answers_pings = false;
        line.run(60 * SECOND);
        assert_eq!(line.told_in_short().last().map(String::as_str), Some(end));
    }
}

#[test]
fn what_does_not_heal_is_an_end() {
    let reasons = [
        status(403),
        status(400),
        DisconnectReason::NetworkThread,
        DisconnectReason::Replaced,
    ];
    for reason in reasons {
        let mut line = Line::open();
        line.run(6 * SECOND);
        line.door = Door::Refuses(reason.clone());
        line.ends(broken());
        line.run(60 * SECOND);
        let last = format!("closed: {reason}");
        assert_eq!(line.told_in_short().last(), Some(&last));
        assert_eq!(line.dialed.len(), 2);
    }
}

#[test]
fn without_healing_a_loss_is_an_end() {
    let mut line = Line::idle(1);
    line.connect(false, true);
    line.told();
    line.ends(broken());
    line.run(60 * SECOND);
    assert_eq!(
        line.told(),
        ["closed: the connection was lost: the server hung up"]
    );
}

#[test]
fn the_first_socket_is_tried_again_where_the_game_asks_for_it() {
    let mut line = Line::idle(1);
    line.door = Door::Refuses(refused());
    line.connect(true, false);
    line.run(60 * SECOND);
    let told = line.told();
    assert!(told[0].starts_with("closed"), "{told:?}");
    assert_eq!(told.len(), 1, "{told:?}");

    line.connect(false, true);
    line.run(10 * SECOND);
    line.door = Door::Opens;
    line.run(2 * SECOND);
    let told = line.told();
    assert!(told[0].starts_with("waiting for 1: "), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("opened"));
    line.ask(rpc(), false);
    assert_eq!(line.taken(), ["rpc"], "there is nothing to enter again");
}

#[test]
fn scenario_34_retry_now_cuts_the_wait_and_starts_no_second_loop() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.door = Door::Refuses(refused());
    line.ends(broken());
    line.run(60 * SECOND);
    let before = line.dialed.len();
    line.command(LinkCommand::Hurry);
    assert_eq!(line.dialed.len(), before + 1, "at once");
    line.door = Door::IsMute;
    line.command(LinkCommand::Hurry);
    for _ in 0..10 {
        line.command(LinkCommand::Hurry);
    }
    assert_eq!(line.dialed.len(), before + 2, "one try at a time");
    line.run(5 * SECOND);
    assert_eq!(line.dialed.len(), before + 2, "and the old wait is gone");
}

#[test]
fn scenario_34_retry_now_does_not_wait_for_a_try_that_hangs() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.door = Door::IsMute;
    line.ends(broken());
    line.run(SECOND / 2);
    let before = line.dialed.len();
    line.command(LinkCommand::Hurry);
    assert_eq!(line.dialed.len(), before, "it is young");
    line.run(SECOND);
    line.told();
    line.door = Door::Opens;
    line.command(LinkCommand::Hurry);
    assert_eq!(line.dialed.len(), before + 1);
    assert_eq!(line.told(), ["due: 1", "opened"]);

    let mut line = Line::idle(1);
    line.door = Door::IsMute;
    line.connect(true, false);
    line.run(2 * SECOND);
    line.told();
    line.command(LinkCommand::Hurry);
    assert_eq!(line.told(), [""; 0], "the first try is the only one");
}

#[test]
fn scenario_34_a_hint_that_the_network_is_back_asks_the_server() {
    let mut line = Line::open();
    line.run(SECOND);
    line.command(LinkCommand::Hurry);
    assert_eq!(line.pings.len(), 1);
    line.answers_pings = false;
    for _ in 0..100 {
        line.command(LinkCommand::Hurry);
    }
    assert_eq!(line.pings.len(), 2, "once, until it answers");
    line.told();
    line.run(9 * SECOND);
    let told = line.told();
    assert!(
        told[0].starts_with("lost: the server was silent"),
        "and however often it is asked, it is given up: {told:?}"
    );
}

#[test]
fn scenario_34_disconnect_ends_it_at_once_in_every_stage() {
    type Prepare = fn(&mut Line);
    let stages: [(&str, Prepare); 4] = [
        ("waiting", |_| {}),
        ("asking", |line| {
            line.gives_tokens = false;
            line.run(SECOND);
        }),
        ("opening", |line| {
            line.door = Door::IsMute;
            line.run(SECOND);
        }),
        ("entering again", |line| {
            line.run(SECOND);
            line.ask(Message::MatchJoin(Default::default()), true);
        }),
    ];
    for (stage, prepare) in stages {
        let mut line = Line::open();
        line.run(6 * SECOND);
        line.ends(broken());
        line.send(7, 1, Some(Default::default()));
        prepare(&mut line);
        line.told();
        line.command(LinkCommand::Disconnect);
        let told = line.told();
        assert_eq!(told[0], "unsent: 1 of 7: NotConnected", "{stage}");
        let last = told.last().map(String::as_str);
        assert_eq!(last, Some("closed: the game disconnected"), "{stage}");
        let dialed = line.dialed.len();
        line.door = Door::Opens;
        line.run(60 * SECOND);
        assert_eq!(line.told(), [""; 0], "{stage}");
        assert_eq!(line.dialed.len(), dialed, "{stage}");
    }
}

#[test]
fn scenario_34_giving_up_ends_this_connection_and_no_other() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.ends(broken());
    line.told();
    let epoch = line.core.epoch;
    line.command(LinkCommand::GiveUp(epoch, status(401)));
    assert_eq!(
        line.told(),
        ["closed: the server refused the socket with 401: "]
    );
    line.command(LinkCommand::GiveUp(epoch, status(401)));
    assert_eq!(line.told(), [""; 0], "it has one end");
    let next = Epoch(epoch.0 + 1);
    line.command(LinkCommand::GiveUp(next, DisconnectReason::NotLoggedIn));
    assert_eq!(line.told(), ["closed: nobody is logged in"]);
}

#[test]
fn scenario_36_a_late_end_of_an_older_socket_is_ignored() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    let old = line.socket.expect("it is open");
    line.ends(broken());
    line.run(SECOND);
    line.command(LinkCommand::Resume);
    line.told();
    line.core.handle(line.now, Input::Ended(old, broken()));
    line.core.handle(line.now, Input::Opened(old));
    line.core.handle(line.now, Input::Alive(old));
    line.server_says_over(old, "", Message::StatusPresenceEvent(Default::default()));
    line.run(SECOND);
    assert_eq!(line.told(), [""; 0]);
    assert!(line.socket.is_some());
    line.ask(rpc(), false);
    assert_eq!(line.taken(), ["rpc"]);
}

#[test]
fn scenario_39_the_first_tries_of_many_are_spread() {
    are_spread((0..500).map(Line::idle), Duration::from_millis(25));
}

/// As games have it: nobody gives them a seed.
#[test]
fn scenario_39_no_two_games_wait_alike() {
    // By chance it is more than this once in 10^17 times.
    are_spread((0..500).map(|_| Line::of(None)), Duration::from_millis(50));
}

/// All lose the server at once. Their first tries fill the first 250 ms evenly, give or take so much.
fn are_spread(lines: impl Iterator<Item = Line>, tolerance: Duration) {
    let mut waits: Vec<_> = lines
        .map(|mut line| {
            line.connect(true, false);
            line.run(6 * SECOND);
            line.ends(broken());
            line.run(SECOND);
            line.dialed[1] - 6 * SECOND
        })
        .collect();
    waits.sort_unstable();
    for (index, wait) in waits.into_iter().enumerate() {
        let even = SECOND / 4 * index as u32 / 500;
        let is_even = wait.abs_diff(even) < tolerance;
        assert!(is_even, "{index} of 500 after {wait:?}");
    }
}
