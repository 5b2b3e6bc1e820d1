//! A created party is led by the local user, and the answer comes before what the server pushes.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn a_created_party_is_led_by_the_local_user() {
    both_layouts(|mut game, log| {
        let answer = changed(party_joined("p1", "ada", &["ada"]), |party| {
            party.max_size = 4;
        });
        let entity = create_party(&mut game, CreateParty::open(4), answer);

        assert_eq!(log.take(), ["+ada Present (self)", "ada leads", "created"]);
        assert_eq!(seen(&game, "p1"), "open 4: ada(me)*");
        assert_eq!(party_entity(&game, "p1"), entity);
        assert!(game.app.world().get::<Joining>(entity).is_none());
        assert_eq!(
            game.app.world().get::<Name>(entity).map(Name::as_str),
            Some("party p1")
        );
    });
}

#[test]
fn what_is_asked_for_is_sent_as_it_is() {
    let (mut game, _) = watched(TestGame::connected());
    let request = CreateParty::closed(3).label(r#"{"a":1}"#).hidden(true);
    game.commands(|c| {
        c.nakama().create_party(request);
    });
    game.update();
    assert_eq!(
        game.expect_sent(Kind::PartyCreate).message,
        Some(Message::PartyCreate(realtime::PartyCreate {
            open: false,
            max_size: 3,
            label: r#"{"a":1}"#.into(),
            hidden: true,
        }))
    );
}

#[test]
fn the_push_after_a_creation_does_not_take_the_label_away() {
    // Nakama 3.35 and newer send the party a second time, without its label and whether it is hidden.
    let (mut game, log) = watched(TestGame::connected());
    let label = r#"{"mode":"duel"}"#;
    let answer = changed(party_joined("p1", "ada", &["ada"]), |party| {
        party.label = label.into();
        party.hidden = true;
    });
    let entity = create_party(&mut game, CreateParty::open(8).label(label), answer);
    log.take();

    game.server_says(party_joined("p1", "ada", &["ada"]));
    game.server_says(party_presences("p1", &["ada"], &[]));
    game.update();

    assert_eq!(log.take(), [""; 0], "nothing that the game did not know");
    let party = game.app.world().get::<Party>(entity).expect("a party");
    assert_eq!(party.label.as_deref(), Some(label));
    assert_eq!(party.hidden, Some(true));
}

#[test]
fn pushes_may_come_before_the_answer_to_a_creation() {
    both_layouts(|mut game, log| {
        let entity = game.commands(|c| c.nakama().create_party(CreateParty::open(8)).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyCreate);
        game.server_says(party_joined("p1", "ada", &["ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();
        assert_eq!(log.take(), [""; 0], "nothing before the answer");

        game.answer(&asked, party_joined("p1", "ada", &["ada"]));
        game.update();

        assert_eq!(log.take(), ["+ada Present (self)", "ada leads", "created"]);
        assert_eq!(party_entity(&game, "p1"), entity);
    });
}
