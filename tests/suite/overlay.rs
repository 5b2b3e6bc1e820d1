//! The overlay: what a developer sees of recorded sessions, and what it costs while it is closed.

use std::{collections::HashMap, time::Duration};

use crate::{
    common::transcripts::{Dir, Scenario, scenarios},
    replay::to_request,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bevy::{
    input::ButtonInput,
    prelude::*,
    render::{
        RenderPlugin,
        settings::{RenderCreation, WgpuSettings},
    },
    state::app::StatesPlugin,
    winit::WinitPlugin,
};
use bevy_nakama::{
    overlay::{
        ContextState, EnvelopeDirection, OverlayState, OverlayTab, OverlayView,
        bevy_egui::EguiContexts, bevy_egui::egui, panels,
    },
    prelude::*,
    proto::{Envelope, Kind, Message, realtime},
    testing::*,
};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable as _},
};

/// A connected game with the overlay open.
fn watched() -> TestGame {
    with_overlay(NakamaOverlayPlugin::default().opened())
}

fn with_overlay(plugin: NakamaOverlayPlugin) -> TestGame {
    let mut game = TestGame::with_plugins(NakamaSettings::default(), plugin);
    game.connect();
    game
}

/// The same, as the user of a recorded client.
fn watched_as(name: &str, client: &str) -> TestGame {
    let who = &scenario(name).clients[client];
    let claims =
        serde_json::json!({ "uid": who["user_id"], "usn": who["username"], "exp": u32::MAX });
    let claims = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let session = NakamaSession::restore(&format!("e30.{claims}.x"), None);
    let session = session.expect("our own token");
    let plugin = NakamaOverlayPlugin::default().opened();
    let mut game = TestGame::with_plugins(NakamaSettings::default(), plugin);
    game.commands(|commands| {
        let options = ConnectOptions::default();
        commands.nakama().connect(&server(), &session, options);
    });
    game.update();
    game.server_accepts();
    game.update();
    game
}

fn scenario(name: &str) -> Scenario {
    scenarios("nakama-3.40")
        .into_iter()
        .find(|scenario| scenario.name == name)
        .expect("a recording of that name")
}

/// Plays the part of one client in a recording: the game asks what was asked, and the server says what it said.
fn replay(game: &mut TestGame, name: &str, client: &str, until: u64) {
    let mut asked = HashMap::new();
    let scenario = scenario(name);
    let lines = scenario
        .lines
        .iter()
        .filter(|line| line.client == client && line.seq <= until && line.is_envelope());
    for line in lines {
        let frame = line.wire.clone().expect("an envelope has a frame");
        let Envelope { cid, message } =
            bevy_nakama::proto::decode(frame.clone()).expect("a recorded envelope");
        match line.dir {
            Dir::Send => {
                let Some(message) = message.filter(|_| !cid.is_empty()) else {
                    continue;
                };
                let kind = Kind::of(&message);
                ask(game, message);
                game.update();
                asked.insert(cid, game.expect_sent(kind));
            }
            Dir::Recv => {
                match (asked.get(&cid), message) {
                    (None, _) => game.server_sends(frame),
                    (Some(asked), Some(message)) => game.answer(asked, message),
                    (Some(asked), None) => game.acknowledge(asked),
                }
                game.update();
            }
            Dir::Rest => {}
        }
    }
    game.advance(Duration::from_millis(200));
}

/// Asks as a game would, so that the mirror follows.
fn ask(game: &mut TestGame, message: Message) {
    game.commands(|commands| {
        let nakama = commands.nakama();
        match message {
            Message::MatchCreate(_) => nakama.create_match(CreateMatch::new()),
            Message::MatchJoin(realtime::MatchJoin {
                id: Some(realtime::match_join::Id::MatchId(id)),
                ..
            }) => nakama.join_match(JoinMatch::by_id(id)),
            Message::PartyCreate(party) => {
                let size = party.max_size.unsigned_abs();
                nakama.create_party(if party.open {
                    CreateParty::open(size)
                } else {
                    CreateParty::closed(size)
                })
            }
            Message::PartyJoin(party) => nakama.join_party(party.party_id),
            Message::MatchmakerAdd(add) => nakama.add_matchmaker(to_request(add)),
            Message::StatusFollow(follow) => {
                nakama.follow(FollowUsers::ids(follow.user_ids).usernames(follow.usernames))
            }
            Message::Rpc(rpc) => nakama.rpc(Rpc::new(rpc.id).payload(rpc.payload)),
            Message::ChannelJoin(channel) => nakama.join_chat(JoinChat::room(channel.target)),
            other => nakama.raw(other),
        };
    });
}

fn view(game: &TestGame) -> &OverlayView {
    game.app.world().resource::<OverlayView>()
}

/// The overlay's panels as somebody sees them who has opened a tab.
fn look(game: &TestGame, tab: OverlayTab) -> Harness<'static, (OverlayView, OverlayState)> {
    let mut state = OverlayState::default();
    state.tab = tab;
    let mut harness = Harness::builder().with_size([640.0, 480.0]).build_ui_state(
        |ui, (view, state): &mut (OverlayView, OverlayState)| panels::overlay_ui(ui, view, state),
        (view(game).clone(), state),
    );
    harness.run();
    harness
}

/// Every text that can be seen, from the top.
fn texts<S>(harness: &Harness<S>) -> Vec<String> {
    let nodes = harness.root().children_recursive();
    nodes
        .flat_map(|node| {
            let node = node.accesskit_node();
            [node.label(), node.value()]
        })
        .flatten()
        .map(|text| text.trim().to_owned())
        .collect()
}

fn count(texts: &[String], text: &str) -> usize {
    texts.iter().filter(|seen| *seen == text).count()
}

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
fn a_match_shows_who_is_in_it() {
    let mut game = watched();
    replay(&mut game, "match_relayed", "alice", 20);
    let harness = look(&game, OverlayTab::Matches);

    harness.get_by_label("f3183d6d-378b-4666-9d97-1d64fe306a77.");
    harness.get_by_label("joined");
    harness.get_by_label("3 people");
    harness.get_by_label("relayed");
    harness.get_by_label("you");
    for name in ["alice", "bob", "carol"] {
        harness.get_by_label(name);
        harness.get_by_label(&format!("Copy {name}'s user id"));
    }
    let seen = texts(&harness);
    let place = |text: &str| seen.iter().position(|seen| seen == text);
    assert!(
        place("alice") < place("you") && place("you") < place("bob"),
        "{seen:?}"
    );
}

#[test]
fn an_id_is_copied() {
    let mut game = watched();
    replay(&mut game, "match_relayed", "alice", 20);
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
    let mut game = watched();
    replay(&mut game, "party_open", "bob", 24);
    let harness = look(&game, OverlayTab::Parties);

    harness.get_by_label("open, up to 3");
    harness.get_by_label("3 people");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "leader"), 1);
    assert_eq!(count(&seen, "you"), 1);
    let place = |text: &str| seen.iter().position(|seen| seen == text).expect("is seen");
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
    let mut game = watched();
    replay(&mut game, "party_closed", "alice", 21);
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("closed, up to 4");
    harness.get_by_label("1 person");
    harness.get_by_label("2 ask to join");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "asks to join"), 2, "{seen:?}");

    // Bob is let in.
    let mut game = watched();
    replay(&mut game, "party_closed", "alice", 26);
    let harness = look(&game, OverlayTab::Parties);
    harness.get_by_label("2 people");
    harness.get_by_label("1 ask to join");
}

#[test]
fn a_room_shows_its_members() {
    let mut game = watched();
    replay(&mut game, "chat_room", "alice", 22);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("room lobby-74d778, 1 lines kept");
    harness.get_by_label("2 people");
    harness.get_by_label("alice");
    harness.get_by_label("bob");
    assert_eq!(count(&texts(&harness), "you"), 1);

    // The line is removed, and Bob leaves.
    let mut game = watched();
    replay(&mut game, "chat_room", "alice", 33);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("room lobby-74d778, 0 lines kept");
    let mut game = watched();
    replay(&mut game, "chat_room", "alice", 44);
    let harness = look(&game, OverlayTab::Channels);
    harness.get_by_label("1 person");
}

#[test]
fn a_ticket_shows_what_was_asked_for_and_how_long_it_waits() {
    let mut game = watched_as("matchmaker", "alice");
    replay(&mut game, "matchmaker", "alice", 7);
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("asks for a ticket");
    harness.get_by_label("a ticket, its id comes with the answer");

    let mut game = watched_as("matchmaker", "alice");
    replay(&mut game, "matchmaker", "alice", 8);
    game.advance(Duration::from_secs(65));
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label_contains("Not in a match.");
    harness.get_by_label("looks for others");
    harness.get_by_label("1 min 5 s");
    harness.get_by_label("2 players");
    harness.get_by_label("b4f741e1-2139-4681-8a33-5f9a43a7da6f");
    harness.get_by_label("+properties.region:europe +properties.rank:>=4");
    harness.get_by_label("mode: duel, region: europe, rank: 8, wins: -1.5");

    // It is matched: the token is nowhere.
    let mut game = watched_as("matchmaker", "alice");
    replay(&mut game, "matchmaker", "alice", 12);
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
    let mut game = watched_as("party_matchmaker", "bob");
    replay(&mut game, "party_matchmaker", "bob", 23);
    let harness = look(&game, OverlayTab::Matches);
    harness.get_by_label("looks for others");
    harness.get_by_label("fcf56777-cce1-47f8-a974-2cc55d005def");
    harness.get_by_label("fb28daa4-2337-4372-9eb1-3832d940bd1f.nakama");
    harness.get_by_label("The party's leader knows what was asked for.");
}

#[test]
fn friends_show_where_they_are_and_what_they_do() {
    let mut game = watched_as("status_two_sessions", "bob");
    replay(&mut game, "status_two_sessions", "bob", 20);
    let harness = look(&game, OverlayTab::Friends);
    harness.get_by_label("1 followed, 1 online");
    harness.get_by_label("alice");
    harness.get_by_label("Copy alice's user id");
    harness.get_by_label("second device");
    let seen = texts(&harness);
    assert_eq!(count(&seen, "online"), 2);
    assert_eq!(count(&seen, "shows nothing more"), 2, "one's own, and hers");
    assert_eq!(count(&seen, "this one"), 1);
    let place = |text: &str| seen.iter().rposition(|seen| seen == text);
    assert!(
        place("bob") < place("you") && place("you") < place("alice"),
        "{seen:?}"
    );

    // One of her devices is gone.
    let mut game = watched_as("status_two_sessions", "bob");
    replay(&mut game, "status_two_sessions", "bob", 22);
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
        let mut game = watched_as("status", "alice");
        replay(&mut game, "status", "alice", until);
        let harness = look(&game, OverlayTab::Friends);
        harness.get_by_label(name);
        harness.get_by_label(sentence);
        let is_online = until == 15;
        assert_eq!(harness.query_by_label("offline").is_none(), is_online);
        assert_eq!(harness.query_by_label("busy").is_some(), is_online);
    }
}

#[test]
fn a_stream_shows_who_is_known_to_be_in_it() {
    let mut game = watched_as("streams", "alice");
    replay(&mut game, "streams", "alice", 13);
    let harness = look(&game, OverlayTab::Streams);
    harness.get_by_label("heard of");
    harness.get_by_label("mode 130");
    harness.get_by_label("lab");
    harness.get_by_label("2 people");
    harness.get_by_label("bob");
    harness.get_by_label("you");
    assert!(harness.query_by_label("subject").is_none(), "it has none");

    let mut game = watched_as("streams", "alice");
    replay(&mut game, "streams", "alice", 39);
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
fn the_inbox_shows_its_contents_on_a_click() {
    let mut game = watched_as("notifications", "alice");
    replay(&mut game, "notifications", "alice", 30);
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
    game.server_says(notification("n1", 7, "a gift", content, true));
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

    game.connection_breaks();
    game.update();
    look(&game, OverlayTab::Inbox).get_by_label_contains("Nothing in the inbox.");
}

/// The overlay in its own window.
fn in_window(view: OverlayView, tab: OverlayTab) -> Harness<'static, (OverlayView, OverlayState)> {
    let mut state = OverlayState::default();
    state.tab = tab;
    let mut harness = Harness::builder().with_size([900.0, 600.0]).build_ui_state(
        |ui, (view, state): &mut (OverlayView, OverlayState)| {
            panels::overlay_window(ui.ctx(), &mut true, view, state);
        },
        (view, state),
    );
    harness.run();
    harness
}

#[test]
fn tabs_are_one_row_and_nothing_makes_the_window_wider() {
    let mut game = watched_as("notifications", "alice");
    let long = "a subject as long as a chapter ".repeat(20);
    game.server_says(notification("n1", 7, &long, "{}", true));
    let stream = Stream {
        mode: 130,
        label: long.clone(),
        ..default()
    };
    game.server_says(stream_presences(&stream, &[&long], &[]));
    game.commands(|c| {
        c.nakama()
            .follow(FollowUsers::ids([format!("user-{long}")]));
        c.nakama()
            .add_matchmaker(AddMatchmaker::players(2, 8).query(&long));
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[(&long, &long)]));
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.advance(Duration::from_millis(200));
    for tab in [
        OverlayTab::Connection,
        OverlayTab::Matches,
        OverlayTab::Friends,
        OverlayTab::Streams,
        OverlayTab::Inbox,
    ] {
        let harness = in_window(view(&game).clone(), tab);
        let window = harness.get_by_role(egui::accesskit::Role::Window).rect();
        let [first, .., last] = [
            "Connection",
            "Matches",
            "Parties",
            "Channels",
            "Friends",
            "Streams",
            "Inbox",
            "Envelopes",
            "Requests",
        ]
        .map(|name| {
            harness
                .get_by_role_and_label(egui::accesskit::Role::Button, name)
                .rect()
        });
        assert!(window.width() <= 490.0, "{tab:?} {window}");
        assert!(window.contains_rect(first) && window.contains_rect(last));
        assert_eq!(first.top(), last.top());
    }
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
            "Nothing in the inbox. `commands.nakama().notifications",
        ),
        (OverlayTab::Envelopes, "Nothing has passed"),
        (OverlayTab::Requests, "Every request has been answered."),
    ] {
        look(&game, tab).get_by_label_contains(sentence);
    }
}

#[test]
fn the_connection_shows_whose_it_is_and_how_it_is() {
    let mut game = watched();
    game.join("m1", &["ada", "bob"]);
    game.advance(Duration::from_secs(7));
    let harness = look(&game, OverlayTab::Connection);
    let seen = texts(&harness);
    assert_eq!(
        count(&seen, "Connected"),
        2,
        "in the summary and in the panel"
    );
    harness.get_by_label("http://test.invalid:7350");
    harness.get_by_label("user-ada");
    harness.get_by_label("session-ada");
    assert!(
        !seen.iter().any(|text| text.contains("defaultkey")),
        "the key is not shown"
    );
    let connection = &view(&game).connection;
    assert!(connection.traffic.received >= 2, "the answer and a pong");
    assert!(connection.traffic.sent >= 2);
    let history = &connection.history;
    assert!((13..=14).contains(&history.len()), "{}", history.len());
    assert!(history.iter().any(|sample| sample.received > 0.0));
    assert!(history.iter().any(|sample| sample.received == 0.0));
    assert!(history.iter().any(|sample| sample.round_trip.is_some()));

    game.connection_breaks();
    game.advance(Duration::from_millis(200));
    let harness = look(&game, OverlayTab::Connection);
    let seen = texts(&harness);
    assert_eq!(count(&seen, "Disconnected"), 2);
    let reason = view(&game).connection.last_reason.clone();
    harness.get_by_label(&reason.expect("the connection has ended"));
    harness.get_by_label("the connection was lost: the server hung up");
}

#[test]
fn envelopes_are_listed_in_the_order_of_the_wire() {
    let mut game = watched();
    replay(&mut game, "match_relayed", "alice", 15);
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
    let mut game = watched();
    replay(&mut game, "party_closed", "alice", 26);
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
    harness.get_by_label("None of them matches the filter.");
    // A name occurs in the frame, not in its kind.
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
    let mut game = watched();
    replay(&mut game, "match_relayed", "alice", 15);
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
    let plugin = NakamaOverlayPlugin::default().opened();
    let mut game = TestGame::with_plugins(patient(), plugin);
    game.connect();
    replay(&mut game, "match_relayed", "alice", 15);
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
    let mut game = watched();
    replay(&mut game, "match_relayed", "alice", 15);
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
fn failures_are_listed_also_those_from_before_it_was_opened() {
    let mut game = with_overlay(NakamaOverlayPlugin::default());
    game.commands(|c| {
        c.nakama().join_match(JoinMatch::by_id("m1"));
    });
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    let here = game.join("m2", &["ada"]);
    game.commands(|c| {
        for _ in 0..3 {
            c.nakama()
                .send_data(here, OutgoingData::raw(7, vec![0; 8000]));
        }
        c.nakama().join_match(JoinMatch::by_id("m3"));
    });
    game.update();
    game.update();

    game.app.world_mut().resource_mut::<NakamaOverlay>().open = true;
    game.advance(Duration::from_millis(1200));
    let mut harness = look(&game, OverlayTab::Connection);
    harness.get_by_label("Requests").click();
    harness.run();
    assert_eq!(
        count(&texts(&harness), "JoinMatch"),
        2,
        "one failed, one waits"
    );
    harness.get_by_label("Match not found (match not found)");
    harness.get_by_label("op code 7 to match m2");
    harness.get_by_label("3 times");
    harness.get_by_label_contains("above the server's limit of 4096");

    harness.get_by_label("Clear").click();
    harness.run();
    assert!(harness.query_by_label_contains("Match not found").is_none());
    harness.get_by_label("Nothing.");
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

/// Envelopes that are reported raw at this moment.
fn reported(game: &TestGame) -> usize {
    let world = game.app.world();
    world.resource::<Messages<EnvelopeReceived>>().len()
        + world.resource::<Messages<EnvelopeSent>>().len()
}

/// What a thousand messages allocate once all buffers have their size.
fn cost_of_traffic(game: &mut TestGame) -> u64 {
    let mut arrive = || {
        for _ in 0..1000 {
            game.server_says(match_data("m1", Some("bob"), 1, vec![0; 8]));
        }
        allocation_counter::measure(|| game.update()).count_total
    };
    for _ in 0..3 {
        arrive();
    }
    arrive()
}

/// All that has arrived is read in one frame, however busy the machine is.
fn patient() -> NakamaSettings {
    let mut settings = NakamaSettings::default();
    settings.receive_budget = Duration::from_secs(60);
    settings
}

#[test]
fn closed_it_adds_nothing_to_the_path_of_a_message() {
    let mut without = TestGame::with_settings(patient());
    let mut with = TestGame::with_plugins(patient(), NakamaOverlayPlugin::default());
    for game in [&mut without, &mut with] {
        game.connect();
        game.join("m1", &["ada", "bob"]);
    }
    let floor = cost_of_traffic(&mut without);
    let closed = cost_of_traffic(&mut with);
    assert!(closed <= floor, "{closed} allocations, {floor} without it");
    assert_eq!(reported(&with), 0);
    assert!(view(&with).envelopes.is_empty());
    assert!(
        view(&with).matches.is_empty(),
        "the world was not looked at"
    );

    with.app.world_mut().resource_mut::<NakamaOverlay>().open = true;
    with.update();
    let open = cost_of_traffic(&mut with);
    assert!(
        open > floor,
        "{open} and {floor}: envelopes are reported now"
    );
    assert!(reported(&with) >= 1000);
    assert_eq!(view(&with).envelopes.len(), 500, "the last ones are kept");
    assert_eq!(view(&with).matches.len(), 1);

    with.app.world_mut().resource_mut::<NakamaOverlay>().open = false;
    with.update();
    let closed = cost_of_traffic(&mut with);
    assert!(closed <= floor, "{closed} allocations, {floor} without it");
    assert_eq!(reported(&with), 0);
}

#[test]
fn an_idle_frame_of_a_closed_overlay_allocates_nothing() {
    let mut without = TestGame::joined("m1", &["ada", "bob"]);
    let mut with = with_overlay(NakamaOverlayPlugin::default());
    with.join("m1", &["ada", "bob"]);
    for _ in 0..10 {
        without.update();
        with.update();
    }
    let floor = allocation_counter::measure(|| without.update()).count_total;
    let closed = allocation_counter::measure(|| with.update()).count_total;
    assert!(closed <= floor, "{closed} allocations, {floor} without it");
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

/// Presses a key for one frame.
fn press(app: &mut App, key: KeyCode) {
    app.world_mut()
        .resource_mut::<ButtonInput<KeyCode>>()
        .press(key);
    app.update();
    let mut keys = app.world_mut().resource_mut::<ButtonInput<KeyCode>>();
    keys.release(key);
    keys.clear();
}

fn is_open(app: &App) -> bool {
    app.world().resource::<NakamaOverlay>().open
}

#[test]
fn a_key_opens_and_closes_it_without_a_window() {
    for (plugin, key) in [
        (NakamaOverlayPlugin::default(), Some(KeyCode::F1)),
        (
            NakamaOverlayPlugin::default().with_toggle_key(KeyCode::F9),
            Some(KeyCode::F9),
        ),
        (NakamaOverlayPlugin::default().with_toggle_key(None), None),
    ] {
        let mut app = App::new();
        app.add_plugins((
            MinimalPlugins,
            StatesPlugin,
            NakamaPlugin::default(),
            plugin,
        ));
        app.finish();
        app.cleanup();
        app.update();
        app.init_resource::<ButtonInput<KeyCode>>();
        assert!(!is_open(&app));
        for other in [KeyCode::F1, KeyCode::F9] {
            press(&mut app, other);
            assert_eq!(is_open(&app), key == Some(other), "{other:?}");
            if is_open(&app) {
                app.update(); // the key is still down, or up again: it stays open
                assert!(is_open(&app));
                press(&mut app, other);
                assert!(!is_open(&app));
            }
        }
    }
}

/// A game with everything but a screen and a graphics card.
fn windowed() -> App {
    let mut app = App::new();
    app.add_plugins((
        DefaultPlugins
            .build()
            .disable::<WinitPlugin>()
            .disable::<bevy::log::LogPlugin>()
            .set(RenderPlugin {
                render_creation: RenderCreation::Automatic(Box::new(WgpuSettings {
                    backends: None,
                    ..default()
                })),
                ..default()
            }),
        NakamaPlugin::default(),
        NakamaOverlayPlugin::default(),
    ))
    .add_systems(Startup, |mut commands: Commands| {
        commands.spawn(Camera2d);
    });
    app.finish();
    app.cleanup();
    app
}

/// Whether its window was drawn in the last frame.
fn is_drawn(app: &mut App) -> bool {
    let context = app
        .world_mut()
        .run_system_cached(|mut contexts: EguiContexts| contexts.ctx_mut().cloned().ok())
        .expect("the system runs");
    let context = context.expect("there is a camera, so there is a context");
    let id = egui::Id::new("bevy_nakama overlay");
    context.memory(|memory| {
        memory
            .areas()
            .visible_last_frame(&egui::LayerId::new(egui::Order::Middle, id))
    })
}

#[test]
fn its_window_is_drawn_while_it_is_open() {
    let mut app = windowed();
    for _ in 0..3 {
        app.update();
    }
    assert!(!is_drawn(&mut app));
    for tab in [
        OverlayTab::Connection,
        OverlayTab::Matches,
        OverlayTab::Parties,
        OverlayTab::Channels,
        OverlayTab::Friends,
        OverlayTab::Streams,
        OverlayTab::Inbox,
        OverlayTab::Envelopes,
        OverlayTab::Requests,
    ] {
        app.world_mut().resource_mut::<NakamaOverlay>().open = true;
        app.world_mut().resource_mut::<OverlayState>().tab = tab;
        for _ in 0..3 {
            app.update();
        }
        assert!(is_drawn(&mut app), "{tab:?}");
    }
    app.world_mut().resource_mut::<NakamaOverlay>().window = false;
    for _ in 0..3 {
        app.update();
    }
    assert!(!is_drawn(&mut app), "the view without the window");
    app.world_mut().resource_mut::<NakamaOverlay>().open = false;
    for _ in 0..3 {
        app.update();
    }
    assert!(!is_drawn(&mut app));
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
