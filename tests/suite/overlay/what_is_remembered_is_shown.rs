//! What the plugin remembers for a loss of the connection, and what waits after it, as the overlay shows it.

use bevy_nakama::connection::NakamaConnection;

use super::*;

/// Loses the connection, and opens a socket again.
fn lose(game: &mut TestGame) {
    game.connection_breaks();
    game.update();
    for _ in 0..3000 {
        game.update();
        if game.opens_a_socket() {
            game.server_accepts();
            return game.update();
        }
    }
    panic!("{:?}", game.app.world().resource::<NakamaConnection>());
}

fn later(game: &mut TestGame) {
    game.advance(Duration::from_millis(200));
}

/// This user in a later session.
fn again(name: &str) -> bevy_nakama::proto::UserPresence {
    bevy_nakama::proto::UserPresence {
        session_id: format!("session-{name}-2"),
        ..user_presence(name)
    }
}

#[test]
fn how_a_match_and_a_room_were_entered_and_the_last_line_that_was_seen() {
    let mut game = watched();
    game.join("m1", &["ada", "bob"]);
    game.join_room("hall", &["ada", "bob"]);
    later(&mut game);
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("its id");
    harness.get_by_label("by its id");
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("for all to see, what is written is stored");
    harness.get_by_label("by its id");
    assert!(harness.query_by_label("last line seen").is_none());
    let (said, json) = (ChatMessageKind::Chat, r#"{"text":"hi"}"#);
    let at = Duration::from_secs(1_800_000_000);
    game.server_says(chat_message("hall", "bob", said, "line-1", json, at));
    later(&mut game);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("last line seen");
    harness.get_by_label_contains("line-1, of ");
}

#[test]
fn the_status_that_is_shown_again_and_the_names_that_are_followed() {
    let mut game = watched();
    game.commands(|c| {
        c.nakama().set_status(Some("in the lobby"));
        c.nakama()
            .follow(FollowUsers::ids(["user-bob"]).usernames(["eve", "dave"]));
    });
    game.update();
    for asked in game.sent() {
        match asked.message {
            Some(Message::StatusUpdate(_)) => game.acknowledge(&asked),
            Some(Message::StatusFollow(_)) => game.answer(&asked, followed(&[("bob", "")])),
            _ => {}
        }
    }
    later(&mut game);
    let harness = look(&game, OverlayTab::Friends);
    harness.get_by_label("shown again");
    harness.get_by_label("in the lobby");
    harness.get_by_label("dave, eve");
}

#[test]
fn old_sessions_and_a_ticket_that_waits_for_the_ghost() {
    let mut game = watched();
    game.join("m1", &["ada", "bob"]);
    game.commands(|c| {
        c.nakama().add_matchmaker(AddMatchmaker::players(2, 2));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    later(&mut game);
    let harness = look(&game, OverlayTab::Connection);
    assert!(harness.query_by_label("Old sessions").is_none());
    lose(&mut game);
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(
        &asked,
        Message::Match(realtime::Match {
            match_id: "m1".into(),
            presences: vec![user_presence("ada"), user_presence("bob")],
            self_: Some(again("ada")),
            ..Default::default()
        }),
    );
    later(&mut game);
    let harness = look(&game, OverlayTab::Connection);
    harness.get_by_label("Old sessions");
    harness.get_by_label("session-ada");
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("own ghosts");
    harness.get_by_label("on hold");
    harness.get_by_label_contains("the server may still have the old session: 24 s at most");
    game.advance(Duration::from_secs(25));
    let harness = look(&game, OverlayTab::Matches);
    assert!(harness.query_by_label("on hold").is_none());
}

#[test]
fn a_party_that_is_asked_for_again_and_its_ticket_that_waits_for_that() {
    let mut game = watched();
    game.commands(|c| c.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    let Message::Party(mut joined) = party_joined("p", "ada", &["bob", "ada"]) else {
        panic!("no party");
    };
    joined.open = false;
    game.server_says(Message::Party(joined));
    game.server_says(party_matchmaker_ticket("p", "t1"));
    later(&mut game);
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("joined");
    harness.get_by_label("by its id");
    lose(&mut game);
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_secs(2));
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("pending again");
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("on hold");
    harness.get_by_label("the local user is not back in the party");
}
