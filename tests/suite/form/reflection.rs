//! What an inspector sees: every mirror has a name, and its components are registered types.

use std::{any::TypeId, time::Duration};

use bevy::{
    ecs::{reflect::ReflectComponent, resource::IsResource},
    prelude::*,
    reflect::{
        FromReflect, PartialReflect, ReflectFromReflect, TypeRegistration, TypeRegistry,
        serde::{
            ReflectDeserializer, ReflectDeserializerProcessor, ReflectSerializer,
            ReflectSerializerProcessor,
        },
    },
};
use bevy_nakama::{
    healing::AdoptReconnecting,
    overlay::NakamaOverlayPlugin,
    prelude::*,
    proto::{Kind, Message, UserPresence, realtime},
    testing::*,
};
use serde::{Deserialize as _, Deserializer, Serializer, de::DeserializeSeed as _};

/// Components that only the plugin uses. Other components say the same, but for a token, which nobody is to see.
const INTERNAL: [&str; 11] = [
    "Filling",
    "LostAt",
    "LeaderSession",
    "ServerOrder",
    "HeardAt",
    "Asker",
    "JoinsArea",
    "GivenName",
    "Asking",
    "OwnObserver",
    "Entrance",
];

/// A game with a mirror of each kind.
fn in_everything() -> TestGame {
    let plugins = NakamaOverlayPlugin::default();
    let mut game = TestGame::joined_with(plugins, "m", &["ada", "bob"]);
    let here = game.match_entity("m");
    game.commands(|commands| {
        commands
            .entity(here)
            .insert((SendWindow(96), AdoptReconnecting));
    });
    game.join_room("r", &["ada", "bob"]);
    game.server_says(chat_message(
        "r",
        "bob",
        ChatMessageKind::Chat,
        "m1",
        "{\"text\":\"hello\"}",
        Duration::from_nanos(1_000_000_007),
    ));
    game.commands(|commands| {
        commands.nakama().create_party(CreateParty::closed(4));
        commands
            .nakama()
            .add_matchmaker(AddMatchmaker::players(2, 2));
        commands.nakama().follow(FollowUsers::ids(["user-bob"]));
    });
    game.update();
    let created = game.expect_sent(Kind::PartyCreate);
    game.answer(&created, party_joined("p", "ada", &["ada", "bob"]));
    let added = game.expect_sent(Kind::MatchmakerAdd);
    let ticket = realtime::MatchmakerTicket { ticket: "t".into() };
    game.answer(&added, Message::MatchmakerTicket(ticket));
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("bob", "away")]));
    game.server_says(party_join_request("p", &["cat"]));
    game.server_says(party_matchmaker_ticket("p", "u"));
    // The party's ticket waits.
    game.server_says(party_presences("p", &[], &["bob"]));
    game.server_says(party_presences("p", &["bob"], &[]));
    let stream = realtime::Stream {
        mode: 100,
        ..Default::default()
    };
    game.server_says(Message::StreamPresenceEvent(
        realtime::StreamPresenceEvent {
            stream: Some(stream),
            joins: vec![user_presence("bob")],
            ..Default::default()
        },
    ));
    // A join that waits for the leader of its party, and a join without an answer.
    game.commands(|commands| {
        commands.nakama().join_party("q");
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.advance(Duration::from_millis(1_100));
    game.commands(|commands| {
        commands.nakama().join_party("s");
    });
    game.update();
    // Bob is back, and the server has his old session.
    let again = UserPresence {
        session_id: "session-bob-2".into(),
        ..user_presence("bob")
    };
    game.server_says(Message::ChannelPresenceEvent(
        realtime::ChannelPresenceEvent {
            channel_id: room_id("r").to_string(),
            joins: vec![again],
            ..Default::default()
        },
    ));
    game.server_says(match_presences("m", &["dan"], &[]));
    game.server_says(match_presences("m", &[], &["dan"]));
    game.update();
    game
}

/// The same when its connection is lost and comes back.
fn lost_in_everything() -> TestGame {
    let mut game = in_everything();
    game.connection_breaks();
    game.update();
    game
}

#[test]
fn every_mirror_has_a_name_and_registered_components() {
    let (game, lost) = (in_everything(), lost_in_everything());
    let world = game.app.world();
    let registry = world.resource::<AppTypeRegistry>().read();
    let mut seen = Vec::new();
    let entities = world.iter_entities().map(|entity| (world, entity));
    let lost = lost.app.world();
    let of_lost = lost.iter_entities().map(|entity| (lost, entity));
    for (world, entity) in entities.chain(of_lost) {
        let components = entity.archetype().components();
        let infos = components
            .iter()
            .filter_map(|id| world.components().get_info(*id));
        let of_ours: Vec<_> = infos
            .filter(|info| info.name().to_string().starts_with("bevy_nakama::"))
            .collect();
        // Resources are entities, too.
        if of_ours.is_empty() || entity.contains::<IsResource>() {
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
        "PartyMemberOf",
        "PartyLeader",
        "PartyJoinRequester",
        "MatchmakerTicket",
        "TicketOf",
        "TicketOnHold",
        "FollowedUser",
        "SessionOf",
        "UserStatus",
        "Stream",
        "StreamPresenceOf",
        "EnteredBy",
        "ReentryPolicy",
        "Stale",
        "MaybeGhost",
        "AdoptReconnecting",
        "IsSelf",
        "Joining",
        "Departed",
        "PendingRequest",
    ] {
        assert!(
            seen.iter().any(|name| name == mirror),
            "no {mirror} was seen"
        );
    }
}

/// Writes entities as numbers and reads them again, as Bevy's feature `serialize` does. Without it, a game cannot save anything
/// that holds an entity.
struct Entities;

impl ReflectSerializerProcessor for Entities {
    fn try_serialize<S: Serializer>(
        &self,
        value: &dyn PartialReflect,
        _: &TypeRegistry,
        serializer: S,
    ) -> Result<Result<S::Ok, S>, S::Error> {
        match value.try_downcast_ref::<Entity>() {
            Some(entity) => Ok(Ok(serializer.serialize_u64(entity.to_bits())?)),
            None => Ok(Err(serializer)),
        }
    }
}

impl ReflectDeserializerProcessor for Entities {
    fn try_deserialize<'de, D: Deserializer<'de>>(
        &mut self,
        registration: &TypeRegistration,
        _: &TypeRegistry,
        deserializer: D,
    ) -> Result<Result<Box<dyn PartialReflect>, D>, D::Error> {
        if registration.type_id() != TypeId::of::<Entity>() {
            return Ok(Err(deserializer));
        }
        let bits = u64::deserialize(deserializer)?;
        Ok(Ok(Box::new(Entity::from_bits(bits))))
    }
}

/// Writes a value as a saved world, or an inspector in another process, does.
fn write(value: &dyn PartialReflect, registry: &TypeRegistry) -> Result<String, String> {
    let serializer = ReflectSerializer::with_processor(value, registry, &Entities);
    serde_json::to_string(&serializer).map_err(|error| error.to_string())
}

/// Reads a value of its type back.
fn read(text: &str, registry: &TypeRegistry, id: TypeId) -> Result<Box<dyn Reflect>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut entities = Entities;
    let reader = ReflectDeserializer::with_processor(registry, &mut entities);
    let value = reader.deserialize(&mut deserializer);
    let value = value.map_err(|error| error.to_string())?;
    let from_reflect = registry.get_type_data::<ReflectFromReflect>(id);
    let from_reflect = from_reflect.ok_or("it has no `FromReflect`")?;
    let value = from_reflect.from_reflect(&*value);
    value.ok_or_else(|| "it is not of its type".into())
}

/// Its address and its end are shown, and not written: no connection comes out of a file.
const OF_THIS_RUN: &str = "bevy_nakama::connection::NakamaConnection";

/// Writes a value and reads it again; returns what is wrong with that, if anything is.
fn there_and_back(value: &dyn Reflect, registry: &TypeRegistry) -> Result<(), String> {
    let text = write(value.as_partial_reflect(), registry)?;
    let back = read(&text, registry, value.reflect_type_info().type_id())?;
    if value.reflect_type_path() == OF_THIS_RUN {
        return Ok(());
    }
    let is_equal = value.reflect_partial_eq(back.as_partial_reflect());
    if is_equal.unwrap_or_else(|| format!("{value:?}") == format!("{back:?}")) {
        Ok(())
    } else {
        Err(format!("{value:?} is {back:?} then"))
    }
}

/// Every registered component and resource of the plugin can be written and read back, with the value that it has in a game.
#[test]
fn a_world_can_be_saved_and_loaded() {
    let (game, lost) = (in_everything(), lost_in_everything());
    let (world, lost) = (game.app.world(), lost.app.world());
    let registry = world.resource::<AppTypeRegistry>().read();
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for registration in registry.iter() {
        let path = registration.type_info().type_path();
        let reflect = registration.data::<ReflectComponent>();
        let Some(reflect) = reflect.filter(|_| path.starts_with("bevy_nakama::")) else {
            continue;
        };
        let entities = world.iter_entities().chain(lost.iter_entities());
        let values: Vec<_> = entities.filter_map(|it| reflect.reflect(it)).collect();
        if values.is_empty() {
            faults.push(format!("{path}: nowhere in the test"));
        }
        for value in values {
            seen.push(path);
            if let Err(error) = there_and_back(value, &registry) {
                faults.push(format!("{path}: {error}"));
            }
        }
    }
    faults.dedup();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(seen.len() > 30, "{seen:?}");
}

/// What was read back is not empty: all lines of a chat are there.
#[test]
fn a_saved_chat_has_its_lines() {
    let game = in_everything();
    let world = game.app.world();
    let registry = world.resource::<AppTypeRegistry>().read();
    let room = world
        .resource::<ChatIndex>()
        .get(&room_id("r"))
        .expect("it");
    let log = world.get::<ChatLog>(room).expect("a log");
    let text = write(log, &registry).expect("a text");
    let back = read(&text, &registry, TypeId::of::<ChatLog>()).expect("a log");
    let back = ChatLog::from_reflect(back.as_partial_reflect()).expect("a log");
    assert_eq!(back.len(), 1);
    assert!(back.iter().eq(log.iter()), "{back:?}");
    assert_eq!(back.get(&"m1".into()), log.get(&"m1".into()));
}

/// An inspector shows which entity is what, and who is where.
#[test]
fn the_indexes_can_be_looked_at() {
    let game = in_everything();
    let world = game.app.world();
    let registry = world.resource::<AppTypeRegistry>().read();
    macro_rules! shows {
        ($($Index:ident: $what:literal,)*) => {$(
            let id = TypeId::of::<$Index>();
            let is_registered = registry.get_type_data::<ReflectComponent>(id).is_some();
            assert!(is_registered, "{} is not in the registry", stringify!($Index));
            let text = write(world.resource::<$Index>(), &registry).expect("a text");
            assert!(text.contains($what), "{}: {text}", stringify!($Index));
        )*};
    }
    shows! {
        MatchIndex: "\"m\"",
        PartyIndex: "\"p\"",
        ChatIndex: "\"2...r\"",
        TicketIndex: "\"t\"",
        FollowedUserIndex: "\"user-bob\"",
        StreamIndex: "100",
        PresenceIndex: "\"session-bob\"",
    }
    let bob = game.presence_of("m", "bob");
    let presence = world.get::<Presence>(bob).expect("bob");
    let text = write(presence, &registry).expect("a text");
    assert!(text.contains("\"user-bob\"") && text.contains("\"session-bob\""));
}
