//! Data that cannot leave at once waits as the game has chosen, and no longer.

use std::time::Duration;

use super::*;
use bevy::diagnostic::{DiagnosticPath, DiagnosticsPlugin, DiagnosticsStore};
use bevy_nakama::diagnostics::{self, NakamaDiagnosticsPlugin};

/// Where a unit is.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct At(u64, u32);

impl MatchPayload for At {
    const OP_CODE: i64 = 11;
    const POLICY: Option<SendPolicy> = Some(SendPolicy::Latest);
    type Codec = Postcard;
}

/// A shot that everybody has to see.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Shot(u32);

impl MatchPayload for Shot {
    const OP_CODE: i64 = 12;
    type Codec = Postcard;
}

impl PartyPayload for At {
    const OP_CODE: i64 = 11;
    const POLICY: Option<SendPolicy> = Some(SendPolicy::Latest);
    type Codec = Postcard;
}

/// A game in a match of three, and what it hears of data that was not sent.
fn numbered() -> (TestGame, Entity, Log) {
    let mut game = TestGame::connected_with((DiagnosticsPlugin, NakamaDiagnosticsPlugin));
    let here = game.join("m1", &["ada", "bob", "carol"]);
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| {
        seen.add(format!("{} failed: {}", failed.op_code, failed.reason));
    });
    (game, here, log)
}

/// A number, as it is after the last frame.
fn number(game: &mut TestGame, path: &DiagnosticPath) -> f64 {
    game.update_by(Duration::ZERO);
    let store = game.app.world().resource::<DiagnosticsStore>();
    store.get_measurement(path).expect("it is measured").value
}

/// Sends in each of so many frames, 50 ms apart.
fn send(game: &mut TestGame, frames: u32, mut data: impl FnMut(u32) -> OutgoingData) {
    for n in 0..frames {
        let here = game.match_entity("m1");
        let data = data(n);
        game.commands(|commands| commands.nakama().send_data(here, data));
        game.update_by(Duration::from_millis(50));
    }
}

fn positions(game: &mut TestGame) -> Vec<At> {
    let sent = sent_data(game).into_iter();
    let sent = sent.filter(|data| data.op_code == <At as MatchPayload>::OP_CODE);
    sent.map(|data| Postcard::decode(&data.data).expect("a position"))
        .collect()
}

#[test]
fn on_a_line_that_stands_still_only_the_newest_position_waits() {
    let (mut game, _, log) = numbered();
    game.server_goes_silent();
    send(&mut game, 100, |n| OutgoingData::typed(&At(1, n)));
    let left = positions(&mut game);
    assert!((20..60).contains(&left.len()), "{} left", left.len());
    assert_eq!(number(&mut game, &diagnostics::QUEUED), 1.0);
    assert_eq!(
        number(&mut game, &diagnostics::REPLACED),
        99.0 - left.len() as f64
    );
    game.server_speaks_again();
    game.update();
    assert_eq!(positions(&mut game), [At(1, 99)], "the newest");
    assert_eq!(log.take(), [""; 0], "what is replaced is only counted");
}

#[test]
fn the_newest_position_of_each_unit_waits_if_each_has_a_key() {
    let (mut game, here, _) = numbered();
    game.server_goes_silent();
    for n in 0..100 {
        for unit in [1, 2] {
            let data = OutgoingData::typed(&At(unit, n)).key(unit);
            game.commands(|commands| commands.nakama().send_data(here, data));
        }
        game.update_by(Duration::from_millis(50));
    }
    positions(&mut game);
    game.server_speaks_again();
    game.update();
    assert_eq!(positions(&mut game), [At(1, 99), At(2, 99)]);
}

#[test]
fn a_policy_at_the_call_counts_in_place_of_the_types() {
    let (mut game, _, log) = numbered();
    game.server_goes_silent();
    send(&mut game, 100, |n| {
        OutgoingData::typed(&At(1, n)).policy(SendPolicy::Drop)
    });
    game.update();
    let left = positions(&mut game).len();
    let told = log.take();
    assert_eq!(told.len(), 100 - left);
    assert!(
        told.iter()
            .all(|line| line == "11 failed: it could not be sent at once"),
        "{told:?}"
    );
    assert_eq!(
        number(&mut game, &diagnostics::REFUSED),
        (100 - left) as f64
    );
    game.server_speaks_again();
    game.update();
    assert_eq!(positions(&mut game), [], "it did not wait");
}

#[test]
fn what_everybody_has_to_hear_waits_in_order() {
    let (mut game, _, log) = numbered();
    game.server_goes_silent();
    send(&mut game, 100, |n| OutgoingData::typed(&Shot(n)));
    let mut shots = sent_data(&mut game);
    assert!(shots.len() < 60, "{} left", shots.len());
    assert!(number(&mut game, &diagnostics::QUEUED_BYTES) > 0.0);
    game.server_speaks_again();
    game.advance(Duration::from_secs(2));
    shots.extend(sent_data(&mut game));
    let shots: Vec<Shot> = shots
        .iter()
        .map(|data| Postcard::decode(&data.data).expect("a shot"))
        .collect();
    assert_eq!(shots, Vec::from_iter((0..100).map(Shot)));
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(number(&mut game, &diagnostics::QUEUED), 0.0);
    assert!(number(&mut game, &diagnostics::HELD_BACK) >= 40.0);
}

#[test]
fn a_queue_of_the_games_own_has_its_bounds() {
    let few = SendPolicy::Queue {
        max_messages: 3,
        max_bytes: usize::MAX,
        max_age: Duration::from_secs(1),
    };
    let (mut game, here, log) = numbered();
    game.server_goes_silent();
    send(&mut game, 100, |n| OutgoingData::typed(&Shot(n)));
    log.take();
    game.commands(|commands| {
        for n in 0..5 {
            let data = OutgoingData::raw(13, vec![n]).policy(few);
            commands.nakama().send_data(here, data);
        }
    });
    game.update();
    game.update();
    let full = "13 failed: 3 messages are waiting to be sent";
    assert_eq!(log.take(), [full, full]);
    game.advance(Duration::from_secs(1));
    let late = "13 failed: it could not be sent within 1.0 s";
    assert_eq!(log.take(), [late, late, late]);
}

#[test]
fn party_data_follow_the_policy_of_their_type() {
    for layout in [
        bevy_nakama::proto::PartyLayout::Current,
        bevy_nakama::proto::PartyLayout::Before3_28,
    ] {
        let mut game = TestGame::new();
        game.server_writes(layout);
        game.connect();
        let party = crate::common::steps::create_party(
            &mut game,
            CreateParty::open(4),
            party_joined("p", "ada", &["ada", "bob", "carol"]),
        );
        let log = Log::default();
        let seen = log.clone();
        game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
        game.server_goes_silent();
        // The server answers nothing, so the first 24 are under way.
        for n in 0..60 {
            game.commands(|commands| commands.nakama().send_to_party(party, &At(1, n)));
            game.update_by(Duration::from_millis(50));
        }
        let left = game.sent();
        assert!((10..50).contains(&left.len()), "{} left", left.len());
        for asked in &left {
            game.acknowledge(asked);
        }
        game.advance(Duration::from_millis(100));
        let newest: Vec<At> = game
            .sent()
            .iter()
            .map(|envelope| match &envelope.message {
                Some(Message::PartyDataSend(data)) => Postcard::decode(&data.data).expect("it"),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(newest, [At(1, 59)]);
        assert_eq!(log.take(), [""; 0]);
    }
}

#[test]
fn nobody_chooses_who_of_a_party_hears_something() {
    let mut game = TestGame::connected();
    let party = crate::common::steps::create_party(
        &mut game,
        CreateParty::open(4),
        party_joined("p", "ada", &["ada", "bob"]),
    );
    let index = game.app.world().resource::<PresenceIndex>();
    let bob = index.of_user(party, "user-bob")[0];
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    game.commands(|commands| {
        let whisper = OutgoingData::raw(7, "psst").to([bob]);
        commands.nakama().send_data_to_party(party, whisper);
        let aloud = OutgoingData::for_party(&At(1, 2));
        commands.nakama().send_data_to_party(party, aloud);
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["in a party, the receivers cannot be chosen"]);
    let sent = game.expect_sent(bevy_nakama::proto::Kind::PartyDataSend);
    let Some(Message::PartyDataSend(data)) = sent.message else {
        panic!("{sent:?}");
    };
    assert_eq!(data.op_code, 11);
}
