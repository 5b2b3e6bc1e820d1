//! Chat as real servers do it: the recordings, played to a game.

use super::watching::watch_replies;
use crate::common::{
    log::Log,
    player::Player,
    transcripts::{GENERATIONS, Scenario, scenario},
};
use bevy::prelude::*;
use bevy_nakama::prelude::*;

/// A recording from its beginning to its end, as one client, and the replies.
fn played(scenario: &Scenario, client: &str) -> (Player, Vec<String>) {
    let mut player = Player::connected(scenario, client);
    let log = Log::default();
    watch_replies::<JoinChat>(&mut player.game, &log);
    watch_replies::<LeaveChat>(&mut player.game, &log);
    watch_replies::<SendChatMessage>(&mut player.game, &log);
    watch_replies::<UpdateChatMessage>(&mut player.game, &log);
    watch_replies::<RemoveChatMessage>(&mut player.game, &log);
    player.play(scenario);
    (player, log.take())
}

fn known_channels(player: &Player) -> Vec<(String, ChatChannelKind)> {
    let world = player.game.app.world();
    let index = world.resource::<ChatIndex>();
    let mut channels: Vec<_> = index
        .iter()
        .map(|(id, entity)| {
            let channel = world.get::<ChatChannel>(entity).expect("a channel");
            (id.to_string(), channel.kind.clone())
        })
        .collect();
    channels.sort_by(|one, other| one.0.cmp(&other.0));
    channels
}

fn lines(player: &Player, channel: &str) -> Vec<String> {
    let world = player.game.app.world();
    let index = world.resource::<ChatIndex>();
    let entity = index.get(&channel.into()).expect("a channel");
    let log = world.get::<ChatLog>(entity).expect("a log");
    log.iter()
        .map(|line| format!("{} {:?} {}", line.username, line.kind, line.json))
        .collect()
}

fn members(player: &mut Player) -> Vec<String> {
    let world = player.game.app.world_mut();
    let mut members = world.query_filtered::<&Username, With<ChatMemberOf>>();
    let mut names: Vec<_> = members.iter(world).map(ToString::to_string).collect();
    names.sort();
    names
}

#[test]
fn a_room() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "chat_room");
        let (mut alice, replies) = played(&scenario, "alice");
        let channels = known_channels(&alice);
        let [(id, ChatChannelKind::Room { name })] = channels.as_slice() else {
            panic!("{generation}: {channels:?}");
        };
        assert_eq!(*id, format!("2...{name}"));
        assert_eq!(
            lines(&alice, id),
            [
                "alice Chat {\"text\":\"no cid\"}",
                "alice Chat   { \"text\" : \"ä漢😀\" }\n"
            ],
            "{generation}: what she removed is gone"
        );
        assert_eq!(members(&mut alice), ["alice"], "{generation}: bob hung up");
        assert_eq!(
            replies.iter().filter(|reply| *reply == "JoinChat").count(),
            2,
            "{generation}: {replies:?}"
        );
        assert!(
            replies.contains(
                &"RemoveChatMessage: MessageNotFound Could not find message to remove in channel history (bad input)"
                    .to_owned()
            ),
            "{generation}: {replies:?}"
        );
    }
}

#[test]
fn hidden_members_and_messages_that_are_not_stored() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "chat_room_persistence");
        for (client, roster) in [
            ("alice", vec!["alice", "alice", "bob"]),
            ("bob", vec!["alice", "alice", "bob"]),
            ("carol", vec![]),
        ] {
            let (mut player, _) = played(&scenario, client);
            assert_eq!(members(&mut player), roster, "{generation} {client}");
            if client == "carol" {
                assert_eq!(known_channels(&player), [], "{generation}: she left");
                continue;
            }
            let (id, _) = known_channels(&player).remove(0);
            assert_eq!(
                lines(&player, &id),
                [
                    "carol Chat {\"n\":3}",
                    "alice Chat {\"from\":\"second socket\"}"
                ],
                "{generation} {client}: bob's message was edited and removed, though it never was stored"
            );
        }
    }
}

#[test]
fn direct_messages() {
    for generation in GENERATIONS {
        let scenario = scenario(generation, "chat_direct");
        let id_of = |client: &str| UserId::from(scenario.who(client).user_id);
        let (alice_id, bob_id) = (id_of("alice"), id_of("bob"));
        let (mut bob, _) = played(&scenario, "bob");
        let channels = known_channels(&bob);
        let users = [
            bob_id.clone().min(alice_id.clone()),
            bob_id.max(alice_id.clone()),
        ];
        assert_eq!(
            channels,
            [(
                format!("4.{}.{}.", users[0], users[1]),
                ChatChannelKind::Direct { users }
            )],
            "{generation}"
        );
        assert_eq!(members(&mut bob), ["bob"], "{generation}: alice left");
        assert_eq!(
            lines(&bob, &channels[0].0),
            [
                "bob Chat {\"text\":\"hello\"}",
                "bob Chat {\"text\":\"gone?\"}"
            ]
        );

        let (alice, _) = played(&scenario, "alice");
        let users = [alice_id.clone(), alice_id];
        assert_eq!(
            known_channels(&alice).pop().expect("with herself").1,
            ChatChannelKind::Direct { users },
            "{generation}"
        );
    }
}

#[test]
fn who_is_out_of_a_group_is_out_of_its_channel() {
    for generation in GENERATIONS {
        for (name, reason) in [
            ("chat_group", ChatClosedReason::KickedFromGroup),
            ("group_requests", ChatClosedReason::LeftGroup),
        ] {
            let scenario = scenario(generation, name);
            let closed = Log::default();
            let mut player = Player::connected(&scenario, "bob");
            let seen = closed.clone();
            player.game.observe(
                move |gone: On<ChatClosed>, channels: Query<(&ChatLog, &ChatMembers)>| {
                    let (log, members) = channels.get(gone.channel).expect("still there");
                    let last = log.iter().next_back().expect("the line that says so");
                    seen.add(format!(
                        "{:?} {:?} {}",
                        gone.reason,
                        last.kind,
                        members.len()
                    ));
                },
            );
            let mut was_in = false;
            for line in scenario.lines_of("bob") {
                player.say(line);
                was_in |= !known_channels(&player).is_empty();
            }
            assert!(was_in, "{generation} {name}");
            assert_eq!(known_channels(&player), [], "{generation} {name}");
            assert_eq!(members(&mut player), [""; 0], "{generation} {name}");
            let kind = if reason == ChatClosedReason::LeftGroup {
                "GroupLeave"
            } else {
                "GroupKick"
            };
            assert_eq!(
                closed.take(),
                [format!("{reason:?} {kind} 2")],
                "{generation} {name}"
            );
            assert_eq!(player.game.sent(), [], "there is nothing to leave");

            // The others see him go, and stay.
            let (mut alice, _) = played(&scenario, "alice");
            let channels = known_channels(&alice);
            let [(id, ChatChannelKind::Group { id: group })] = channels.as_slice() else {
                panic!("{generation} {name}: {channels:?}");
            };
            assert_eq!(*id, format!("3.{group}.."));
            assert_eq!(members(&mut alice), ["alice"]);
            assert!(
                lines(&alice, id).contains(&format!("bob {kind} {{}}")),
                "{generation} {name}: {:?}",
                lines(&alice, id)
            );
        }
    }
}
