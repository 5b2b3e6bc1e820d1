//! A party has tickets that all its members share.

use super::*;
use crate::common::steps::{ask_to_join_party, sent_json};
use serde_json::json;

#[test]
fn a_leader_adds_the_party_and_removes_its_ticket() {
    for layout in LAYOUTS {
        let (mut game, log, party) = in_party(layout, &["ada", "bob"]);
        let (entity, asked) = add_party(&mut game, party);
        let json = sent_json(&asked);
        assert_eq!(
            json["party_matchmaker_add"],
            json!({
                "party_id": "p1", "min_count": 4, "max_count": 4, "query": "*",
                "string_properties": {"mode": "team"},
            })
        );
        game.answer(&asked, party_matchmaker_ticket("p1", "t1"));
        game.update();
        assert_eq!(log.take(), ["+t1", "AddPartyToMatchmaker"]);
        assert_eq!(tickets_of(&game, party), [entity]);

        game.commands(|c| c.nakama().remove_matchmaker_ticket(entity).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyMatchmakerRemove);
        assert_eq!(asked.message, party_removal("t1"));
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["-t1", "RemoveMatchmakerTicket"]);
        assert_eq!(tickets_of(&game, party), []);
    }
}

#[test]
fn a_member_has_the_ticket_too_and_is_matched_with_it() {
    for layout in LAYOUTS {
        let (mut game, log, party) = in_party(layout, &["bob", "ada"]);
        for _ in ["pushed", "and pushed again"] {
            game.server_says(party_matchmaker_ticket("p1", "t1"));
        }
        game.update();
        assert_eq!(log.take(), ["+t1"]);
        let [ticket] = tickets_of(&game, party)[..] else {
            panic!("one ticket")
        };
        let world = game.app.world();
        let shown = world.get::<MatchmakerTicket>(ticket).expect("a ticket");
        assert_eq!(shown.request, None, "the server does not tell");

        let of_party = Some(("p1", &["ada", "bob"][..]));
        let people = ["ada", "bob", "carol", "dave"];
        let parties = Log::default();
        let seen = parties.clone();
        game.observe(move |matched: On<MatchmakerMatched>| {
            for user in &matched.users {
                seen.add(format!("{:?}", user.party_id.as_ref().map(PartyId::as_str)));
            }
            let me = matched.me().expect("the local user");
            assert_eq!(me.presence.username, "ada");
        });
        game.server_says(matchmaker_matched("t1", token(), &people, of_party));
        game.update();
        let matched = "t1 matched ada (self), bob, carol, dave";
        assert_eq!(log.take(), [matched, "-t1"]);
        let party = r#"Some("p1")"#;
        assert_eq!(parties.take(), [party, party, "None", "None"]);
    }
}

#[test]
fn a_ticket_before_the_party_waits_for_it() {
    let (mut game, log) = watched(TestGame::connected());
    let (entity, asked) = ask_to_join_party(&mut game, "p1");
    game.acknowledge(&asked);
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.server_says(party_matchmaker_ticket("p2", "t2"));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.server_says(party_joined("p1", "ada", &["bob", "ada"]));
    game.update();
    assert_eq!(log.take(), ["+t1"], "there is no other party");
    assert_eq!(tickets_of(&game, entity).len(), 1);
}

#[test]
fn a_member_may_hear_of_the_match_before_the_ticket() {
    let (mut game, log, _) = in_party(PartyLayout::Current, &["bob", "ada"]);
    let of_party = Some(("p1", &["ada", "bob"][..]));
    let (_, asked) = add(&mut game);
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], of_party));
    game.server_says(party_matchmaker_ticket("p1", "t1"));
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], of_party));
    game.answer(&asked, matchmaker_ticket("t2"));
    game.update();
    let expected = [
        "+t1",
        "t1 matched ada (self), bob",
        "+t2",
        "AddMatchmaker",
        "-t1",
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn a_leader_hears_of_the_match_after_the_answer() {
    let (mut game, log, party) = in_party(PartyLayout::Current, &["ada", "bob"]);
    let of_party = Some(("p1", &["ada", "bob"][..]));
    let (_, asked) = add_party(&mut game, party);
    game.server_says(matchmaker_matched("t1", token(), &["ada", "bob"], of_party));
    game.update();
    assert_eq!(log.take(), [""; 0]);
    game.answer(&asked, party_matchmaker_ticket("p1", "t1"));
    game.update();
    let expected = [
        "+t1",
        "AddPartyToMatchmaker",
        "t1 matched ada (self), bob",
        "-t1",
    ];
    assert_eq!(log.take(), expected);
}

const LAYOUTS: [PartyLayout; 2] = [PartyLayout::Current, PartyLayout::Before3_28];
