//! A line is given up when it is dead, and not before. The numbers are those of the scenarios of healing.

use std::time::Duration;

use super::line::{Line, broken};
use crate::{
    proto::{Message, api},
    transport::{Input, LinkCommand, RequestId},
};

const SECOND: Duration = Duration::from_secs(1);

fn rpc(line: &mut Line, timeout: Duration) {
    line.command(LinkCommand::Request {
        id: RequestId(1),
        message: Box::new(Message::Rpc(api::Rpc::default())),
        timeout,
        terms: None,
        for_reentry: false,
    });
}

/// How long it takes until the line is given up.
fn until_lost(line: &mut Line) -> Duration {
    let begin = line.time();
    line.told();
    for _ in 0..400 {
        if line.told().iter().any(|it| it.starts_with("lost: ")) {
            return line.time() - begin;
        }
        line.run(SECOND / 10);
    }
    panic!("it is not given up");
}

#[test]
fn scenario_5_a_dead_receive_direction_is_noticed_after_ten_seconds_with_traffic_and_thirteen_without()
 {
    for offset in 0..50 {
        let mut line = Line::open();
        line.run_with_traffic(20 * SECOND + offset * SECOND / 10, SECOND / 10);
        line.answers_pings = false;
        let silence = until_lost(&mut line);
        assert!(silence <= 10 * SECOND + SECOND / 10, "{silence:?}");
        assert!(silence >= 8 * SECOND, "{silence:?}");

        let mut line = Line::open();
        line.run(20 * SECOND + offset * SECOND / 10);
        line.answers_pings = false;
        let silence = until_lost(&mut line);
        assert!(silence <= 13 * SECOND + SECOND / 10, "{silence:?}");
    }
}

#[test]
fn scenario_5_a_dead_send_direction_is_noticed_after_twenty_seconds() {
    let mut line = Line::open();
    line.run_with_traffic(20 * SECOND, SECOND / 10);
    line.answers_pings = false;
    line.told();
    line.run_with_traffic(15 * SECOND, SECOND / 10);
    let told = line.told();
    assert!(told.iter().all(|it| it.starts_with("pushed")), "{told:?}");
    line.run_with_traffic(6 * SECOND, SECOND / 10);
    let told = line.told();
    assert!(
        told.iter()
            .any(|it| it.starts_with("lost: the server was silent for 20")),
        "{told:?}"
    );
}

#[test]
fn scenario_5_a_dead_send_direction_is_noticed_whatever_was_sent_into_it() {
    let asks: [fn(u64) -> bool; 2] = [|second| second == 0, |second| second.is_multiple_of(3)];
    for asks_at in asks {
        let mut line = Line::open();
        line.run_with_traffic(20 * SECOND, SECOND / 10);
        line.answers_pings = false;
        line.told();
        for second in 0..38 {
            if asks_at(second) {
                line.ask(Message::Rpc(api::Rpc::default()), false);
            }
            line.run_with_traffic(SECOND, SECOND / 10);
            let told = line.told();
            let is_lost = told.iter().any(|it| it.starts_with("lost: "));
            assert!(
                !is_lost || second >= 29,
                "the server may be at work: {second} s"
            );
            if is_lost {
                break;
            }
            assert!(second < 37, "it is not noticed: {told:?}");
        }
    }
}

#[test]
fn scenario_6_a_quiet_hour_is_no_loss_and_healing_works_after_it() {
    let mut line = Line::open();
    line.told();
    line.run(3600 * SECOND);
    assert_eq!(line.told(), [""; 0]);
    assert_eq!(line.pings.len(), 720, "a ping every 5 s");
    line.ends(broken());
    line.run(SECOND / 4);
    assert_eq!(line.told().last().map(String::as_str), Some("opened"));
}

#[test]
fn scenario_6_a_ping_goes_out_every_five_seconds_whatever_else_does() {
    let mut line = Line::open();
    line.run_with_traffic(60 * SECOND, SECOND / 10);
    let pings: Vec<_> = line.pings.iter().map(|(at, _)| *at).collect();
    let pauses: Vec<_> = pings.windows(2).map(|it| it[1] - it[0]).collect();
    assert_eq!(pings.len(), 12);
    assert!(
        pauses.iter().all(|pause| *pause == 5 * SECOND),
        "{pauses:?}"
    );
}

#[test]
fn scenario_7_any_frame_is_life() {
    let mut line = Line::open();
    line.answers_pings = false;
    line.told();
    for _ in 0..19 {
        line.run(SECOND);
        let socket = line.socket.expect("it is open");
        line.core.handle(line.now, Input::Alive(socket));
    }
    assert_eq!(line.told(), [""; 0], "control frames are frames");
}

#[test]
fn scenario_7_a_late_pong_of_the_socket_before_is_ignored() {
    let mut line = Line::open();
    line.answers_pings = false;
    let old = line.socket.expect("it is open");
    line.run(5 * SECOND);
    let (_, cid) = line.pings[0].clone();
    line.ends(broken());
    line.run(SECOND / 4);
    line.told();
    for _ in 0..130 {
        line.run(SECOND / 10);
        let pong = Message::Pong(Default::default());
        line.server_says_over(old, &cid, pong);
    }
    let told = line.told();
    assert!(
        told.iter()
            .any(|it| it.starts_with("lost: the server was silent for 13")),
        "{told:?}"
    );
}

#[test]
fn scenario_8_behind_a_slow_request_a_silent_server_is_not_dead() {
    let mut line = Line::open();
    line.run(7 * SECOND);
    rpc(&mut line, 30 * SECOND);
    line.answers_pings = false;
    line.told();
    line.run(15 * SECOND);
    assert_eq!(line.told(), [""; 0]);
    line.server_says("1", Message::Rpc(api::Rpc::default()));
    for (_, cid) in line.pings.clone() {
        line.pong(&cid);
    }
    line.answers_pings = true;
    line.run(60 * SECOND);
    assert_eq!(line.told(), ["1: answered"]);
}

#[test]
fn scenario_8_even_if_others_go_on_talking_or_the_game_has_given_the_request_up() {
    let mut line = Line::open();
    line.run(7 * SECOND);
    rpc(&mut line, 10 * SECOND);
    line.answers_pings = false;
    line.told();
    line.run_with_traffic(29 * SECOND, SECOND);
    let told = line.told_in_short();
    assert!(!told.iter().any(|it| it.starts_with("lost")), "{told:?}");
    assert!(
        told.iter().any(|it| it.starts_with("1: Timeout")),
        "{told:?}"
    );
    line.server_says("1", Message::Rpc(api::Rpc::default()));
    for (_, cid) in line.pings.clone() {
        line.pong(&cid);
    }
    line.answers_pings = true;
    line.told();
    line.run(60 * SECOND);
    assert_eq!(line.told(), [""; 0]);
}

#[test]
fn scenario_8_behind_a_request_twenty_seconds_without_any_frame_are_the_end() {
    let mut line = Line::open();
    rpc(&mut line, 60 * SECOND);
    line.answers_pings = false;
    let silence = until_lost(&mut line);
    assert!((20 * SECOND..21 * SECOND).contains(&silence), "{silence:?}");
}

#[test]
fn scenario_35_a_process_that_was_stopped_asks_before_it_judges() {
    for stopped in [10, 60, 3600] {
        let mut line = Line::open();
        line.run(7 * SECOND);
        line.told();
        line.pings.clear();
        line.stop(stopped * SECOND);
        line.turn();
        assert_eq!(line.pings.len(), 1, "a ping at once");
        line.run(60 * SECOND);
        assert_eq!(line.told(), [""; 0], "after {stopped} s");

        line.answers_pings = false;
        line.stop(stopped * SECOND);
        let silence = until_lost(&mut line);
        assert!(
            (8 * SECOND..9 * SECOND).contains(&silence),
            "judged from there: {silence:?}"
        );
    }
}

#[test]
fn scenario_35_a_ping_that_was_under_way_is_no_reason_either() {
    let mut line = Line::open();
    line.run(5 * SECOND - SECOND / 10);
    line.answers_pings = false;
    line.run(SECOND);
    assert_eq!(line.pings.len(), 1);
    line.told();
    line.stop(3600 * SECOND);
    line.answers_pings = true;
    line.run(60 * SECOND);
    assert_eq!(line.told(), [""; 0]);
}

#[test]
fn scenario_35_requests_are_not_given_up_in_a_row_after_a_stop() {
    let mut line = Line::open();
    for _ in 0..10 {
        line.ask(Message::Rpc(api::Rpc::default()), false);
    }
    line.told();
    line.stop(60 * SECOND);
    line.turn();
    line.run(SECOND / 2);
    assert_eq!(line.told(), [""; 0], "a second of grace");
    for id in 1..=9 {
        line.server_says(&id.to_string(), Message::Rpc(api::Rpc::default()));
    }
    line.run(SECOND);
    let told = line.told();
    assert_eq!(
        told[..9],
        (1..=9)
            .map(|id| format!("{id}: answered"))
            .collect::<Vec<_>>()
    );
    assert!(told[9].starts_with("10: Timeout"), "{told:?}");
}

#[test]
fn scenario_35_what_arrived_while_stopped_counts() {
    let mut line = Line::open();
    line.ask(Message::Rpc(api::Rpc::default()), false);
    line.told();
    line.stop(60 * SECOND);
    line.server_says("1", Message::Rpc(api::Rpc::default()));
    line.run(60 * SECOND);
    assert_eq!(line.told(), ["1: answered"]);
}

#[test]
fn scenario_35_a_machine_that_slept_asks_although_its_clock_stood_still() {
    let mut line = Line::open();
    line.run(7 * SECOND);
    line.pings.clear();
    line.core.handle(line.now, Input::Stopped);
    line.turn();
    assert_eq!(line.pings.len(), 1);
}

#[test]
fn scenario_35_a_machine_that_slept_tries_at_once() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.door = super::line::Door::Refuses(super::line::refused());
    line.ends(broken());
    line.run(60 * SECOND);
    let before = line.dialed.len();
    line.core.handle(line.now, Input::Stopped);
    line.turn();
    assert_eq!(line.dialed.len(), before + 1);
}

#[test]
fn scenario_35_a_stop_while_it_waits_or_opens_costs_nothing() {
    let mut line = Line::open();
    line.run(6 * SECOND);
    line.ends(broken());
    line.stop(3600 * SECOND);
    line.turn();
    assert_eq!(line.dialed.len(), 2, "the wait is over");
    assert!(line.socket.is_some());

    let mut line = Line::open();
    line.run(6 * SECOND);
    line.door = super::line::Door::IsMute;
    line.ends(broken());
    line.run(SECOND);
    line.stop(3600 * SECOND);
    let socket = line.socket.expect("it is being opened");
    line.core.handle(line.now, Input::Opened(socket));
    line.turn();
    assert_eq!(line.told().last().map(String::as_str), Some("opened"));
}
