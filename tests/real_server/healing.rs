//! A connection that is lost and comes back, on a real server. Ada plays through the fault proxy, Bob does not.

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Rule},
    chat::ChatMessageReceived,
    connection::NakamaConnection,
    healing::{ConnectionLost, Reentered},
    prelude::*,
    rpc::Rpc,
    status::FollowedUserIndex,
};

use super::{fresh, server, server_key};
use crate::common::{game::Game, log::Log};

struct Stage {
    proxy: ChaosProxy,
    ada: Game,
    bob: Game,
    heard: Log,
    /// The match of both, as Ada's game has it.
    here: Entity,
    room: String,
}

impl Stage {
    /// Both in a match: named, or one that Ada has created.
    fn new(named: bool) -> Self {
        let url = std::env::var("NAKAMA_URL").expect("set NAKAMA_URL");
        let proxy = ChaosProxy::start(&url).expect("a proxy");
        let through = NakamaServer::new(proxy.url(), server_key());
        let name = fresh("healing");
        let mut ada = Game::online(&through, Login::device(fresh("device-of-ada")));
        let mut bob = Game::online(&server(), Login::device(fresh("device-of-bob")));
        let create = if named {
            CreateMatch::named(name.clone())
        } else {
            CreateMatch::new()
        };
        let here = ada
            .ask::<CreateMatch>(|nakama| nakama.create_match(create).id())
            .expect("a match")
            .entity;
        let id = ada.app.world().get::<MatchId>(here).expect("an id").clone();
        bob.ask::<JoinMatch>(|nakama| nakama.join_match(id).id())
            .expect("a match");
        let heard = listen(&mut ada);
        let mut stage = Self {
            proxy,
            ada,
            bob,
            heard,
            here,
            room: name,
        };
        stage.until("both", |stage| (stage.people() == 2).then_some(()));
        stage.heard.take();
        stage
    }

    /// Runs both games until something is so.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Option<T>) -> T {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(60) {
            self.ada.app.update();
            self.bob.app.update();
            if let Some(found) = is_so(self) {
                return found;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!(
            "no {what} within 60 s; heard {:?}; {:?}",
            self.heard.take(),
            self.ada.app.world().resource::<NakamaConnection>()
        );
    }

    /// What Ada's game hears until it hears this.
    #[track_caller]
    fn until_heard(&mut self, end: &str) -> Vec<String> {
        let mut all = Vec::new();
        self.until(end, |stage| {
            all.extend(stage.heard.take());
            all.iter().any(|line| line.starts_with(end)).then_some(())
        });
        all
    }

    /// How many are in the match, as Ada's game has it.
    fn people(&mut self) -> usize {
        let index = self.ada.app.world().resource::<PresenceIndex>();
        index.count(self.here)
    }

    /// The entities of everybody there, in order.
    fn entities(&mut self) -> Vec<Entity> {
        let world = self.ada.app.world_mut();
        let mut all: Vec<_> = world
            .query_filtered::<Entity, With<PresentIn>>()
            .iter(world)
            .collect();
        all.sort();
        all
    }

    fn reset(&mut self) {
        self.proxy.add(Rule::reset().for_open_connections());
    }
}

fn listen(game: &mut Game) -> Log {
    let heard = Log::default();
    let to = heard.clone();
    game.app
        .add_observer(move |lost: On<ConnectionLost>| to.add(format!("lost: {}", lost.cause)));
    let to = heard.clone();
    game.app.add_observer(move |on: On<Connected>| {
        to.add(if on.resumed { "resumed" } else { "connected" });
    });
    let to = heard.clone();
    game.app
        .add_observer(move |end: On<Disconnected>| to.add(format!("ended: {}", end.reason)));
    let to = heard.clone();
    game.app.add_observer(move |back: On<Reentered<Match>>| {
        to.add(format!("match: {:?}", back.outcome))
    });
    let to = heard.clone();
    game.app
        .add_observer(move |on: On<Joined<Match>>| to.add(format!("+ {:?}", on.how)));
    let to = heard.clone();
    game.app
        .add_observer(move |left: On<Left<Match>>| to.add(format!("- {:?}", left.why)));
    heard
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_1_after_a_reset_everybody_is_who_they_were() {
    for named in [true, false] {
        let mut stage = Stage::new(named);
        let before = stage.entities();
        for _ in 0..3 {
            stage.reset();
            let begin = Instant::now();
            let heard = stage.until_heard("resumed");
            println!("named {named}: back after {:?}", begin.elapsed());
            assert!(heard[0].starts_with("lost: "), "{heard:?}");
            assert_eq!(heard[1..], ["match: Restored", "resumed"]);
            assert_eq!(stage.entities(), before);
        }
    }
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_4_the_own_ghost_is_hidden_until_it_goes() {
    let mut stage = Stage::new(true);
    let before = stage.entities();
    let rules = Direction::BOTH.map(|direction| stage.proxy.add(Rule::hold(direction)));
    let begin = Instant::now();
    stage.until_heard("lost");
    println!("noticed after {:?}", begin.elapsed());
    assert!(begin.elapsed() < Duration::from_secs(14));
    // The old line stays as it is: only new ones are good.
    for rule in rules {
        stage.proxy.remove(rule);
    }
    let heard = stage.until_heard("resumed");
    assert_eq!(heard, ["match: Restored", "resumed"]);
    assert_eq!(stage.entities(), before);
    assert_eq!(stage.people(), 2);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_8_a_slow_function_is_not_the_end() {
    let mut stage = Stage::new(true);
    let answers = Log::default();
    let to = answers.clone();
    stage.ada.commands(|commands| {
        commands
            .nakama()
            .rpc(Rpc::new("wait").payload("15"))
            .observe(move |reply: On<Replied<Rpc>>| to.add(reply.result.is_ok().to_string()));
    });
    let begin = Instant::now();
    stage.until("the time", |_| {
        (begin.elapsed() > Duration::from_secs(18)).then_some(())
    });
    assert_eq!(stage.heard.take(), [""; 0]);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_18_who_comes_and_goes_meanwhile_is_told_once() {
    let mut stage = Stage::new(true);
    let bob_is = stage.entities();
    // Ada cannot come back yet.
    let shut = stage.proxy.add(Rule::refuse());
    stage.reset();
    stage.until_heard("lost");
    let id = stage
        .ada
        .app
        .world()
        .get::<MatchId>(stage.here)
        .expect("an id")
        .clone();
    let mut cat = Game::online(&server(), Login::device(fresh("device-of-cat")));
    cat.ask::<JoinMatch>(|nakama| nakama.join_match(id).id())
        .expect("a match");
    stage.proxy.remove(shut);
    let heard = stage.until_heard("resumed");
    assert_eq!(heard, ["+ WhileAway", "match: Restored", "resumed"]);
    let now = stage.entities();
    assert!(bob_is.iter().all(|entity| now.contains(entity)));

    let shut = stage.proxy.add(Rule::refuse());
    stage.reset();
    stage.until_heard("lost");
    drop(cat);
    let begin = Instant::now();
    stage.until("the server to hear of it", |_| {
        (begin.elapsed() > Duration::from_secs(1)).then_some(())
    });
    stage.proxy.remove(shut);
    let heard = stage.until_heard("resumed");
    assert_eq!(heard, ["- WhileAway", "match: Restored", "resumed"]);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_22_an_unnamed_match_that_is_gone_is_lost() {
    let mut stage = Stage::new(false);
    let shut = stage.proxy.add(Rule::refuse());
    stage.reset();
    stage.until_heard("lost");
    // Bob goes, and with him the match.
    stage.bob = Game::new();
    let begin = Instant::now();
    stage.until("the server to hear of it", |_| {
        (begin.elapsed() > Duration::from_secs(1)).then_some(())
    });
    stage.proxy.remove(shut);
    let heard = stage.until_heard("match: Lost(Refused(");
    let lost = heard
        .iter()
        .position(|line| line.starts_with("match: Lost"));
    let (before, after) = heard.split_at(lost.expect("heard above"));
    assert_eq!(before, ["resumed"], "after 5 s");
    assert_eq!(after[1..], ["- Disconnected", "- Disconnected"]);
    assert!(stage.ada.app.world().get::<Match>(stage.here).is_none());
    let begin = Instant::now();
    stage.until("anything else", |_| {
        (begin.elapsed() > Duration::from_secs(1)).then_some(())
    });
    assert_eq!(stage.heard.take(), [""; 0]);
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_28_lines_of_the_gap_are_filled_in_once() {
    let mut stage = Stage::new(true);
    let room = stage.room.clone();
    let join = |game: &mut Game| {
        game.ask::<JoinChat>(|nakama| nakama.join_chat(room.as_str()).id())
            .expect("a room")
            .entity
    };
    let (ada_room, bob_room) = (join(&mut stage.ada), join(&mut stage.bob));
    let say = |stage: &mut Stage, line: &str| {
        let content = serde_json::json!({ "line": line });
        stage
            .bob
            .ask::<SendChatMessage>(|nakama| nakama.send_chat(bob_room, &content).id())
            .expect("a line");
    };
    say(&mut stage, "before");
    stage.until("the first line", |stage| {
        (Game::arrived::<ChatMessageReceived>(&mut stage.ada.app).len() == 1).then_some(())
    });
    let shut = stage.proxy.add(Rule::refuse());
    stage.reset();
    stage.until_heard("lost");
    for line in ["one", "two", "three"] {
        say(&mut stage, line);
    }
    stage.proxy.remove(shut);
    stage.until_heard("resumed");
    say(&mut stage, "after");
    let mut got = Vec::new();
    stage.until("all lines", |stage| {
        let new = Game::arrived::<ChatMessageReceived>(&mut stage.ada.app);
        got.extend(new.into_iter().map(|it| {
            (
                it.message.content::<serde_json::Value>().expect("JSON"),
                it.replayed,
            )
        }));
        (got.len() >= 4).then_some(())
    });
    let lines: Vec<_> = got
        .iter()
        .map(|(content, replayed): &(serde_json::Value, bool)| {
            let line = content["line"].as_str().expect("a text");
            (line.to_owned(), *replayed)
        })
        .collect();
    let expected = [
        ("one", true),
        ("two", true),
        ("three", true),
        ("after", false),
    ];
    assert_eq!(
        lines,
        expected.map(|(line, replayed)| (line.to_owned(), replayed))
    );
    assert!(stage.ada.app.world().get::<ChatChannel>(ada_room).is_some());
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_30_status_and_follows_are_as_before() {
    let mut stage = Stage::new(true);
    let user = |game: &Game| {
        let current = game.app.world().resource::<CurrentSession>();
        current.user().expect("logged in").0.clone()
    };
    let (ada, bob) = (user(&stage.ada), user(&stage.bob));
    stage
        .ada
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids([bob.clone()])).id())
        .expect("followed");
    stage
        .bob
        .ask::<FollowUsers>(|nakama| nakama.follow(FollowUsers::ids([ada.clone()])).id())
        .expect("followed");
    stage
        .ada
        .ask::<UpdateStatus>(|nakama| nakama.set_status(Some("in the arena")).id())
        .expect("a status");
    let seen = |game: &Game, who: &UserId| {
        let world = game.app.world();
        let user = world.resource::<FollowedUserIndex>().get(who)?;
        let sessions = world.get::<UserSessions>(user)?;
        let texts = sessions
            .iter()
            .filter_map(|it| Some((it, world.get::<UserStatus>(it)?.0.clone())));
        Some((user, texts.collect::<Vec<_>>()))
    };
    stage.until("Bob to see it", |stage| {
        let (_, sessions) = seen(&stage.bob, &ada)?;
        (sessions.len() == 1 && sessions[0].1 == "in the arena").then_some(())
    });
    let before = seen(&stage.ada, &bob);
    stage.reset();
    stage.until_heard("resumed");
    assert_eq!(seen(&stage.ada, &bob), before, "the same user and session");
    stage.until("Bob to see it again", |stage| {
        let (_, sessions) = seen(&stage.bob, &ada)?;
        (sessions.len() == 1 && sessions[0].1 == "in the arena").then_some(())
    });
}

#[test]
#[ignore = "needs a Nakama server"]
fn scenario_31_a_join_whose_answer_is_lost_is_made_again() {
    let mut stage = Stage::new(true);
    let answers = Log::default();
    for number in 0..5 {
        let to = answers.clone();
        let name = fresh("carried");
        stage.ada.commands(|commands| {
            commands
                .nakama()
                .create_match(CreateMatch::named(name))
                .observe(move |reply: On<Replied<CreateMatch>>| {
                    to.add(format!("{number}: {}", reply.result.is_ok()));
                });
        });
        stage.ada.app.update();
        stage.reset();
        stage.until_heard("resumed");
    }
    let mut all = Vec::new();
    stage.until("all answers", |_| {
        all.extend(answers.take());
        (all.len() >= 5).then_some(())
    });
    all.sort();
    assert_eq!(all, ["0: true", "1: true", "2: true", "3: true", "4: true"]);
}
