//! Scenes of several games, for any server: the embedded one and real ones have to play them alike.

use std::{
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use bevy::{ecs::relationship::RelationshipTarget, prelude::*};
use bevy_nakama::{prelude::*, proto::PartyLayout};
use serde::{Deserialize, Serialize};

use super::game::Game;

/// A name that no earlier run has used.
pub(crate) fn fresh(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("{name}-{:x}", now.expect("a clock").as_nanos())
}

/// A new player, connected.
pub(crate) fn player(server: &NakamaServer, name: &str) -> Game {
    let name = fresh(name);
    Game::online(
        server,
        Login::device(format!("device-of-{name}")).username(name),
    )
}

/// Who is in the party, in order of joining: name without its unique part, a star for the leader.
fn party(app: &mut App) -> Vec<String> {
    let Some(party) = Game::the::<Party>(app) else {
        return Vec::new();
    };
    let world = app.world();
    let members = world.get::<PartyMembers>(party);
    let members = members.into_iter().flat_map(PartyMembers::iter);
    members
        .map(|member| {
            let name = world.get::<Username>(member).expect("a name").as_str();
            let name = name.split('-').next().expect("a first part");
            let leads = world.get::<PartyLeader>(member).is_some();
            format!("{name}{}", if leads { "*" } else { "" })
        })
        .collect()
}

fn sees_party(game: &mut Game, expected: &[&str]) {
    let what = format!("the party {expected:?}");
    game.until(&what, |app| (party(app) == expected).then_some(()));
}

fn member(game: &mut Game, name: &str) -> Entity {
    let world = game.app.world_mut();
    let mut members = world.query_filtered::<(Entity, &Username), With<MemberOf>>();
    let found = members
        .iter(world)
        .find(|(_, username)| username.as_str().starts_with(name));
    found.expect("a member of that name").0
}

/// A closed party: asking, accepting, declining, promoting, data, throwing out, the leader's leave, the end.
pub(crate) fn a_party(server: &NakamaServer) -> PartyLayout {
    let mut ada = player(server, "ada");
    let mut bob = player(server, "bob");
    let mut cat = player(server, "cat");
    let created = ada
        .ask::<CreateParty>(|nakama| nakama.create_party(CreateParty::closed(3)).id())
        .expect("a party");
    let id = ada
        .app
        .world()
        .get::<PartyId>(created.entity)
        .expect("an id")
        .clone();
    sees_party(&mut ada, &["ada*"]);

    // Both ask; one after the other is let in, and one is declined first.
    for asking in [&mut bob, &mut cat] {
        asking
            .ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
            .expect("the server takes the request");
    }
    let again = bob
        .ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
        .expect_err("one asks once");
    assert!(
        matches!(
            again,
            RequestError::Refused(PartyRefusal::AlreadyAsked(ref error))
                if error.message == "Error joining party: party join request duplicate"
        ),
        "{again:?}"
    );
    cat.until("that the leader has to accept", |app| {
        Game::the::<PendingApproval>(app)
    });
    let askers = ada.until("both to ask", |app| {
        let requests = app.world().get::<PartyJoinRequests>(created.entity)?;
        let askers: Vec<_> = requests.iter().collect();
        (askers.len() == 2).then_some(askers)
    });
    ada.ask::<AcceptPartyJoin>(|nakama| nakama.accept_party_join(askers[0]).id())
        .expect("bob is let in");
    ada.ask::<DeclinePartyJoin>(|nakama| nakama.decline_party_join(askers[1]).id())
        .expect("cat is declined");
    sees_party(&mut ada, &["ada*", "bob"]);
    sees_party(&mut bob, &["ada*", "bob"]);
    assert!(Game::the::<Party>(&mut cat.app).is_none());
    assert!(
        ada.app
            .world()
            .get::<PartyJoinRequests>(created.entity)
            .is_none()
    );

    // Only a leader may do these.
    let adas = member(&mut bob, "ada");
    let refused = bob
        .ask::<KickFromParty>(|nakama| nakama.kick_from_party(adas).id())
        .expect_err("bob does not lead");
    assert!(
        matches!(refused, RequestError::Refused(PartyRefusal::NotLeader(_))),
        "{refused:?}"
    );
    let refused = ada
        .ask::<JoinParty>(|nakama| nakama.join_party("no-such-party").id())
        .expect_err("that is no id");
    assert!(
        matches!(
            refused,
            RequestError::Refused(PartyRefusal::InvalidInput(_))
        ),
        "{refused:?}"
    );

    // Data go to the others.
    ada.commands(|commands| {
        commands
            .nakama()
            .send_party_data(created.entity, 7, "hello bob");
    });
    ada.app.update();
    let data = bob.until("data", |app| Game::arrived::<PartyDataReceived>(app).pop());
    assert_eq!((data.op_code, &data.data[..]), (7, &b"hello bob"[..]));
    assert!(data.sender.expect("a sender").entity.is_some());

    // The mark moves, and the new leader hears who has been waiting.
    cat.ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
        .expect("who was declined may ask again");
    ada.until("cat to ask again", |app| {
        app.world().get::<PartyJoinRequests>(created.entity)?;
        Some(())
    });
    let bobs = member(&mut ada, "bob");
    ada.ask::<PromotePartyMember>(|nakama| nakama.promote_party_member(bobs).id())
        .expect("bob leads");
    sees_party(&mut ada, &["ada", "bob*"]);
    sees_party(&mut bob, &["ada", "bob*"]);
    let waiting = bob.until("cat, who has been waiting", Game::the::<AsksToJoin>);
    bob.ask::<AcceptPartyJoin>(|nakama| nakama.accept_party_join(waiting).id())
        .expect("cat is let in");
    sees_party(&mut cat, &["ada", "bob*", "cat"]);

    // One is thrown out, the leader leaves, and the last one closes it.
    let adas = member(&mut bob, "ada");
    bob.ask::<KickFromParty>(|nakama| nakama.kick_from_party(adas).id())
        .expect("ada is thrown out");
    sees_party(&mut ada, &[]);
    sees_party(&mut cat, &["bob*", "cat"]);
    let party = Game::the::<Party>(&mut bob.app).expect("bob is in it");
    bob.ask::<LeaveParty>(|nakama| nakama.leave_party(party).id())
        .expect("bob leaves");
    sees_party(&mut bob, &[]);
    sees_party(&mut cat, &["cat*"]);
    let party = Game::the::<Party>(&mut cat.app).expect("cat is in it");
    let layout = cat
        .app
        .world()
        .resource::<NakamaConnection>()
        .party_layout()
        .expect("the server sent a party");
    let updated = cat.ask::<UpdateParty>(|nakama| {
        let update = UpdateParty::default()
            .open(true)
            .label(r#"{"mode":"duel"}"#);
        nakama.update_party(party, update).id()
    });
    match layout {
        PartyLayout::Current => {
            updated.expect("a new server takes it");
            let mirrored = cat.app.world().get::<Party>(party).expect("a party");
            assert!(mirrored.open);
            let label = mirrored.label.as_deref().expect("known by now");
            assert_eq!(label.replace(' ', ""), r#"{"mode":"duel"}"#);
        }
        PartyLayout::Before3_28 => assert!(
            matches!(updated, Err(RequestError::Unsupported { .. })),
            "{updated:?}"
        ),
    }
    cat.ask::<CloseParty>(|nakama| nakama.close_party(party).id())
        .expect("cat closes it");
    sees_party(&mut cat, &[]);
    for game in [&ada, &bob, &cat] {
        assert_eq!(game.phases.take(), [""; 0], "nobody lost their connection");
    }
    layout
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Say {
    text: String,
}

fn say(text: &str) -> Say {
    Say { text: text.into() }
}

/// The lines of the only channel, oldest first.
fn lines(app: &mut App) -> Vec<String> {
    let Some(channel) = Game::the::<ChatChannel>(app) else {
        return Vec::new();
    };
    let log = app.world().get::<ChatLog>(channel).expect("a log");
    log.iter()
        .map(|line| line.content::<Say>().expect("our own line").text)
        .collect()
}

fn sees_lines(game: &mut Game, expected: &[&str]) {
    let what = format!("the lines {expected:?}");
    game.until(&what, |app| (lines(app) == expected).then_some(()));
}

fn channel_members(app: &mut App) -> usize {
    let mut members = app.world_mut().query_filtered::<(), With<ChatMemberOf>>();
    members.iter(app.world()).count()
}

/// A room: members, messages, edits, removals, what is refused, and the history of it for who comes later.
pub(crate) fn a_chat(server: &NakamaServer) {
    let room = fresh("room");
    let mut ada = player(server, "ada");
    let mut bob = player(server, "bob");
    let join = |game: &mut Game| {
        game.ask::<JoinChat>(|nakama| nakama.join_chat(JoinChat::room(&room)).id())
            .expect("the room")
            .entity
    };
    let adas = join(&mut ada);
    let bobs = join(&mut bob);
    for game in [&mut ada, &mut bob] {
        game.until("both", |app| (channel_members(app) == 2).then_some(()));
    }
    let first = ada
        .ask::<SendChatMessage>(|nakama| nakama.send_chat(adas, &say("hello")).id())
        .expect("it is said");
    sees_lines(&mut bob, &["hello"]);
    let second = bob
        .ask::<SendChatMessage>(|nakama| nakama.send_chat(bobs, &say("hi")).id())
        .expect("it is said");
    for game in [&mut ada, &mut bob] {
        sees_lines(game, &["hello", "hi"]);
    }
    ada.ask::<UpdateChatMessage>(|nakama| {
        let edited = say("hello everybody");
        nakama
            .update_chat_message(adas, first.message_id.clone(), &edited)
            .id()
    })
    .expect("it is edited");
    let refused = ada
        .ask::<RemoveChatMessage>(|nakama| {
            nakama
                .remove_chat_message(adas, second.message_id.clone())
                .id()
        })
        .expect_err("it is bob's");
    assert!(
        refused
            .to_string()
            .contains("Could not find message to remove in channel history"),
        "{refused}"
    );
    for game in [&mut ada, &mut bob] {
        sees_lines(game, &["hello everybody", "hi"]);
    }
    bob.ask::<RemoveChatMessage>(|nakama| {
        nakama
            .remove_chat_message(bobs, second.message_id.clone())
            .id()
    })
    .expect("it is removed");
    for game in [&mut ada, &mut bob] {
        sees_lines(game, &["hello everybody"]);
    }
    let refused = ada
        .ask::<SendChatMessage>(|nakama| nakama.send_chat_json(adas, "[1]").id())
        .expect_err("content is an object");
    assert!(
        refused
            .to_string()
            .contains("Message content must be a valid JSON object"),
        "{refused}"
    );

    // Who comes later reads what was said, and what is said meanwhile is there once.
    let mut cat = player(server, "cat");
    let cats = join(&mut cat);
    ada.ask::<SendChatMessage>(|nakama| nakama.send_chat(adas, &say("welcome")).id())
        .expect("it is said");
    sees_lines(&mut cat, &["welcome"]);
    let page = cat
        .ask::<FetchChatHistory>(|nakama| nakama.chat_history(cats, ChatHistory::newest(50)).id())
        .expect("the history");
    assert_eq!(page.messages.len(), 2, "{page:?}");
    sees_lines(&mut cat, &["hello everybody", "welcome"]);

    bob.ask::<LeaveChat>(|nakama| nakama.leave_chat(bobs).id())
        .expect("bob leaves");
    assert!(Game::the::<ChatChannel>(&mut bob.app).is_none());
    ada.until("bob's leave", |app| {
        (channel_members(app) == 2).then_some(())
    });
}

/// The statuses of a user's sessions, sorted; `None` if there is no such user in the world.
fn statuses(app: &mut App, name: &str) -> Option<Vec<String>> {
    let world = app.world_mut();
    let mut users =
        world.query_filtered::<(&Username, Option<&UserSessions>), With<FollowedUser>>();
    let mut users = users.iter(world);
    let (_, sessions) = users.find(|(username, _)| username.as_str() == name)?;
    let sessions = sessions.into_iter().flat_map(UserSessions::iter);
    let mut statuses: Vec<_> = sessions
        .map(|session| world.get::<UserStatus>(session).expect("one").0.clone())
        .collect();
    statuses.sort();
    Some(statuses)
}

fn sees_status(game: &mut Game, name: &str, expected: &[&str]) {
    let what = format!("{name} with {expected:?}");
    let is_so = |statuses: Vec<String>| (statuses == expected).then_some(());
    game.until(&what, |app| statuses(app, name).and_then(is_so));
}

/// Following by id and by name, before and after they come; changes, two devices, appearing offline, unfollowing.
pub(crate) fn friends(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let login = |name: &str| Login::device(format!("device-of-{name}")).username(name);
    let (bobs, cats) = (fresh("bob"), fresh("cat"));
    // Their accounts are there, and they are not.
    let mut cat = Game::online(server, login(&cats));
    let mut bob = Game::online(server, login(&bobs));
    let connection = bob.app.world().resource::<NakamaConnection>();
    let bobs_id = connection.user().expect("bob").0.clone();
    for gone in [&mut cat, &mut bob] {
        gone.commands(|commands| commands.nakama().disconnect());
        assert_ne!(gone.next_phase(), "connected");
    }
    let request = FollowUsers::ids([bobs_id.clone()]).usernames([cats.as_str()]);
    let followed = ada
        .ask::<FollowUsers>(|nakama| nakama.follow(request).id())
        .expect("followed");
    assert_eq!(followed.users.len(), 1, "where cat is, nobody tells");
    assert_eq!(statuses(&mut ada.app, &cats), None);

    let mut cat = Game::online(server, login(&cats));
    sees_status(&mut ada, &cats, &[""]);
    let mut bob = Game::online(server, login(&bobs));
    sees_status(&mut ada, &bobs, &[""]);
    bob.ask::<UpdateStatus>(|nakama| nakama.set_status(Some("in a match")).id())
        .expect("shown");
    sees_status(&mut ada, &bobs, &["in a match"]);
    sees_status(&mut bob, &bobs, &["in a match"]);
    let mut second = Game::online(server, login(&bobs));
    sees_status(&mut ada, &bobs, &["", "in a match"]);
    sees_status(&mut bob, &bobs, &["", "in a match"]);
    let world = bob.app.world_mut();
    let mut own = world.query_filtered::<&UserStatus, With<IsSelf>>();
    assert_eq!(own.single(world).expect("one's own").0, "in a match");
    second
        .ask::<UpdateStatus>(|nakama| nakama.set_status(None).id())
        .expect("hidden");
    sees_status(&mut ada, &bobs, &["in a match"]);
    drop(bob);
    sees_status(&mut ada, &bobs, &[]);

    let refused = ada
        .ask::<UpdateStatus>(|nakama| nakama.set_status(Some(&"x".repeat(2049))).id())
        .expect_err("too long");
    assert!(
        matches!(refused, RequestError::Refused(StatusRefusal::TooLong(_))),
        "{refused:?}"
    );
    let refused = ada
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids(["x"])).id())
        .expect_err("no id");
    assert!(
        matches!(
            refused,
            RequestError::Refused(StatusRefusal::InvalidUserId(_))
        ),
        "{refused:?}"
    );
    let ids = UnfollowUsers::ids([bobs_id]);
    ada.ask::<UnfollowUsers>(|nakama| nakama.unfollow(ids).id())
        .expect("unfollowed");
    assert_eq!(statuses(&mut ada.app, &bobs), None);
    cat.ask::<UpdateStatus>(|nakama| nakama.set_status(Some("alone")).id())
        .expect("shown");
    sees_status(&mut ada, &cats, &["alone"]);
}

/// A player, and the match that the matchmaker finds for them.
struct Matched {
    game: Game,
    found: Arc<Mutex<Vec<MatchmakerMatched>>>,
}

impl Matched {
    fn new(server: &NakamaServer, name: &str) -> Self {
        let mut game = player(server, name);
        let found = Arc::new(Mutex::new(Vec::new()));
        let seen = found.clone();
        game.app.add_observer(
            move |matched: On<MatchmakerMatched>, tickets: Query<&MatchmakerTicket>| {
                assert!(
                    tickets.contains(matched.ticket),
                    "the ticket is still there"
                );
                seen.lock().expect("unpoisoned").push(matched.clone());
            },
        );
        Self { game, found }
    }

    fn next(&mut self) -> MatchmakerMatched {
        let found = self.found.clone();
        let wait = |_: &mut App| found.lock().expect("unpoisoned").pop();
        let matched = self.game.until("a match", wait);
        assert!(Game::the::<MatchmakerTicket>(&mut self.game.app).is_none());
        let now = self.game.app.world().resource::<Time<Real>>().elapsed();
        assert!(matched.is_token_valid(now));
        matched
    }
}

/// All of them have been matched with each other, and join in one call.
fn meet(mut players: Vec<Matched>) {
    let matched: Vec<_> = players.iter_mut().map(Matched::next).collect();
    let names = |matched: &MatchmakerMatched| {
        let users = matched.users.iter();
        let mut names: Vec<_> = users
            .map(|user| user.presence.username.to_string())
            .collect();
        names.sort();
        names
    };
    for (player, matched) in players.iter_mut().zip(&matched) {
        assert_eq!(matched.users.iter().filter(|user| user.is_self).count(), 1);
        assert_eq!(matched.users.len(), 3);
        player
            .game
            .ask::<JoinMatch>(|nakama| nakama.join_match(&matched.join).id())
            .expect("the match");
    }
    for (player, matched) in players.iter_mut().zip(&matched) {
        let expected = names(matched);
        player.game.until("everybody", |app| {
            let mut here = app
                .world_mut()
                .query_filtered::<&Username, With<PresentIn>>();
            let mut here: Vec<_> = here.iter(app.world()).map(ToString::to_string).collect();
            here.sort();
            (here == expected).then_some(())
        });
    }
}

/// Three who do not know each other: a ticket that is removed, ones that are refused, a match.
pub(crate) fn strangers(server: &NakamaServer) {
    let mode = fresh("strangers");
    let request = |rank: f64| {
        AddMatchmaker::players(3, 3)
            .query(format!("+properties.mode:\"{mode}\""))
            .string_property("mode", &mode)
            .numeric_property("rank", rank)
    };
    let mut players: Vec<_> = ["ada", "bob", "cat"]
        .map(|name| Matched::new(server, name))
        .into();
    let ada = &mut players[0].game;
    let unwanted = ada
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(request(0.0)).id())
        .expect("a ticket");
    ada.ask::<RemoveMatchmakerTicket>(|nakama| {
        nakama.remove_matchmaker_ticket(unwanted.entity).id()
    })
    .expect("its removal");
    assert!(Game::the::<MatchmakerTicket>(&mut ada.app).is_none());
    for (bad, expected) in [
        (AddMatchmaker::players(1, 3), "InvalidCount"),
        (
            AddMatchmaker::players(2, 3).count_multiple(2),
            "InvalidMultiple",
        ),
        (AddMatchmaker::players(2, 2).query("a:\"x"), "NotAdded"),
    ] {
        let refused = ada.ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(bad).id());
        let Err(RequestError::Refused(refusal)) = refused else {
            panic!("{refused:?}")
        };
        assert!(format!("{refusal:?}").starts_with(expected), "{refusal:?}");
    }

    for (rank, player) in [1.0, 2.5, -3.0].into_iter().zip(&mut players) {
        player
            .game
            .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(request(rank)).id())
            .expect("a ticket");
    }
    let of_bob = players[1].found.clone();
    players[1].game.until("bob's match", |_| {
        let found = of_bob.lock().expect("unpoisoned");
        let me = found.first()?.me()?;
        assert_eq!(me.numeric_properties["rank"], 2.5);
        assert_eq!(me.string_properties["mode"], mode);
        Some(())
    });
    meet(players);
}

/// A party of two and somebody else: the members share a ticket, which goes when somebody comes.
pub(crate) fn a_party_and_a_stranger(server: &NakamaServer) {
    let mut players: Vec<_> = ["ada", "bob", "cat"]
        .map(|name| Matched::new(server, name))
        .into();
    let mode = fresh("party");
    let request = AddMatchmaker::players(3, 3)
        .query(format!("+properties.mode:\"{mode}\""))
        .string_property("mode", &mode);
    let [ada, bob, cat] = &mut players[..] else {
        unreachable!("three")
    };
    let party = ada
        .game
        .ask::<CreateParty>(|nakama| nakama.create_party(CreateParty::open(2)).id())
        .expect("a party")
        .entity;
    let first = ada
        .game
        .ask::<AddPartyToMatchmaker>(|nakama| {
            nakama.add_party_to_matchmaker(party, request.clone()).id()
        })
        .expect("a ticket of a party of one");
    let id = ada
        .game
        .app
        .world()
        .get::<PartyId>(party)
        .expect("an id")
        .clone();
    bob.game
        .ask::<JoinParty>(|nakama| nakama.join_party(id.clone()).id())
        .expect("the party");
    sees_party(&mut ada.game, &["ada*", "bob"]);
    sees_party(&mut bob.game, &["ada*", "bob"]);
    assert!(
        ada.game.app.world().get_entity(first.entity).is_err(),
        "it went as bob came"
    );

    let bobs = Game::the::<Party>(&mut bob.game.app).expect("the party");
    let refused = bob.game.ask::<AddPartyToMatchmaker>(|nakama| {
        nakama.add_party_to_matchmaker(bobs, request.clone()).id()
    });
    assert!(
        matches!(
            refused,
            Err(RequestError::Refused(MatchmakerRefusal::NotLeader(_)))
        ),
        "{refused:?}"
    );
    let added = ada
        .game
        .ask::<AddPartyToMatchmaker>(|nakama| {
            nakama.add_party_to_matchmaker(party, request.clone()).id()
        })
        .expect("a ticket");
    let of_bob = bob
        .game
        .until("the party's ticket", Game::the::<MatchmakerTicket>);
    let ticket = |game: &Game, ticket| game.app.world().get::<TicketId>(ticket).cloned();
    assert_eq!(ticket(&bob.game, of_bob), ticket(&ada.game, added.entity));
    cat.game
        .ask::<AddMatchmaker>(|nakama| nakama.add_matchmaker(request).id())
        .expect("a ticket");
    for member in [ada, bob] {
        let found = member.found.clone();
        member.game.until("the party's match", |_| {
            let found = found.lock().expect("unpoisoned");
            let of_party = found
                .first()?
                .users
                .iter()
                .filter(|user| user.party_id.is_some());
            assert_eq!(of_party.count(), 2);
            Some(())
        });
    }
    meet(players);
}

/// What is too large is refused here: the server would close the socket.
pub(crate) fn the_size_limit(server: &NakamaServer) {
    let mut ada = player(server, "ada");
    let room = JoinChat::room(fresh("room"));
    let channel = ada
        .ask::<JoinChat>(|nakama| nakama.join_chat(room).id())
        .expect("the room")
        .entity;
    let refused = ada
        .ask::<SendChatMessage>(|nakama| nakama.send_chat(channel, &say(&"x".repeat(5000))).id())
        .expect_err("too large");
    assert!(
        matches!(refused, RequestError::TooLarge { limit: 4096, .. }),
        "{refused:?}"
    );
    ada.ask::<SendChatMessage>(|nakama| nakama.send_chat(channel, &say(&"x".repeat(3800))).id())
        .expect("the connection is as good as before");
}
