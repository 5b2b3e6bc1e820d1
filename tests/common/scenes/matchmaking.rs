//! The matchmaker.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bevy::prelude::*;
use bevy_nakama::prelude::*;

use serde_json::{Value, json};

use super::{Game, fresh, party::sees_party, player};
use crate::common::raw_client::{Socket, log_in};

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
    // One word, as a query wants it.
    let mode = fresh("strangers").replace('-', "");
    let request = |rank: f64| {
        AddMatchmaker::players(3, 3)
            .query(format!("+properties.mode:{mode}"))
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
    let mode = fresh("party").replace('-', "");
    let request = AddMatchmaker::players(3, 3)
        .query(format!("+properties.mode:{mode}"))
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

/// What the plugin relies on when a connection was lost: the matchmaker compares sockets and never users, and a party's ticket ends with
/// every change of its members.
pub(crate) fn sockets_and_never_users(address: SocketAddr) {
    let mode = fresh("mode").replace('-', "");
    let wish = json!({
        "min_count": 2, "max_count": 2, "query": format!("+properties.mode:{mode}"),
        "string_properties": { "mode": mode },
    });
    let [ada, bob] = ["ada", "bob"].map(|name| log_in(address, &fresh(name)).0);
    let ask = |socket: &mut Socket, kind: &str, request: &Value| {
        socket.send(json!({ "cid": "ask", kind: request }));
        loop {
            let answer = socket.next();
            if answer.get("cid").is_some_and(|cid| cid == "ask") {
                return answer;
            }
        }
    };

    // Two sockets of one user are two players.
    let mut sockets = [(); 2].map(|()| Socket::open(address, &ada));
    for socket in &mut sockets {
        ask(socket, "matchmaker_add", &wish);
    }
    for socket in &mut sockets {
        let matched = socket.next_of("matchmaker_matched");
        let users = matched["users"].as_array().expect("users");
        let name = |user: &Value| user["presence"]["username"].clone();
        assert_eq!(users.len(), 2);
        assert_eq!(name(&users[0]), name(&users[1]));
        let session = |user: &Value| user["presence"]["session_id"].clone();
        assert_ne!(session(&users[0]), session(&users[1]));
    }

    // A party's ticket counts for each of its members, and ends when somebody comes.
    let [mut leader, mut second] = sockets;
    let party = ask(
        &mut leader,
        "party_create",
        &json!({ "open": true, "max_size": 4 }),
    );
    let party = party["party"]["party_id"].clone();
    let mut wish = wish;
    for count in ["min_count", "max_count"] {
        wish[count] = json!(4);
    }
    let mut party_wish = wish.clone();
    party_wish["party_id"] = party.clone();
    let ticket = ask(&mut leader, "party_matchmaker_add", &party_wish);
    let ticket = ticket["party_matchmaker_ticket"]["ticket"].clone();
    for _ in 0..2 {
        let added = ask(&mut leader, "matchmaker_add", &wish);
        assert!(added.get("matchmaker_ticket").is_some(), "{added}");
    }
    let refused = ask(&mut leader, "matchmaker_add", &wish);
    assert!(refused.get("error").is_some(), "{refused}");

    ask(&mut second, "party_join", &json!({ "party_id": party }));
    second.next_of("party");
    let remove = json!({ "party_id": party, "ticket": ticket });
    let gone = ask(&mut leader, "party_matchmaker_remove", &remove);
    let text = gone["error"]["message"].as_str().expect("a refusal");
    assert!(text.ends_with("matchmaker ticket not found"), "{text}");

    // With the own other socket it is a party of two, and each of them is matched.
    let refused = ask(&mut leader, "matchmaker_add", &wish);
    assert!(
        refused.get("error").is_none(),
        "there is room again: {refused}"
    );
    for count in ["min_count", "max_count"] {
        party_wish[count] = json!(3);
        wish[count] = json!(3);
    }
    let mode = format!("{mode}3");
    for wish in [&mut wish, &mut party_wish] {
        wish["query"] = json!(format!("+properties.mode:{mode}"));
        wish["string_properties"] = json!({ "mode": mode });
    }
    let refused = ask(&mut leader, "party_matchmaker_add", &party_wish);
    assert!(
        refused.get("error").is_some(),
        "three are its own: {refused}"
    );
    drop(leader);
    second.next_of("party_leader");
    ask(&mut second, "party_join", &json!({ "party_id": party }));
    let mut third = Socket::open(address, &bob);
    ask(&mut third, "party_join", &json!({ "party_id": party }));
    third.next_of("party");
    let added = ask(&mut second, "party_matchmaker_add", &party_wish);
    assert!(added.get("party_matchmaker_ticket").is_some(), "{added}");
    let mut other = Socket::open(address, &ada);
    ask(&mut other, "matchmaker_add", &wish);
    let matched = third.next_of("matchmaker_matched");
    assert_eq!(matched["users"].as_array().expect("users").len(), 3);
}
