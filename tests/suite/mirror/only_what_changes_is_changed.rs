//! Resources and components are changed when their value changes, and not before.

use std::time::Duration;

use crate::common::{log::Log, steps::create_party};
use bevy::prelude::*;
use bevy_nakama::stream::Stream;
use bevy_nakama::{
    matchmaker::TicketIndex,
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

/// Which of the plugin's public resources have changed since the last call.
struct Watch(Log);

impl Watch {
    fn new(game: &mut TestGame) -> Self {
        let log = Log::default();
        macro_rules! watch {
            ($($R:ident)*) => {$({
                let seen = log.clone();
                game.app.add_systems(Last, move |resource: Res<$R>| {
                    if resource.is_changed() {
                        seen.add(stringify!($R));
                    }
                });
            })*};
        }
        watch!(MatchIndex PartyIndex ChatIndex FollowedUserIndex StreamIndex TicketIndex);
        watch!(PresenceIndex NotificationInbox NakamaConnection CurrentSession NakamaSettings);
        Self(log)
    }

    fn take(&self) -> Vec<String> {
        let mut changed = self.0.take();
        changed.sort();
        changed.dedup();
        changed
    }
}

#[test]
fn nothing_changes_but_what_does() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    let here = create_party(
        &mut game,
        CreateParty::closed(4),
        party_joined("p", "ada", &["ada"]),
    );
    game.join_room("room", &["ada", "bob"]);
    let town = Stream {
        mode: 130,
        ..Stream::default()
    };
    game.server_says(stream_presences(&town, &["bob"], &[]));
    game.server_says(notification_sent("n", 1, "hello", "{}", true));
    game.commands(|commands| {
        let follow = FollowUsers::ids(["user-cat"]);
        commands.nakama().follow(follow).id()
    });
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("cat", "hello")]));
    let watch = Watch::new(&mut game);
    for _ in 0..3 {
        game.update();
    }
    watch.take();
    let nothing: [&str; 0] = [];

    game.update();
    assert_eq!(watch.take(), nothing, "an idle frame");

    game.server_says(match_data_sent("m", Some("bob"), 1, "x"));
    game.server_says(party_data("p", "ada", 1, "x"));
    game.server_says(stream_data(&town, "{}"));
    let said = ChatMessageKind::Chat;
    game.server_says(chat_message("room", "bob", said, "1", "{}", Duration::ZERO));
    game.update();
    assert_eq!(watch.take(), nothing, "data");

    game.server_says(match_data_sent("elsewhere", Some("bob"), 1, "x"));
    game.server_says(match_presences("elsewhere", &["bob"], &[]));
    game.server_says(notification_sent("fleeting", 1, "hello", "{}", false));
    game.update();
    assert_eq!(
        watch.take(),
        nothing,
        "what is about nothing that the user is in"
    );

    game.commands(|commands| commands.nakama().rpc(Rpc::new("echo")).id());
    game.update();
    let asked = game.expect_sent(Kind::Rpc);
    game.refuse(&asked, 5, "RPC function not found");
    game.update();
    assert_eq!(watch.take(), nothing, "a request");

    game.commands(|commands| commands.nakama().rest(RestMethod::Get, "/a", None).id());
    game.update();
    game.answer_rest(200, &serde_json::json!({}));
    game.update();
    assert_eq!(watch.take(), nothing, "a call over REST");

    game.commands(|commands| commands.nakama().send_party_data(here, 1, "x"));
    game.update();
    let asked = game.expect_sent(Kind::PartyDataSend);
    game.acknowledge(&asked);
    game.update();
    assert_eq!(watch.take(), nothing, "data of the local user");

    // The server repeats what the game knows.
    game.server_says(match_presences("m", &["bob"], &[]));
    game.server_says(party_joined("p", "ada", &["ada"]));
    game.server_says(party_leader("p", "ada"));
    game.server_says(status_presences(&[("cat", "hello")], &["cat"]));
    game.server_says(stream_presences(&town, &["bob"], &[]));
    game.update();
    let changed = watch.take();
    assert!(
        changed == nothing || changed == ["NakamaConnection"],
        "known already: {changed:?}" // how the server writes parties is learned once
    );
    game.server_says(party_joined("p", "ada", &["ada"]));
    game.update();
    assert_eq!(watch.take(), nothing, "known already");
    game.join("m", &["ada", "bob"]);
    assert_eq!(watch.take(), nothing, "joined again");

    game.server_says(match_presences("m", &[], &["nobody"]));
    game.update();
    assert_eq!(watch.take(), nothing, "somebody unknown left");

    // Changes are seen.
    game.server_says(match_presences("m", &["dan"], &[]));
    game.update();
    assert_eq!(watch.take(), ["PresenceIndex"], "somebody came");
    game.server_says(match_presences("m", &[], &["dan"]));
    game.update();
    assert_eq!(watch.take(), ["PresenceIndex"], "somebody went");
    game.join("n", &["ada"]);
    assert_eq!(watch.take(), ["MatchIndex", "PresenceIndex"]);
}

#[test]
fn components_change_when_their_value_does() {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    create_party(
        &mut game,
        CreateParty::closed(4),
        party_joined("p", "ada", &["ada"]),
    );
    game.join_room("room", &["ada"]);
    let log = Log::default();
    macro_rules! watch {
        ($($C:ident)*) => {$({
            let seen = log.clone();
            game.app.add_systems(Last, move |changed: Query<(), Changed<$C>>| {
                if !changed.is_empty() {
                    seen.add(stringify!($C));
                }
            });
        })*};
    }
    watch!(Match Party ChatChannel ChatLog Presence Username Name IsSelf PartyLeader);
    watch!(MatchPresences PartyMembers ChatMembers PresentIn PartyMemberOf JoinedAs);
    game.update();
    log.take();
    let (m, room) = ("m", "room");
    game.join(m, &["ada", "bob"]);
    game.join_room(room, &["ada"]);
    game.server_says(party_joined("p", "ada", &["ada"]));
    game.update();
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p".into(),
        open: true,
        ..Default::default()
    }));
    game.update();
    let again = log.take();
    // The requests that joined again have names of their own.
    let again: Vec<_> = again.iter().filter(|seen| *seen != "Name").collect();
    assert_eq!(again, [] as [&String; 0]);
}
