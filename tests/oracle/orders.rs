//! A server sends answers, events and data from different tasks, so their order is a race. Whichever wins, the game sees the
//! same: every order that was seen on real servers is made of every occurrence in the recordings.

use std::collections::BTreeMap;

use crate::{
    common::{
        player::How,
        transcripts::{Dir, GENERATIONS, Line, Scenario, scenarios},
    },
    driver::Client,
};
use bevy_nakama::proto::{self, Message as M};
use serde_json::{Value, json};

/// Frames of one race are sent within this time, in milliseconds.
const RACE: u64 = 100;

/// Frames that belong together, in the order that is usual.
struct Race {
    what: &'static str,
    /// Index of the request.
    asked: usize,
    /// Indices into the client's lines.
    frames: Vec<usize>,
    /// Every order that was seen, the usual one first; numbers are places in `frames`.
    orders: &'static [&'static [usize]],
}

const BOTH_WAYS: &[&[usize]] = &[&[0, 1], &[1, 0]];
/// `party` and its presence event keep their order; the answer comes before or after both.
const ANSWER_FIRST_OR_LAST: &[&[usize]] = &[&[0, 1, 2], &[1, 2, 0]];
const EVERY_WAY: &[&[usize]] = &[
    &[0, 1, 2],
    &[0, 2, 1],
    &[1, 0, 2],
    &[1, 2, 0],
    &[2, 0, 1],
    &[2, 1, 0],
];

/// The races of one client.
fn races(own: &Value, lines: &[Line]) -> Vec<Race> {
    let sends = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.dir == Dir::Send);
    sends
        .filter_map(|(index, sent)| race(own, lines, index, sent))
        .collect()
}

/// The rows of the README's table.
enum Row {
    Channel,
    Match,
    Status,
    PartyCreate,
    PartyJoin,
    /// The request, and whether the event has them among its joins or leaves.
    PartyMember {
        kind: &'static str,
        list: &'static str,
    },
    Rpc,
}

fn row_of(message: &M) -> Option<Row> {
    match message {
        M::ChannelJoin(_) => Some(Row::Channel),
        M::MatchCreate(_) | M::MatchJoin(_) => Some(Row::Match),
        M::StatusUpdate(_) => Some(Row::Status),
        M::PartyCreate(_) => Some(Row::PartyCreate),
        M::PartyJoin(_) => Some(Row::PartyJoin),
        M::PartyAccept(_) => Some(Row::PartyMember {
            kind: "party_accept",
            list: "joins",
        }),
        M::PartyRemove(_) => Some(Row::PartyMember {
            kind: "party_remove",
            list: "leaves",
        }),
        M::Rpc(_) => Some(Row::Rpc),
        // Answered in a fixed order, followed by nothing, or sent by servers.
        _ => None,
    }
}

fn race(own: &Value, lines: &[Line], index: usize, sent: &Line) -> Option<Race> {
    let message = proto::decode(sent.wire.clone().filter(|_| sent.is_envelope())?);
    let row = row_of(&message.ok()?.message?)?;
    let later = lines.iter().enumerate().skip(index + 1);
    let window: Vec<_> = later
        .take_while(|(_, line)| line.dir != Dir::Send && line.t_ms <= sent.t_ms + RACE)
        .collect();
    let find = |is_it: &dyn Fn(&Line) -> bool| {
        window
            .iter()
            .find(|(_, line)| is_it(line))
            .map(|(index, _)| *index)
    };
    let cid = &sent.json["cid"];
    let answer = find(&|line| line.json["cid"] == *cid && line.kind.as_deref() != Some("error"))?;
    let answered = &lines[answer];
    let body = &answered.json[answered.kind.as_deref().unwrap_or_default()];
    // The event in which somebody joins or leaves.
    let event = |event: &'static str, list: &'static str, session: &Value| {
        find(&|line| {
            let mut people = line.json[event][list].as_array().into_iter().flatten();
            people.any(|person| person["session_id"] == *session)
        })
    };
    let me = &body["self"]["session_id"];
    let pushed = find(&|line| line.kind.as_deref() == Some("party") && line.json["cid"].is_null());
    let (what, frames, orders) = match row {
        Row::Channel => {
            let joined = event("channel_presence_event", "joins", me)?;
            ("channel_join", vec![answer, joined], BOTH_WAYS)
        }
        Row::Match if body["authoritative"] == true => {
            let joined = event("match_presence_event", "joins", me)?;
            let greeting = find(&|line| line.json["match_data"]["op_code"] == "100")?;
            (
                "match_join (authoritative)",
                vec![greeting, answer, joined],
                EVERY_WAY,
            )
        }
        Row::Match => {
            let joined = event("match_presence_event", "joins", me)?;
            (
                "match_create, match_join (relayed)",
                vec![answer, joined],
                BOTH_WAYS,
            )
        }
        Row::PartyCreate => {
            let joined = event("party_presence_event", "joins", me)?;
            match pushed {
                Some(pushed) => (
                    "party_create (3.40)",
                    vec![answer, pushed, joined],
                    ANSWER_FIRST_OR_LAST,
                ),
                None => (
                    "party_create (3.27, or of size 0)",
                    vec![answer, joined],
                    BOTH_WAYS,
                ),
            }
        }
        Row::PartyJoin => {
            let pushed = pushed?;
            let me = &lines[pushed].json["party"]["self"]["session_id"];
            let joined = event("party_presence_event", "joins", me)?;
            (
                "party_join (open)",
                vec![answer, pushed, joined],
                ANSWER_FIRST_OR_LAST,
            )
        }
        Row::PartyMember { kind, list } => {
            let whom = &sent.json[kind]["presence"]["session_id"];
            let moved = event("party_presence_event", list, whom)?;
            ("party_accept, party_remove", vec![answer, moved], BOTH_WAYS)
        }
        Row::Status => {
            let shown = event("status_presence_event", "joins", own);
            let moved = shown.or_else(|| event("status_presence_event", "leaves", own))?;
            ("status_update", vec![answer, moved], BOTH_WAYS)
        }
        Row::Rpc => {
            let joined = event("stream_presence_event", "joins", own)?;
            let changes = &lines[joined].json["stream_presence_event"]["leaves"];
            if !changes.is_null() {
                return None;
            }
            ("RPC that joins a stream", vec![answer, joined], BOTH_WAYS)
        }
    };
    Some(Race {
        what,
        asked: index,
        frames,
        orders,
    })
}

/// What the game is told, and what its world is like after a race and in the end.
#[derive(Debug, PartialEq)]
struct Life {
    told: Vec<String>,
    after_race: String,
    end: String,
}

/// A client's life, if the frames of a race come in this order. `None` if it asked with a raw envelope, which goes past the
/// mirror: then nothing ties the answer to the event.
fn live(
    scenario: &Scenario,
    name: &str,
    lines: &[Line],
    race: &Race,
    order: &[usize],
) -> Option<Life> {
    let mut places = race.frames.clone();
    places.sort_unstable();
    let mut client = Client::new(scenario, name);
    let mut after_race = String::new();
    for (index, line) in lines.iter().enumerate() {
        let frame = places.iter().position(|place| *place == index);
        let frame = frame.map(|place| race.frames[order[place]]);
        let line = Line {
            t_ms: line.t_ms,
            ..lines[frame.unwrap_or(index)].clone()
        };
        let how = client.live(&line);
        if index == race.asked && how == How::Raw {
            return None;
        }
        if places.last() == Some(&index) {
            after_race = client.text();
        }
    }
    client.pass(lines.last().map_or(0, |line| line.t_ms) + 500);
    Some(Life {
        told: sort_goodbyes(client.told.take()),
        after_race,
        end: client.text(),
    })
}

/// Who is in a match has no order, so neither has who goes with it.
fn sort_goodbyes(mut told: Vec<String>) -> Vec<String> {
    for run in told.chunk_by_mut(|one, next| one.starts_with('-') && next.starts_with('-')) {
        run.sort();
    }
    told
}

/// By what was asked for.
#[derive(Debug, Default, PartialEq)]
struct Count {
    occurrences: usize,
    /// Other than the usual one.
    orders: usize,
    raw: usize,
}

fn compare(scenario: &Scenario, name: &str, count: &mut BTreeMap<&str, Count>) -> Vec<String> {
    let lines = scenario.lines_of(name);
    let lines: Vec<_> = lines
        .filter(|line| line.dir != Dir::Rest)
        .cloned()
        .collect();
    let own = json!(scenario.who(name).session_id);
    let mut differences = Vec::new();
    for race in races(&own, &lines) {
        let count = count.entry(race.what).or_default();
        let live = |order| live(scenario, name, &lines, &race, order);
        let Some(usual) = live(race.orders[0]) else {
            count.raw += 1;
            continue;
        };
        count.occurrences += 1;
        for order in &race.orders[1..] {
            count.orders += 1;
            let other = live(order).expect("asked for as before");
            if usual != other {
                let (seq, what) = (lines[race.asked].seq, race.what);
                let at = format!("{} {name}", scenario.path());
                let at = format!("{at} seq {seq}: {what} in the order {order:?}");
                differences.push(format!("{at}\nusual {usual:#?}\nnow {other:#?}"));
            }
        }
    }
    differences
}

/// What was compared when this was written: occurrences, and orders other than the usual one.
const RECORDED: [(&str, usize, usize); 9] = [
    ("RPC that joins a stream", 6, 6),
    ("channel_join", 36, 36),
    ("match_create, match_join (relayed)", 42, 42),
    ("match_join (authoritative)", 20, 100),
    ("party_accept, party_remove", 13, 13),
    ("party_create (3.27, or of size 0)", 13, 13),
    ("party_create (3.40)", 14, 14),
    ("party_join (open)", 17, 17),
    ("status_update", 20, 20),
];

#[test]
fn whatever_overtakes_what_the_game_is_told_the_same() {
    let mut count = BTreeMap::new();
    let mut differences = Vec::new();
    for generation in GENERATIONS {
        for scenario in scenarios(generation) {
            for name in scenario.clients() {
                differences.extend(compare(&scenario, name, &mut count));
            }
        }
    }
    println!("{count:#?}");
    let number = differences.len();
    assert_eq!(number, 0, "the first: {}", differences[0]);
    for (what, occurrences, orders) in RECORDED {
        let found = count.get(what).expect("it was recorded");
        assert!(found.occurrences >= occurrences, "{what}: {found:?}");
        assert!(found.orders >= orders, "{what}: {found:?}");
    }
}
