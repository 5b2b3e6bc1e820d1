//! A game writes down what differs, and leaves the rest to `..default()`.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{
    local_server::{Broadcast, LocalServerConfig, NotificationSend, PresenceMeta},
    overlay::{OverlayState, OverlayTab},
    prelude::*,
    stream::Stream,
};

#[test]
fn options_name_what_differs() {
    let patient = NakamaSettings {
        request_timeout: Duration::from_secs(30),
        ..default()
    };
    let _ = NakamaPlugin::new(patient);
    let hidden = ConnectOptions {
        appear_online: false,
        ..default()
    };
    assert_eq!(hidden.lang, ConnectOptions::default().lang);
    let overlay = NakamaOverlay {
        open: true,
        ..default()
    };
    let _ = NakamaOverlayPlugin::new(overlay);
    let shown = OverlayState {
        tab: OverlayTab::Inbox,
        ..default()
    };
    assert_eq!(shown.envelopes.filter, "");
    let quick = LocalServerConfig {
        matchmaker_interval: Duration::from_secs(1),
        ..default()
    };
    assert_eq!(quick.max_message_size, 4096);
    let town = Stream {
        mode: 130,
        ..default()
    };
    assert_eq!(town.label, "");
    let hidden = PresenceMeta {
        hidden: true,
        ..default()
    };
    assert_eq!(hidden.status, "");
}

#[test]
fn what_has_no_default_goes_on_from_the_least_there_is() {
    let ranked = AddMatchmaker {
        query: "+properties.rank:>=10".into(),
        ..AddMatchmaker::players(2, 4)
    };
    assert_eq!(ranked.max_count, 4);
    let kept = NotificationSend {
        persistent: true,
        ..NotificationSend::new("ada", 1, "hello")
    };
    assert_eq!(kept.content, "{}");
    let careless = Broadcast {
        reliable: false,
        ..Broadcast::new(1, "boom")
    };
    assert_eq!(careless.op_code, 1);
}
