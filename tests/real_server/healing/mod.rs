//! A connection that is lost and comes back, on a real server. Ada plays through the fault proxy, the others do not.
//!
//! Some of these need more than `NAKAMA_URL`. Without it, they say so and do nothing:
//!
//! | variable | what for | scenario |
//! |---|---|---|
//! | `NAKAMA_RESTART` | A shell command. With a signal behind it (`KILL`, `TERM`), it ends the server with that and starts it again. It is done when the new one answers. | 21 |
//! | `NAKAMA_SINGLE_SOCKET=1` | The server runs with `--session.single_socket=true`. | 16 |
//! | `NAKAMA_SINGLE_SESSION=1` | The server runs with `--session.single_session=true`. | 15 |
//!
//! One waits until a token has ended (13). With `--session.token_expiry_sec=10`, it is over sooner than with the default of a minute. All but
//! a few need the modules in `tests/nakama/modules`.

mod gaps;
mod ghosts;
mod lines;
mod matches;
mod parties;
mod restarts;
mod sessions;

use std::time::{Duration, Instant};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Requests, Rule, RuleId},
    chat::ChatMessageReceived,
    connection::NakamaConnection,
    healing::{ConnectionLost, Reentered, Stale},
    prelude::*,
    rpc::Rpc,
    status::FollowedUserIndex,
};

use super::{fresh, life_of, server, server_key};
use crate::common::{game::Game, log::Log};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A setting of the server, if it runs with that. If not, this says what is missing.
fn setting(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    if value.is_none() {
        println!("skipped: it needs {name}, see tests/real_server/healing/mod.rs");
    }
    value
}

/// Calls a function of `tests/nakama/modules`; what it returns.
#[track_caller]
fn call(game: &mut Game, name: &str, payload: impl Into<String>) -> String {
    let rpc = Rpc::new(name).payload(payload.into());
    let reply = game.ask::<Rpc>(|nakama| nakama.rpc(rpc).id());
    reply.expect("the server has tests/nakama/modules").payload
}

fn user(game: &Game) -> UserId {
    let current = game.app.world().resource::<CurrentSession>();
    current.user().expect("logged in").0.clone()
}

struct Stage {
    proxy: ChaosProxy,
    ada: Game,
    bob: Game,
    others: Vec<Game>,
    heard: Log,
    /// The match of both, as Ada's game has it.
    here: Entity,
    /// Ada's device.
    device: String,
    room: String,
}

impl Stage {
    /// Both in a match: named, or one that Ada has created.
    fn new(named: bool) -> Self {
        let name = fresh("healing");
        let create = if named {
            CreateMatch::named(name.clone())
        } else {
            CreateMatch::new()
        };
        let mut stage = Self::entering(|ada, bob| {
            let created = ada.ask::<CreateMatch>(|nakama| nakama.create_match(create).id());
            let here = created.expect("a match").entity;
            let id = ada.app.world().get::<MatchId>(here).expect("an id").clone();
            bob.ask::<JoinMatch>(|nakama| nakama.join_match(id).id())
                .expect("a match");
            here
        });
        stage.room = name;
        stage
    }

    /// Both in a match that they enter like this. It returns the match of Ada's game.
    fn entering(enter: impl FnOnce(&mut Game, &mut Game) -> Entity) -> Self {
        let url = std::env::var("NAKAMA_URL").expect("set NAKAMA_URL");
        let proxy = ChaosProxy::start(&url).expect("a proxy");
        let through = NakamaServer::new(proxy.url(), server_key());
        let device = fresh("device-of-ada");
        let mut ada = Game::online(&through, Login::device(&device));
        let mut bob = Game::online(&server(), Login::device(fresh("device-of-bob")));
        let here = enter(&mut ada, &mut bob);
        let heard = listen(&mut ada);
        let mut stage = Self {
            proxy,
            ada,
            bob,
            others: Vec::new(),
            heard,
            here,
            device,
            room: String::new(),
        };
        stage.until("both", |stage| (stage.people() == 2).then_some(()));
        stage.heard.take();
        stage
    }

    /// Another game enters the match, with this device.
    #[track_caller]
    fn enters(&mut self, device: &str) {
        let id = self.ada.app.world().get::<MatchId>(self.here);
        let id = id.expect("an id").clone();
        let mut game = Game::online(&server(), Login::device(device));
        game.ask::<JoinMatch>(|nakama| nakama.join_match(id).id())
            .expect("a match");
        self.others.push(game);
    }

    /// Runs all games until something is so.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Option<T>) -> T {
        let begin = Instant::now();
        while begin.elapsed() < seconds(60) {
            self.update();
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

    /// Ada's line breaks, and she cannot come back before she [may](Self::may_come_back).
    #[track_caller]
    fn goes_away(&mut self) -> RuleId {
        let shut = self.proxy.add(Rule::refuse());
        self.reset();
        self.until_heard("lost");
        shut
    }

    /// Ada's line is good again. Returns what her game hears until it hears this.
    #[track_caller]
    fn may_come_back(&mut self, shut: RuleId, end: &str) -> Vec<String> {
        self.proxy.remove(shut);
        self.until_heard(end)
    }

    fn update(&mut self) {
        for game in [&mut self.ada, &mut self.bob]
            .into_iter()
            .chain(&mut self.others)
        {
            game.app.update();
        }
    }

    /// Runs all games for a while.
    fn play(&mut self, time: Duration) {
        let begin = Instant::now();
        while begin.elapsed() < time {
            self.update();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ada's game hears nothing for a while.
    #[track_caller]
    fn is_quiet(&mut self, time: Duration) {
        self.play(time);
        assert_eq!(self.heard.take(), [""; 0]);
    }

    /// Asserts that the connection has ended and that nothing is tried any more.
    #[track_caller]
    fn has_ended(&mut self) {
        let state = |stage: &Self| {
            let connection = stage.ada.app.world().resource::<NakamaConnection>();
            connection.state()
        };
        assert_eq!(state(self), ConnectionState::Disconnected);
        assert!(self.ada.app.world().get::<Match>(self.here).is_none());
        let sockets = self.proxy.add(Rule::note().when(Requests::to("/ws")));
        self.is_quiet(seconds(4));
        assert_eq!(state(self), ConnectionState::Disconnected);
        assert_eq!(self.proxy.log().acts(sockets), 0);
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

/// Both in a match that code on the server runs, and its id.
fn in_gates() -> (Stage, String) {
    let mut id = String::new();
    let stage = Stage::entering(|ada, bob| {
        id = call(bob, "open_gates", "");
        let [_, here] = [bob, ada].map(|game| {
            let join = JoinMatch::by_id(id.as_str());
            let joined = game.ask::<JoinMatch>(|nakama| nakama.join_match(join).id());
            joined.expect("the gates are open").entity
        });
        here
    });
    (stage, id)
}

/// Bob changes the match. Returns who has come and gone.
fn change(stage: &mut Stage, id: &str, order: &str) -> String {
    let payload = serde_json::json!({ "match": id, "order": order });
    call(&mut stage.bob, "change_gates", payload.to_string())
}
