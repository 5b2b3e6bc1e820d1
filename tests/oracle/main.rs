//! Every recorded client, lived through again: after each frame, the world is what the recording says it has to be.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod fold;
mod orders;

use std::{collections::BTreeMap, thread};

use bevy_nakama::proto::{self, Kind};
use common::transcripts::{Dir, GENERATIONS, Line, Scenario, scenarios};
use driver::{Client, How};
use fold::Fold;

/// What is compared.
#[derive(Default)]
struct Tally {
    scenarios: usize,
    clients: usize,
    /// By direction and kind.
    frames: BTreeMap<(&'static str, String), usize>,
    sends: BTreeMap<(How, String), usize>,
    by_itself: usize,
    data: usize,
    differences: Vec<String>,
}

/// Says where a panic came from.
struct Where<'a>(&'a str);

impl Drop for Where<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("at {}", self.0);
        }
    }
}

/// The recorder of the old server did not know `party_update`, and wrote down an envelope without a message.
fn as_sent(scenario: &Scenario, line: &Line) -> Line {
    let mut line = line.clone();
    if scenario.name == "party_update_old_server" && line.dir == Dir::Send && line.kind.is_none() {
        let envelope = proto::decode(line.wire.clone().expect("bytes")).expect("an envelope");
        line.kind = envelope
            .message
            .as_ref()
            .map(|message| Kind::of(message).name().to_owned());
        line.json = serde_json::to_value(&envelope).expect("proto JSON");
    }
    line
}

fn compare(scenario: &Scenario, name: &str, tally: &mut Tally) {
    let is_old = scenario.generation == "nakama-3.27";
    let mut client = Client::new(scenario.generation, &scenario.clients[name]);
    let mut fold = Fold::new(
        is_old,
        scenario.clients[name]["user_id"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    );
    let mut end = 0;
    let lines = scenario.lines.iter().filter(|line| line.client == name);
    for line in lines.filter(|line| line.dir != Dir::Rest) {
        let line = &as_sent(scenario, line);
        let kind = line.kind.as_deref();
        let at = format!(
            "{}/{} {name} seq {} {}",
            scenario.generation, scenario.name, line.seq, line.json
        );
        let _where = Where(&at);
        fold.pass(line.t_ms);
        let direction = match line.dir {
            Dir::Send => {
                let size = line.wire.as_ref().map_or(0, |wire| wire.len());
                fold.send(kind, &line.json, size);
                "send"
            }
            _ => {
                fold.receive(kind, &line.json);
                "recv"
            }
        };
        let how = client.live(line);
        let name = kind.unwrap_or("(ack)").to_owned();
        if line.dir == Dir::Send {
            *tally.sends.entry((how, name.clone())).or_default() += 1;
        }
        *tally.frames.entry((direction, name)).or_default() += 1;
        let (expected, found) = (fold.text(), client.text());
        if expected != found {
            tally
                .differences
                .push(format!("{at}\n{}", diff(&expected, &found)));
            return;
        }
        end = line.t_ms;
    }
    for late in [500, 1_100, 11_000] {
        fold.pass(end + late);
        client.pass(end + late);
        let (expected, found) = (fold.text(), client.text());
        if expected != found {
            let at = format!(
                "{}/{} {name} {late} ms after the end",
                scenario.generation, scenario.name
            );
            return tally
                .differences
                .push(format!("{at}\n{}", diff(&expected, &found)));
        }
    }
    let mut expected = fold.data;
    let mut found = client.data.take();
    let sender = |line: &String| line.split(':').next().unwrap_or_default().to_owned();
    expected.sort_by_key(sender);
    found.sort_by_key(sender);
    if expected != found {
        let at = format!("{}/{} {name}: data", scenario.generation, scenario.name);
        tally.differences.push(format!(
            "{at}\n{}",
            diff(&expected.join("\n"), &found.join("\n"))
        ));
    }
    tally.data += found.len();
    tally.by_itself += client.by_itself;
    tally.clients += 1;
}

/// The lines that only one of them has.
fn diff(expected: &str, found: &str) -> String {
    let missing = expected
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line));
    let extra = found
        .lines()
        .filter(|line| !expected.lines().any(|other| other == *line));
    let missing = missing.map(|line| format!("  - {line}\n"));
    let extra = extra.map(|line| format!("  + {line}\n"));
    missing.chain(extra).collect()
}

/// What was compared when this was written.
#[derive(Debug)]
struct Recorded {
    scenarios: usize,
    clients: usize,
    frames: usize,
    /// Kinds of frames, to and fro; the plain acknowledgement and what is no envelope are kinds of their own.
    kinds: usize,
    /// Sent by a method of its own.
    typed: usize,
    raw: usize,
    data: usize,
}

fn live_again(generation: &'static str, recorded: &Recorded) {
    let mut tally = Tally::default();
    for scenario in scenarios(generation) {
        tally.scenarios += 1;
        for name in scenario.clients.as_object().expect("clients").keys() {
            compare(&scenario, name, &mut tally);
        }
    }
    let frames = tally.frames.values().sum::<usize>();
    let sent = |how| {
        let sends = tally.sends.iter().filter(|((sent, _), _)| *sent == how);
        sends.map(|(_, count)| count).sum::<usize>()
    };
    let found = Recorded {
        scenarios: tally.scenarios,
        clients: tally.clients,
        frames,
        kinds: tally.frames.len(),
        typed: sent(How::Typed),
        raw: sent(How::Raw),
        data: tally.data,
    };
    println!("{found:#?}");
    println!("frames: {:#?}", tally.frames);
    println!("sends: {:#?}", tally.sends);
    println!("{} requests by the plugin itself", tally.by_itself);
    let differences = tally.differences;
    let number = differences.len();
    assert_eq!(number, 0, "{}", differences.join("\n"));
    assert!(found.scenarios >= recorded.scenarios);
    assert!(found.clients >= recorded.clients);
    assert!(found.frames >= recorded.frames);
    assert!(found.kinds >= recorded.kinds);
    assert!(found.typed >= recorded.typed);
    assert!(found.raw <= recorded.raw, "more is raw than was");
    assert!(found.data >= recorded.data);
}

#[test]
fn after_every_frame_of_an_old_server_the_world_is_what_the_recording_says() {
    let recorded = Recorded {
        scenarios: 44,
        clients: 114,
        frames: 1726,
        kinds: 70,
        typed: 225,
        raw: 230,
        data: 103,
    };
    live_again(GENERATIONS[0], &recorded);
}

#[test]
fn after_every_frame_of_a_new_server_the_world_is_what_the_recording_says() {
    let recorded = Recorded {
        scenarios: 44,
        clients: 115,
        frames: 1795,
        kinds: 71,
        typed: 240,
        raw: 232,
        data: 103,
    };
    live_again(GENERATIONS[1], &recorded);
}
