//! Tickets, friends and the inbox as the overlay shows them.

use super::*;

#[test]
fn a_ticket_shows_what_was_asked_for_and_how_long_it_waits() {
    let game = played("matchmaker", "alice", 7);
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("asks for a ticket");
    harness.get_by_label("a ticket, its id comes with the answer");

    let mut game = played("matchmaker", "alice", 8);
    game.advance(Duration::from_secs(65));
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label_contains("Not in a match.");
    harness.get_by_label("looks for others");
    harness.get_by_label("1 min 5 s");
    harness.get_by_label("2 players");
    harness.get_by_label("b4f741e1-2139-4681-8a33-5f9a43a7da6f");
    harness.get_by_label("+properties.region:europe +properties.rank:>=4");
    harness.get_by_label("mode: duel, region: europe, rank: 8, wins: -1.5");

    // The ticket is matched. Its token is not shown.
    let game = played("matchmaker", "alice", 12);
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label_contains("No ticket.");
    assert!(harness.query_by_label_contains("eyJ").is_none());
}

#[test]
fn a_property_of_a_ticket_may_be_a_secret() {
    let mut game = watched();
    game.commands(|c| {
        let request = AddMatchmaker::players(2, 8)
            .count_multiple(2)
            .string_property("invite_token", "let-me-in");
        c.nakama().add_matchmaker(request);
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.advance(Duration::from_millis(200));
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("2 to 8 players, a multiple of 2");
    harness.get_by_label("invite_token: (hidden)");
}

#[test]
fn a_ticket_of_a_party_shows_the_party() {
    let game = played("party_matchmaker", "bob", 23);
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("looks for others");
    harness.get_by_label("fcf56777-cce1-47f8-a974-2cc55d005def");
    harness.get_by_label("fb28daa4-2337-4372-9eb1-3832d940bd1f.nakama");
    harness.get_by_label("The party's leader knows what was asked for.");
}

#[test]
fn friends_show_where_they_are_and_what_they_do() {
    let game = played("status_two_sessions", "bob", 20);
    let harness = look(&game, OverlayTab::Friends);
    harness.get_by_label("1 followed, 1 online");
    harness.get_by_label("alice");
    harness.get_by_label("Copy alice's user id");
    harness.get_by_label("second device");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "online"), 2);
    assert_eq!(
        count(&seen, "shows nothing more"),
        2,
        "the local user's, and hers"
    );
    assert_eq!(count(&seen, "this one"), 1);
    let place = |text: &str| seen.iter().rposition(|seen| seen == text);
    assert!(
        place("bob") < place("you") && place("you") < place("alice"),
        "{seen:?}"
    );

    // One of her devices is gone.
    let game = played("status_two_sessions", "bob", 22);
    let harness = look(&game, OverlayTab::Friends);
    harness.get_by_label("1 followed, 1 online");
    assert!(harness.query_by_label("second device").is_none());
}

#[test]
fn a_friend_who_is_offline_is_shown_as_offline() {
    for (until, name, sentence) in [
        (7, "name not told yet", "1 followed, 0 online"),
        (15, "bob", "1 followed, 1 online"),
        (26, "bob", "1 followed, 0 online"),
    ] {
        let game = played("status", "alice", until);
        let harness = look(&game, OverlayTab::Friends);
        harness.get_by_label(name);
        harness.get_by_label(sentence);
        let is_online = until == 15;
        assert_eq!(harness.query_by_label("offline").is_none(), is_online);
        assert_eq!(harness.query_by_label("busy").is_some(), is_online);
    }
}

#[test]
fn the_inbox_shows_its_contents_on_a_click() {
    let game = played("notifications", "alice", 30);
    let mut harness = look(&game, OverlayTab::Inbox);
    let seen = texts(&harness);
    let place = |text: &str| seen.iter().position(|seen| seen == text).expect("is seen");
    assert!(
        place("bob removed you as a friend") < place("bob wants to add you as a friend")
            && place("bob wants to add you as a friend") < place("keep"),
        "the latest first: {seen:?}"
    );
    assert_eq!(count(&seen, "hi"), 0, "the server does not keep it");
    for code in ["FriendRemoved (-9)", "FriendRequest (-2)", "Custom(8)"] {
        harness.get_by_label(code);
    }
    harness.get_by_label("2026-11-22T15:48:40Z");
    assert_eq!(count(&seen, "5cb92e83"), 3, "all are from Bob");

    assert!(harness.query_by_label_contains("nested").is_none());
    harness.get_by_label("keep").click();
    harness.run();
    harness.get_by_label_contains("\"nested\": {");
    harness.get_by_label("Copy the content");
    harness.get_by_label("keep").click();
    harness.run();
    assert!(harness.query_by_label_contains("nested").is_none());
}

#[test]
fn an_inbox_that_is_changed_while_the_overlay_is_closed_is_shown_when_it_opens() {
    let mut game = with_overlay(NakamaOverlayPlugin::default());
    let content = r#"{"gift_token": "let-me-in", "gold": 3}"#;
    game.server_says(notification_sent("n1", 7, "a gift", content, true));
    game.update();
    game.advance(Duration::from_secs(1));
    assert_eq!(view(&game).inbox.size, 0, "the world was not looked at");

    game.app.world_mut().resource_mut::<NakamaOverlay>().open = true;
    game.update();
    let mut harness = look(&game, OverlayTab::Inbox);
    harness.get_by_label("from the server");
    harness.get_by_label("a gift").click();
    harness.run();
    harness.get_by_label_contains("\"gold\": 3");
    assert!(harness.query_by_label_contains("let-me-in").is_none());

    game.connection_ends();
    game.update();
    look(&game, OverlayTab::Inbox).get_by_label_contains("Nothing in the inbox.");
}
