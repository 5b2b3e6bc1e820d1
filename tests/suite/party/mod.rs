//! Parties, with servers of both generations: who is in them, who leads, who asks to join, and how it all ends.

mod a_closed_party_waits_for_its_leader;
mod a_leader_sees_who_asks_to_join;
mod a_party_ends;
mod a_withdrawn_join_is_undone;
mod an_open_party_is_joined_at_once;
mod answers_come_before_the_events_they_cause;

mod data_reaches_the_others;
mod members_leave_and_are_kicked;

mod refusals_have_names;
mod the_leader_changes;
mod the_local_user_leads_what_they_create;
mod updates_change_the_party;

use std::time::Duration;

use crate::common::{
    log::Log,
    steps::{ask_to_join_party, create_party, log_replies},
};
use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::{
    prelude::*,
    proto::{Message, PartyLayout, realtime},
    testing::*,
};

const SECOND: Duration = Duration::from_secs(1);

/// Runs a test with each way in which servers write a party.
fn both_layouts(test: impl Fn(TestGame, Log)) {
    for layout in [PartyLayout::Before3_28, PartyLayout::Current] {
        eprintln!("a server that writes {layout:?}");
        let (mut game, log) = watched(TestGame::connected());
        game.server_writes(layout);
        test(game, log);
    }
}

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    log_replies::<CreateParty>(&mut game, &log, "created");
    log_replies::<JoinParty>(&mut game, &log, "join taken");
    log_replies::<LeaveParty>(&mut game, &log, "left");
    log_replies::<CloseParty>(&mut game, &log, "close");
    log_replies::<PromotePartyMember>(&mut game, &log, "promote");
    log_replies::<KickFromParty>(&mut game, &log, "kick");
    log_replies::<UpdateParty>(&mut game, &log, "update");
    log_replies::<AcceptPartyJoin>(&mut game, &log, "accept");
    log_replies::<DeclinePartyJoin>(&mut game, &log, "decline");
    log_replies::<ListPartyJoinRequests>(&mut game, &log, "list");
    let seen = log.clone();
    game.observe(
        move |added: On<Joined<Party>>, who: Query<(&Username, &JoinedAs, Has<IsSelf>)>| {
            let (name, how, is_self) = who
                .get(added.presence)
                .expect("a presence is spawned whole");
            let mark = if is_self { " (self)" } else { "" };
            seen.add(format!("+{name} {how:?}{mark}"));
        },
    );
    let seen = log.clone();
    game.observe(move |left: On<Left<Party>>| {
        let name = &left.info.username;
        seen.add(match left.why {
            LeaveReason::Left => format!("-{name}"),
            why => format!("-{name} {why:?}"),
        });
    });
    let seen = log.clone();
    game.observe(move |added: On<Add, PartyLeader>, who: Query<&Username>| {
        let name = who.get(added.entity).expect("a member has a name");
        seen.add(format!("{name} leads"));
    });
    let seen = log.clone();
    game.observe(
        move |added: On<Add, PartyJoinRequester>, who: Query<&Username>| {
            let name = who.get(added.entity).expect("who asks has a name");
            seen.add(format!("{name} asks to join"));
        },
    );
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, PartyJoinRequester>, who: Query<&Username>| {
            let name = who.get(removed.entity).expect("still readable");
            seen.add(format!("{name} asks no more"));
        },
    );
    let seen = log.clone();
    game.observe(move |_: On<Add, PendingApproval>| seen.add("waiting for the leader"));
    let seen = log.clone();
    game.observe(
        move |closed: On<PartyClosed>, parties: Query<&PartyMembers>| {
            let members = parties.get(closed.party).expect("the party is still there");
            seen.add(format!("closed with {}", members.len()));
        },
    );
    let seen = log.clone();
    game.observe(move |failed: On<SendFailed>| seen.add(format!("not sent: {}", failed.reason)));
    let seen = log.clone();
    game.app
        .add_systems(Update, move |mut data: MessageReader<PartyDataReceived>| {
            for data in data.read() {
                let text = String::from_utf8_lossy(&data.data);
                let sender = data.sender.as_ref();
                let name = sender.map_or("nobody", |sender| sender.presence.username.as_str());
                let is_here = sender.is_some_and(|sender| sender.entity.is_some());
                let where_from = if is_here { "" } else { " (not here)" };
                seen.add(format!("{name}{where_from}: {text}"));
            }
        });
    (game, log)
}

/// The party with this id as the world shows it, or "none".
fn seen(game: &TestGame, id: &str) -> String {
    let world = game.app.world();
    let Some(entity) = world.resource::<PartyIndex>().get(&id.into()) else {
        return "none".into();
    };
    let party = world.get::<Party>(entity).expect("the index is right");
    let members = world.get::<PartyMembers>(entity);
    let members = members
        .into_iter()
        .flat_map(PartyMembers::iter)
        .map(|member| {
            let name = world.get::<Username>(member).expect("a name").to_string();
            let me = if world.get::<IsSelf>(member).is_some() {
                "(me)"
            } else {
                ""
            };
            let leader = if world.get::<PartyLeader>(member).is_some() {
                "*"
            } else {
                ""
            };
            format!("{name}{me}{leader}")
        });
    let members: Vec<_> = members.collect();
    let asking = world.get::<PartyJoinRequests>(entity);
    let asking = asking
        .into_iter()
        .flat_map(PartyJoinRequests::iter)
        .map(|asker| format!(" {}?", world.get::<Username>(asker).expect("a name")));
    let door = if party.open { "open" } else { "closed" };
    let asking: String = asking.collect();
    format!("{door} {}: {}{asking}", party.max_size, members.join(" "))
}

fn party_entity(game: &TestGame, id: &str) -> Entity {
    let found = game.app.world().resource::<PartyIndex>().get(&id.into());
    found.unwrap_or_else(|| panic!("the game is not in {id}"))
}

fn member(game: &TestGame, id: &str, name: &str) -> Entity {
    let session = SessionId::from(user_presence(name).session_id);
    let members = game.app.world().resource::<PresenceIndex>();
    let found = members.get(party_entity(game, id), &session);
    found.unwrap_or_else(|| panic!("{name} is not in {id}: {}", seen(game, id)))
}

fn asker(game: &TestGame, id: &str, name: &str) -> Entity {
    let world = game.app.world();
    let asking = world.get::<PartyJoinRequests>(party_entity(game, id));
    let found = asking.and_then(|asking| {
        let is_it = |asker: &Entity| world.get::<Username>(*asker).is_some_and(|it| it == name);
        asking.iter().find(is_it)
    });
    found.unwrap_or_else(|| panic!("{name} does not ask to join {id}: {}", seen(game, id)))
}

fn changed(message: Message, change: impl FnOnce(&mut realtime::Party)) -> Message {
    let Message::Party(mut party) = message else {
        panic!("not a party: {message:?}");
    };
    change(&mut party);
    Message::Party(party)
}

/// A party that players join only if the leader accepts them.
fn closed_party(id: &str, me: &str, members: &[&str]) -> Message {
    changed(party_joined(id, me, members), |party| party.open = false)
}

/// Joins `p1` as `ada`; its leader `bob` accepts.
fn let_in_by_bob(game: &mut TestGame, log: &Log) -> Entity {
    let (entity, asked) = ask_to_join_party(game, "p1");
    game.acknowledge(&asked);
    game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
    game.server_says(party_presences("p1", &["ada"], &[]));
    game.update();
    log.take();
    entity
}

/// Leads the closed party `p1` as `ada`, with `bob` in it.
fn leading_bob(game: &mut TestGame, log: &Log) -> Entity {
    let entity = create_party(
        game,
        CreateParty::closed(4),
        closed_party("p1", "ada", &["ada"]),
    );
    game.server_says(party_presences("p1", &["bob"], &[]));
    game.update();
    log.take();
    assert_eq!(seen(game, "p1"), "closed 8: ada(me)* bob");
    entity
}
