//! Data that cannot be sent is told, with the reason.

use super::*;
use crate::common::steps::create_party;
use bevy_nakama::proto::Kind;

#[test]
fn data_that_cannot_be_sent_is_told() {
    let (mut game, here, log) = game();
    let nothing = game.app.world_mut().spawn_empty().id();
    let joining =
        game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m2")).id());
    let of = Log::default();
    let seen = of.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(format!("{:?}", failed.context)));
    game.commands(|commands| {
        commands.nakama().send(nothing, &Beep(1));
        commands.nakama().send(joining, &Beep(1));
        commands.nakama().send(here, &Beep(0));
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(5, vec![0; 4096]));
    });
    assert_eq!(log.take(), [""; 0], "never before the call has returned");
    game.update();
    game.update();
    assert_eq!(
        log.take(),
        [
            "3 failed: not a member",
            "3 failed: not a member",
            "3 failed: it cannot be encoded: silence",
            "5 failed: 4110 bytes are above the server's limit of 4096",
        ]
    );
    let contexts = [nothing, joining, here, here];
    assert_eq!(of.take(), contexts.map(|context| format!("{context:?}")));
    assert!(sent_data(&mut game).is_empty());
}

#[test]
fn exactly_the_limit_passes() {
    let (mut game, here, log) = game();
    game.commands(|commands| {
        commands
            .nakama()
            .send_data(here, OutgoingData::raw(5, vec![0; 4096 - 14]))
    });
    game.update();
    game.update();
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(
        prost::Message::encoded_len(&game.expect_sent(Kind::MatchDataSend)),
        4096
    );
}

#[test]
fn who_sends_while_offline_hears_that() {
    let mut game = TestGame::joined("m", &["ada"]);
    let here = game.match_entity("m");
    let team = create_party(
        &mut game,
        CreateParty::closed(4),
        party_joined("p", "ada", &["ada"]),
    );
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(failed.reason.to_string()));
    let send = |game: &mut TestGame| {
        for place in [here, team] {
            game.commands(|commands| {
                let data = OutgoingData::raw(1, "x");
                commands.nakama().send_data(place, data);
            });
        }
        game.commands(|commands| commands.nakama().send_party_data(team, 1, "x"));
        game.update();
        game.update();
        log.take()
    };
    let elsewhere = send(&mut game);
    let not_a_member = SendError::NotAMember.to_string();
    assert_eq!(elsewhere, [&*not_a_member], "a party is not a match");
    game.connection_breaks();
    game.update();
    log.take(); // requests that the server had not answered
    let offline = SendError::NotConnected.to_string();
    let lost = send(&mut game);
    assert_eq!(lost, [&*not_a_member, &*offline, &*offline], "a loss");
    game.commands(|commands| commands.nakama().disconnect());
    game.update();
    game.update();
    log.take();
    let ended = send(&mut game);
    assert_eq!(ended, [&*offline, &*offline, &*offline], "the end");
}
