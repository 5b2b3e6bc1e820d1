//! Notifications: live, in the inbox, fetched and deleted.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{
    game::Game,
    log::Log,
    transcripts::{Dir, GENERATIONS, exchanges, scenarios},
};
use bevy::prelude::*;
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, NotificationSend, RuntimeModule},
    notification::Timestamp,
    prelude::*,
    proto::{Message, PartyLayout, api, realtime},
    testing::*,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// How a game might show one.
fn line(notification: &Notification) -> String {
    let Notification {
        id,
        subject,
        code,
        json,
        ..
    } = notification;
    let sender = notification.sender.as_ref().map_or("-", UserId::as_str);
    let kept = if notification.persistent {
        "kept"
    } else {
        "passing"
    };
    format!("{id} {subject:?} {code:?} {json} from {sender}, {kept}")
}

/// What arrived since it was read last.
fn arrived(game: &mut TestGame) -> Vec<String> {
    let world = game.app.world_mut();
    let mut messages = world.resource_mut::<Messages<NotificationReceived>>();
    let received = messages.drain();
    received
        .map(|received| line(&received.notification))
        .collect()
}

/// The ids in the inbox, in order.
fn inbox(game: &TestGame) -> Vec<String> {
    let inbox = game.app.world().resource::<NotificationInbox>();
    let ids: Vec<_> = inbox.iter().map(|kept| kept.id.to_string()).collect();
    assert_eq!(inbox.len(), ids.len());
    assert_eq!(inbox.is_empty(), ids.is_empty());
    for id in &ids {
        assert_eq!(inbox.get(id).map(|kept| kept.id.as_str()), Some(&**id));
    }
    ids
}

fn at(second: i64) -> Timestamp {
    Timestamp {
        seconds: second,
        nanos: 0,
    }
}

/// One that the server keeps, as it is pushed.
fn kept(id: &str, second: i64) -> Message {
    let notification = api::Notification {
        id: id.into(),
        create_time: Some(at(second)),
        code: 1,
        persistent: true,
        ..Default::default()
    };
    Message::Notifications(realtime::Notifications {
        notifications: vec![notification],
    })
}

/// The same, as it is listed.
fn stored(id: &str, second: i64) -> Value {
    json!({ "id": id, "code": 1, "create_time": at(second).to_string(), "persistent": true })
}

fn push(game: &mut TestGame, message: Message) {
    game.server_says(message);
    game.update();
}

fn fetch(game: &mut TestGame, request: FetchNotifications) {
    game.commands(|commands| commands.nakama().notifications(request).id());
    game.update();
}

fn delete(game: &mut TestGame, ids: &[&str]) {
    let ids: Vec<NotificationId> = ids.iter().map(|id| (*id).into()).collect();
    game.commands(|commands| commands.nakama().delete_notifications(ids).id());
    game.update();
}

fn answer(game: &mut TestGame, body: Value) {
    game.answer_rest(200, &body);
    game.update();
}

fn page(entries: &[Value], cursor: &str) -> Value {
    json!({ "notifications": entries, "cacheable_cursor": cursor })
}

#[derive(Debug, Deserialize, PartialEq)]
struct Gift {
    gold: u32,
}

#[test]
fn what_the_server_tells_arrives_as_it_is() {
    let mut game = TestGame::connected();
    push(
        &mut game,
        notification("n1", 7, "treasure", r#"{"gold": 5}"#, false),
    );
    let world = game.app.world_mut();
    let mut messages = world.resource_mut::<Messages<NotificationReceived>>();
    let received: Vec<_> = messages.drain().collect();
    let [NotificationReceived { notification: it }] = received.as_slice() else {
        panic!("{received:?}");
    };
    assert_eq!(it.content::<Gift>().expect("a gift"), Gift { gold: 5 });
    assert_eq!(it.code, NotificationCode::Custom(7));
    assert_eq!(it.sender, None, "the nil UUID is nobody");
    assert_eq!(it.to_string(), "treasure");
    it.content::<Vec<u8>>().expect_err("no list");
    assert_eq!(inbox(&game), [""; 0], "the server does not keep it");
}

#[test]
fn an_inbox_that_is_made_smaller_keeps_the_newest_that_fit() {
    let mut game = TestGame::connected();
    let set_limit = |game: &mut TestGame, limit| {
        let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.inbox_notifications = limit;
    };
    for second in 1..=8 {
        push(&mut game, kept(&format!("n{second}"), second));
    }
    set_limit(&mut game, 3);
    push(&mut game, kept("n9", 9));
    assert_eq!(inbox(&game), ["n7", "n8", "n9"]);
    // One that is older than all of them has no room.
    push(&mut game, kept("n0", 0));
    assert_eq!(inbox(&game), ["n7", "n8", "n9"]);
    set_limit(&mut game, 0);
    push(&mut game, kept("n10", 10));
    assert_eq!(inbox(&game), [""; 0]);
}

#[test]
fn codes_are_told_from_each_other_and_none_is_lost() {
    for code in -20..20 {
        assert_eq!(NotificationCode::from(code).code(), code);
    }
    let known = [-1, -2, -3, -4, -5, -6, -7, -8, -9].map(NotificationCode::from);
    let known = known.map(|code| format!("{code:?}"));
    assert_eq!(
        known.join(" "),
        "DirectMessage FriendRequest FriendAccepted GroupAdded GroupJoinRequest FriendJoinedGame SingleSocket Banned \
         FriendRemoved"
    );
    assert_eq!(NotificationCode::from(0), NotificationCode::Unknown(0));
    assert_eq!(NotificationCode::from(-10), NotificationCode::Unknown(-10));
    assert_eq!(NotificationCode::from(11), NotificationCode::Custom(11));
}

#[test]
fn the_inbox_holds_what_is_kept_whichever_way_it_came() {
    let mut game = TestGame::connected();
    push(&mut game, kept("live", 30));
    assert_eq!(inbox(&game), ["live"]);
    assert_eq!(arrived(&mut game).len(), 1);
    fetch(&mut game, FetchNotifications::new(3));
    assert_eq!(
        game.rest_calls(),
        [("GET", "/v2/notification?limit=3".to_owned())]
    );
    push(&mut game, kept("newest", 40));
    let entries = [
        stored("first", 10),
        stored("second", 20),
        stored("live", 30),
    ];
    assert_eq!(arrived(&mut game).len(), 1);
    answer(&mut game, page(&entries, "c=1"));
    assert_eq!(inbox(&game), ["first", "second", "live", "newest"]);
    assert_eq!(arrived(&mut game), [""; 0], "what is fetched is no news");

    let cursor = game.app.world().resource::<NotificationInbox>().cursor();
    let cursor = cursor.to_owned();
    assert_eq!(cursor, "c=1");
    fetch(&mut game, FetchNotifications::new(3).since(cursor));
    let target = "/v2/notification?limit=3&cacheable_cursor=c%3D1";
    assert_eq!(game.rest_calls(), [("GET", target.to_owned())]);
    answer(&mut game, page(&[stored("newest", 40)], "c=2"));
    assert_eq!(inbox(&game), ["first", "second", "live", "newest"]);

    delete(&mut game, &["second", "live"]);
    let target = "/v2/notification?ids=second&ids=live";
    assert_eq!(game.rest_calls(), [("DELETE", target.to_owned())]);
    assert_eq!(inbox(&game).len(), 4, "not before the server has done it");
    answer(&mut game, json!({}));
    assert_eq!(inbox(&game), ["first", "newest"]);
}

#[test]
fn a_page_that_was_under_way_brings_nothing_back_that_was_deleted() {
    let mut game = TestGame::connected();
    push(&mut game, kept("a", 1));
    delete(&mut game, &["a"]);
    fetch(&mut game, FetchNotifications::new(100));
    answer(&mut game, json!({}));
    let again = [stored("a", 1), stored("b", 2), stored("b", 2)];
    answer(&mut game, page(&again, "c"));
    assert_eq!(inbox(&game), ["b"], "each once");
}

#[test]
fn the_inbox_is_bounded_and_the_oldest_go_first() {
    let mut game = TestGame::connected();
    let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
    settings.inbox_notifications = 3;
    for second in [5, 4, 9, 7] {
        push(&mut game, kept(&second.to_string(), second));
    }
    assert_eq!(inbox(&game), ["5", "7", "9"]);
    let entries = [stored("6", 6), stored("8", 8)];
    fetch(&mut game, FetchNotifications::new(2));
    answer(&mut game, page(&entries, "c"));
    assert_eq!(inbox(&game), ["7", "8", "9"]);
}

#[test]
fn the_end_of_the_connection_empties_the_inbox_and_a_new_one_the_messages() {
    let mut game = TestGame::connected();
    game.server_says(kept("a", 1));
    game.server_says(notification("b", -7, "single_socket", "{}", false));
    game.connection_breaks();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |gone: On<Disconnected>| seen.add(gone.reason.to_string()));
    game.update();
    assert_eq!(
        log.take(),
        ["replaced by a newer socket of the same account"]
    );
    assert_eq!(inbox(&game), [""; 0]);
    let world = game.app.world();
    let unread = world.resource::<Messages<NotificationReceived>>().len();
    assert_eq!(unread, 2, "the game may still want to know");
    game.connect();
    assert_eq!(arrived(&mut game), [""; 0]);
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!(inbox.cursor(), "");
}

#[test]
fn an_inbox_that_has_not_changed_does_not_say_so() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.app
        .add_systems(Update, move |inbox: Res<NotificationInbox>| {
            if inbox.is_changed() {
                seen.add(inbox.len().to_string());
            }
        });
    game.update();
    log.take();
    game.advance(Duration::from_millis(50));
    push(&mut game, notification("passing", 1, "s", "{}", false));
    assert_eq!(log.take(), [""; 0]);
    push(&mut game, kept("a", 1));
    game.update();
    assert_eq!(log.take(), ["1"]);
}

#[test]
fn what_cannot_be_is_an_error() {
    let mut game = TestGame::new();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<FetchNotifications>>| match &reply.result {
            Ok(page) => seen.add(format!(
                "{} {}",
                page.notifications.len(),
                page.cacheable_cursor
            )),
            Err(error) => seen.add(error.to_string()),
        },
    );
    let seen = log.clone();
    game.observe(move |reply: On<Replied<DeleteNotifications>>| {
        seen.add(format!("{:?}", reply.result));
    });
    let fetch_since = |game: &mut TestGame| {
        fetch(game, FetchNotifications::new(1).since("old"));
    };
    fetch_since(&mut game);
    game.update();
    assert_eq!(log.take(), ["not connected"]);
    game.connect();
    fetch_since(&mut game);
    answer(&mut game, json!([1]));
    assert_eq!(
        log.take(),
        ["the server answered with no list of notifications"]
    );
    fetch_since(&mut game);
    answer(&mut game, json!({}));
    assert_eq!(log.take(), ["0 old"], "a server without cursors");
    delete(&mut game, &[]);
    game.update();
    assert!(game.rest_calls().is_empty());
    assert_eq!(log.take(), ["Ok(())"], "nothing is easily deleted");
}

// ---- As recorded ---------------------------------------------------------------------------------------------------

#[test]
fn what_real_servers_push() {
    let mut codes = BTreeMap::new();
    let mut senders = 0;
    for generation in GENERATIONS {
        for scenario in scenarios(generation) {
            let mut game = TestGame::connected();
            for recorded in &scenario.lines {
                if recorded.dir != Dir::Recv || recorded.kind.as_deref() != Some("notifications") {
                    continue;
                }
                game.server_sends(recorded.wire.clone().expect("a frame"));
                game.update();
                let list = recorded.json["notifications"]["notifications"].as_array();
                let expected: Vec<_> = list
                    .expect("a list")
                    .iter()
                    .map(|it| {
                        let text = |name: &str| it[name].as_str().unwrap_or_default();
                        let code = it["code"].as_i64().unwrap_or_default();
                        let code = i32::try_from(code).map(NotificationCode::from);
                        let code = code.expect("an i32");
                        *codes.entry(code.code()).or_insert(0) += 1;
                        let sender = match text("sender_id") {
                            "" | "00000000-0000-0000-0000-000000000000" => "-",
                            sender => {
                                senders += 1;
                                sender
                            }
                        };
                        let kept = if it["persistent"] == true {
                            "kept"
                        } else {
                            "passing"
                        };
                        let (id, subject, json) = (text("id"), text("subject"), text("content"));
                        format!("{id} {subject:?} {code:?} {json} from {sender}, {kept}")
                    })
                    .collect();
                assert_eq!(
                    arrived(&mut game),
                    expected,
                    "{generation} {}",
                    scenario.name
                );
            }
        }
    }
    for code in [-1, -2, -3, -4, -5, -7, -9, 3, 7, 8, 9, 11, 12, 13] {
        assert!(codes.contains_key(&code), "{code} is not in {codes:?}");
    }
    assert!(senders > 0);
}

#[test]
fn what_real_servers_list_and_delete() {
    for generation in GENERATIONS {
        let mut seen = Vec::new();
        let mut game = TestGame::connected();
        let log = Log::default();
        let told = log.clone();
        game.observe(
            move |reply: On<Replied<FetchNotifications>>| match &reply.result {
                Ok(page) => {
                    let lines = page.notifications.iter();
                    let lines: Vec<_> =
                        lines.map(|it| format!("{it} {}", it.create_time)).collect();
                    told.add(format!(
                        "{} then {}",
                        lines.join(", "),
                        page.cacheable_cursor
                    ));
                }
                Err(RequestError::Refused(refusal)) => told.add(format!("{refusal:?}")),
                Err(error) => panic!("{error}"),
            },
        );
        let told = log.clone();
        game.observe(move |reply: On<Replied<DeleteNotifications>>| {
            told.add(format!("deleted: {:?}", reply.result));
        });
        for exchange in exchanges(generation, "rest") {
            let (request, response) = (&exchange["request"], &exchange["response"]);
            let name = exchange["name"].as_str().unwrap_or_default();
            if request["path"] != "/v2/notification" {
                continue;
            }
            let parameter = |name: &str| request["query"][name].as_str();
            if request["method"] == "DELETE" {
                delete(&mut game, &[parameter("ids").expect("an id")]);
            } else {
                let limit = parameter("limit").map_or(1, |limit| limit.parse().expect("a number"));
                let cursor = parameter("cacheable_cursor").unwrap_or_default();
                fetch(&mut game, FetchNotifications::new(limit).since(cursor));
            }
            let (method, target) = game.rest_calls().remove(0);
            assert_eq!(request["method"], method);
            let (_, query) = target.split_once('?').expect("a query");
            for (name, value) in request["query"].as_object().into_iter().flatten() {
                let value = value.as_str().expect("a text");
                let has_it = form_urlencoded::parse(query.as_bytes())
                    .any(|(it, its)| it == name.as_str() && its == value);
                assert!(has_it, "{name} is not in {query}");
            }
            let status = response["status"].as_u64().expect("a status");
            game.answer_rest(u16::try_from(status).expect("a status"), &response["body"]);
            game.update();
            let said = log.take().join("\n");
            let body = &response["body"];
            if status == 200 && method == "GET" {
                let entries = body["notifications"].as_array().cloned();
                let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
                let lines = entries.unwrap_or_default();
                let lines = lines
                    .iter()
                    .map(|it| format!("{} {}", text(&it["subject"]), text(&it["create_time"])));
                let lines: Vec<_> = lines.collect();
                let cursor = text(&body["cacheable_cursor"]);
                assert!(!cursor.is_empty(), "it is always there");
                assert_eq!(said, format!("{} then {cursor}", lines.join(", ")));
                seen.push(format!("{name}: {}", lines.len()));
            } else {
                let said = said.split('(').next().unwrap_or_default();
                seen.push(format!("{name}: {said}"));
            }
        }
        assert_eq!(
            seen,
            [
                "notifications: empty: 0",
                "notifications: first two: 2",
                "notifications: after the cursor: 1",
                "notifications: bad cursor: NotRetrieved",
                "notifications: limit 0: InvalidLimit",
                "notifications: delete one: deleted: Ok",
            ],
            "{generation}"
        );
        assert_eq!(inbox(&game).len(), 2, "of three, one was deleted");
    }
}

// ---- Over real sockets ---------------------------------------------------------------------------------------------

fn start(party_layout: PartyLayout) -> (LocalServer, NakamaServer) {
    let runtime = RuntimeModule::new().register_rpc("give", |context, payload| {
        let user = context.user_id.ok_or("no user")?;
        let gifts: Vec<i32> = serde_json::from_str(payload).map_err(|e| e.to_string())?;
        let gifts = gifts.into_iter().map(|gold| {
            NotificationSend::new(user, gold, format!("{gold} gold"))
                .with_content(json!({ "gold": gold }).to_string())
                .with_sender(user)
                .persistent()
        });
        context
            .runtime
            .notifications_send(gifts.collect::<Vec<_>>())?;
        Ok(String::new())
    });
    let local = LocalServer::start(LocalServerConfig {
        runtime,
        party_layout,
        ..Default::default()
    })
    .expect("a server");
    let server = NakamaServer::new(local.url(), local.server_key());
    (local, server)
}

fn gold(app: &App) -> Vec<u32> {
    let inbox = app.world().resource::<NotificationInbox>();
    let gold = inbox
        .iter()
        .map(|it| it.content::<Gift>().expect("a gift").gold);
    gold.collect()
}

#[test]
fn an_inbox_on_a_real_server() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let (_local, server) = start(layout);
        let mut game = Game::online(&server, Login::device("device-of-ada").username("ada"));
        game.ask::<Rpc>(|nakama| nakama.rpc(Rpc::new("give").json(&[3, 1, 2])).id())
            .expect("gifts");
        let live = Game::arrived::<NotificationReceived>(&mut game.app);
        let live: Vec<_> = live.iter().map(|it| it.notification.code.code()).collect();
        assert_eq!(live, [3, 1, 2], "in order, and before the answer");
        assert_eq!(gold(&game.app), [3, 1, 2]);

        // Somebody else of the same account comes later.
        let mut later = Game::online(&server, Login::device("device-of-ada"));
        assert_eq!(gold(&later.app), [0; 0], "nothing is sent again");
        let mut cursor = String::new();
        for expected in [2, 1, 0] {
            let request = FetchNotifications::new(2).since(&cursor);
            let page = later
                .ask::<FetchNotifications>(|nakama| nakama.notifications(request).id())
                .expect("a page");
            assert_eq!(page.notifications.len(), expected);
            cursor = page.cacheable_cursor;
            assert!(!cursor.is_empty());
        }
        assert_eq!(gold(&later.app), [3, 1, 2]);
        let inbox = later.app.world().resource::<NotificationInbox>();
        assert_eq!(inbox.cursor(), cursor);
        let sender = inbox.iter().next().and_then(|it| it.sender.clone());
        let me = later.app.world().resource::<NakamaConnection>().user();
        assert_eq!(sender.as_ref(), me.map(|(id, _)| id));
        let ids: Vec<_> = inbox.iter().take(2).map(|it| it.id.clone()).collect();
        later
            .ask::<DeleteNotifications>(|nakama| nakama.delete_notifications(&ids).id())
            .expect("they are hers");
        assert_eq!(gold(&later.app), [2]);
        let all = FetchNotifications::new(100);
        let left = later
            .ask::<FetchNotifications>(|nakama| nakama.notifications(all).id())
            .expect("a page");
        assert_eq!(left.notifications.len(), 1);
        let unknown = later.ask::<FetchNotifications>(|nakama| {
            let request = FetchNotifications::new(1).since("no cursor");
            nakama.notifications(request).id()
        });
        assert!(
            matches!(
                &unknown,
                Err(RequestError::Refused(NotificationRefusal::NotRetrieved(error))) if error.status == 500
            ),
            "{unknown:?}"
        );
    }
}
