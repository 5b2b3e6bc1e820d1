//! A game may insert, remove, clear, clone and despawn what it likes. What the local user is in, and who is in it, stays right.

mod askers_may_be_stripped;
mod clones_are_nobody;
mod ids_may_be_removed;
mod in_any_order;
mod leaving_in_observers;
mod members_may_be_stripped;
mod removing_a_state_is_leaving;
mod who_joined_and_who_left_is_told;

use bevy::prelude::*;
use bevy_nakama::{
    prelude::*,
    proto::{Kind, Message},
    testing::*,
};

use crate::common::steps::join_party;
use bevy_nakama::stream::Stream;

/// A kind of thing that the local user can be in.
struct Place {
    name: &'static str,
    /// Enters it, with bob in it.
    enter: fn(&mut TestGame) -> Entity,
    /// What leaving it sends; nothing leaves a stream.
    leave: Option<Kind>,
    /// Asks to leave it.
    ask_to_leave: fn(&mut Commands, Entity),
    /// Where the plugin has it.
    find: fn(&World) -> Option<Entity>,
    is_it: fn(&World, Entity) -> bool,
    remove_state: fn(&mut EntityWorldMut),
    /// Inserts what it is on another entity, too.
    copy_state: fn(&mut World, from: Entity, to: Entity),
    remove_id: fn(&mut EntityWorldMut),
    /// Takes the list of its members away.
    remove_list: fn(&mut EntityWorldMut),
    /// Somebody joins it, and somebody leaves.
    people: Option<fn(joins: &[&str], leaves: &[&str]) -> Message>,
}

macro_rules! place {
    ($name:literal $State:ident $Id:ident $List:ident in $Index:ident as $id:expr, $($rest:tt)*) => {
        Place {
            name: $name,
            find: |world| world.resource::<$Index>().get(&$id),
            is_it: |world, entity| world.get::<$State>(entity).is_some(),
            remove_state: |entity| {
                entity.remove::<$State>();
            },
            copy_state: |world, from, to| {
                if let Some(state) = world.get::<$State>(from).cloned() {
                    world.entity_mut(to).insert(state);
                }
            },
            remove_id: |entity| {
                entity.remove::<$Id>();
            },
            remove_list: |entity| {
                entity.remove::<$List>();
            },
            $($rest)*
        }
    };
}

fn town() -> Stream {
    Stream {
        mode: 130,
        label: "town".into(),
        ..Stream::default()
    }
}

fn follow_bob(game: &mut TestGame) {
    game.commands(|c| c.nakama().follow(FollowUsers::ids(["user-bob"])).id());
    game.update();
    let asked = game.expect_sent(Kind::StatusFollow);
    game.answer(&asked, followed(&[("bob", "")]));
    game.update();
}

fn followed_bob(game: &mut TestGame) -> Entity {
    follow_bob(game);
    let index = game.app.world().resource::<FollowedUserIndex>();
    index.get(&"user-bob".into()).expect("followed")
}

fn ask_for_ticket(game: &mut TestGame) {
    let add = AddMatchmaker::players(2, 2);
    game.commands(|c| c.nakama().add_matchmaker(add).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t"));
    game.update();
}

fn ticket(game: &mut TestGame) -> Entity {
    ask_for_ticket(game);
    let index = game.app.world().resource::<TicketIndex>();
    index.get(&"t".into()).expect("a ticket")
}

fn hear_of_town(game: &mut TestGame) {
    game.server_says(stream_presences(&town(), &["bob", "dan"], &[]));
    game.update();
}

fn in_town(game: &mut TestGame) -> Entity {
    game.server_says(stream_presences(&town(), &["bob"], &[]));
    game.update();
    let index = game.app.world().resource::<StreamIndex>();
    index.get(&town()).expect("a stream")
}

fn sessions(joins: &[&str], leaves: &[&str]) -> Message {
    let mut event = match status_presences(&[], leaves) {
        Message::StatusPresenceEvent(event) => event,
        other => panic!("{other:?}"),
    };
    let of_bob = |name: &&str| {
        let mut session = user_presence(name);
        session.user_id = "user-bob".into();
        session.username = "bob".into();
        session
    };
    event.joins = joins.iter().map(of_bob).collect();
    event.leaves = leaves.iter().map(of_bob).collect();
    Message::StatusPresenceEvent(event)
}

/// All that there are.
fn places() -> [Place; 6] {
    [
        place!("match" Match MatchId MatchPresences in MatchIndex as "m".into(),
            enter: |game| game.join("m", &["ada", "bob"]),
            leave: Some(Kind::MatchLeave),
            ask_to_leave: |commands, it| { commands.nakama().leave_match(it); },
            people: Some(|joins, leaves| match_presences("m", joins, leaves)),
        ),
        place!("party" Party PartyId PartyMembers in PartyIndex as "p".into(),
            enter: |game| join_party(game, "p", &["bob", "ada"]),
            leave: Some(Kind::PartyLeave),
            ask_to_leave: |commands, it| { commands.nakama().leave_party(it); },
            people: Some(|joins, leaves| party_presences("p", joins, leaves)),
        ),
        place!("channel" ChatChannel ChannelId ChatMembers in ChatIndex as room_id("r"),
            enter: |game| game.join_room("r", &["ada", "bob"]),
            leave: Some(Kind::ChannelLeave),
            ask_to_leave: |commands, it| { commands.nakama().leave_chat(it); },
            people: Some(|joins, leaves| chat_presences("r", joins, leaves)),
        ),
        place!("user" FollowedUser UserId UserSessions in FollowedUserIndex as "user-bob".into(),
            enter: followed_bob,
            leave: Some(Kind::StatusUnfollow),
            ask_to_leave: |commands, it| { commands.nakama().unfollow(it); },
            people: Some(sessions),
        ),
        place!("ticket" MatchmakerTicket TicketId TicketOf in TicketIndex as "t".into(),
            enter: ticket,
            leave: Some(Kind::MatchmakerRemove),
            ask_to_leave: |commands, it| { commands.nakama().remove_matchmaker_ticket(it); },
            people: None,
        ),
        place!("stream" Stream Stream StreamPresences in StreamIndex as town(),
            enter: in_town,
            leave: None,
            ask_to_leave: |_, _| {},
            people: Some(|joins, leaves| stream_presences(&town(), joins, leaves)),
        ),
    ]
}

/// A test for each kind.
fn in_each(test: impl Fn(&Place, TestGame)) {
    for place in places() {
        eprintln!("{}", place.name);
        test(&place, TestGame::connected());
    }
}

/// What was sent to leave something since the last time. The server agrees.
fn leaves(game: &mut TestGame) -> Vec<Kind> {
    let sent = game.sent();
    for asked in &sent {
        game.acknowledge(asked);
    }
    game.update();
    sent.iter()
        .filter_map(|sent| sent.message.as_ref())
        .map(Kind::of)
        .collect()
}

fn expected(place: &Place) -> Vec<Kind> {
    place.leave.into_iter().collect()
}

fn is_alive(game: &TestGame, entity: Entity) -> bool {
    game.app.world().get_entity(entity).is_ok()
}

fn session_id(name: &str) -> SessionId {
    user_presence(name).session_id.into()
}

/// Where the plugin has a member.
fn member(game: &TestGame, place: Entity, name: &str) -> Option<Entity> {
    let index = game.app.world().resource::<PresenceIndex>();
    index.get(place, &session_id(name))
}

/// How many places the index keeps people of.
fn rosters(game: &TestGame) -> usize {
    let index = game.app.world().resource::<PresenceIndex>();
    let rosters = index.field("contexts").expect("the rosters");
    let rosters = rosters.reflect_ref().as_tuple_struct();
    let rosters = rosters.ok().and_then(|rosters| rosters.field(0));
    let rosters = rosters.expect("what is inside").reflect_ref().as_map();
    rosters.expect("a map").len()
}

fn frames(game: &mut TestGame, frames: usize) {
    for _ in 0..frames {
        game.update();
    }
}
