//! Ada's line is dead, and she is back: for up to 25 s, a real server has two sessions of her. Bob looks on.

use bevy_nakama::healing::{AdoptReconnecting, Adopted, MaybeGhost};

use super::*;

/// Bob's match, as his game has it, and what he hears.
fn watch(stage: &mut Stage) -> (Entity, Log) {
    let heard = listen(&mut stage.bob);
    let app = &mut stage.bob.app;
    let to = heard.clone();
    app.add_observer(move |back: On<Adopted>, sessions: Query<&SessionId>| {
        assert_eq!(sessions.get(back.presence), Ok(&back.new));
        to.add("adopted");
    });
    let to = heard.clone();
    app.add_observer(move |_: On<Add, MaybeGhost>| to.add("a ghost?"));
    let to = heard.clone();
    app.add_observer(move |_: On<Remove, MaybeGhost>| to.add("no ghost"));
    let here = Game::the::<Match>(app).expect("one match");
    (here, heard)
}

/// Ada's line is half-open. She notices, and is back before the server does. Returns her old session.
fn comes_back(stage: &mut Stage) -> SessionId {
    let own = |stage: &Stage| {
        let index = stage.ada.app.world().resource::<PresenceIndex>();
        index.own_session().cloned()
    };
    let old = own(stage).expect("in a match");
    stage.proxy.add(Rule::half_open().for_open_connections());
    let game = &mut stage.ada;
    game.commands(|commands| commands.nakama().network_is_back());
    stage.until_heard("lost");
    stage.until_heard("resumed");
    old
}

fn until_bob_hears(stage: &mut Stage, heard: &Log, line: &str) -> Vec<String> {
    let mut all = Vec::new();
    stage.until(line, |_| {
        all.extend(heard.take());
        all.iter().any(|it| it == line).then_some(())
    });
    all
}

/// Ada, as Bob's game has her.
fn ada(stage: &mut Stage) -> Vec<(Entity, SessionId)> {
    let user = user(&stage.ada);
    let world = stage.bob.app.world_mut();
    let mut all = world.query_filtered::<(Entity, &UserId, &SessionId), With<PresentIn>>();
    let of_ada = all.iter(world).filter(|(_, id, _)| **id == user);
    of_ada
        .map(|(entity, _, session)| (entity, session.clone()))
        .collect()
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_20_the_old_session_of_who_comes_back_is_marked_until_it_goes() {
    let mut stage = Stage::new(true);
    let (_, heard) = watch(&mut stage);
    let begin = Instant::now();
    let old = comes_back(&mut stage);
    let told = until_bob_hears(&mut stage, &heard, "+ Arrived");
    assert_eq!(told, ["a ghost?", "+ Arrived"]);
    let world = stage.bob.app.world_mut();
    let mut marked = world.query_filtered::<&SessionId, With<MaybeGhost>>();
    assert_eq!(marked.iter(world).collect::<Vec<_>>(), [&old]);
    let told = until_bob_hears(&mut stage, &heard, "- Left");
    println!("the ghost went after {:?}", begin.elapsed());
    assert_eq!(told, ["- Left", "no ghost"]);
    assert_eq!(ada(&mut stage).len(), 1);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_20_who_comes_back_is_the_same_entity() {
    let mut stage = Stage::new(true);
    let (here, heard) = watch(&mut stage);
    stage
        .bob
        .app
        .world_mut()
        .entity_mut(here)
        .insert(AdoptReconnecting);
    let before = ada(&mut stage);
    // Twice within the life of a ghost.
    for hidden in [1, 2] {
        comes_back(&mut stage);
        let told = until_bob_hears(&mut stage, &heard, "adopted");
        assert_eq!(told, ["adopted"]);
        let now = ada(&mut stage);
        assert_eq!((now.len(), now[0].0), (1, before[0].0));
        let index = stage.bob.app.world().resource::<PresenceIndex>();
        assert_eq!(index.hidden_ghosts(here), hidden);
    }
    stage.until("the end of the ghosts", |stage| {
        let index = stage.bob.app.world().resource::<PresenceIndex>();
        (index.hidden_ghosts(here) == 0).then_some(())
    });
    stage.play(seconds(1));
    assert_eq!(heard.take(), [""; 0]);
    assert_eq!(ada(&mut stage)[0].0, before[0].0);
}

/// The handler hears of the new session before the end of the old one.
#[test]
#[ignore = "needs a Nakama server with the modules in tests/nakama/modules"]
fn scenario_20_a_handler_hears_of_the_new_session_before_the_end_of_the_old_one() {
    let (mut stage, id) = in_gates();
    comes_back(&mut stage);
    assert_eq!(change(&mut stage, &id, "nothing"), "in in in");
    let mut seen = String::new();
    for _ in 0..30 {
        stage.play(seconds(1));
        seen = change(&mut stage, &id, "nothing");
        if seen.contains("out") {
            break;
        }
    }
    assert_eq!(seen, "in in in out");
}
