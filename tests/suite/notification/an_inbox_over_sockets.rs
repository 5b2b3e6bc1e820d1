//! An inbox on the embedded server.

use super::*;
use crate::common::game::{Game, serve};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, NotificationSend, RuntimeModule},
    proto::PartyLayout,
};

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
    serve(LocalServerConfig {
        runtime,
        party_layout,
        ..Default::default()
    })
}

fn gold(app: &App) -> Vec<u32> {
    let inbox = app.world().resource::<NotificationInbox>();
    let gold = inbox
        .iter()
        .map(|it| it.content::<Gift>().expect("a gift").gold);
    gold.collect()
}

#[test]
fn an_inbox_on_the_embedded_server() {
    for layout in [PartyLayout::Current, PartyLayout::Before3_28] {
        let (_local, server) = start(layout);
        let mut game = Game::online(&server, Login::device("device-of-ada").username("ada"));
        game.ask::<Rpc>(|nakama| nakama.rpc(Rpc::new("give").json(&[3, 1, 2])).id())
            .expect("gifts");
        let live = Game::arrived::<NotificationReceived>(&mut game.app);
        let live: Vec<_> = live.iter().map(|it| it.notification.code.code()).collect();
        assert_eq!(live, [3, 1, 2], "in order, and before the answer");
        assert_eq!(gold(&game.app), [3, 1, 2]);

        // Another device of the same account connects later.
        let mut later = Game::online(&server, Login::device("device-of-ada"));
        assert_eq!(gold(&later.app), [0; 0], "nothing is sent again");
        let mut cursor = String::new();
        for expected in [2, 1, 0] {
            let request = FetchNotifications::new(2).since(&cursor);
            let page = later
                .ask::<FetchNotifications>(|nakama| nakama.fetch_notifications(request).id())
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
            .ask::<FetchNotifications>(|nakama| nakama.fetch_notifications(all).id())
            .expect("a page");
        assert_eq!(left.notifications.len(), 1);
        let unknown = later.ask::<FetchNotifications>(|nakama| {
            let request = FetchNotifications::new(1).since("no cursor");
            nakama.fetch_notifications(request).id()
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
