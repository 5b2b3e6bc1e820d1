//! Ada's cable is cut and in again, and the server still has her old session. Bob looks on.

use bevy_nakama::healing::{AdoptReconnecting, Adopted, MaybeGhost};

use super::*;

#[derive(Component, Debug, PartialEq)]
struct Score(u32);

/// Ada is back, as far as she knows, and the server has her old session for some seconds more. Returns her old session.
fn ada_is_back(stage: &mut Stage) -> SessionId {
    let old = stage.ada.session();
    let cable = cut(&stage.proxy);
    // The game asks for a sign of life, and does not wait until the line is silent for long.
    let game = &mut stage.ada.game;
    game.commands(|commands| commands.nakama().network_is_back());
    stage.until_ada_hears("lost");
    for hold in cable {
        stage.proxy.remove(hold);
    }
    stage.until_ada_hears("resumed");
    old
}

/// Bob's game writes down what he hears of ghosts.
fn watch(stage: &mut Stage) {
    let app = &mut stage.bob.game.app;
    let to = stage.bob.heard.clone();
    app.add_observer(move |back: On<Adopted>, sessions: Query<&SessionId>| {
        assert_eq!(sessions.get(back.presence), Ok(&back.new));
        to.add("adopted");
    });
    let to = stage.bob.heard.clone();
    app.add_observer(move |_: On<Add, MaybeGhost>| to.add("a ghost?"));
    let to = stage.bob.heard.clone();
    app.add_observer(move |_: On<Remove, MaybeGhost>| to.add("no ghost"));
}

/// What Bob hears until he hears this.
fn until_bob_hears(stage: &mut Stage, line: &str) -> Vec<String> {
    let mut heard = Vec::new();
    stage.until(line, |stage| {
        heard.extend(stage.bob.heard.take());
        heard.iter().any(|it| it == line).then_some(())
    });
    heard
}

#[test]
fn scenario_20_the_old_session_of_who_comes_back_is_marked_until_it_goes() {
    let mut stage = Stage::with(quick_server(), NakamaSettings::default());
    watch(&mut stage);
    let old = ada_is_back(&mut stage);
    let heard = until_bob_hears(&mut stage, "+ada Arrived");
    assert_eq!(heard, ["a ghost?", "+ada Arrived"]);
    let ghosts: Vec<_> = {
        let world = stage.bob.game.app.world_mut();
        let mut marked = world.query_filtered::<&SessionId, With<MaybeGhost>>();
        marked.iter(world).cloned().collect()
    };
    assert_eq!(ghosts, [old]);
    let heard = until_bob_hears(&mut stage, "-ada Left");
    assert_eq!(heard, ["-ada Left", "no ghost"]);
    assert_eq!(stage.bob.members().len(), 2);
}

#[test]
fn scenario_20_who_comes_back_is_the_same_entity() {
    let mut stage = Stage::with(quick_server(), NakamaSettings::default());
    watch(&mut stage);
    let here = stage.bob.here;
    let ada = stage.bob.presence("ada").expect("ada");
    let world = stage.bob.game.app.world_mut();
    world.entity_mut(here).insert(AdoptReconnecting);
    world.entity_mut(ada).insert(Score(3));
    ada_is_back(&mut stage);
    let heard = until_bob_hears(&mut stage, "adopted");
    assert_eq!(heard, ["adopted"]);
    assert_eq!(stage.bob.presence("ada"), Some(ada));
    assert_eq!(stage.bob.members().len(), 2);
    let session = stage.ada.session();
    let hidden = |stage: &Stage| {
        let index = stage.bob.game.app.world().resource::<PresenceIndex>();
        assert_eq!(index.get(here, &session), Some(ada));
        index.hidden_ghosts(here)
    };
    assert_eq!(hidden(&stage), 1);
    // What she says comes from that entity, and what is for her reaches her.
    stage.ada.say(5);
    stage.until("what ada says", |stage| {
        let data = Game::arrived::<MatchDataReceived>(&mut stage.bob.game.app);
        let data = data.first()?;
        let sender = data.sender.as_ref().expect("a member");
        assert_eq!((data.op_code, sender.entity), (5, Some(ada)));
        Some(())
    });
    stage.bob.game.commands(|commands| {
        let data = OutgoingData::raw(6, "x").to([ada]);
        commands.nakama().send_data(here, data);
    });
    stage.until("what is for ada", |stage| {
        (stage.ada.hears() == [6]).then_some(())
    });
    stage.until("the end of the ghost", |stage| {
        (hidden(stage) == 0).then_some(())
    });
    stage.play_for(millis(200));
    assert_eq!(stage.bob.heard.take(), [""; 0]);
    assert_eq!(stage.bob.presence("ada"), Some(ada));
    let score = stage.bob.game.app.world().get::<Score>(ada);
    assert_eq!(score, Some(&Score(3)));
}

/// A line that breaks with a word: the server ends the old session first.
#[test]
fn scenario_20_without_a_ghost_nothing_is_adopted() {
    let mut stage = Stage::new();
    watch(&mut stage);
    let here = stage.bob.here;
    let world = stage.bob.game.app.world_mut();
    world.entity_mut(here).insert(AdoptReconnecting);
    stage.ada_goes_away();
    stage.ada_comes_back();
    let heard = until_bob_hears(&mut stage, "+ada Arrived");
    assert_eq!(heard, ["-ada Left", "+ada Arrived"]);
}
