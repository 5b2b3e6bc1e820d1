//! The matchmaker.

use std::sync::{Arc, Mutex};

use bevy::prelude::*;
use bevy_nakama::prelude::*;

use super::{Game, fresh, party::sees_party, player};

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
