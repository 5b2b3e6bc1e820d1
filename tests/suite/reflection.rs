//! What an inspector sees: every mirror has a name, and its components are registered types.

use bevy::{ecs::reflect::ReflectComponent, prelude::*};
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message, realtime},
    testing::*,
};

/// Components that are the plugin's own affair; what they say is in others, too.
const INTERNAL: [&str; 5] = [
    "Presence",
    "LeaderSession",
    "HeardAt",
    "JoinsArea",
    "GivenName",
];

/// A game that is in everything that there is.
fn in_everything() -> TestGame {
    let mut game = TestGame::joined("m", &["ada", "bob"]);
    game.join_room("r", &["ada", "bob"]);
    game.commands(|commands| {
        commands.nakama().create_party(CreateParty::closed(4));
        commands
            .nakama()
            .add_matchmaker(AddMatchmaker::players(2, 2));
        commands.nakama().follow(FollowUsers::ids(["user-bob"]));
    });
    game.update();
    let created = game.expect_sent(Kind::PartyCreate);
    game.answer(&created, party("p", "ada", &["ada", "bob"]));
    let added = game.expect_sent(Kind::MatchmakerAdd);
    let ticket = realtime::MatchmakerTicket { ticket: "t".into() };
    game.answer(&added, Message::MatchmakerTicket(ticket));
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("bob", "away")]));
    game.server_says(party_join_request("p", &["cat"]));
    game.server_says(party_matchmaker_ticket("p", "u"));
    let stream = realtime::Stream {
        mode: 100,
        ..Default::default()
    };
    game.server_says(Message::StreamPresenceEvent(
        realtime::StreamPresenceEvent {
            stream: Some(stream),
            joins: vec![presence("bob")],
            ..Default::default()
        },
    ));
    // One that waits.
    game.commands(|commands| {
        commands.nakama().join_party("q");
    });
    game.update();
    game.update();
    game
}

#[test]
fn every_mirror_has_a_name_and_registered_components() {
    let game = in_everything();
    let world = game.app.world();
    let registry = world.resource::<AppTypeRegistry>().read();
    let mut seen = Vec::new();
    for entity in world.iter_entities() {
        let components = entity.archetype().components();
        let infos = components
            .iter()
            .filter_map(|id| world.components().get_info(*id));
        let of_ours: Vec<_> = infos
            .filter(|info| info.name().to_string().starts_with("bevy_nakama::"))
            .collect();
        // Resources are entities, too.
        if of_ours.is_empty() || entity.contains::<bevy::ecs::resource::IsResource>() {
            continue;
        }
        let what: Vec<_> = of_ours
            .iter()
            .map(|info| info.name().shortname().to_string())
            .collect();
        assert!(entity.contains::<Name>(), "{what:?} has no name");
        for (info, name) in of_ours.iter().zip(what) {
            if !INTERNAL.contains(&name.as_str()) {
                let type_id = info.type_id().expect("a Rust type");
                let is_registered = registry
                    .get_type_data::<ReflectComponent>(type_id)
                    .is_some();
                assert!(is_registered, "{name} is not in the registry");
                seen.push(name);
            }
        }
    }
    for mirror in [
        "Match",
        "PresentIn",
        "MatchPresences",
        "ChatChannel",
        "ChatLog",
        "ChatMemberOf",
        "Party",
        "MemberOf",
        "PartyLeader",
        "AsksToJoin",
        "MatchmakerTicket",
        "TicketOf",
        "FollowedUser",
        "SessionOf",
        "UserStatus",
        "Stream",
        "InStream",
        "IsSelf",
        "Joining",
        "PendingRequest",
    ] {
        assert!(
            seen.iter().any(|name| name == mirror),
            "no {mirror} was seen"
        );
    }
}
