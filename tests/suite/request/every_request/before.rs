//! What requests are about, and how a game gets there.

use super::*;
use crate::common::steps::create_party;
use bevy_nakama::proto::{Kind, UserPresence, realtime};

pub(super) fn nothing(_: &mut TestGame) -> Entity {
    Entity::PLACEHOLDER
}

/// An id that makes requests about it larger than the request that gets it. A limit for the former lets the latter pass.
pub(super) const LONG_ID: &str = "an-id-that-is-longer-than-anything-that-a-game-sends-to-get-it-so-that-this-is-the-largest-envelope";

pub(super) fn in_a_match(game: &mut TestGame) -> Entity {
    let create = CreateMatch::new();
    let entity = game.commands(|commands| commands.nakama().create_match(create).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchCreate);
    game.answer(&asked, match_joined(LONG_ID, &["ada"]));
    game.update();
    entity
}

pub(super) fn in_a_party(game: &mut TestGame) -> Entity {
    let answer = party_joined(LONG_ID, "ada", &["ada", "bob"]);
    create_party(game, CreateParty::open(8), answer)
}

pub(super) fn with_bob_in_a_party(game: &mut TestGame) -> Entity {
    in_a_party(game);
    let mut others = game
        .app
        .world_mut()
        .query_filtered::<Entity, (With<PartyMemberOf>, Without<IsSelf>)>();
    others.single(game.app.world()).expect("bob")
}

pub(super) fn asked_by_cat(game: &mut TestGame) -> Entity {
    in_a_party(game);
    game.server_says(party_join_request(LONG_ID, &["cat"]));
    game.update();
    let mut asking = game
        .app
        .world_mut()
        .query_filtered::<Entity, With<PartyJoinRequester>>();
    asking.single(game.app.world()).expect("cat")
}

pub(super) fn in_a_room(game: &mut TestGame) -> Entity {
    let join = JoinChat::room("r");
    let entity = game.commands(|commands| commands.nakama().join_chat(join).id());
    game.update();
    let asked = game.expect_sent(Kind::ChannelJoin);
    let Message::Channel(channel) = chat_joined("r", &["ada"]) else {
        unreachable!("it is a channel");
    };
    let id = LONG_ID.into();
    game.answer(
        &asked,
        Message::Channel(realtime::Channel { id, ..channel }),
    );
    game.update();
    entity
}

pub(super) fn ticket(id: &str) -> Message {
    Message::MatchmakerTicket(realtime::MatchmakerTicket { ticket: id.into() })
}

pub(super) fn with_a_ticket(game: &mut TestGame) -> Entity {
    let request = AddMatchmaker::players(2, 2);
    let entity = game.commands(|commands| commands.nakama().add_matchmaker(request).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, ticket(LONG_ID));
    game.update();
    entity
}

pub(super) fn following_bob(game: &mut TestGame) -> Entity {
    let request = FollowUsers::named(["bob"]);
    game.commands(|commands| commands.nakama().follow(request).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    let user_id = LONG_ID.into();
    let bob = UserPresence {
        user_id,
        ..user_presence("bob")
    };
    let presences = vec![bob];
    game.answer(&asked, Message::Status(realtime::Status { presences }));
    game.update();
    let mut followed = game
        .app
        .world_mut()
        .query_filtered::<Entity, With<FollowedUser>>();
    followed.single(game.app.world()).expect("bob")
}
