//! Two games in a match, one of them behind the fault proxy: real sockets, real time, and the embedded server.

mod a_line_breaks;
mod a_line_is_silent;
mod a_server_says_why;
mod damaged_frames;
mod requests_under_way;
mod the_game_has_a_say;
mod tries_are_repeated;

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Frames, Rule, RuleId},
    connection::{Connected, ConnectionState, Disconnected, NakamaConnection},
    healing::{ConnectionLost, Reentered, TransitionKind},
    local_server::{LocalServer, LocalServerConfig},
    matches::{CreateMatch, Match},
    prelude::*,
    proto::Kind,
};

use crate::common::{
    game::{Game, serve},
    log::Log,
};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(40);

/// Ada plays through the proxy, Bob does not. Both are in the match `m`.
struct Stage {
    local: LocalServer,
    proxy: ChaosProxy,
    ada: Player,
    bob: Player,
}

struct Player {
    game: Game,
    /// What the game hears, see [`listen`].
    heard: Log,
    here: Entity,
}

/// Who is in Ada's match, as entities.
#[derive(Debug, PartialEq, Eq)]
struct Everybody {
    here: Entity,
    ada: Entity,
    bob: Entity,
}

impl Stage {
    fn new() -> Self {
        Self::with(LocalServerConfig::default(), NakamaSettings::default())
    }

    fn with(config: LocalServerConfig, settings: NakamaSettings) -> Self {
        let (local, direct) = serve(config);
        let proxy = ChaosProxy::start(local.url()).expect("a proxy");
        let server = NakamaServer::new(proxy.url(), local.server_key());
        let mut stage = Self {
            ada: Player::new(&server, "ada", settings),
            bob: Player::new(&direct, "bob", NakamaSettings::default()),
            proxy,
            local,
        };
        stage.until("both are there", |stage| {
            let (bob, ada) = (stage.ada.presence("bob"), stage.bob.presence("ada"));
            bob.zip(ada)
        });
        stage.ada.heard.take();
        stage.bob.heard.take();
        stage
    }

    /// Runs frames of both games until `done` says what it waited for.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            self.ada.game.app.update();
            self.bob.game.app.update();
            if let Some(found) = done(self) {
                return found;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "{what} did not happen; ada: {:?}; bob: {:?}\n{}",
                self.ada.heard.take(),
                self.bob.heard.take(),
                self.proxy.log()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Runs frames of both games for so long.
    fn play_for(&mut self, time: Duration) {
        let begin = Instant::now();
        self.until("the end of a pause", |_| {
            (begin.elapsed() >= time).then_some(())
        });
    }

    /// Until Ada hears this. Returns how long it took, and everything that she has heard up to then.
    #[track_caller]
    fn until_ada_hears(&mut self, line: &str) -> (Duration, Vec<String>) {
        let begin = Instant::now();
        let mut heard = Vec::new();
        self.until(line, |stage| {
            heard.extend(stage.ada.heard.take());
            let is_over = heard.iter().any(|it| it.starts_with("ended"));
            assert!(!is_over || line == "ended", "{heard:?}");
            heard.iter().any(|it| it.starts_with(line)).then_some(())
        });
        (begin.elapsed(), heard)
    }

    #[track_caller]
    fn everybody(&mut self) -> Everybody {
        Everybody {
            here: Game::the::<Match>(&mut self.ada.game.app).expect("one match"),
            ada: self.ada.presence("ada").expect("ada"),
            bob: self.ada.presence("bob").expect("bob"),
        }
    }

    /// Ada is back: her entities are the same, and data passes both ways.
    #[track_caller]
    fn is_as_before(&mut self, before: &Everybody) {
        assert_eq!(self.everybody(), *before);
        for player in [&mut self.ada, &mut self.bob] {
            Game::arrived::<MatchDataReceived>(&mut player.game.app);
        }
        self.ada.say(1);
        self.bob.say(2);
        let mut ada = Vec::new();
        let mut bob = Vec::new();
        self.until("data", |stage| {
            ada.extend(stage.ada.hears());
            bob.extend(stage.bob.hears());
            (!ada.is_empty() && !bob.is_empty()).then_some(())
        });
        assert_eq!((ada, bob), (vec![2], vec![1]));
    }

    /// Bob heard that Ada left once and joined once, in either order.
    #[track_caller]
    fn bob_heard_ada_leave_and_join(&mut self) {
        let mut heard = Vec::new();
        self.until("ada leaves and joins", |stage| {
            heard.extend(stage.bob.heard.take());
            (heard.len() >= 2).then_some(())
        });
        heard.sort();
        assert!(
            heard.len() == 2 && heard[0].starts_with("+ada") && heard[1].starts_with("-ada"),
            "{heard:?}"
        );
    }
}

impl Player {
    fn new(server: &NakamaServer, name: &str, settings: NakamaSettings) -> Self {
        let mut game = Game::with(NakamaPlugin::new(settings));
        game.log_in(server, login(name));
        let create = CreateMatch::named("m");
        let created = game.ask::<CreateMatch>(|nakama| nakama.create_match(create).id());
        let here = created.expect("a match").entity;
        let heard = Log::default();
        listen(&mut game.app, &heard);
        Self { game, heard, here }
    }

    fn state(&self) -> ConnectionState {
        self.connection().state()
    }

    fn connection(&self) -> &NakamaConnection {
        self.game.app.world().resource::<NakamaConnection>()
    }

    /// The only presence with this name.
    fn presence(&mut self, name: &str) -> Option<Entity> {
        let world = self.game.app.world_mut();
        let mut presences = world.query_filtered::<(Entity, &Username), With<PresentIn>>();
        let mut found = presences.iter(world).filter(|(_, it)| it.as_str() == name);
        let first = found.next().map(|(entity, _)| entity);
        first.filter(|_| found.next().is_none())
    }

    fn say(&mut self, op_code: i64) {
        let here = self.here;
        self.game.commands(|commands| {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        });
    }

    /// The op codes of the match data that have arrived.
    fn hears(&mut self) -> Vec<i64> {
        let data = Game::arrived::<MatchDataReceived>(&mut self.game.app);
        data.iter().map(|data| data.op_code).collect()
    }

    /// The tries that failed since the last loss: number and reason.
    fn failed_tries(&self) -> Vec<(u32, String)> {
        let history = self.connection().history();
        let tries = history.filter_map(|it| match &it.what {
            TransitionKind::TryFailed { attempt, reason } => Some((*attempt, reason.to_string())),
            _ => None,
        });
        tries.collect()
    }
}

fn login(name: &str) -> Login {
    Login::device(format!("device-of-{name}")).username(name)
}

/// Writes down what a game hears of the connection, and of the match and who is in it.
fn listen(app: &mut App, heard: &Log) {
    let to = heard.clone();
    app.add_observer(move |lost: On<ConnectionLost>| to.add(format!("lost: {}", lost.cause)));
    let to = heard.clone();
    app.add_observer(move |on: On<Connected>| {
        to.add(if on.resumed { "resumed" } else { "connected" }.to_owned());
    });
    let to = heard.clone();
    app.add_observer(move |end: On<Disconnected>| to.add(format!("ended: {}", end.reason)));
    let to = heard.clone();
    app.add_observer(move |back: On<Reentered<Match>>| {
        to.add(format!("match: {:?}", back.outcome));
    });
    let to = heard.clone();
    app.add_observer(move |joined: On<Joined<Match>>, names: Query<&Username>| {
        if let Ok(name) = names.get(joined.presence) {
            to.add(format!("+{name} {:?}", joined.how));
        }
    });
    let to = heard.clone();
    app.add_observer(move |left: On<Left<Match>>| {
        to.add(format!("-{} {:?}", left.info.username, left.why));
    });
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
