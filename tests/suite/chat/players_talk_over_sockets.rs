//! Players talk to each other on the embedded server.

use super::*;
use crate::common::game::{Game, serve};
use bevy_nakama::{connection::Network, local_server::LocalServerConfig};

/// A game that logs in, connects, and joins the lobby.
fn enter(network: &Network, server: &NakamaServer, name: &str) -> (Game, Entity) {
    let mut game = Game::on(network);
    game.app
        .add_observer(|_: On<Connected>, mut commands: Commands| {
            commands.nakama().join_chat(JoinChat::room("a lobby?ä"));
        });
    let login = Login::device(format!("device-of-{name}")).username(name);
    game.commands(|commands| {
        commands.nakama().log_in(server, login);
        commands.nakama().connect();
    });
    let here = game.until("a channel", |app| {
        let mut channels = app
            .world_mut()
            .query_filtered::<Entity, With<ChatChannel>>();
        channels.iter(app.world()).next()
    });
    (game, here)
}

/// Waits until the log has this many lines, and returns them.
fn lines(game: &mut Game, channel: Entity, count: usize) -> Vec<ChatMessage> {
    game.until(&format!("{count} lines"), |app| {
        let log = app.world().get::<ChatLog>(channel)?;
        (log.len() == count).then(|| log.iter().cloned().collect())
    })
}

#[test]
fn two_players_talk_and_a_third_reads_it_up() {
    let (_local, server) = serve(LocalServerConfig::default());
    let network = Network::new().expect("a thread");
    let (mut ada, ada_here) = enter(&network, &server, "ada");
    let (mut bob, bob_here) = enter(&network, &server, "bob");

    ada.commands(|c| c.nakama().send_chat(ada_here, &say("one")).id());
    ada.app.update();
    let first = lines(&mut bob, bob_here, 1).remove(0);
    assert_eq!(first.content::<Say>().expect("it fits"), say("one"));
    assert_eq!(first.username.as_str(), "ada");

    bob.commands(|c| c.nakama().send_chat(bob_here, &say("two")).id());
    bob.app.update();
    let both = lines(&mut ada, ada_here, 2);
    assert_eq!(both[0], first, "both have the same");
    let edited = first.message_id.clone();
    ada.commands(|c| {
        c.nakama()
            .update_chat_message(ada_here, edited, &say("won"))
            .id()
    });
    ada.app.update();
    bob.until("the edit", |app| {
        let log = app.world().get::<ChatLog>(bob_here)?;
        let line = log.get(&first.message_id)?;
        line.content::<Say>()
            .is_ok_and(|now| now == say("won"))
            .then_some(())
    });

    // Bob may not remove what ada said.
    let refused = Log::default();
    let seen = refused.clone();
    bob.app
        .add_observer(move |reply: On<Replied<RemoveChatMessage>>| {
            let is_refused = matches!(
                reply.result,
                Err(RequestError::Refused(ChatRefusal::MessageNotFound(_)))
            );
            seen.add(if is_refused { "refused" } else { "not refused" });
        });
    let id = first.message_id.clone();
    bob.commands(|c| c.nakama().remove_chat_message(bob_here, id).id());
    let outcome = bob.until("an answer", |_| refused.take_first());
    assert_eq!(outcome, "refused");

    let (mut carol, carol_here) = enter(&network, &server, "carol");
    carol.commands(|c| {
        c.nakama()
            .fetch_chat_history(carol_here, ChatHistory::newest(50))
            .id()
    });
    let read_up = lines(&mut carol, carol_here, 2);
    let said: Vec<_> = read_up
        .iter()
        .map(|line| {
            (
                line.username.to_string(),
                line.content::<Say>().expect("it fits"),
            )
        })
        .collect();
    assert_eq!(
        said,
        [("ada".into(), say("won")), ("bob".into(), say("two"))]
    );

    // Ada heard all of it live. The same page adds no line twice, and makes no time less exact.
    let before = lines(&mut ada, ada_here, 2);
    let pages = Log::default();
    let seen = pages.clone();
    ada.app
        .add_observer(move |reply: On<Replied<FetchChatHistory>>| {
            let page = reply.result.as_ref().expect("a page");
            seen.add(page.messages.len().to_string());
        });
    ada.commands(|c| {
        c.nakama()
            .fetch_chat_history(ada_here, ChatHistory::newest(50))
            .id()
    });
    assert_eq!(ada.until("a page", |_| pages.take_first()), "2");
    let log = ada.app.world().get::<ChatLog>(ada_here).expect("a log");
    assert_eq!(log.iter().cloned().collect::<Vec<_>>(), before);
}
