//! What the server refuses has a name and keeps its text. What cannot be asked for is refused at once.

use std::collections::BTreeSet;

use super::*;
use crate::common::{
    steps::variant,
    transcripts::{self, GENERATIONS},
};

#[test]
fn what_is_not_there_is_refused_at_once() {
    both_layouts(|mut game, log| {
        let nothing = game.commands(|c| c.spawn_empty().id());
        game.commands(|c| {
            c.nakama().leave_party(nothing);
            c.nakama().kick_from_party(nothing);
            c.nakama().accept_party_join(nothing);
            c.nakama().send_party_data(nothing, 1, "x");
        });
        game.update();
        game.update();
        let noticed = log.take();
        assert_eq!(noticed.len(), 4, "{noticed:?}");
        for line in &noticed {
            assert!(line.contains(": "), "each says why: {noticed:?}");
        }
        assert!(game.sent().is_empty());
    });
}

/// The variant of a refusal, and its text.
fn refused_with(code: i32, text: &str) -> String {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<CreateParty>>| {
        if let Err(RequestError::Refused(refusal)) = &reply.result {
            seen.add(format!("{}: {refusal}", variant(refusal)));
        }
    });
    game.commands(|commands| {
        commands.nakama().create_party(CreateParty::open(2));
    });
    game.update();
    let asked = game.expect_sent(bevy_nakama::proto::Kind::PartyCreate);
    game.refuse(&asked, code, text);
    game.update();
    log.take().concat()
}

#[test]
fn every_recorded_refusal_has_a_name_and_keeps_its_text() {
    let names = [
        (": party not found", "NotFound"),
        (": party leader only", "NotLeader"),
        (": party full", "Full"),
        (": party join requests full", "RequestsFull"),
        (": party join request duplicate", "AlreadyAsked"),
        (": party join request not found", "RequestNotFound"),
        (": party could not accept request", "AskerGone"),
        (": party member not found", "MemberNotFound"),
        (": party cannot remove self", "CannotRemoveSelf"),
        (": party label too long", "InvalidLabel"),
        ("invalid operation", "InvalidLabel"),
        ("(expecting 'u')", "InvalidLabel"),
        ("map[string]interface {}", "InvalidLabel"),
        ("Invalid party ID", "InvalidInput"),
        ("Invalid party max size, must be 1-256", "InvalidInput"),
        ("Invalid presence", "InvalidInput"),
    ];
    let mut recorded = BTreeSet::new();
    for scenario in GENERATIONS
        .into_iter()
        .flat_map(transcripts::scenarios)
        .filter(|scenario| scenario.name.starts_with("party_"))
    {
        for (kind, line) in scenario.refusals() {
            let of_parties = kind.starts_with("party_") && !kind.starts_with("party_matchmaker");
            if of_parties && line.json["error"]["code"] == 3 {
                let text = line.json["error"]["message"].as_str().expect("a text");
                recorded.insert(text.to_owned());
            }
        }
    }
    for text in &recorded {
        let (_, expected) = names
            .iter()
            .find(|(ending, _)| text.ends_with(ending))
            .unwrap_or_else(|| panic!("{text} has no name"));
        assert_eq!(
            refused_with(3, text),
            format!("{expected}: {text} (bad input)")
        );
    }
    for (ending, _) in names {
        assert!(
            recorded.iter().any(|text| text.ends_with(ending)),
            "{ending} was not recorded"
        );
    }
}
