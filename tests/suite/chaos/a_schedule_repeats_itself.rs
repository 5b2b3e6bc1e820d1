//! A schedule is the same for the same seed, prints itself, and the proxy plays it.

use std::io::ErrorKind;

use bevy_nakama::chaos::Schedule;

use super::*;

fn seeded(seed: u64) -> Schedule {
    let second = Duration::from_secs(1);
    Schedule::seeded(seed, 300 * second, second..3 * second)
}

#[test]
fn the_same_seed_makes_the_same_schedule() {
    let schedule = seeded(1);
    assert_eq!(schedule, seeded(1));
    assert_ne!(schedule, seeded(2));
    let mut last = Duration::ZERO;
    for (at, rule) in schedule.steps() {
        let pause = *at - last;
        assert!((millis(1000)..millis(3000)).contains(&pause), "{pause:?}");
        assert!(*at < Duration::from_secs(300));
        last = *at;
        // Each of them is over by itself.
        let text = rule.to_string();
        assert!(
            text.contains("open connections") || text.contains(", for "),
            "{text}"
        );
    }
    let lines = schedule.to_string();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines[0], "seed 1");
    assert_eq!(lines.len(), schedule.steps().len() + 1);
    for fault in [
        "reset",
        "half-open",
        "close 1000",
        "close without",
        "hold",
        "delay",
        "answer",
    ] {
        assert!(lines.iter().any(|line| line.contains(fault)), "{fault}");
    }
}

#[test]
fn pauses_without_a_length_are_no_endless_schedule() {
    let schedule = Schedule::seeded(1, millis(20), Duration::ZERO..Duration::ZERO);
    assert!(schedule.steps().len() <= 20);
}

#[test]
fn the_proxy_plays_it() {
    let lines = Lines::new();
    let line = lines.open();
    let schedule = Schedule::from_iter([
        (Duration::ZERO, Rule::hold(Direction::ToServer)),
        (millis(60), Rule::reset().for_open_connections()),
        (Duration::MAX, Rule::refuse()),
    ]);
    let words = "without a seed\n    0.000 hold to the server\n    0.060 reset, open connections\n";
    assert!(schedule.to_string().starts_with(words), "{schedule}");
    lines.proxy.play(&schedule);
    assert_eq!(end_of(&line.client), Err(ErrorKind::ConnectionReset));
    let words: Vec<_> = acts(&lines.proxy).into_iter().map(|(_, it)| it).collect();
    assert_eq!(words, ["hold to the server", "reset, open connections"]);
}

#[test]
fn what_is_cleared_does_not_come() {
    let lines = Lines::new();
    let schedule = Schedule::from_iter([(millis(50), Rule::refuse())]);
    lines.proxy.play(&schedule);
    lines.proxy.clear();
    let marker = Schedule::from_iter([(millis(60), Rule::delay(Direction::ToServer, millis(1)))]);
    let line = lines.open();
    lines.proxy.play(&marker);
    wait(&lines.proxy, "the marker", |log| {
        log.events()
            .any(|event| matches!(event.kind, ChaosEventKind::Acted { .. }))
    });
    drop(line);
    lines.open();
}
