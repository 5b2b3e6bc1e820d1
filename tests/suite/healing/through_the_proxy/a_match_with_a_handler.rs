//! Code on the server decides whether Ada gets back into the match, and what it is like.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use bevy_nakama::{
    local_server::{MatchContext, MatchFlow, MatchHandler, MatchInit, MatchMessage, RuntimeModule},
    proto::UserPresence,
    rpc::Rpc,
};

use super::*;

/// What the handler does, which the test changes while it runs.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// The only match.
    match_id: Option<String>,
    are_shut: bool,
    label: String,
    /// Who has entered, and who has gone.
    seen: Vec<&'static str>,
    /// The players, as a handler has them that goes by their user ids, and as one that goes by their sessions.
    users: BTreeSet<String>,
    sessions: BTreeSet<String>,
}

impl Gates {
    fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.0.lock().expect("no test panics here"))
    }
}

impl MatchHandler for Gates {
    fn init(&mut self, _: &mut MatchContext<'_>, _: &str) -> MatchInit {
        MatchInit {
            tick_rate: 60,
            label: String::new(),
        }
    }

    fn join_attempt(
        &mut self,
        _: &mut MatchContext<'_>,
        _: &UserPresence,
        _: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let are_shut = self.with(|gates| gates.are_shut);
        (!are_shut)
            .then_some(())
            .ok_or_else(|| "the gates are shut".to_owned())
    }

    fn join(&mut self, _: &mut MatchContext<'_>, who: &[UserPresence]) -> MatchFlow {
        self.with(|gates| {
            gates.seen.push("in");
            for who in who {
                gates.users.insert(who.user_id.clone());
                gates.sessions.insert(who.session_id.clone());
            }
        });
        MatchFlow::Continue
    }

    fn leave(&mut self, _: &mut MatchContext<'_>, who: &[UserPresence]) -> MatchFlow {
        self.with(|gates| {
            gates.seen.push("out");
            for who in who {
                gates.users.remove(&who.user_id);
                gates.sessions.remove(&who.session_id);
            }
        });
        MatchFlow::Continue
    }

    fn tick(&mut self, context: &mut MatchContext<'_>, _: &[MatchMessage]) -> MatchFlow {
        let label = self.with(|gates| gates.label.clone());
        if context.label() != label && context.set_label(label).is_err() {
            return MatchFlow::Fail;
        }
        MatchFlow::Continue
    }
}

/// Ada and Bob are in a match with that handler.
fn stage() -> (Stage, Gates) {
    stage_on(LocalServerConfig::default())
}

fn stage_on(server: LocalServerConfig) -> (Stage, Gates) {
    let gates = Gates::default();
    let (handler, of_rpc) = (gates.clone(), gates.clone());
    let runtime = RuntimeModule::new()
        .register_match("gates", move || handler.clone())
        .register_rpc("the-match", move |context, _| {
            if let Some(known) = of_rpc.with(|gates| gates.match_id.clone()) {
                return Ok(known);
            }
            let new = context.runtime.match_create("gates", "")?;
            of_rpc.with(|gates| gates.match_id = Some(new.clone()));
            Ok(new)
        });
    let config = LocalServerConfig { runtime, ..server };
    let stage = Stage::entering(config, NakamaSettings::default(), |game| {
        let id = game.ask::<Rpc>(|nakama| nakama.rpc(Rpc::new("the-match")).id());
        let join = JoinMatch::by_id(id.expect("an id").payload.as_str());
        let joined = game.ask::<JoinMatch>(|nakama| nakama.join_match(join).id());
        joined.expect("the gates are open").entity
    });
    gates.with(|gates| gates.seen.clear());
    (stage, gates)
}

#[test]
fn scenario_23_a_handler_that_lets_ada_in_again_is_told_of_both() {
    let (mut stage, gates) = stage();
    let before = stage.everybody();
    stage.ada_goes_away();
    assert_eq!(stage.ada_comes_back(), ["match: Restored", "resumed"]);
    assert_eq!(stage.everybody(), before);
    stage.bob_heard_ada_leave_and_join();
    assert_eq!(gates.with(|gates| gates.seen.clone()), ["out", "in"]);
}

#[test]
fn scenario_23_a_handler_that_refuses_is_a_loss_with_its_words() {
    let (mut stage, gates) = stage();
    stage.ada_goes_away();
    gates.with(|gates| gates.are_shut = true);
    let heard = stage.ada_comes_back();
    assert!(heard[0].starts_with("match: Lost(Refused("), "{heard:?}");
    assert!(heard[0].contains("the gates are shut"), "{heard:?}");
    assert_eq!(
        sorted(heard[1..].to_vec()),
        ["-ada Disconnected", "-bob Disconnected", "resumed"]
    );
    stage.play_for(millis(300));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    assert_eq!(Game::the::<Match>(&mut stage.ada.game.app), None);
    assert_eq!(stage.ada.members(), []);
    assert_eq!(stage.bob.heard.take(), ["-ada Left"]);
}

#[test]
fn scenario_23_a_label_that_has_changed_is_a_change() {
    let (mut stage, gates) = stage();
    let before = stage.everybody();
    stage.ada_goes_away();
    gates.with(|gates| gates.label = "round 2".to_owned());
    let list = ListMatches::new(10).authoritative(true).label("round 2");
    loop {
        let listed = stage
            .bob
            .game
            .ask::<ListMatches>(|nakama| nakama.list_matches(list.clone()).id());
        if !listed.expect("a list").is_empty() {
            break; // the handler has run
        }
    }
    assert_eq!(stage.ada_comes_back(), ["match: Changed", "resumed"]);
    assert_eq!(stage.everybody(), before);
    let here = stage.ada.game.app.world().get::<Match>(before.here);
    assert_eq!(here.expect("the match").label.as_deref(), Some("round 2"));
}

/// The line is cut without a word, so the server still has the old session when the new one comes. Its leave comes when the player is there
/// again: a handler that goes by user ids takes it for the player's.
#[test]
fn scenario_20_a_handler_hears_of_the_new_session_before_the_end_of_the_old_one() {
    let (mut stage, gates) = stage_on(quick_server());
    let before = stage.everybody();
    let ada = stage.ada.session();
    let user = {
        let world = stage.ada.game.app.world();
        let user = world.get::<UserId>(before.ada).expect("a user");
        user.to_string()
    };
    let cable = cut(&stage.proxy);
    let game = &mut stage.ada.game;
    game.commands(|commands| commands.nakama().network_is_back());
    stage.until_ada_hears("lost");
    for hold in cable {
        stage.proxy.remove(hold);
    }
    stage.until_ada_hears("resumed");
    gates.with(|gates| {
        assert_eq!(gates.seen, ["in"]);
        assert!(gates.sessions.contains(ada.as_str()));
        assert_eq!((gates.users.len(), gates.sessions.len()), (2, 3));
    });
    stage.until("the end of the old session", |_| {
        gates.with(|gates| (gates.seen.len() > 1).then_some(()))
    });
    let own = stage.ada.session();
    gates.with(|gates| {
        assert_eq!(gates.seen, ["in", "out"]);
        assert!(
            !gates.users.contains(&user),
            "that handler has lost the player"
        );
        assert!(gates.sessions.contains(own.as_str()), "this one has not");
        assert_eq!(gates.sessions.len(), 2);
    });
    assert_eq!(stage.everybody(), before);
}

/// As long as a server may be silent while it works on a join.
#[test]
fn scenario_23_a_match_that_answers_after_eleven_seconds_is_a_late_return() {
    let (mut stage, _) = stage();
    let before = stage.everybody();
    stage.ada_goes_away();
    let answer = Frames::to_client(Kind::Match);
    let hold = Rule::hold(Direction::ToClient).when(answer);
    let hold = stage.proxy.add(hold);
    let begin = Instant::now();
    assert_eq!(stage.ada_comes_back(), ["resumed"]);
    stage.play_for(millis(10_800).saturating_sub(begin.elapsed()));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
    assert_eq!(stage.proxy.log().acts(hold), 1, "{}", stage.proxy.log());
    stage.proxy.remove(hold);
    assert_eq!(stage.until_ada_hears("match").1, ["match: Restored"]);
    assert_eq!(stage.everybody(), before);
    stage.bob_heard_ada_leave_and_join();
    stage.play_for(seconds(1));
    assert_eq!(stage.ada.heard.take(), [""; 0]);
}
