//! Data goes to the receivers that it names, and to nobody else.

use super::*;

#[test]
fn data_can_go_to_some_only() {
    let (mut game, here, log) = game();
    let (bob, stranger) = (
        game.presence_of("m1", "bob"),
        game.app.world_mut().spawn_empty().id(),
    );
    game.commands(|commands| {
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(7, "psst").to([bob, stranger]));
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(7, "all"));
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(7, "nobody").to([stranger]));
    });
    game.update();
    let sent = sent_data(&mut game);
    assert_eq!(
        sent.len(),
        2,
        "an empty list of receivers would mean everybody"
    );
    assert_eq!(sent[0].presences, [user_presence("bob")]);
    assert!(sent[0].reliable && sent[1].reliable);
    assert!(sent[1].presences.is_empty());
    game.update();
    assert_eq!(
        log.take(),
        ["7 failed: none of the receivers is in the match"]
    );
}

/// A whisper must not reach a member of another match. A whisper for nobody must not go to everybody.
#[test]
fn data_goes_to_nobody_of_another_match() {
    let (mut game, here, log) = game();
    game.join("m2", &["ada", "bob", "cat"]);
    let (bob, cat) = (game.presence_of("m1", "bob"), game.presence_of("m2", "cat"));
    let elsewhere = game.presence_of("m2", "bob");
    for receivers in [&[cat, bob][..], &[cat, elsewhere], &[elsewhere]] {
        let whisper = OutgoingData::raw(7, "psst").to(receivers.iter().copied());
        game.commands(|commands| commands.nakama().send_data(here, whisper));
    }
    game.update();
    let sent = sent_data(&mut game);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].presences, [user_presence("bob")]);
    game.update();
    let nobody = "7 failed: none of the receivers is in the match";
    assert_eq!(log.take(), [nobody, nobody]);
}
