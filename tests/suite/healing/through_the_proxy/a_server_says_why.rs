//! The server says why it ends the connection, and that is the end.

use bevy_nakama::proto::{self, Envelope, PartyLayout, api::Notification, realtime::Notifications};

use super::*;

#[test]
fn scenario_16_the_newer_socket_of_an_account_plays_on_and_the_older_one_stops() {
    let config = LocalServerConfig {
        single_socket: true,
        ..Default::default()
    };
    let mut stage = Stage::with(config, NakamaSettings::default());
    let sockets = stage.proxy.log().events().len();
    let direct = NakamaServer::new(stage.local.url(), stage.local.server_key());
    let mut other = Player::new(&direct, "ada", NakamaSettings::default());
    let (_, heard) = stage.until_ada_hears("ended");
    let end = "ended: replaced by a newer socket of the same account";
    assert_eq!(heard.last().expect("an end"), end);
    assert!(
        !heard.iter().any(|line| line.starts_with("lost")),
        "{heard:?}"
    );
    // They do not fight: nothing is tried again, and the other one stays.
    let begin = Instant::now();
    while begin.elapsed() < seconds(3) {
        other.game.app.update();
        stage.play_for(millis(50));
    }
    assert_eq!(stage.ada.state(), ConnectionState::Disconnected);
    assert_eq!(other.state(), ConnectionState::Connected);
    let log = stage.proxy.log();
    let opened = |event: &&bevy_nakama::chaos::ChaosEvent| {
        event.kind == bevy_nakama::chaos::ChaosEventKind::Opened
    };
    assert_eq!(
        log.events().skip(sockets).filter(opened).count(),
        0,
        "{log}"
    );
}

#[test]
fn scenario_17_a_ban_is_the_end() {
    let mut stage = Stage::new();
    let ban = Envelope {
        message: Some(proto::Message::Notifications(Notifications {
            notifications: vec![Notification {
                code: -8,
                subject: "banned".into(),
                ..Default::default()
            }],
        })),
        ..Default::default()
    };
    let ban = proto::encode(&ban, PartyLayout::Current);
    let data = Frames::to_client(Kind::MatchData);
    stage.proxy.add(Rule::replace_frame(data, ban).once());
    stage
        .proxy
        .add(Rule::close(1000, "").when(data).nth(2).once());
    stage.bob.say(1);
    stage.bob.say(2);
    let (_, heard) = stage.until_ada_hears("ended");
    assert_eq!(
        heard.last().expect("an end"),
        "ended: the account is banned"
    );
    stage.play_for(seconds(2));
    assert_eq!(stage.ada.state(), ConnectionState::Disconnected);
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}
