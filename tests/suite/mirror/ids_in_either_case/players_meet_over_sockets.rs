//! Players meet on the embedded server, although one of them typed the id in capitals.

use super::*;
use crate::common::game::{Game, serve};
use bevy_nakama::local_server::LocalServerConfig;

#[test]
fn two_players_meet_by_an_id_in_capitals() {
    let (_local, server) = serve(LocalServerConfig::default());
    let mut ada = Game::online(&server, Login::device("device-of-ada").username("ada"));
    let mut bob = Game::online(&server, Login::device("device-of-bob").username("bob"));
    let here = ada
        .ask::<CreateMatch>(|nakama| nakama.create_match(CreateMatch::new()).id())
        .expect("a match")
        .entity;
    let id = ada.app.world().get::<MatchId>(here).expect("an id");
    let typed = id.as_str().to_uppercase();
    let there = bob
        .ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id(&*typed)).id())
        .expect("the same match")
        .entity;
    let again = bob
        .ask::<JoinMatch>(|nakama| nakama.join_match(JoinMatch::by_id(&*typed)).id())
        .expect("the same match")
        .entity;
    assert_eq!(there, again);
    for (sender, from, receiver) in [(0, here, 1), (1, there, 0)] {
        let games = [&mut ada, &mut bob];
        games[sender].commands(|commands| {
            commands.nakama().send_data(from, OutgoingData::raw(1, "x"));
        });
        games[sender].app.update();
        games[receiver].until("data", |app| {
            Game::arrived::<MatchDataReceived>(app).pop().map(drop)
        });
    }

    let party = ada
        .ask::<CreateParty>(|nakama| nakama.create_party(CreateParty::open(4)).id())
        .expect("a party")
        .entity;
    let id = ada.app.world().get::<PartyId>(party).expect("an id");
    // Behind the dot is the name of a node, whose case counts.
    let (uuid, node) = id.as_str().split_once('.').expect("a node");
    let typed = format!("{}.{node}", uuid.to_uppercase());
    bob.ask::<JoinParty>(|nakama| nakama.join_party(&*typed).id())
        .expect("taken");
    bob.until("the party", Game::the::<Party>);

    let user = ada.app.world().resource::<NakamaConnection>().user();
    let typed = user.expect("a user").0.as_str().to_uppercase();
    bob.ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids([&*typed])).id())
        .expect("followed");
    bob.until("ada online", |app| {
        let world = app.world_mut();
        let mut users = world.query_filtered::<&UserId, (With<UserSessions>, Without<IsSelf>)>();
        users.iter(world).next().map(drop)
    });
    let channel = bob
        .ask::<JoinChat>(|nakama| nakama.join_chat(JoinChat::direct(&*typed)).id())
        .expect("a channel")
        .entity;
    let again = bob
        .ask::<JoinChat>(|nakama| {
            nakama
                .join_chat(JoinChat::direct(typed.to_lowercase()))
                .id()
        })
        .expect("a channel")
        .entity;
    assert_eq!(channel, again);
}
