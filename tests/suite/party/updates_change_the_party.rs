//! A leader updates the party, and the members see it.

use super::*;
use bevy_nakama::proto::Kind;

#[test]
fn the_local_user_updates_the_party() {
    let (mut game, log) = watched(TestGame::connected());
    let party = leading_bob(&mut game, &log);
    game.commands(|c| {
        let update = UpdateParty::default().open(true).label(r#"{"a":1}"#);
        c.nakama().update_party(party, update);
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyUpdate);
    let update = realtime::PartyUpdate {
        party_id: "p1".into(),
        open: true,
        label: r#"{"a":1}"#.into(),
        hidden: false,
    };
    assert_eq!(asked.message, Some(Message::PartyUpdate(update.clone())));
    game.server_says(Message::PartyUpdate(update));
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["update"]);
    let mirrored = game.app.world().get::<Party>(party).expect("a party");
    assert_eq!(
        (mirrored.open, mirrored.hidden, mirrored.label.as_deref()),
        (true, Some(false), Some(r#"{"a":1}"#))
    );
}

#[test]
fn an_update_tells_a_member_the_label() {
    let (mut game, log) = watched(TestGame::connected());
    let party = let_in_by_bob(&mut game, &log);
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p1".into(),
        label: r#"{"a":1}"#.into(),
        ..Default::default()
    }));
    game.update();
    let mirrored = game.app.world().get::<Party>(party).expect("a party");
    assert_eq!(mirrored.label.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(mirrored.hidden, Some(false));
}

#[test]
fn an_old_server_is_not_sent_an_update() {
    // An old server would close the socket.
    let (mut game, log) = watched(TestGame::connected());
    game.server_writes(PartyLayout::Before3_28);
    let party = leading_bob(&mut game, &log);
    game.commands(|c| {
        c.nakama()
            .update_party(party, UpdateParty::default().open(true));
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["update: it needs Nakama 3.28"]);
    assert!(game.sent().is_empty());
}
