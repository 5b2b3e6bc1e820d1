//! The list of envelopes.

use super::*;

/// The kinds in the list of envelopes, and the `cid` of each.
fn rows(harness: &Harness<(OverlayView, OverlayState)>) -> Vec<String> {
    let all = texts(harness);
    let head = all
        .iter()
        .position(|text| text == "kind")
        .unwrap_or(all.len());
    all[head..]
        .windows(3)
        .filter(|row| row[0] == "in" || row[0] == "out")
        .map(|row| row.join(" ").trim_end().to_owned())
        .collect()
}

#[test]
fn envelopes_are_listed_in_the_order_of_the_wire() {
    let game = played("match_relayed", "alice", 15);
    let harness = look(&game, OverlayTab::Envelopes);
    let cid = view(&game)
        .envelopes
        .iter()
        .find(|entry| entry.kind == Some(Kind::MatchCreate))
        .map(|entry| entry.cid.clone())
        .expect("the create is logged");
    let rows = rows(&harness);
    assert_eq!(
        rows,
        [
            "in status_presence_event".to_owned(),
            format!("out match_create {cid}"),
            format!("in match {cid}"),
            "in match_presence_event".to_owned(),
            "in match_presence_event".to_owned(),
        ]
    );
}

#[test]
fn envelopes_are_filtered_by_text_and_direction() {
    let game = played("party_closed", "alice", 26);
    let mut harness = look(&game, OverlayTab::Envelopes);
    let all = rows(&harness).len();
    assert!(all > 8, "{all}");

    harness.get_by_label("Filter").focus();
    harness.run();
    harness
        .get_by_role_and_label(egui::accesskit::Role::TextInput, "Filter")
        .type_text("party_join");
    harness.run();
    let found = rows(&harness);
    assert_eq!(
        found.len(),
        4,
        "two requests, a list and its answer: {found:?}"
    );
    assert!(found.iter().all(|row| row.contains("party_join_request")));

    harness.get_by_label("Out").click();
    harness.run();
    let found = rows(&harness);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("out party_join_request_list"),
        "{found:?}"
    );

    harness.state_mut().1.envelopes.filter = "zzz".into();
    harness.run();
    harness.get_by_label("No envelope matches the filter.");
    // This name is in the frame, and not in its kind.
    harness.state_mut().1.envelopes.filter = "carol".into();
    harness.get_by_label("In").click();
    harness.run();
    let found = rows(&harness);
    assert!(
        !found.is_empty() && found.len() < all && found.iter().all(|row| row.starts_with("in")),
        "{found:?}"
    );
}

#[test]
fn a_click_shows_an_envelope_in_full() {
    let game = played("match_relayed", "alice", 15);
    let mut harness = look(&game, OverlayTab::Envelopes);
    assert!(
        harness
            .query_by_label_contains("\"match_create\"")
            .is_none()
    );
    harness.get_by_label("match_create").click();
    harness.run();
    harness.get_by_label_contains("\"match_create\"");
    harness.get_by_label("Copy the JSON");

    harness.get_by_label("match").click();
    harness.run();
    harness.get_by_label_contains("f3183d6d-378b-4666-9d97-1d64fe306a77.");
    assert!(
        harness
            .query_by_label_contains("\"match_create\"")
            .is_none()
    );

    harness.get_by_label("Close").click();
    harness.run();
    assert!(harness.query_by_label("Copy the JSON").is_none());
}

#[test]
fn a_row_can_be_picked_while_the_list_moves() {
    let mut game = played("match_relayed", "alice", 15);
    let mut harness = look(&game, OverlayTab::Envelopes);
    let place = harness.get_by_label("match_create").rect().center();
    let button = |pressed| egui::Event::PointerButton {
        pos: place,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::default(),
    };
    harness.event(egui::Event::PointerMoved(place));
    harness.event(button(true));
    harness.step();
    for _ in 0..100 {
        game.server_says(match_presences("m1", &["dave"], &[]));
    }
    game.update();
    harness.state_mut().0 = view(&game).clone();
    harness.step();
    harness.event(button(false));
    harness.run();
    assert!(
        rows(&harness)
            .iter()
            .all(|row| !row.contains("match_create")),
        "it is out of sight"
    );
    harness.get_by_label_contains("\"match_create\"");
}

#[test]
fn the_list_is_cleared() {
    let mut game = played("match_relayed", "alice", 15);
    let mut harness = look(&game, OverlayTab::Envelopes);
    assert_eq!(rows(&harness).len(), 5);
    harness.get_by_label("Clear").click();
    harness.run();
    assert_eq!(rows(&harness).len(), 0);

    game.server_says(match_presences(
        "f3183d6d-378b-4666-9d97-1d64fe306a77.",
        &["dave"],
        &[],
    ));
    game.update();
    harness.state_mut().0 = view(&game).clone();
    harness.run();
    assert_eq!(rows(&harness).len(), 1, "what comes later is listed");
}

#[test]
fn while_paused_nothing_is_noted_or_reported() {
    let mut game = watched();
    game.join("m1", &["ada", "bob"]);
    let mut harness = look(&game, OverlayTab::Envelopes);
    harness.get_by_label("Pause").click();
    harness.run();
    assert!(harness.state().1.envelopes.paused);

    let noted = view(&game).envelopes.len();
    *game.app.world_mut().resource_mut::<OverlayState>() = harness.state().1.clone();
    game.advance(Duration::from_millis(100)); // earlier messages go
    game.server_says(match_presences("m1", &["carol"], &[]));
    game.update();
    assert_eq!(view(&game).envelopes.len(), noted);
    assert_eq!(reported(&game), 0, "the tap is closed");

    game.app
        .world_mut()
        .resource_mut::<OverlayState>()
        .envelopes
        .paused = false;
    game.update();
    game.server_says(match_presences("m1", &["dave"], &[]));
    game.update();
    assert_eq!(view(&game).envelopes.len(), noted + 1);
}

#[test]
fn secrets_are_not_shown() {
    let mut game = watched();
    game.server_says(Message::MatchmakerMatched(realtime::MatchmakerMatched {
        ticket: "a-ticket".into(),
        id: Some(realtime::matchmaker_matched::Id::Token("let-me-in".into())),
        ..Default::default()
    }));
    game.commands(|c| {
        c.nakama().join_match(JoinMatch::by_token("let-me-in"));
    });
    game.update();
    game.advance(Duration::from_millis(200));
    for kind in ["matchmaker_matched", "match_join"] {
        let mut harness = look(&game, OverlayTab::Envelopes);
        harness.get_by_label(kind).click();
        harness.run();
        harness.get_by_label_contains("(hidden)");
        let seen = texts(&harness);
        assert!(
            !seen.iter().any(|text| text.contains("let-me-in")),
            "{seen:?}"
        );
    }
}

#[test]
fn another_user_of_the_tap_keeps_it() {
    let mut game = watched();
    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    game.app.world_mut().resource_mut::<NakamaOverlay>().open = false;
    game.update();
    game.update();
    let noted = view(&game).envelopes.len();
    game.server_says(match_presences("m1", &["carol"], &[]));
    game.update();
    assert_eq!(reported(&game), 1);
    assert_eq!(view(&game).envelopes.len(), noted);
}

#[test]
fn a_direction_is_what_it_says() {
    let mut game = watched();
    game.join("m1", &["ada"]);
    game.advance(Duration::from_millis(100));
    for entry in view(&game).envelopes.iter() {
        let sent = matches!(
            entry.kind,
            Some(Kind::MatchJoin | Kind::Ping | Kind::MatchDataSend)
        );
        assert_eq!(
            entry.direction == EnvelopeDirection::Sent,
            sent,
            "{entry:?}"
        );
    }
    assert!(view(&game).envelopes.len() >= 2);
}
