//! Every recorded client, lived through again: after each frame, the world is what the recording says it has to be.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod fold;
mod orders;

use std::{collections::BTreeMap, thread};

use bevy_nakama::proto::{self, Kind, PartyLayout};
use common::{
    player::{How, MAX_ENVELOPE},
    transcripts::{Dir, GENERATIONS, Line, Scenario, scenarios},
};
use driver::Client;
use fold::Fold;
use serde_json::{Value, json};

/// What is compared.
#[derive(Default)]
struct Tally {
    scenarios: usize,
    clients: usize,
    /// By direction and kind.
    frames: BTreeMap<(&'static str, String), usize>,
    sends: BTreeMap<(How, String), usize>,
    by_itself: usize,
    /// Sent in JSON, and no envelope.
    skipped: usize,
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

/// A line as a client of protobuf has it. `None` for what a client sent in JSON and is not an envelope.
///
/// The recorder of the old server did not know `party_update`, and wrote down an envelope without a message.
fn in_protobuf(scenario: &Scenario, line: &Line) -> Option<Line> {
    let mut line = line.clone();
    let is_json = scenario.generation.ends_with("json");
    let is_unknown = scenario.name == "party_update_old_server" && line.kind.is_none();
    if !line.is_envelope() {
        return Some(line);
    }
    let wire = line.wire.clone().expect("an envelope has bytes");
    let envelope = if is_json {
        // The recorder's own reading of it has fewer ways to write a number.
        let read = serde_json::from_slice(&wire);
        read.or_else(|_| serde_json::from_value(line.json.clone()))
            .map_err(drop)
    } else {
        proto::decode(wire).map_err(drop)
    };
    let envelope: proto::Envelope = match (line.dir, envelope) {
        (_, Ok(envelope)) => envelope,
        (Dir::Send, Err(())) if is_json => return None,
        (Dir::Send, Err(())) => return Some(line),
        (Dir::Recv | Dir::Rest, Err(())) => panic!("a server sends envelopes"),
    };
    if is_json {
        line.wire = Some(proto::encode(&envelope, PartyLayout::Current));
    }
    if line.dir == Dir::Send && (is_json || is_unknown) {
        // There are several ways to write the same in JSON.
        let message = envelope.message.as_ref();
        line.kind = message.map(|message| Kind::of(message).name().to_owned());
        line.json = serde_json::to_value(&envelope).expect("proto JSON");
    }
    Some(line)
}

fn compare(scenario: &Scenario, name: &str, tally: &mut Tally) {
    let who = scenario.who(name);
    let mut client = Client::new(scenario, name);
    let is_old = scenario.generation == "nakama-3.27";
    let mut fold = Fold::default();
    fold.who = json!({ "user_id": who.user_id, "session_id": who.session_id });
    let mut end = 0;
    for line in scenario.lines_of(name).filter(|line| line.dir != Dir::Rest) {
        let Some(line) = &in_protobuf(scenario, line) else {
            tally.skipped += 1;
            continue;
        };
        let kind = line.kind.as_deref();
        let at = format!("{} {name} seq {} {}", scenario.path(), line.seq, line.json);
        let _where = Where(&at);
        fold.pass(line.t_ms);
        let direction = tell(&mut fold, line, is_old);
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
            let at = format!("{} {name} {late} ms after the end", scenario.path());
            return tally
                .differences
                .push(format!("{at}\n{}", diff(&expected, &found)));
        }
    }
    let found = client.data.take();
    let found = found.iter().map(|told| told.parse().expect("JSON"));
    let (expected, found) = (by_sender(fold.told), by_sender(found.collect()));
    if expected != found {
        let at = format!("{} {name}: data", scenario.path());
        let differences = diff(&expected.join("\n"), &found.join("\n"));
        tally.differences.push(format!("{at}\n{differences}"));
    }
    tally.data += found.len();
    tally.by_itself += client.player.by_itself;
    tally.clients += 1;
}

/// Tells the fold of a frame.
fn tell(fold: &mut Fold, line: &Line, is_old: bool) -> &'static str {
    // The plugin's own `cid` is short.
    let wire = line.wire.as_ref().map_or(0, |wire| wire.len());
    let size = wire.saturating_sub(text(&line.json, "cid").len().saturating_sub(8));
    let refused = if is_old && line.kind.as_deref() == Some("party_update") {
        Some("unsupported")
    } else {
        (size > MAX_ENVELOPE).then_some("too large")
    };
    match (line.dir, line.kind.as_deref()) {
        (Dir::Rest, _) => panic!("no frame"),
        (_, Some("ws_close" | "tcp_eof")) => fold.gone(),
        (_, Some("ws_open" | "ws_ping" | "ws_pong")) => {}
        // What a game cannot send.
        (Dir::Send, None | Some("ws_text" | "ws_binary_garbage" | "unknown_field_99")) => {}
        (Dir::Send, Some("ws_binary_fragment_fin_0" | "ws_continuation_fin_1")) => {}
        (Dir::Send, Some(kind)) => fold.send(kind, &line.json, refused),
        (Dir::Recv, kind) => fold.receive(kind.unwrap_or_default(), &line.json),
    }
    match line.dir {
        Dir::Send => "send",
        Dir::Recv | Dir::Rest => "recv",
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// A double, which JSON may write like an integer.
fn with_doubles(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(with_doubles).collect(),
        Value::Object(fields) => {
            let doubles = |(name, value): (String, Value)| match &*name {
                "numeric_properties" => {
                    let numbers = value.as_object().cloned().unwrap_or_default().into_iter();
                    let numbers = numbers.map(|(name, number)| (name, json!(number.as_f64())));
                    (name, numbers.collect())
                }
                _ => (name, with_doubles(value)),
            };
            fields.into_iter().map(doubles).collect()
        }
        other => other,
    }
}

/// Only of what one sender says the order is certain.
fn by_sender(mut told: Vec<Value>) -> Vec<String> {
    for told in &mut told {
        // Nobody is the nil UUID, or left out.
        if text(told, "sender_id") == "00000000-0000-0000-0000-000000000000" {
            told.as_object_mut()
                .and_then(|told| told.remove("sender_id"));
        }
    }
    told.sort_by_key(|told| text(told, "sender_id") + &text(&told["presence"], "session_id"));
    let told = told.into_iter().map(with_doubles);
    told.map(|told| told.to_string()).collect()
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
    /// Kinds of frames in both directions. The plain acknowledgement and what is not an envelope are kinds of their own.
    kinds: usize,
    /// Kinds of envelopes that did not occur.
    missing: usize,
    /// Sent by a method of its own.
    typed: usize,
    raw: usize,
    skipped: usize,
    data: usize,
}

fn live_again(generation: &'static str, recorded: &Recorded) {
    let mut tally = Tally::default();
    let mut lines = 0;
    for scenario in scenarios(generation) {
        let frames = scenario.lines.iter().filter(|line| line.dir != Dir::Rest);
        lines += frames.count();
        tally.scenarios += 1;
        for name in scenario.clients() {
            compare(&scenario, name, &mut tally);
        }
    }
    let frames = tally.frames.values().sum::<usize>();
    let sent = |how| {
        let sends = tally.sends.iter().filter(|((sent, _), _)| *sent == how);
        sends.map(|(_, count)| count).sum::<usize>()
    };
    let missing: Vec<_> = Kind::ALL
        .iter()
        .filter(|kind| {
            let mut seen = tally.frames.keys();
            !seen.any(|(_, name)| name == kind.name())
        })
        .collect();
    let found = Recorded {
        scenarios: tally.scenarios,
        clients: tally.clients,
        frames,
        kinds: tally.frames.len(),
        missing: missing.len(),
        typed: sent(How::Typed),
        raw: sent(How::Raw),
        skipped: tally.skipped,
        data: tally.data,
    };
    println!("{found:#?}");
    println!("never seen: {missing:?}");
    println!("frames: {:#?}", tally.frames);
    println!("sends: {:#?}", tally.sends);
    println!("{} requests by the plugin itself", tally.by_itself);
    let differences = tally.differences;
    let number = differences.len();
    assert_eq!(number, 0, "{}", differences.join("\n"));
    assert!(found.scenarios >= recorded.scenarios);
    assert!(found.clients >= recorded.clients);
    assert!(found.frames >= recorded.frames);
    assert_eq!(frames + tally.skipped, lines, "each frame is compared");
    assert!(found.kinds >= recorded.kinds);
    assert!(found.missing <= recorded.missing, "{missing:?}");
    assert!(found.typed >= recorded.typed);
    assert!(found.raw <= recorded.raw, "more is raw than was");
    assert!(found.skipped <= recorded.skipped, "more is skipped");
    assert!(found.data >= recorded.data);
}

#[test]
fn after_every_frame_of_an_old_server_the_world_is_what_the_recording_says() {
    let recorded = Recorded {
        scenarios: 44,
        clients: 114,
        frames: 1726,
        kinds: 70,
        missing: 0,
        typed: 339,
        raw: 116,
        skipped: 0,
        data: 141,
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
        missing: 0,
        typed: 354,
        raw: 118,
        skipped: 0,
        data: 142,
    };
    live_again(GENERATIONS[1], &recorded);
}

#[test]
fn what_was_recorded_in_json_comes_to_the_same() {
    let recorded = Recorded {
        scenarios: 8,
        clients: 44,
        frames: 507,
        kinds: 50,
        missing: 14,
        typed: 81,
        raw: 29,
        skipped: 19,
        data: 42,
    };
    live_again("nakama-3.40/json", &recorded);
}
