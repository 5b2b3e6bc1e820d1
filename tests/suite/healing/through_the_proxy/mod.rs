//! Two games in a match, one of them behind the fault proxy: real sockets, real time, and the embedded server.

mod a_game_stands_still;
mod a_line_breaks;
mod a_line_is_silent;
mod a_match_is_left_while_away;
mod a_match_with_a_handler;
mod a_server_says_why;
mod a_server_starts_again;
mod a_status_is_shown_again;
mod damaged_frames;
mod members_change_while_away;
mod requests_under_way;
mod the_game_has_a_say;
mod tries_are_repeated;
mod what_is_sent_while_away;
mod what_was_said_while_away;

use std::{
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Frames, Rule, RuleId},
    connection::{Connected, ConnectionState, Disconnected, NakamaConnection},
    healing::{ConnectionLost, LoginNeeded, Reentered, Stale, TransitionKind},
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

/// Ada plays through the proxy, Bob and the others do not. Ada and Bob are in the match `m`, unless a test says otherwise.
struct Stage {
    local: LocalServer,
    proxy: ChaosProxy,
    ada: Player,
    bob: Player,
    others: Vec<Player>,
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
        Self::entering(config, settings, enter_by_name)
    }

    /// The same in another match, which each of them enters in this way.
    fn entering(
        config: LocalServerConfig,
        settings: NakamaSettings,
        mut enter: impl FnMut(&mut Game) -> Entity,
    ) -> Self {
        let (local, direct) = serve(config);
        let proxy = ChaosProxy::start(local.url()).expect("a proxy");
        let server = NakamaServer::new(proxy.url(), local.server_key());
        let mut stage = Self {
            ada: Player::entering(&server, "ada", settings, &mut enter),
            bob: Player::entering(&direct, "bob", NakamaSettings::default(), enter),
            others: Vec::new(),
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
            for player in &mut self.others {
                player.game.app.update();
            }
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

    /// Where the players who do not use the proxy connect.
    fn direct(&self) -> NakamaServer {
        NakamaServer::new(self.local.url(), self.local.server_key())
    }

    /// One more player in the match `m`, of whom Ada and Bob have heard.
    fn joins(&mut self, name: &str) {
        let direct = self.direct();
        let player = Player::new(&direct, name, NakamaSettings::default());
        let session = player.session();
        self.others.push(player);
        self.until("everybody sees them", |stage| {
            let games = [&mut stage.ada, &mut stage.bob];
            let mut see = games.into_iter().filter(|it| !it.is_away());
            see.all(|it| it.members().iter().any(|who| who.1 == session))
                .then_some(())
        });
    }

    /// Ada loses the server, and does not find it again until she [comes back](Self::ada_comes_back). The server knows.
    #[track_caller]
    fn ada_goes_away(&mut self) {
        let session = self.ada.session();
        self.proxy.stop_listening().expect("it stops");
        self.proxy.add(Rule::reset().for_open_connections());
        self.until_ada_hears("lost");
        self.until("bob sees that she is gone", |stage| {
            let members = stage.bob.members();
            members.iter().all(|who| who.1 != session).then_some(())
        });
    }

    /// What she hears up to the end of re-entry.
    #[track_caller]
    fn ada_comes_back(&mut self) -> Vec<String> {
        self.proxy.listen_again().expect("it listens");
        let game = &mut self.ada.game;
        game.commands(|commands| commands.nakama().network_is_back());
        self.until_ada_hears("resumed").1
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
        Self::entering(server, name, settings, enter_by_name)
    }

    fn entering(
        server: &NakamaServer,
        name: &str,
        settings: NakamaSettings,
        enter: impl FnOnce(&mut Game) -> Entity,
    ) -> Self {
        let mut game = Game::with(NakamaPlugin::new(settings));
        game.log_in(server, login(name));
        let here = enter(&mut game);
        let heard = Log::default();
        listen(&mut game.app, &heard);
        Self { game, heard, here }
    }

    /// Whoever is in a match: name, session and entity, sorted.
    fn members(&mut self) -> Vec<(String, SessionId, Entity)> {
        let world = self.game.app.world_mut();
        let mut presences =
            world.query_filtered::<(Entity, &Username, &SessionId), With<PresentIn>>();
        let all = presences.iter(world);
        let mut all: Vec<_> = all
            .map(|(entity, name, session)| (name.to_string(), session.clone(), entity))
            .collect();
        all.sort();
        all
    }

    /// The same without sessions, which are others after a loss.
    fn entities(&mut self) -> Vec<(String, Entity)> {
        let all = self.members().into_iter();
        let mut all: Vec<_> = all.map(|(name, _, entity)| (name, entity)).collect();
        all.sort();
        all
    }

    /// The session of this connection.
    fn session(&self) -> SessionId {
        let index = self.game.app.world().resource::<PresenceIndex>();
        index.own_session().expect("a session").clone()
    }

    fn is_away(&self) -> bool {
        self.state() == ConnectionState::Reconnecting
    }

    /// Whether nobody knows what somebody is up to.
    fn has_stale(&mut self) -> bool {
        let world = self.game.app.world_mut();
        let mut stale = world.query_filtered::<(), With<Stale>>();
        stale.iter(world).next().is_some()
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

/// Lines whose order does not matter.
fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn enter_by_name(game: &mut Game) -> Entity {
    let create = CreateMatch::named("m");
    let created = game.ask::<CreateMatch>(|nakama| nakama.create_match(create).id());
    created.expect("a match").entity
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
