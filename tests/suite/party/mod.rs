//! Parties, with servers of both generations: who is in them, who leads, who asks to join, and how it all ends.

mod asking;
mod moves;

use crate::{common::log::Log, mirror::departures::goes};
use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::{
    prelude::*,
    proto::{Envelope, Kind, Message, PartyLayout, realtime},
    request::Request,
    testing::*,
};

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a test with both ways to write a party.
fn both_layouts(test: impl Fn(TestGame, Log)) {
    for layout in [PartyLayout::Before3_28, PartyLayout::Current] {
        eprintln!("a server that writes {layout:?}");
        let (mut game, log) = watched(TestGame::connected());
        game.server_writes(layout);
        test(game, log);
    }
}

fn watch<R: Request>(game: &mut TestGame, log: &Log, name: &'static str) {
    let seen = log.clone();
    game.observe(move |reply: On<Replied<R>>| match &reply.result {
        Ok(_) => seen.add(name),
        Err(error) => seen.add(format!("{name}: {error}")),
    });
}

/// What a game notices, line by line.
fn watched(mut game: TestGame) -> (TestGame, Log) {
    let log = Log::default();
    watch::<CreateParty>(&mut game, &log, "created");
    watch::<JoinParty>(&mut game, &log, "join taken");
    watch::<LeaveParty>(&mut game, &log, "left");
    watch::<CloseParty>(&mut game, &log, "close");
    watch::<PromotePartyMember>(&mut game, &log, "promote");
    watch::<KickFromParty>(&mut game, &log, "kick");
    watch::<UpdateParty>(&mut game, &log, "update");
    watch::<AcceptPartyJoin>(&mut game, &log, "accept");
    watch::<DeclinePartyJoin>(&mut game, &log, "decline");
    watch::<ListPartyJoinRequests>(&mut game, &log, "list");
    let seen = log.clone();
    game.observe(
        move |added: On<Add, MemberOf>, who: Query<(&Username, &JoinedAs, Has<IsSelf>)>| {
            let (name, how, is_self) = who.get(added.entity).expect("a presence is spawned whole");
            let mark = if is_self { " (self)" } else { "" };
            seen.add(format!("+{name} {how:?}{mark}"));
        },
    );
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, MemberOf>, who: Query<&Username>| {
            let name = who.get(removed.entity).expect("still readable");
            seen.add(format!("-{name}"));
        },
    );
    let seen = log.clone();
    game.observe(move |added: On<Add, PartyLeader>, who: Query<&Username>| {
        let name = who.get(added.entity).expect("a member has a name");
        seen.add(format!("{name} leads"));
    });
    let seen = log.clone();
    game.observe(move |added: On<Add, AsksToJoin>, who: Query<&Username>| {
        let name = who.get(added.entity).expect("who asks has a name");
        seen.add(format!("{name} asks to join"));
    });
    let seen = log.clone();
    game.observe(
        move |removed: On<Remove, AsksToJoin>, who: Query<&Username>| {
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

/// The party with this id as the world has it; "none" if there is none.
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
    let session = SessionId::from(presence(name).session_id);
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

/// A party that is closed to those who are not let in.
fn closed_party(id: &str, me: &str, members: &[&str]) -> Message {
    changed(party(id, me, members), |party| party.open = false)
}

/// Creates `p1`, as `ada`, its leader.
fn create(game: &mut TestGame, request: CreateParty, answer: Message) -> Entity {
    let entity = game.commands(|c| c.nakama().create_party(request).id());
    game.update();
    let asked = game.expect_sent(Kind::PartyCreate);
    game.answer(&asked, answer);
    game.update();
    entity
}

/// Asks to join `p1`.
fn ask_to_join(game: &mut TestGame) -> (Entity, Envelope) {
    let entity = game.commands(|c| c.nakama().join_party("p1").id());
    game.update();
    (entity, game.expect_sent(Kind::PartyJoin))
}

/// Is in `p1` as `ada`, whom its leader `bob` let in.
fn let_in_by_bob(game: &mut TestGame, log: &Log) -> Entity {
    let (entity, asked) = ask_to_join(game);
    game.acknowledge(&asked);
    game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
    game.server_says(party_presences("p1", &["ada"], &[]));
    game.update();
    log.take();
    entity
}

/// Leads the closed party `p1` as `ada`, with `bob` in it.
fn leading_bob(game: &mut TestGame, log: &Log) -> Entity {
    let entity = create(
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

#[test]
fn created() {
    both_layouts(|mut game, log| {
        let answer = changed(party("p1", "ada", &["ada"]), |party| {
            party.max_size = 4;
        });
        let entity = create(&mut game, CreateParty::open(4), answer);

        assert_eq!(log.take(), ["+ada Snapshot (self)", "ada leads", "created"]);
        assert_eq!(seen(&game, "p1"), "open 4: ada(me)*");
        assert_eq!(party_entity(&game, "p1"), entity);
        assert!(game.app.world().get::<Joining>(entity).is_none());
        assert_eq!(
            game.app.world().get::<Name>(entity).map(Name::as_str),
            Some("party p1")
        );
    });
}

#[test]
fn what_is_asked_for_is_sent_as_it_is() {
    let (mut game, _) = watched(TestGame::connected());
    let request = CreateParty::closed(3).label(r#"{"a":1}"#).hidden(true);
    game.commands(|c| {
        c.nakama().create_party(request);
    });
    game.update();
    assert_eq!(
        game.expect_sent(Kind::PartyCreate).message,
        Some(Message::PartyCreate(realtime::PartyCreate {
            open: false,
            max_size: 3,
            label: r#"{"a":1}"#.into(),
            hidden: true,
        }))
    );
}

#[test]
fn the_push_after_a_creation_does_not_take_the_label_away() {
    // Nakama 3.35 and newer send the party a second time, without its label and whether it is hidden.
    let (mut game, log) = watched(TestGame::connected());
    let label = r#"{"mode":"duel"}"#;
    let answer = changed(party("p1", "ada", &["ada"]), |party| {
        party.label = label.into();
        party.hidden = true;
    });
    let entity = create(&mut game, CreateParty::open(8).label(label), answer);
    log.take();

    game.server_says(party("p1", "ada", &["ada"]));
    game.server_says(party_presences("p1", &["ada"], &[]));
    game.update();

    assert_eq!(log.take(), [""; 0], "nothing that the game did not know");
    let party = game.app.world().get::<Party>(entity).expect("a party");
    assert_eq!(party.label.as_deref(), Some(label));
    assert_eq!(party.hidden, Some(true));
}

#[test]
fn pushes_may_come_before_the_answer_to_a_creation() {
    both_layouts(|mut game, log| {
        let entity = game.commands(|c| c.nakama().create_party(CreateParty::open(8)).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyCreate);
        game.server_says(party("p1", "ada", &["ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();
        assert_eq!(log.take(), [""; 0], "nothing before the answer");

        game.answer(&asked, party("p1", "ada", &["ada"]));
        game.update();

        assert_eq!(log.take(), ["+ada Snapshot (self)", "ada leads", "created"]);
        assert_eq!(party_entity(&game, "p1"), entity);
    });
}

#[test]
fn joined_an_open_one() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["join taken"]);
        assert!(game.app.world().get::<Joining>(entity).is_some());
        assert_eq!(seen(&game, "p1"), "none", "taken is not let in");

        game.server_says(party("p1", "ada", &["bob", "cat", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();

        assert_eq!(
            log.take(),
            [
                "+bob Snapshot",
                "+cat Snapshot",
                "+ada Snapshot (self)",
                "bob leads"
            ]
        );
        assert_eq!(seen(&game, "p1"), "open 8: bob* cat ada(me)");
        assert_eq!(party_entity(&game, "p1"), entity);
        let joined = game.app.world().entity(entity);
        assert!(!joined.contains::<Joining>());
        assert!(!joined.contains::<PendingApproval>());
        let party = joined.get::<Party>().expect("a party");
        assert_eq!((&party.label, party.hidden), (&None, None), "nobody told");
    });
}

#[test]
fn pushes_may_come_before_the_answer_to_a_join() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.server_says(party("p1", "ada", &["bob", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.server_says(party_data("p1", "bob", 1, "hello"));
        game.update();
        assert_eq!(log.take(), [""; 0], "nothing before the answer");

        game.acknowledge(&asked);
        game.update();

        assert_eq!(
            log.take(),
            [
                "join taken",
                "+bob Snapshot",
                "+ada Snapshot (self)",
                "bob leads",
                "bob: hello"
            ]
        );
        assert_eq!(party_entity(&game, "p1"), entity);
        game.advance(2 * SECOND);
        assert_eq!(log.take(), [""; 0], "nobody waits for anything");
    });
}

#[test]
fn approved() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.advance(2 * SECOND);
        assert_eq!(log.take(), ["join taken", "waiting for the leader"]);
        let asking = game.app.world().entity(entity);
        assert!(asking.contains::<Joining>() && asking.contains::<PendingApproval>());

        game.advance(120 * SECOND);
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();

        assert_eq!(seen(&game, "p1"), "closed 8: bob* ada(me)");
        assert_eq!(party_entity(&game, "p1"), entity);
        let joined = game.app.world().entity(entity);
        assert!(!joined.contains::<Joining>() && !joined.contains::<PendingApproval>());
    });
}

#[test]
fn approved_with_the_event_first() {
    both_layouts(|mut game, log| {
        let (_, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.advance(2 * SECOND);
        log.take();
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(
            log.take(),
            ["+bob Snapshot", "+ada Snapshot (self)", "bob leads"]
        );
    });
}

#[test]
fn declined_is_never_told() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        for _ in 0..600 {
            game.update_by(SECOND);
        }
        assert_eq!(log.take(), ["join taken", "waiting for the leader"]);
        let asking = game.app.world().entity(entity);
        assert!(asking.contains::<Joining>() && asking.contains::<PendingApproval>());
    });
}

#[test]
fn somebody_asks_and_is_let_in() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        assert_eq!(log.take(), ["cat asks to join"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob cat?");

        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().accept_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        assert_eq!(
            asked.message,
            Some(Message::PartyAccept(realtime::PartyAccept {
                party_id: "p1".into(),
                presence: Some(presence("cat")),
            }))
        );
        game.acknowledge(&asked);
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.update();

        assert_eq!(log.take(), ["cat asks no more", "accept", "+cat Event"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob cat");
    });
}

#[test]
fn the_answer_comes_before_who_is_let_in_whatever_the_wire_says() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().accept_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        log.take();
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["cat asks no more", "accept", "+cat Event"]);
    });
}

#[test]
fn somebody_asks_and_is_declined() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().decline_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(
            log.take(),
            ["cat asks to join", "cat asks no more", "decline"]
        );
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob");
    });
}

#[test]
fn whoever_is_gone_cannot_be_let_in() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().accept_party_join(cat);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyAccept);
        let text = "Error accepting party join request: party could not accept request";
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(
            log.take(),
            [
                "cat asks to join",
                "cat asks no more",
                &format!("accept: {text} (bad input)")
            ]
        );
    });
}

#[test]
fn asked_twice_by_somebody() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        assert_eq!(log.take(), ["cat asks to join"]);
    });
}

#[test]
fn asked_twice() {
    both_layouts(|mut game, log| {
        let (first, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.update();
        let (second, asked) = ask_to_join(&mut game);
        let text = "Error joining party: party join request duplicate";
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(
            log.take(),
            ["join taken", &format!("join taken: {text} (bad input)")]
        );
        assert!(game.app.world().get_entity(second).is_err());

        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(party_entity(&game, "p1"), first);
    });
}

#[test]
fn joined_a_second_time() {
    // The server acknowledges that and does nothing.
    both_layouts(|mut game, log| {
        let first = let_in_by_bob(&mut game, &log);
        let answered = Log::default();
        let seen_by_caller = answered.clone();
        let second = game.commands(|c| {
            c.nakama()
                .join_party("p1")
                .observe(move |reply: On<Replied<JoinParty>>| {
                    let taken = reply.result.as_ref().expect("the server agrees");
                    seen_by_caller.add(format!("{}", taken.entity));
                })
                .id()
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyJoin);
        game.acknowledge(&asked);
        game.update();
        assert_eq!(answered.take(), [format!("{first}")]);
        assert!(game.app.world().get_entity(second).is_err());
        assert_eq!(seen(&game, "p1"), "closed 8: bob* ada(me)");
    });
}

#[test]
fn full() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.refuse(&asked, 3, "Error joining party: party full");
        game.update();
        assert_eq!(
            log.take(),
            ["join taken: Error joining party: party full (bad input)"]
        );
        assert!(game.app.world().get_entity(entity).is_err());
    });
}

#[test]
fn somebody_leaves() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.server_says(party_presences("p1", &[], &["zoe"]));
        game.update();
        assert_eq!(log.take(), ["-bob"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)*");
    });
}

#[test]
fn kicked() {
    both_layouts(|mut game, log| {
        let entity = let_in_by_bob(&mut game, &log);
        game.server_says(party_closed("p1"));
        game.update();
        assert_eq!(log.take(), ["closed with 2", "-bob", "-ada"]);
        assert_eq!(seen(&game, "p1"), "none");
        goes(&mut game, entity);
    });
}

#[test]
fn somebody_is_kicked() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().kick_from_party(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        assert_eq!(
            asked.message,
            Some(Message::PartyRemove(realtime::PartyRemove {
                party_id: "p1".into(),
                presence: Some(presence("bob")),
            }))
        );
        game.acknowledge(&asked);
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["kick", "-bob"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)*");
    });
}

#[test]
fn the_leader_cannot_kick_themselves() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        let ada = member(&game, "p1", "ada");
        game.commands(|c| {
            c.nakama().kick_from_party(ada);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyRemove);
        let text = "Error removing party member or join request: party cannot remove self";
        game.refuse(&asked, 3, text);
        game.update();
        assert_eq!(log.take(), [format!("kick: {text} (bad input)")]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob");
    });
}

#[test]
fn somebody_is_promoted_by_oneself() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        log.take();
        let bob = member(&game, "p1", "bob");
        game.commands(|c| {
            c.nakama().promote_party_member(bob);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyPromote);
        game.server_says(party_leader("p1", "bob"));
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["bob leads", "cat asks no more", "promote"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me) bob*");
    });
}

#[test]
fn somebody_can_be_promoted_as_soon_as_they_are_seen() {
    both_layouts(|mut game, log| {
        game.observe(
            |joined: On<Add, MemberOf>,
             mut commands: Commands,
             others: Query<(), Without<IsSelf>>| {
                if others.contains(joined.entity) {
                    commands.nakama().promote_party_member(joined.entity);
                }
            },
        );
        leading_bob(&mut game, &log);
        game.update();
        game.expect_sent(Kind::PartyPromote);
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn promoted() {
    both_layouts(|mut game, log| {
        let_in_by_bob(&mut game, &log);
        game.server_says(party_leader("p1", "ada"));
        game.update();
        assert_eq!(log.take(), ["ada leads"]);
        assert_eq!(seen(&game, "p1"), "closed 8: bob ada(me)*");

        // The server does not tell who has been waiting, so the plugin asks.
        game.update();
        let asked = game.expect_sent(Kind::PartyJoinRequestList);
        game.answer(&asked, party_join_request("p1", &["cat", "dan"]));
        game.update();
        assert_eq!(log.take(), ["cat asks to join", "dan asks to join", "list"]);
        assert_eq!(seen(&game, "p1"), "closed 8: bob ada(me)* cat? dan?");
    });
}

#[test]
fn leader_gone() {
    both_layouts(|mut game, log| {
        let_in_by_bob(&mut game, &log);
        game.server_says(party_leader("p1", "ada"));
        game.server_says(party_presences("p1", &[], &["bob"]));
        game.update();
        assert_eq!(log.take(), ["ada leads", "-bob"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)*");
        game.update();
        game.expect_sent(Kind::PartyJoinRequestList);
    });
}

#[test]
fn a_list_of_who_asks_is_compared_with_what_is_known() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat", "dan"]));
        game.update();
        let cat = asker(&game, "p1", "cat");
        game.commands(|c| {
            c.nakama().list_party_join_requests(party);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyJoinRequestList);
        log.take();
        // `dan` went; `eve` asked after the list was made.
        game.server_says(party_join_request("p1", &["eve"]));
        game.answer(&asked, party_join_request("p1", &["cat"]));
        game.update();
        assert_eq!(log.take(), ["eve asks to join", "dan asks no more", "list"]);
        assert_eq!(seen(&game, "p1"), "closed 8: ada(me)* bob cat? eve?");
        assert_eq!(asker(&game, "p1", "cat"), cat, "the same entity");
    });
}

#[test]
fn closed_by_oneself() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.server_says(party_join_request("p1", &["cat"]));
        game.update();
        log.take();
        game.commands(|c| {
            c.nakama().close_party(party);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyClose);
        game.server_says(party_closed("p1"));
        game.acknowledge(&asked);
        game.update();
        let mut noticed = log.take();
        assert_eq!(noticed.first().map(String::as_str), Some("closed with 2"));
        assert_eq!(noticed.last().map(String::as_str), Some("close"));
        noticed.sort();
        assert_eq!(
            noticed,
            ["-ada", "-bob", "cat asks no more", "close", "closed with 2"]
        );
        assert_eq!(seen(&game, "p1"), "none");
        goes(&mut game, party);
    });
}

#[test]
fn left() {
    both_layouts(|mut game, log| {
        let party = let_in_by_bob(&mut game, &log);
        game.commands(|c| {
            c.nakama().leave_party(party);
        });
        game.update();
        let asked = game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "closed 8: bob* ada(me)", "not yet");
        game.acknowledge(&asked);
        game.update();
        assert_eq!(log.take(), ["-bob", "-ada", "left"]);
        assert_eq!(seen(&game, "p1"), "none");
    });
}

#[test]
fn despawning_a_party_is_leaving_it() {
    both_layouts(|mut game, log| {
        let party = let_in_by_bob(&mut game, &log);
        game.commands(|c| c.entity(party).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
        log.take();
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.server_says(party_data("p1", "bob", 1, "late"));
        game.update();
        assert_eq!(
            log.take(),
            [""; 0],
            "what is still on its way is for nobody"
        );
    });
}

#[test]
fn left_while_asking() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.advance(2 * SECOND);
        log.take();
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);

        // The leader accepts nonetheless.
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.server_says(party_presences("p1", &["ada"], &[]));
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
        assert_eq!(log.take(), [""; 0]);
    });
}

#[test]
fn despawned_before_the_answer() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.acknowledge(&asked);
        game.server_says(party("p1", "ada", &["bob", "ada"]));
        game.update();
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
        assert_eq!(log.take(), ["join taken: it was withdrawn"]);
    });
}

#[test]
fn asked_again_after_it_was_withdrawn() {
    both_layouts(|mut game, log| {
        let (entity, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.update();
        game.commands(|c| c.entity(entity).despawn());
        game.update();
        game.expect_sent(Kind::PartyLeave);
        let (again, asked) = ask_to_join(&mut game);
        game.acknowledge(&asked);
        game.server_says(closed_party("p1", "ada", &["bob", "ada"]));
        game.update();
        assert_eq!(party_entity(&game, "p1"), again, "{:?}", log.take());
        assert!(game.sent().is_empty(), "nobody leaves");
    });
}

#[test]
fn a_join_that_timed_out_is_undone() {
    both_layouts(|mut game, log| {
        let (_, asked) = ask_to_join(&mut game);
        game.advance(11 * SECOND);
        assert_eq!(log.take(), ["join taken: no answer within 10.0 s"]);
        game.acknowledge(&asked);
        game.server_says(party("p1", "ada", &["bob", "ada"]));
        game.update();
        game.update();
        game.expect_sent(Kind::PartyLeave);
        assert_eq!(seen(&game, "p1"), "none");
    });
}

#[test]
fn updated_by_oneself() {
    let (mut game, log) = watched(TestGame::connected());
    let party = leading_bob(&mut game, &log);
    game.commands(|c| {
        let update = UpdateParty::default().open(true).label(r#"{"a":1}"#);
        c.nakama().update_party(party, update);
    });
    game.update();
    let asked = game.expect_sent(Kind::PartyUpdate);
    let update = realtime::PartyUpdate {
        party_id: "p1".into(),
        open: true,
        label: r#"{"a":1}"#.into(),
        hidden: false,
    };
    assert_eq!(asked.message, Some(Message::PartyUpdate(update.clone())));
    game.server_says(Message::PartyUpdate(update));
    game.acknowledge(&asked);
    game.update();
    assert_eq!(log.take(), ["update"]);
    let mirrored = game.app.world().get::<Party>(party).expect("a party");
    assert_eq!(
        (mirrored.open, mirrored.hidden, mirrored.label.as_deref()),
        (true, Some(false), Some(r#"{"a":1}"#))
    );
}

#[test]
fn an_update_tells_a_member_the_label() {
    let (mut game, log) = watched(TestGame::connected());
    let party = let_in_by_bob(&mut game, &log);
    game.server_says(Message::PartyUpdate(realtime::PartyUpdate {
        party_id: "p1".into(),
        label: r#"{"a":1}"#.into(),
        ..Default::default()
    }));
    game.update();
    let mirrored = game.app.world().get::<Party>(party).expect("a party");
    assert_eq!(mirrored.label.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(mirrored.hidden, Some(false));
}

#[test]
fn an_old_server_is_not_sent_an_update() {
    // It would close the socket.
    let (mut game, log) = watched(TestGame::connected());
    game.server_writes(PartyLayout::Before3_28);
    let party = leading_bob(&mut game, &log);
    game.commands(|c| {
        c.nakama()
            .update_party(party, UpdateParty::default().open(true));
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["update: it needs Nakama 3.28"]);
    assert!(game.sent().is_empty());
}

#[test]
fn data_goes_to_the_others_and_comes_from_them() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_party_data(party, 7, "hello"));
        game.update();
        let sent = game.expect_sent(Kind::PartyDataSend);
        assert_eq!(
            sent.message,
            Some(Message::PartyDataSend(realtime::PartyDataSend {
                party_id: "p1".into(),
                op_code: 7,
                data: "hello".into(),
            }))
        );
        game.acknowledge(&sent);
        game.server_says(party_data("p1", "bob", 7, "hi"));
        game.update();
        assert_eq!(log.take(), ["bob: hi"]);
    });
}

#[test]
fn data_that_the_server_refuses_is_told() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_party_data(party, 7, "hello"));
        game.update();
        let sent = game.expect_sent(Kind::PartyDataSend);
        let text = "Error sending party data: party member not found";
        game.refuse(&sent, 3, text);
        game.update();
        assert_eq!(log.take(), [format!("not sent: {text}")]);
    });
}

#[test]
fn data_that_cannot_be_sent_is_told() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_party_data(party, 7, vec![0; 5000]));
        game.update();
        game.update();
        let noticed = log.take();
        assert!(
            noticed.len() == 1 && noticed[0].starts_with("not sent: "),
            "{noticed:?}"
        );
        assert!(game.sent().is_empty());
    });
}

#[test]
fn data_of_somebody_who_is_not_yet_here_waits_for_them() {
    both_layouts(|mut game, log| {
        leading_bob(&mut game, &log);
        game.server_says(party_data("p1", "cat", 7, "first"));
        game.update();
        game.server_says(party_presences("p1", &["cat"], &[]));
        game.update();
        assert_eq!(log.take(), ["+cat Event", "cat: first"]);
    });
}

#[test]
fn typed_data_arrives_as_its_type() {
    #[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
    struct Ready(bool);
    impl PartyPayload for Ready {
        const OP_CODE: i64 = 1;
        type Codec = Json;
    }
    both_layouts(|mut game, log| {
        game.app.add_party_data::<Ready>();
        let seen = log.clone();
        game.app
            .add_systems(Update, move |mut ready: MessageReader<FromParty<Ready>>| {
                for ready in ready.read() {
                    seen.add(format!("{:?}", ready.payload));
                }
            });
        let seen = log.clone();
        game.app
            .add_systems(Update, move |mut bad: MessageReader<PartyDataRejected>| {
                for bad in bad.read() {
                    seen.add(format!("rejected {:?}", bad.data));
                }
            });
        let party = leading_bob(&mut game, &log);
        game.commands(|c| c.nakama().send_to_party(party, &Ready(true)));
        game.update();
        let sent = game.expect_sent(Kind::PartyDataSend);
        let Some(Message::PartyDataSend(sent)) = sent.message else {
            panic!("{sent:?}");
        };
        assert_eq!((sent.op_code, &sent.data[..]), (1, &b"true"[..]));
        game.server_says(party_data("p1", "bob", 1, "true"));
        game.server_says(party_data("p1", "bob", 1, "nonsense"));
        game.update();
        let mut noticed = log.take();
        noticed.sort();
        assert_eq!(noticed, ["Ready(true)", "rejected b\"nonsense\""]);
    });
}

#[test]
fn what_is_not_there_is_refused_at_once() {
    both_layouts(|mut game, log| {
        let nothing = game.commands(|c| c.spawn_empty().id());
        game.commands(|c| {
            c.nakama().leave_party(nothing);
            c.nakama().kick_from_party(nothing);
            c.nakama().accept_party_join(nothing);
            c.nakama().send_party_data(nothing, 1, "x");
        });
        game.update();
        game.update();
        let noticed = log.take();
        assert_eq!(noticed.len(), 4, "{noticed:?}");
        for line in &noticed {
            assert!(line.contains(": "), "each says why: {noticed:?}");
        }
        assert!(game.sent().is_empty());
    });
}

#[test]
fn the_end_of_the_connection_is_the_end_of_the_party() {
    both_layouts(|mut game, log| {
        let party = leading_bob(&mut game, &log);
        let (asking, asked) = ask_to_join_another(&mut game);
        game.acknowledge(&asked);
        game.update();
        game.connection_breaks();
        game.update();
        assert_eq!(seen(&game, "p1"), "none");
        assert!(game.app.world().get_entity(asking).is_err());
        goes(&mut game, party);
    });
}

fn ask_to_join_another(game: &mut TestGame) -> (Entity, Envelope) {
    let entity = game.commands(|c| c.nakama().join_party("p2").id());
    game.update();
    (entity, game.expect_sent(Kind::PartyJoin))
}

/// The variant of a refusal, and its text.
fn refused_with(code: i32, text: &str) -> String {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinParty>>| {
        if let Err(RequestError::Refused(refusal)) = &reply.result {
            let variant = format!("{refusal:?}");
            let variant = variant.split('(').next().unwrap_or_default();
            seen.add(format!("{variant}: {refusal}"));
        }
    });
    let (_, asked) = ask_to_join(&mut game);
    game.refuse(&asked, code, text);
    game.update();
    log.take().concat()
}

#[test]
fn every_recorded_refusal_has_a_name_and_keeps_its_text() {
    let names = [
        (": party not found", "NotFound"),
        (": party leader only", "NotLeader"),
        (": party full", "Full"),
        (": party join requests full", "RequestsFull"),
        (": party join request duplicate", "AlreadyAsked"),
        (": party join request not found", "RequestNotFound"),
        (": party could not accept request", "AskerGone"),
        (": party member not found", "MemberNotFound"),
        (": party cannot remove self", "CannotRemoveSelf"),
        (": party label too long", "InvalidLabel"),
        ("invalid operation", "InvalidLabel"),
        ("(expecting 'u')", "InvalidLabel"),
        ("map[string]interface {}", "InvalidLabel"),
        ("Invalid party ID", "InvalidInput"),
        ("Invalid party max size, must be 1-256", "InvalidInput"),
        ("Invalid presence", "InvalidInput"),
    ];
    let mut recorded = std::collections::BTreeSet::new();
    for scenario in crate::common::transcripts::GENERATIONS
        .into_iter()
        .flat_map(crate::common::transcripts::scenarios)
        .filter(|scenario| scenario.name.starts_with("party_"))
    {
        let lines = &scenario.lines;
        for line in lines
            .iter()
            .filter(|line| line.kind.as_deref() == Some("error"))
        {
            let about = lines.iter().find(|sent| {
                sent.dir == crate::common::transcripts::Dir::Send
                    && sent.client == line.client
                    && sent.json["cid"] == line.json["cid"]
            });
            let kind = about.and_then(|sent| sent.kind.as_deref());
            let of_parties = kind
                .filter(|kind| kind.starts_with("party_") && !kind.starts_with("party_matchmaker"));
            if of_parties.is_some() && line.json["error"]["code"] == 3 {
                let text = line.json["error"]["message"].as_str().expect("a text");
                recorded.insert(text.to_owned());
            }
        }
    }
    for text in &recorded {
        let (_, expected) = names
            .iter()
            .find(|(ending, _)| text.ends_with(ending))
            .unwrap_or_else(|| panic!("{text} has no name"));
        assert_eq!(
            refused_with(3, text),
            format!("{expected}: {text} (bad input)")
        );
    }
    for (ending, _) in names {
        assert!(
            recorded.iter().any(|text| text.ends_with(ending)),
            "{ending} was not recorded"
        );
    }
}
