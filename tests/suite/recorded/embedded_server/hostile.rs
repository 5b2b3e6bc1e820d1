//! Nothing that a client sends makes the server panic.

use std::{sync::LazyLock, time::Duration};

use super::replay::{Format, Replay};
use crate::common::transcripts::{self, Dir, Line, Scenario};
use bevy_nakama::__testing::{Incoming, SessionId, Transmit};
use proptest::prelude::*;

/// The recordings, read once.
static PROTOBUF: LazyLock<Vec<Scenario>> = LazyLock::new(|| transcripts::scenarios("nakama-3.40"));
static JSON: LazyLock<Vec<Scenario>> = LazyLock::new(transcripts::json_scenarios);

fn scenarios(format: Format) -> &'static [Scenario] {
    match format {
        Format::Protobuf => &PROTOBUF,
        Format::Json => &JSON,
    }
}

/// A server with the users of a scenario, whose first socket is open.
fn server(format: Format) -> (Replay, SessionId) {
    let mut replay = Replay::new(&scenarios(format)[0], format);
    replay.world.advance(Duration::from_secs(1));
    let session = open(&mut replay, format);
    (replay, session)
}

fn open(replay: &mut Replay, format: Format) -> SessionId {
    let is_opening = |line: &&Line| line.kind.as_deref() == Some("ws_open");
    let opening = scenarios(format)[0].lines.iter().find(is_opening);
    replay.open(opening.expect("a socket is opened"))
}

/// The frames that clients have sent in all recordings of one format.
fn sent(format: Format) -> Vec<Vec<u8>> {
    let lines = scenarios(format)
        .iter()
        .flat_map(|scenario| &scenario.lines);
    lines
        .filter(|line| line.dir == Dir::Send)
        .filter_map(|line| line.wire.as_ref().map(|wire| wire.to_vec()))
        .collect()
}

/// A recorded frame with some of its bytes changed, and cut off somewhere.
fn damaged(format: Format) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let cut = prop::option::weighted(0.2, any::<prop::sample::Index>());
    (prop::sample::select(sent(format)), changes, cut).prop_map(|(mut frame, changes, cut)| {
        if !frame.is_empty() {
            for (place, byte) in changes {
                let place = place.index(frame.len());
                frame[place] = byte;
            }
            if let Some(cut) = cut {
                frame.truncate(cut.index(frame.len()));
            }
        }
        frame
    })
}

fn survives(format: Format, frames: Vec<Vec<u8>>) {
    let (mut replay, mut session) = server(format);
    for frame in frames {
        let incoming = match format {
            Format::Protobuf => Incoming::Binary(frame.into()),
            Format::Json => Incoming::Text(frame.into()),
        };
        replay.world.receive(session, incoming);
        let seen = replay.world.take(session);
        let is_over = |it: &Transmit| matches!(it, Transmit::Close(_) | Transmit::Drop);
        if seen.iter().any(is_over) {
            session = open(&mut replay, format); // it has been closed, as it should
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn damaged_protobuf(frames in prop::collection::vec(damaged(Format::Protobuf), 1..20)) {
        survives(Format::Protobuf, frames);
    }

    #[test]
    fn damaged_json(frames in prop::collection::vec(damaged(Format::Json), 1..20)) {
        survives(Format::Json, frames);
    }

    #[test]
    fn strange_rest_calls(
        path in "/(v2/)?(account|channel|group|user|match|party|rpc/lab_echo|notification|session/logout)?(/[^ ?#]{0,40})?",
        query in "[a-z_]{0,16}=[ -~]{0,30}",
        body in "\\PC{0,60}",
    ) {
        let (mut replay, _) = server(Format::Json);
        let name = JSON[0].clients().next().expect("a client");
        let (token, _) = replay.tokens(name);
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let query: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
            for parameter in ["cursor", "cacheable_cursor", "limit", "ids", "user_ids", "name", "query", "label", "http_key"] {
                let target = format!("{path}?{parameter}={query}");
                let request = http::Request::builder()
                    .method(method)
                    .uri(target)
                    .header("Authorization", format!("Bearer {token}"))
                    .body(body.clone().into());
                if let Ok(request) = request {
                    let response = replay.world.server.request(replay.world.now, &request);
                    prop_assert!(response.status() != 500 || !response.body().is_empty());
                }
            }
        }
    }
}
