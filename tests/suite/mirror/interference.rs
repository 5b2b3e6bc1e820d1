//! A game may do anything at any moment: observers run between two steps of the plugin, and may despawn what it works on.

use std::time::Duration;

use crate::common::log::Log;
use bevy::prelude::*;
use bevy_nakama::{__testing::forge_token, prelude::*, proto::Kind, testing::*};
use serde_json::json;

/// Everything of a kind that is in the world.
fn count<C: Component>(game: &mut TestGame) -> usize {
    let world = game.app.world_mut();
    world.query::<&C>().iter(world).count()
}

/// One is in a party that bob leads.
fn in_bobs_party(game: &mut TestGame) {
    let entity = game.commands(|commands| commands.nakama().join_party("p").id());
    game.update();
    let asked = game.expect_sent(Kind::PartyJoin);
    game.acknowledge(&asked);
    game.server_says(party("p", "ada", &["bob", "ada", "cat"]));
    game.update();
    assert!(
        game.app.world().get::<Party>(entity).is_some() || count::<Party>(game) == 0,
        "one is in, or out again"
    );
}

/// Nothing is left of a party, and the server is told.
fn is_out_of_the_party(game: &mut TestGame) {
    game.update();
    game.expect_sent(Kind::PartyLeave);
    assert_eq!(count::<Party>(game), 0);
    assert_eq!(count::<Presence>(game), 0, "nobody is left behind");
    assert_eq!(count::<AsksToJoin>(game), 0);
}

#[test]
fn one_leaves_as_the_leader_changes() {
    let mut game = TestGame::connected();
    in_bobs_party(&mut game);
    game.observe(
        |_: On<Remove, PartyLeader>,
         mut commands: Commands,
         party: Option<Single<Entity, With<Party>>>| {
            if let Some(party) = party {
                commands.entity(*party).despawn();
            }
        },
    );
    game.server_says(party_leader("p", "cat"));
    is_out_of_the_party(&mut game);
}

#[test]
fn one_leaves_a_party_as_one_enters_it() {
    let mut game = TestGame::connected();
    game.observe(|came: On<Add, Party>, mut commands: Commands| {
        commands.entity(came.entity).despawn();
    });
    in_bobs_party(&mut game);
    is_out_of_the_party(&mut game);
}

#[test]
fn one_leaves_a_party_as_waiting_ends() {
    let mut game = TestGame::connected();
    game.observe(|ended: On<Remove, Joining>, mut commands: Commands| {
        commands.entity(ended.entity).try_despawn();
    });
    in_bobs_party(&mut game);
    is_out_of_the_party(&mut game);
}

#[test]
fn one_gives_up_on_all_parties_at_once() {
    let mut game = TestGame::connected();
    for id in ["p", "q"] {
        game.commands(|commands| commands.nakama().join_party(id).id());
        game.update();
        let asked = game.expect_sent(Kind::PartyJoin);
        game.acknowledge(&asked);
    }
    game.observe(
        |_: On<Add, PendingApproval>, mut commands: Commands, all: Query<Entity, With<Joining>>| {
            for joining in &all {
                commands.entity(joining).try_despawn();
            }
        },
    );
    game.advance(Duration::from_secs(2));
    assert_eq!(count::<Joining>(&mut game), 0);
}

#[test]
fn a_request_is_despawned_as_it_is_answered() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<JoinMatch>>| {
        seen.add(format!("{:?}", reply.result.is_ok()));
    });
    game.observe(
        |ended: On<Remove, PendingRequest>, mut commands: Commands| {
            commands.entity(ended.entity).try_despawn();
        },
    );
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.refuse(&asked, 4, "Match not found");
    game.update();
    assert_eq!(log.take(), ["false"]);
}

/// Bevy itself aborts if an observer of a relationship's coming despawns its target, so it is left by name.
#[test]
fn one_leaves_a_match_that_is_too_full() {
    let mut game = TestGame::connected();
    game.observe(
        |came: On<Add, PresentIn>, mut commands: Commands, here: Query<&PresentIn>| {
            if let Ok(PresentIn(here)) = here.get(came.entity) {
                commands.nakama().leave_match(*here);
            }
        },
    );
    game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id("m")).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchJoin);
    game.answer(&asked, match_joined("m", &["ada", "bob", "cat"]));
    game.update();
    for _ in ["ada", "bob", "cat"] {
        let asked = game.expect_sent(Kind::MatchLeave);
        game.acknowledge(&asked);
    }
    game.update();
    assert_eq!(count::<Match>(&mut game), 0);
    assert_eq!(count::<Presence>(&mut game), 0, "nobody is left behind");
}

#[test]
fn one_leaves_a_match_as_others_go_and_come() {
    let mut game = TestGame::joined("m", &["ada", "bob", "cat"]);
    game.observe(
        |_: On<Remove, PresentIn>,
         mut commands: Commands,
         here: Option<Single<Entity, With<Match>>>| {
            if let Some(here) = here {
                commands.entity(*here).try_despawn();
            }
        },
    );
    game.server_says(match_presences("m", &["dan"], &["bob", "cat"]));
    game.update();
    assert_eq!(count::<Match>(&mut game), 0);
    assert_eq!(count::<Presence>(&mut game), 0, "nobody is left behind");
}

#[test]
fn a_partys_ticket_is_despawned_as_it_comes_with_its_match() {
    let mut game = TestGame::connected();
    in_bobs_party(&mut game);
    game.observe(|came: On<Add, MatchmakerTicket>, mut commands: Commands| {
        commands.entity(came.entity).try_despawn();
    });
    let token = JoinWith::Token("token".into());
    let people = ["ada", "bob"];
    game.server_says(matchmaker_matched(
        "t",
        token,
        &people,
        Some(("p", &people)),
    ));
    game.update();
    assert_eq!(count::<MatchmakerTicket>(&mut game), 0);
}

/// An impatient observer asks again as soon as it is refused. It is answered once in a frame, and the rest goes on.
#[test]
fn who_asks_again_and_again_still_connects() {
    let mut game = TestGame::new();
    let log = Log::default();
    let seen = log.clone();
    game.observe(
        move |reply: On<Replied<ListMatches>>, mut commands: Commands| {
            if matches!(reply.result, Err(RequestError::NotConnected)) {
                seen.add("not connected");
                commands.nakama().list_matches(ListMatches::up_to(10));
            }
        },
    );
    game.commands(|commands| {
        commands.nakama().list_matches(ListMatches::up_to(10));
    });
    game.update();
    game.update();
    assert_eq!(log.take(), ["not connected"; 2]);
    game.connect();
    game.update();
    assert_eq!(game.rest_calls().len(), 1);
    let connection = game.app.world().resource::<NakamaConnection>();
    assert!(connection.is_connected());
}

#[test]
fn a_page_of_the_last_user_is_not_in_the_inbox_of_the_next() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<FetchNotifications>>| {
        let page = reply.result.as_ref().expect("a page");
        seen.add(format!(
            "{} for {}",
            page.notifications.len(),
            page.cacheable_cursor
        ));
    });
    game.commands(|commands| {
        commands.nakama().notifications(FetchNotifications::new(10));
    });
    game.update();
    game.connection_breaks();
    game.update();
    game.connect();
    let page = json!({
        "notifications": [{ "id": "n", "subject": "hello", "content": "{}", "code": 1, "persistent": true }],
        "cacheable_cursor": "ada's",
    });
    game.answer_rest(200, &page);
    game.update();
    assert_eq!(log.take(), ["1 for ada's"], "who asked hears of it");
    let inbox = game.app.world().resource::<NotificationInbox>();
    assert_eq!((inbox.len(), inbox.cursor()), (0, ""));
}

#[test]
fn a_connection_that_was_replaced_is_not_told() {
    let mut game = TestGame::new();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |_: On<Connected>, connection: Res<NakamaConnection>| {
        seen.add(format!(
            "connected as {}",
            connection.user().expect("a user").1
        ));
    });
    let connect = |game: &mut TestGame, name: &str| {
        let session = session(name);
        game.commands(|commands| {
            let options = ConnectOptions::default();
            commands.nakama().connect(&server(), &session, options);
        });
    };
    connect(&mut game, "ada");
    game.update();
    game.server_accepts();
    connect(&mut game, "bob");
    game.update();
    assert_eq!(
        log.take(),
        [""; 0],
        "ada's socket was open, but she is not asked for any more"
    );
    game.update();
    game.server_accepts();
    game.update();
    assert_eq!(log.take(), ["connected as bob"]);
}

#[test]
fn a_token_that_never_ends_is_no_harm() {
    let claims = json!({ "uid": "u", "usn": "ada", "exp": u64::MAX });
    let token = forge_token(&claims);
    let session = NakamaSession::restore(&token, Some(&token)).expect("a token");
    assert!(!session.is_expired() && !session.is_refresh_expired());
}

#[test]
fn the_deadline_of_requests_can_be_changed_and_be_endless() {
    let mut game = TestGame::connected();
    let log = Log::default();
    let seen = log.clone();
    game.observe(move |reply: On<Replied<CreateMatch>>| {
        seen.add(format!("{:?}", reply.result.as_ref().err()));
    });
    for (timeout, is_over) in [(Duration::MAX, false), (Duration::from_secs(1), true)] {
        let mut settings = game.app.world_mut().resource_mut::<NakamaSettings>();
        settings.request_timeout = timeout;
        game.commands(|commands| {
            commands.nakama().create_match(CreateMatch::new());
            commands.nakama().rest(RestMethod::Get, "/v2/account", None);
        });
        game.update();
        game.advance(Duration::from_secs(2));
        assert_eq!(!log.take().is_empty(), is_over, "{timeout:?}");
    }
}

/// A slow server: the first join ran out of time, the second is on its way as both are answered.
#[test]
fn who_asks_again_after_a_timeout_stays_in() {
    for is_match in [true, false] {
        let mut game = TestGame::connected();
        let join = |game: &mut TestGame| {
            game.commands(|commands| match is_match {
                true => commands.nakama().join_match(JoinMatch::by_id("m")).id(),
                false => commands.nakama().join_party("p").id(),
            });
            game.update();
            match is_match {
                true => game.expect_sent(Kind::MatchJoin),
                false => game.expect_sent(Kind::PartyJoin),
            }
        };
        let first = join(&mut game);
        game.advance(Duration::from_secs(11));
        let second = join(&mut game);
        for asked in [&first, &second] {
            match is_match {
                true => game.answer(asked, match_joined("m", &["ada"])),
                false => game.acknowledge(asked),
            }
        }
        if !is_match {
            game.server_says(party("p", "ada", &["bob", "ada"]));
        }
        game.update();
        game.update();
        let sent = game.sent();
        assert_eq!(sent, [], "nothing is left");
        assert_eq!(count::<Match>(&mut game) + count::<Party>(&mut game), 1);
    }
}

/// The same, but the second one is for something else.
#[test]
fn who_asks_for_something_else_after_a_timeout_leaves_the_first() {
    let mut game = TestGame::connected();
    let mut asked = Vec::new();
    for id in ["m", "n"] {
        game.commands(|commands| commands.nakama().join_match(JoinMatch::by_id(id)).id());
        game.update();
        asked.push(game.expect_sent(Kind::MatchJoin));
        if id == "m" {
            game.advance(Duration::from_secs(11));
        }
    }
    game.answer(&asked[0], match_joined("m", &["ada"]));
    game.update();
    assert_eq!(game.sent(), [], "the other one might be the same");
    game.answer(&asked[1], match_joined("n", &["ada"]));
    game.update();
    game.expect_sent(Kind::MatchLeave);
    assert_eq!(count::<Match>(&mut game), 1);
}

/// An observer that despawns whatever gets this name.
fn despawn_named(game: &mut TestGame, unwanted: &'static str) {
    game.observe(
        move |named: On<Insert, Name>, names: Query<&Name>, mut commands: Commands| {
            let name = names.get(named.entity).expect("just inserted");
            if name.as_str() == unwanted {
                commands.entity(named.entity).despawn();
            }
        },
    );
}

#[test]
fn a_match_that_is_despawned_as_it_gets_its_name_is_left() {
    let mut game = TestGame::connected();
    despawn_named(&mut game, "match m1");
    game.join("m1", &["ada"]);
    game.expect_sent(Kind::MatchLeave);
    assert_eq!(game.app.world().resource::<MatchIndex>().iter().count(), 0);
    assert_eq!(count::<Presence>(&mut game), 0, "nobody is left behind");
}

#[test]
fn a_ticket_that_is_despawned_as_it_gets_its_name_is_removed() {
    let mut game = TestGame::connected();
    despawn_named(&mut game, "matchmaker ticket t1");
    game.commands(|c| c.nakama().add_matchmaker(AddMatchmaker::players(2, 2)).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.expect_sent(Kind::MatchmakerRemove);
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}

#[test]
fn a_ticket_that_is_despawned_as_it_comes_about_is_removed() {
    let mut game = TestGame::connected();
    game.observe(|asked: On<Remove, Joining>, mut commands: Commands| {
        commands.entity(asked.entity).despawn();
    });
    game.commands(|c| c.nakama().add_matchmaker(AddMatchmaker::players(2, 2)).id());
    game.update();
    let asked = game.expect_sent(Kind::MatchmakerAdd);
    game.answer(&asked, matchmaker_ticket("t1"));
    game.update();
    game.expect_sent(Kind::MatchmakerRemove);
    assert_eq!(game.app.world().resource::<TicketIndex>().iter().count(), 0);
}
