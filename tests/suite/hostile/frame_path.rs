//! Frames into a world: whatever arrives, the game goes on.

use bevy::prelude::*;
use bevy_nakama::stream::Stream;
use bevy_nakama::{
    prelude::*,
    proto::{self, Envelope, Kind, Message},
    testing::*,
};
use bytes::Bytes;
use prost::Message as _;

/// Lets a game receive these frames, one by one. Answers are given a request of the game's that they fit.
///
/// Every frame is reported as it is, in order, until a frame is not an envelope: that frame ends the connection, and the mirror with
/// it. After that, the game can connect and be in a match as if nothing had been.
pub(crate) fn frame_path(frames: &[Bytes]) {
    let settings = NakamaSettings {
        receive_budget: std::time::Duration::MAX,
        ..NakamaSettings::default()
    };
    let mut game = TestGame::with_settings(settings);
    game.connect();
    game.join("m1", &["ada", "bob"]);
    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game.update();
    take_received(&mut game);

    for frame in frames {
        let envelope = proto::decode(frame.clone());
        let frame = match &envelope {
            Ok(envelope) => addressed(&mut game, frame, envelope),
            Err(_) => frame.clone(),
        };
        take_received(&mut game);
        game.server_sends(frame.clone());
        game.update();
        assert_consistent(&mut game);
        let Ok(envelope) = envelope else {
            assert!(!is_connected(&game), "{frame:?} is no envelope");
            break;
        };
        assert!(is_connected(&game), "{envelope:?} ended the connection");
        if !is_pong(&envelope) {
            assert_eq!(take_received(&mut game), [frame]);
        }
    }

    game.connection_ends();
    game.update();
    assert!(!is_connected(&game));
    let world = game.app.world_mut();
    assert_eq!(world.query::<&Presence>().iter(world).count(), 0);
    assert_eq!(world.query::<&PendingRequest>().iter(world).count(), 0);
    game.connect();
    game.join("m2", &["ada", "bob"]);
    game.server_says(match_presences("m2", &["eve"], &["bob"]));
    game.update();
    assert_eq!(game.roster("m2"), ["ada", "eve"]);
}

/// Those of the heartbeat come in between.
fn is_pong(envelope: &Envelope) -> bool {
    matches!(envelope.message, Some(Message::Pong(_)))
}

fn is_connected(game: &TestGame) -> bool {
    game.app
        .world()
        .resource::<NakamaConnection>()
        .is_connected()
}

/// The frames that were reported since the last call.
fn take_received(game: &mut TestGame) -> Vec<Bytes> {
    let world = game.app.world_mut();
    let mut received = world.resource_mut::<Messages<EnvelopeReceived>>();
    received
        .drain()
        .filter(|envelope| envelope.kind != Some(Kind::Pong))
        .map(|envelope| {
            // What an overlay would show.
            let _ = (envelope.to_json(), format!("{envelope:?}"));
            envelope.frame
        })
        .collect()
}

/// The same frame, as the answer to a request that is made for it. What the server pushes stays as it is.
fn addressed(game: &mut TestGame, frame: &Bytes, envelope: &Envelope) -> Bytes {
    if envelope.cid.is_empty() || is_pong(envelope) {
        return frame.clone();
    }
    game.sent();
    game.commands(|commands| match &envelope.message {
        Some(Message::Match(joined)) => {
            let id = joined.match_id.get(..64).unwrap_or(&joined.match_id);
            commands.nakama().join_match(JoinMatch::by_id(id)).id()
        }
        Some(Message::Status(status)) => {
            let presences = status.presences.iter();
            let ids = presences.map(|presence| presence.user_id.get(..64).unwrap_or_default());
            commands.nakama().follow(FollowUsers::ids(ids)).id()
        }
        Some(Message::Party(_)) => commands.nakama().create_party(CreateParty::open(2)).id(),
        Some(Message::Error(error)) if error.code % 2 == 0 => {
            commands.nakama().create_match(CreateMatch::new()).id()
        }
        None => commands.nakama().join_party("p1").id(),
        Some(_) => commands.nakama().send_raw(a_question()).id(),
    });
    game.update();
    let sent = game.sent();
    let Some(asked) = sent.last() else {
        panic!("the request did not leave");
    };
    // A field that comes twice counts the second time.
    let cid = Envelope {
        cid: asked.cid.clone(),
        message: None,
    };
    [frame.clone(), cid.encode_to_vec().into()].concat().into()
}

fn a_question() -> Message {
    Message::StatusUpdate(proto::realtime::StatusUpdate { status: None })
}

/// Whoever is somewhere is in something that is there, and is found there.
fn assert_consistent(game: &mut TestGame) {
    let world = game.app.world_mut();
    let mut presences = world.query::<(
        Entity,
        &Presence,
        &SessionId,
        Option<&PartyMemberOf>,
        Option<&PresentIn>,
        Option<&SessionOf>,
        Option<&StreamPresenceOf>,
    )>();
    let index = world.resource::<PresenceIndex>();
    for (entity, presence, session, member_of, present_in, session_of, in_stream) in
        presences.iter(world)
    {
        let context = presence.context();
        assert_eq!(index.get(context, session), Some(entity));
        let there = world.entity(context);
        let is_related = match (member_of, present_in, session_of, in_stream) {
            (Some(it), None, None, None) => it.0 == context && there.contains::<Party>(),
            (None, Some(it), None, None) => it.0 == context && there.contains::<Match>(),
            (None, None, Some(it), None) => it.0 == context && there.contains::<FollowedUser>(),
            (None, None, None, Some(it)) => it.0 == context && there.contains::<Stream>(),
            _ => false,
        };
        assert!(is_related, "{presence:?} is in one place");
    }
    for (id, entity) in world.resource::<FollowedUserIndex>().iter() {
        assert_eq!(world.get::<UserId>(entity), Some(id));
    }
    for (stream, entity) in world.resource::<StreamIndex>().iter() {
        assert_eq!(world.get::<Stream>(entity), Some(stream));
    }
    for (id, entity) in world.resource::<MatchIndex>().iter() {
        assert_eq!(world.get::<MatchId>(entity), Some(id));
    }
    for (id, entity) in world.resource::<PartyIndex>().iter() {
        assert_eq!(world.get::<PartyId>(entity), Some(id));
    }
}
