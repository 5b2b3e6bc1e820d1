//! Two games in a match, and a line between one of them and the server: real sockets, real time.

use std::{
    ops::{Deref, DerefMut},
    thread,
    time::{Duration, Instant},
};

use bevy::prelude::*;
use bevy_nakama::{
    connection::{Connected, ConnectionState, Disconnected, NakamaConnection},
    healing::{ConnectionLost, Reentered, Stale, TransitionKind},
    matches::{CreateMatch, Match},
    prelude::*,
};

use crate::common::{game::Game, log::Log};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(40);

/// Ada's line is good or bad, Bob's is good. Both are in the match `m`.
pub(super) struct Stage<L> {
    line: L,
    pub(super) ada: Player,
    pub(super) bob: Player,
    /// Who else plays, if a test wants more.
    pub(super) others: Vec<Player>,
}

/// What is between Ada and the server.
pub(super) trait Line {
    /// A failing test prints this about it.
    fn told(&self) -> String {
        String::new()
    }
}

impl<L> Deref for Stage<L> {
    type Target = L;

    fn deref(&self) -> &L {
        &self.line
    }
}

impl<L> DerefMut for Stage<L> {
    fn deref_mut(&mut self) -> &mut L {
        &mut self.line
    }
}

pub(super) struct Player {
    pub(super) game: Game,
    /// What the game hears, see [`listen`].
    pub(super) heard: Log,
    pub(super) here: Entity,
}

/// Who is in Ada's match, as entities.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Everybody {
    pub(super) here: Entity,
    pub(super) ada: Entity,
    pub(super) bob: Entity,
}

impl<L: Line> Stage<L> {
    /// Both come, each by way of a server's address.
    pub(super) fn open(
        line: L,
        ada: &NakamaServer,
        bob: &NakamaServer,
        settings: NakamaSettings,
    ) -> Self {
        Self::entered(line, ada, bob, settings, enter_by_name)
    }

    /// The same in another match, which each of them enters in this way.
    pub(super) fn entered(
        line: L,
        ada: &NakamaServer,
        bob: &NakamaServer,
        settings: NakamaSettings,
        mut enter: impl FnMut(&mut Game) -> Entity,
    ) -> Self {
        let mut stage = Self {
            line,
            ada: Player::entering(ada, "ada", settings, &mut enter),
            bob: Player::entering(bob, "bob", NakamaSettings::default(), enter),
            others: Vec::new(),
        };
        stage.until("both are there", |stage| {
            let (bob, ada) = (stage.ada.presence("bob"), stage.bob.presence("ada"));
            bob.zip(ada)
        });
        stage.ada.heard.take();
        stage.bob.heard.take();
        stage
    }

    /// Runs frames of all games until `done` says what it waited for.
    #[track_caller]
    pub(super) fn until<T>(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
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
                self.line.told()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Runs frames of all games for so long.
    pub(super) fn play_for(&mut self, time: Duration) {
        let begin = Instant::now();
        self.until("the end of a pause", |_| {
            (begin.elapsed() >= time).then_some(())
        });
    }

    /// Until Ada hears this. Returns how long it took, and everything that she has heard up to then.
    #[track_caller]
    pub(super) fn until_ada_hears(&mut self, line: &str) -> (Duration, Vec<String>) {
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
    pub(super) fn everybody(&mut self) -> Everybody {
        Everybody {
            here: Game::the::<Match>(&mut self.ada.game.app).expect("one match"),
            ada: self.ada.presence("ada").expect("ada"),
            bob: self.ada.presence("bob").expect("bob"),
        }
    }

    /// Ada is back: her entities are the same, and data passes both ways.
    #[track_caller]
    pub(super) fn is_as_before(&mut self, before: &Everybody) {
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
    pub(super) fn bob_heard_ada_leave_and_join(&mut self) {
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
    pub(super) fn new(server: &NakamaServer, name: &str, settings: NakamaSettings) -> Self {
        Self::entering(server, name, settings, enter_by_name)
    }

    pub(super) fn entering(
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
    pub(super) fn members(&mut self) -> Vec<(String, SessionId, Entity)> {
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
    pub(super) fn entities(&mut self) -> Vec<(String, Entity)> {
        let all = self.members().into_iter();
        let mut all: Vec<_> = all.map(|(name, _, entity)| (name, entity)).collect();
        all.sort();
        all
    }

    /// The session of this connection.
    pub(super) fn session(&self) -> SessionId {
        let index = self.game.app.world().resource::<PresenceIndex>();
        index.own_session().expect("a session").clone()
    }

    pub(super) fn is_away(&self) -> bool {
        self.state() == ConnectionState::Reconnecting
    }

    /// Whether nobody knows what somebody is up to.
    pub(super) fn has_stale(&mut self) -> bool {
        let world = self.game.app.world_mut();
        let mut stale = world.query_filtered::<(), With<Stale>>();
        stale.iter(world).next().is_some()
    }

    pub(super) fn state(&self) -> ConnectionState {
        self.connection().state()
    }

    pub(super) fn connection(&self) -> &NakamaConnection {
        self.game.app.world().resource::<NakamaConnection>()
    }

    /// The only presence with this name.
    pub(super) fn presence(&mut self, name: &str) -> Option<Entity> {
        let world = self.game.app.world_mut();
        let mut presences = world.query_filtered::<(Entity, &Username), With<PresentIn>>();
        let mut found = presences.iter(world).filter(|(_, it)| it.as_str() == name);
        let first = found.next().map(|(entity, _)| entity);
        first.filter(|_| found.next().is_none())
    }

    pub(super) fn say(&mut self, op_code: i64) {
        let here = self.here;
        self.game.commands(|commands| {
            commands
                .nakama()
                .send_data(here, OutgoingData::raw(op_code, "x"));
        });
    }

    /// The op codes of the match data that have arrived.
    pub(super) fn hears(&mut self) -> Vec<i64> {
        let data = Game::arrived::<MatchDataReceived>(&mut self.game.app);
        data.iter().map(|data| data.op_code).collect()
    }

    /// The tries that failed since the last loss: number and reason.
    pub(super) fn failed_tries(&self) -> Vec<(u32, String)> {
        let history = self.connection().history();
        let tries = history.filter_map(|it| match &it.what {
            TransitionKind::TryFailed { attempt, reason } => Some((*attempt, reason.to_string())),
            _ => None,
        });
        tries.collect()
    }
}

pub(super) fn enter_by_name(game: &mut Game) -> Entity {
    let create = CreateMatch::named("m");
    let created = game.ask::<CreateMatch>(|nakama| nakama.create_match(create).id());
    created.expect("a match").entity
}

pub(super) fn login(name: &str) -> Login {
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

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
