//! Every frame that was recorded from a real server decodes, says what the recording says, and encodes to the same bytes.

use crate::common::transcripts::{GENERATIONS, Line, scenarios};
use bevy_nakama::proto::{self, Kind, PartyLayout};
use serde_json::Value;

/// Frames whose bytes may differ after a round trip: maps have no order on the wire, and the server writes the oneof of
/// `matchmaker_matched` behind the other fields.
fn has_free_order(line: &Line) -> bool {
    match line.kind.as_deref() {
        Some("matchmaker_matched") => true,
        Some("matchmaker_add" | "party_matchmaker_add") => true,
        Some("match_join") => line.json["match_join"].get("metadata").is_some(),
        _ => false,
    }
}

/// Two frames per server, sent by hand, hold a field that the protocol does not have; it is ignored and does not come back.
fn has_unknown_field(scenario: &str, line: &Line) -> bool {
    scenario == "error_unknown_message"
        && matches!(line.kind.as_deref(), Some(UNKNOWN_MESSAGE | "ping"))
}

/// The recorder's name for an envelope with nothing but an unknown field.
const UNKNOWN_MESSAGE: &str = "unknown_field_99";

/// The old server's recorder knew neither `party_update` nor `label` and `hidden` of `party_create`, and left them out.
fn as_an_old_recorder_sees_it(scenario: &str, mut json: Value) -> Value {
    if scenario == "party_update_old_server" {
        let envelope = json.as_object_mut().expect("an envelope is an object");
        envelope.remove("party_update");
        if let Some(create) = envelope
            .get_mut("party_create")
            .and_then(Value::as_object_mut)
        {
            create.retain(|field, _| field != "label" && field != "hidden");
        }
    }
    json
}

#[test]
fn every_recorded_frame_survives_a_round_trip() {
    let mut frames = 0;
    let mut kinds = std::collections::BTreeSet::new();
    for generation in GENERATIONS {
        let layout = match generation {
            "nakama-3.27" => PartyLayout::Before3_28,
            _ => PartyLayout::Current,
        };
        for scenario in scenarios(generation) {
            for line in scenario.lines.iter().filter(|line| line.is_envelope()) {
                let at = format!("{generation}/{} seq {}", scenario.name, line.seq);
                let wire = line.wire.clone().expect("envelopes have bytes");

                let envelope = proto::decode(wire.clone()).unwrap_or_else(|e| panic!("{at}: {e}"));
                let json = serde_json::to_value(&envelope).expect("an envelope has proto JSON");
                let seen = as_an_old_recorder_sees_it(&scenario.name, json.clone());
                assert_eq!(seen, line.json, "{at}: decoded and recorded JSON differ");

                let kind = envelope.message.as_ref().map(Kind::of);
                let recorded = line.kind.as_deref().filter(|&kind| kind != UNKNOWN_MESSAGE);
                assert!(
                    kind.map(Kind::name) == recorded || seen != json,
                    "{at}: {kind:?} is not {recorded:?}"
                );
                kinds.extend(kind);

                let read_back: proto::Envelope =
                    serde_json::from_value(json).expect("proto JSON reads back");
                assert_eq!(read_back, envelope, "{at}: JSON does not read back");

                let again = proto::encode(&envelope, layout);
                if has_unknown_field(&scenario.name, line) {
                    assert!(
                        again.len() < wire.len(),
                        "{at}: the unknown field should be gone"
                    );
                } else if has_free_order(line) {
                    assert_eq!(again.len(), wire.len(), "{at}");
                    assert_eq!(
                        proto::decode(again).expect("our own bytes"),
                        envelope,
                        "{at}"
                    );
                } else {
                    assert_eq!(again, wire, "{at}: bytes differ");
                }
                frames += 1;
            }
        }
    }
    println!("{frames} frames, {} kinds", kinds.len());
    assert!(frames >= 2_800, "only {frames} frames were compared");
    assert_eq!(
        kinds.len(),
        Kind::ALL.len(),
        "kinds never seen: {:?}",
        missing(&kinds)
    );
}

fn missing(seen: &std::collections::BTreeSet<Kind>) -> Vec<Kind> {
    Kind::ALL
        .iter()
        .copied()
        .filter(|kind| !seen.contains(kind))
        .collect()
}

#[test]
fn the_old_layout_of_party_is_recognised_by_its_frame() {
    let recorded = |generation| {
        let all = scenarios(generation);
        let party = all
            .iter()
            .flat_map(|s| &s.lines)
            .find(|line| line.kind.as_deref() == Some("party"));
        party
            .expect("a party was recorded")
            .wire
            .clone()
            .expect("with bytes")
    };
    for (generation, other) in [
        ("nakama-3.27", PartyLayout::Current),
        ("nakama-3.40", PartyLayout::Before3_28),
    ] {
        let envelope = proto::decode(recorded(generation)).expect("a recorded frame");
        let translated = proto::encode(&envelope, other);
        assert_ne!(
            translated,
            recorded(generation),
            "the layouts differ on the wire"
        );
        assert_eq!(
            proto::decode(translated).expect("our own bytes"),
            envelope,
            "and mean the same"
        );
    }
}

#[test]
fn timestamps_are_written_as_the_server_writes_them() {
    let line = scenarios("nakama-3.40")
        .into_iter()
        .flat_map(|s| s.lines)
        .find(|line| line.kind.as_deref() == Some("channel_message"))
        .expect("a chat line was recorded");
    let Value::String(time) = &line.json["channel_message"]["create_time"] else {
        panic!("{:?}", line.json)
    };
    assert!(time.ends_with('Z') && time.len() > 20, "{time}");
}
