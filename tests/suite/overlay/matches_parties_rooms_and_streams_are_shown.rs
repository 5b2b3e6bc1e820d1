//! Matches, parties, channels and streams as the overlay shows them.

use bevy_nakama::{healing::AdoptReconnecting, proto::UserPresence};

use super::*;

#[test]
fn a_match_shows_who_is_in_it() {
    let game = played("match_relayed", "alice", 20);
    let harness = look(&game, OverlayTab::Matches);

    harness.get_by_label("f3183d6d-378b-4666-9d97-1d64fe306a77.");
    harness.get_by_label("joined");
    harness.get_by_label("3 people");
    harness.get_by_label("relayed");
    harness.get_by_label("you");
    let seen = texts(&harness);
    for (name, times) in [("alice", 2), ("bob", 1), ("carol", 1)] {
        assert_eq!(
            count(&seen, name),
            times,
            "the head of the window names alice"
        );
        harness.get_by_label(&format!("Copy {name}'s user id"));
    }
    let place = |text: &str| seen.iter().rposition(|seen| seen == text);
    assert!(
        place("alice") < place("you") && place("you") < place("bob"),
        "{seen:?}"
    );
}

#[test]
fn an_id_is_copied() {
    let game = played("match_relayed", "alice", 20);
    let mut harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("Copy the match's id").click();
    let mut copied = Vec::new();
    for _ in 0..10 {
        harness.step();
        let commands = harness.output().platform_output.commands.iter();
        copied.extend(commands.filter_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        }));
    }
    assert_eq!(copied, ["f3183d6d-378b-4666-9d97-1d64fe306a77."]);
}

#[test]
fn a_party_shows_its_leader() {
    let game = played("party_open", "bob", 24);
    let harness = look(&game, OverlayTab::Parties);

    harness.get_by_label("open, up to 3");
    harness.get_by_label("3 people");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "leader"), 1);
    assert_eq!(count(&seen, "you"), 1);
    let place = |text: &str| seen.iter().rposition(|seen| seen == text).expect("is seen");
    assert!(
        place("alice") < place("leader") && place("leader") < place("bob"),
        "{seen:?}"
    );
    assert!(
        place("bob") < place("you") && place("you") < place("carol"),
        "{seen:?}"
    );
}

#[test]
fn a_leader_sees_who_asks_to_join() {
    let game = played("party_closed", "alice", 21);
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("closed, up to 4");
    harness.get_by_label("1 person");
    harness.get_by_label("2 ask to join");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "asks to join"), 2, "{seen:?}");

    // Bob is accepted.
    let game = played("party_closed", "alice", 26);
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("2 people");
    harness.get_by_label("1 ask to join");
}

#[test]
fn a_room_shows_its_members() {
    let game = played("chat_room", "alice", 22);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("room lobby-74d778, 1 lines kept");
    harness.get_by_label("2 people");
    harness.get_by_label("bob");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "alice"), 2, "in the head of the window, too");
    assert_eq!(count(&seen, "you"), 1);

    // The line is removed, and Bob leaves.
    let game = played("chat_room", "alice", 33);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("room lobby-74d778, 0 lines kept");
    let game = played("chat_room", "alice", 44);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("1 person");
}

#[test]
fn a_stream_shows_who_is_known_to_be_in_it() {
    let game = played("streams", "alice", 13);
    let harness = look(&game, OverlayTab::Streams);
    harness.get_by_label("heard of");
    harness.get_by_label("mode 130");
    harness.get_by_label("lab");
    harness.get_by_label("2 people");
    harness.get_by_label("bob");
    harness.get_by_label("you");
    assert!(harness.query_by_label("subject").is_none(), "it has none");

    let game = played("streams", "alice", 39);
    let harness = look(&game, OverlayTab::Streams);
    harness.get_by_label("mode 200");
    harness.get_by_label("subject");
    harness.get_by_label("decad488-b762-467e-97e7-eef63d7b2f95");
    harness.get_by_label("subcontext");
    harness.get_by_label("5cb92e83-6899-4998-8880-dba0f7845514");
    harness.get_by_label("full");
    assert_eq!(count(&texts(&harness), "1 person"), 2, "Bob is hidden");
}

#[test]
fn a_join_that_waits_for_the_leader_says_so() {
    let mut game = watched();
    game.commands(|c| c.nakama().join_party("p1").id());
    game.update();
    game.advance(Duration::from_millis(200));
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("joining");
    harness.get_by_label("a party, its id comes with the answer");
    harness.get_by_label("Requests").click();

    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_millis(200));
    assert_eq!(view(&game).parties[0].state, ContextState::Joining);
    game.advance(Duration::from_secs(2));
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("waits for the leader");
    harness.get_by_label("p1");
}

#[test]
fn nothing_to_show_is_a_sentence() {
    let game = TestGame::with_plugins(
        NakamaSettings::default(),
        NakamaOverlayPlugin::default().opened(),
    );
    for (tab, sentence) in [
        (OverlayTab::Connection, "not connected yet"),
        (OverlayTab::Matches, "Not in a match."),
        (
            OverlayTab::Matches,
            "No ticket. `commands.nakama().add_matchmaker",
        ),
        (OverlayTab::Parties, "Not in a party."),
        (OverlayTab::Channels, "Not in a channel."),
        (
            OverlayTab::Friends,
            "Nobody is followed. `commands.nakama().follow",
        ),
        (
            OverlayTab::Streams,
            "Not in a stream. `commands.nakama().rpc",
        ),
        (
            OverlayTab::Inbox,
            "Nothing in the inbox. `commands.nakama().fetch_notifications",
        ),
        (OverlayTab::Envelopes, "Nothing has passed"),
        (OverlayTab::Requests, "Every request has been answered."),
    ] {
        look(&game, tab).get_by_label_contains(sentence);
    }
}

#[test]
fn a_crowd_is_cut_short() {
    let mut game = watched();
    let names: Vec<_> = (0..300).map(|n| format!("player-{n:03}")).collect();
    let names: Vec<_> = ["zoe"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    game.join("m1", &names);
    game.advance(Duration::from_millis(200));
    let crowd = &view(&game).matches[0];
    assert_eq!(crowd.size, 301);
    let shown: Vec<_> = crowd
        .people
        .iter()
        .map(|person| person.username.as_str())
        .collect();
    assert_eq!(shown.len(), 200);
    assert_eq!(shown[..3], ["zoe", "player-000", "player-001"]);
    assert_eq!(shown[199], "player-198");
    look(&game, OverlayTab::Matches);
}

/// A member who is back, and whose old session the server still has.
#[test]
fn ghosts_and_those_who_are_back_are_shown() {
    let again = |name: &str| UserPresence {
        session_id: format!("session-{name}-2"),
        ..user_presence(name)
    };
    let joins = |names: &[&str]| {
        Message::MatchPresenceEvent(realtime::MatchPresenceEvent {
            match_id: "m".into(),
            joins: names.iter().map(|name| again(name)).collect(),
            leaves: Vec::new(),
        })
    };
    let mut game = watched();
    let here = game.join("m", &["ada", "bob", "cat"]);
    game.server_says(joins(&["bob"]));
    game.update();
    game.app
        .world_mut()
        .entity_mut(here)
        .insert(AdoptReconnecting);
    game.server_says(joins(&["cat"]));
    game.advance(Duration::from_millis(200));
    let harness = look(&game, OverlayTab::Matches);
    let seen = texts(&harness);
    assert_eq!(count(&seen, "ghost?"), 1, "{seen:?}");
    assert_eq!(count(&seen, "adopted"), 1, "{seen:?}");
    harness.get_by_label("hidden ghosts");
    let place = |text: &str| seen.iter().rposition(|seen| seen == text);
    assert!(
        place("ghost?") < place("cat") && place("cat") < place("adopted"),
        "{seen:?}"
    );
    let marks = |game: &TestGame| -> Vec<_> {
        let people = view(game).matches[0].people.iter();
        people
            .map(|it| (it.session_id.to_string(), it.may_be_ghost, it.is_adopted))
            .collect()
    };
    let none = |session: &str| (session.to_owned(), false, false);
    assert_eq!(
        marks(&game),
        [
            none("session-ada"),
            ("session-bob".into(), true, false),
            none("session-bob-2"),
            ("session-cat-2".into(), false, true),
        ]
    );
    // The ghosts go.
    game.server_says(match_presences("m", &[], &["bob", "cat"]));
    game.advance(Duration::from_millis(200));
    assert!(
        look(&game, OverlayTab::Matches)
            .query_by_label("hidden ghosts")
            .is_none()
    );
    assert_eq!(
        marks(&game),
        ["session-ada", "session-bob-2", "session-cat-2"].map(none)
    );
}

#[test]
fn ghosts_of_followed_users_are_shown() {
    let online = |session: &str| {
        Message::StatusPresenceEvent(realtime::StatusPresenceEvent {
            joins: vec![UserPresence {
                session_id: session.into(),
                status: Some("here".into()),
                ..user_presence("bob")
            }],
            leaves: Vec::new(),
        })
    };
    let mut game = watched();
    game.commands(|commands| {
        commands.nakama().follow(FollowUsers::ids(["user-bob"]));
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("bob", "here")]));
    game.server_says(online("session-bob-2"));
    game.advance(Duration::from_millis(200));
    let seen = texts(&look(&game, OverlayTab::Friends));
    assert_eq!(count(&seen, "ghost?"), 1, "{seen:?}");
    let bob = view(&game).friends.users[0].entity;
    game.server_says(status_presences(&[], &["bob"]));
    game.update();
    game.app
        .world_mut()
        .entity_mut(bob)
        .insert(AdoptReconnecting);
    game.server_says(online("session-bob-3"));
    game.advance(Duration::from_millis(200));
    let harness = look(&game, OverlayTab::Friends);
    harness.get_by_label("hidden ghosts");
    assert_eq!(count(&texts(&harness), "ghost?"), 0);
}

#[test]
fn what_the_local_user_is_not_in_again_yet_is_stale() {
    let mut game = watched();
    game.join("m", &["ada", "bob"]);
    game.connection_breaks();
    game.advance(Duration::from_millis(200));
    assert_eq!(view(&game).matches[0].state, ContextState::Stale);
    let seen = texts(&look(&game, OverlayTab::Matches));
    assert_eq!(
        count(&seen, "stale"),
        3,
        "the match and both in it: {seen:?}"
    );
    assert_eq!(count(&seen, "joined"), 0, "{seen:?}");
}
