//! A channel ends when the local user leaves, when the game despawns it, when the server says that the user is not in it, and
//! when the connection breaks.

use super::*;
use crate::common::steps::{goes, sent_json};

#[test]
fn leaving_ends_with_the_servers_consent() {
    let (mut game, channel, log) = in_lobby(&["ada", "bob"]);
    game.commands(|c| c.nakama().leave_chat(channel).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelLeave);
    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    assert_eq!(log.take(), ["bob Chat {}"]);

    game.acknowledge(&asked);
    game.update();
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada YouLeft", "-bob YouLeft", "left"]);
    goes(&mut game, channel);
}

#[test]
fn despawning_a_channel_is_leaving() {
    let (mut game, channel, log) = in_lobby(&["ada", "bob"]);
    game.commands(|c| c.entity(channel).despawn());
    game.update();
    let left = game.expect_sent(Kind::ChannelLeave);
    assert_eq!(sent_json(&left)["channel_leave"]["channel_id"], "2...lobby");
    let mut seen = log.take();
    seen.sort();
    assert_eq!(seen, ["-ada YouLeft", "-bob YouLeft"]);

    game.server_says(line("bob", "m1", "{}", 1));
    game.update();
    assert_eq!(log.take(), [""; 0]);
}

#[test]
fn the_end_of_the_connection_ends_the_channel() {
    let (mut game, channel, log) = in_lobby(&["ada"]);
    game.connection_ends();
    game.update();
    assert_eq!(log.take(), ["-ada Disconnected"]);
    goes(&mut game, channel);
}

#[test]
fn a_send_that_is_refused_because_the_user_is_not_in_it_ends_the_channel() {
    let (mut game, channel, log) = in_lobby(&["ada"]);
    game.commands(|c| c.nakama().send_chat(channel, &say("hi")).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelMessageSend);
    game.refuse(&asked, 3, "Must join channel before sending messages");
    game.update();
    assert_eq!(
        log.take(),
        [
            "closed: NotJoined",
            "-ada YouLeft",
            "not sent: Must join channel before sending messages (bad input)"
        ]
    );
    goes(&mut game, channel);
    assert_eq!(game.sent(), [], "there is nothing to leave");
}
