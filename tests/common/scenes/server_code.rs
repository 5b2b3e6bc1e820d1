//! Code of the game on the server: functions, streams, notifications, matches. The embedded server has it from
//! `tests/common/server_code.rs`, real ones from `tests/nakama/modules`.

use std::time::Instant;

use bevy::prelude::*;
use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Game, fresh, player};
use bevy_nakama::stream::Stream;

/// Calls a function, and expects that it returns something.
fn call(game: &mut Game, rpc: Rpc) -> String {
    let what = format!("{rpc:?}");
    let reply = game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id());
    reply
        .unwrap_or_else(|error| panic!("{what}: {error}"))
        .payload
}

fn refusal(game: &mut Game, rpc: Rpc) -> RpcRefusal {
    match game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id()) {
        Err(RequestError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Echo {
    text: String,
}

impl RpcFunction for Echo {
    const ID: &'static str = "echo";
    type Reply = Self;
}

/// Functions: over the socket, over REST and with the key; typed; and what goes wrong.
pub(crate) fn functions(server: &NakamaServer, http_key: &str) {
    let mut ada = player(server, "ada");
    let text = r#"{ "a" :1}"#;
    for rpc in [Rpc::new("Echo"), Rpc::new("echo").over_rest()] {
        assert_eq!(call(&mut ada, rpc.clone().payload(text)), text);
        assert_eq!(call(&mut ada, rpc), "", "no payload");
    }
    let typed = Rpc::of(&Echo { text: "hi".into() });
    assert_eq!(call(&mut ada, typed), r#"{"text":"hi"}"#);
    let me = ada.app.world().resource::<NakamaConnection>();
    let me = me.user().expect("connected").0.to_string();
    assert_eq!(call(&mut ada, Rpc::new("whoami")), me);

    for rpc in [Rpc::new("fail"), Rpc::new("fail").over_rest()] {
        let refusal = refusal(&mut ada, rpc);
        assert!(
            matches!(&refusal, RpcRefusal::Failed(why) if why.message.contains("no luck")),
            "{refusal:?}"
        );
    }
    for rpc in [Rpc::new("nothing"), Rpc::new("nothing").over_rest()] {
        let refusal = refusal(&mut ada, rpc);
        assert!(matches!(refusal, RpcRefusal::NotFound(_)), "{refusal:?}");
    }

    let mut nobody = Game::new();
    let mut with_key = |key: &str| {
        nobody.ask::<RpcWithKey>(|nakama| nakama.rpc_with_key(server, key, Rpc::new("whoami")).id())
    };
    assert_eq!(with_key(http_key).expect("the key").payload, "");
    let refused = with_key("wrong").expect_err("another key");
    assert!(
        matches!(refused, RequestError::Refused(RpcRefusal::InvalidKey(_))),
        "{refused:?}"
    );
}

/// Streams: who is put into a stream, what is said there, who leaves.
pub(crate) fn streams(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let mut bob = player(server, "bob");
    call(&mut ada, Rpc::new("subscribe"));
    let news = ada.until("the presence of the local user", |app| {
        let world = app.world_mut();
        let mut me = world.query_filtered::<&StreamPresenceOf, With<IsSelf>>();
        me.single(world)
            .ok()
            .map(|StreamPresenceOf(stream)| *stream)
    });
    let stream = ada.app.world().get::<Stream>(news).expect("a stream");
    assert_eq!((stream.mode, stream.label.as_str()), (200, "news"));

    call(&mut bob, Rpc::new("subscribe"));
    let name = |game: &Game| {
        let connection = game.app.world().resource::<NakamaConnection>();
        connection.user().expect("connected").1.clone()
    };
    let bobs = name(&bob);
    let sees_bob = |app: &mut App| {
        let world = app.world_mut();
        let mut there = world.query_filtered::<&Username, With<StreamPresenceOf>>();
        there.iter(world).any(|name| *name == bobs)
    };
    ada.until("bob", |app| sees_bob(app).then_some(()));

    let headline = fresh("rain");
    call(&mut bob, Rpc::new("publish").payload(headline.as_str()));
    for game in [&mut ada, &mut bob] {
        game.until("the news", |app| {
            let data = Game::arrived::<StreamDataReceived>(app);
            let found = data
                .into_iter()
                .find(|data| data.data == headline.as_bytes());
            found.map(|data| assert_eq!(data.sender, None, "the server's code says it"))
        });
    }
    call(&mut bob, Rpc::new("unsubscribe"));
    ada.until("bob to go", |app| (!sees_bob(app)).then_some(()));
}

/// Notifications: live, stored, deleted.
pub(crate) fn notifications(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    for subject in ["first", "second"] {
        call(&mut ada, Rpc::new("notify").payload(subject));
        let got = ada.until("it", |app| Game::arrived::<NotificationReceived>(app).pop());
        let notification = got.notification;
        assert_eq!(&*notification.subject, subject);
        assert_eq!(notification.code, NotificationCode::Custom(7));
        assert_eq!(notification.sender, None);
        assert!(notification.persistent);
        let content = notification.content::<Echo>().expect("a text");
        assert_eq!(content.text, subject);
    }
    let mut fetch = |request: FetchNotifications| {
        ada.ask::<FetchNotifications>(|nakama| nakama.fetch_notifications(request).id())
            .expect("the stored ones")
    };
    let page = fetch(FetchNotifications::new(1));
    assert_eq!(page.notifications.len(), 1);
    assert_eq!(&*page.notifications[0].subject, "first", "oldest first");
    let rest = fetch(FetchNotifications::new(100).since(page.cacheable_cursor));
    assert_eq!(rest.notifications.len(), 1);
    assert_eq!(&*rest.notifications[0].subject, "second");
    let inbox = |game: &Game| game.app.world().resource::<NotificationInbox>().len();
    assert_eq!(inbox(&ada), 2, "each once");

    let ids = [&page.notifications[0].id, &rest.notifications[0].id].map(Clone::clone);
    ada.ask::<DeleteNotifications>(|nakama| nakama.delete_notifications(ids).id())
        .expect("they are deleted");
    assert_eq!(inbox(&ada), 0);
    let none = ada
        .ask::<FetchNotifications>(|nakama| {
            nakama
                .fetch_notifications(FetchNotifications::new(100))
                .id()
        })
        .expect("an empty page");
    assert!(none.notifications.is_empty());
}

/// A match that code on the server runs: found in the list, joined with what it wants to know, played.
pub(crate) fn a_match_of_the_server(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    // One word, as a query wants it.
    let mode = fresh("sum").replace('-', "");
    let label = format!(r#"{{"mode":"{mode}"}}"#);
    let id = call(&mut ada, Rpc::new("start").payload(label.as_str()));

    // Servers list a new one after a second.
    let begin = Instant::now();
    let listed = loop {
        let list = ListMatches::new(10).query(format!("+label.mode:{mode}"));
        let mut found = ada
            .ask::<ListMatches>(|nakama| nakama.list_matches(list).id())
            .expect("a list");
        if let Some(listed) = found.pop() {
            break listed;
        }
        assert!(begin.elapsed().as_secs() < 20, "{label} is not listed");
    };
    assert_eq!(listed.match_id.as_str(), id);
    assert!(listed.authoritative && listed.size == 0);
    assert_eq!(listed.label.as_deref(), Some(label.as_str()));
    assert_eq!(listed.tick_rate, Some(60));

    let refused = ada
        .ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id(id.as_str())).id())
        .expect_err("who joins has to know the word");
    assert!(
        matches!(&refused, RequestError::Refused(MatchRefusal::JoinRejected(why)) if why.message == "no entry"),
        "{refused:?}"
    );
    let join = JoinMatch::by_id(id.as_str()).with_metadata("key", "sesame");
    let here = ada
        .ask::<JoinMatch>(|nakama| nakama.join_match(join).id())
        .expect("the match")
        .entity;
    let state = ada.app.world().get::<Match>(here).expect("a match");
    assert!(state.authoritative);
    assert_eq!(state.label.as_deref(), Some(label.as_str()));

    let mut said = Vec::new();
    let mut hears = |game: &mut Game, op_code: i64, expected: &str| {
        game.until(expected, |app| {
            said.extend(Game::arrived::<MatchDataReceived>(app));
            let found = said.iter().find(|data| data.op_code == op_code)?;
            assert_eq!(
                (&found.data[..], &found.sender),
                (expected.as_bytes(), &None)
            );
            said.retain(|data| data.op_code != op_code);
            Some(())
        });
    };
    hears(&mut ada, 2, "welcome");
    ada.commands(|commands| {
        let data = OutgoingData::raw(5, vec![1, 2, 3]);
        commands.nakama().send_data(here, data);
    });
    hears(&mut ada, 1, "6");
    assert_eq!(
        call(&mut ada, Rpc::new("ask").payload(id.as_str())),
        "sum: 6"
    );
    ada.ask::<LeaveMatch>(|nakama| nakama.leave_match(here).id())
        .expect("the local user leaves");
}
