//! Games and a server over real sockets, each game behind a proxy of its own: a [`Stage`] for schedules.

mod anew;
mod host;

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use bevy::{
    ecs::schedule::{Schedules, SingleThreadedExecutor},
    prelude::*,
};
use bevy_nakama::{
    chaos::{ChaosProxy, Direction, Rule, RuleId},
    connection::Network,
    healing::LoginNeeded,
    prelude::*,
};

pub(crate) use self::host::{Embedded, Host, Process};
use super::{
    game::Game,
    history::{Recorder, Tape, check, read_mirror},
    schedule::{Fault, Stage, Way, opt_in},
};

/// How long a frame is.
const FRAME: Duration = Duration::from_millis(16);
/// How often it looks whether it is quiet.
const LOOK: Duration = Duration::from_secs(2);
/// So long a quiet time is, once nobody is asked for anything any more: by then a server has dropped old sessions.
pub(crate) const QUIET: Duration = Duration::from_secs(26);
/// How long it may take until the games agree.
const PATIENCE: Duration = Duration::from_secs(100);
/// How long a game waits before it tries a login again.
const LOGIN: Duration = Duration::from_secs(1);
/// So long a fault of connections that are open is remembered. By then, nobody uses them any more.
const FAULT: Duration = Duration::from_secs(120);

/// A game and its line.
pub(crate) struct Seat {
    pub(crate) game: Game,
    pub(crate) proxy: ChaosProxy,
    /// What makes the cable be out.
    cable: Vec<RuleId>,
}

/// Games that run in real time.
pub(crate) struct Live<H> {
    pub(crate) host: H,
    pub(crate) seats: Vec<Seat>,
    pub(crate) tape: Tape,
    /// What nobody else on this server is in has this in its name.
    realm: String,
    /// Who was there when the history began.
    here: BTreeSet<anew::Seen>,
}

impl<H: Host> Live<H> {
    /// Games of users with these names, logged in.
    pub(crate) fn new(host: H, realm: &str, names: &[String], network: &Network) -> Self {
        let seats = names.iter().map(|name| Seat::new(&host, name, network));
        let mut seats: Vec<_> = seats.collect();
        let users = seats.iter().map(Seat::user).collect();
        let tape = Tape::in_real_time(users);
        for (number, seat) in seats.iter_mut().enumerate() {
            Recorder::listen(&mut seat.game.app, &tape, number);
            opt_in(&mut seat.game.app, number);
        }
        Self {
            host,
            seats,
            tape,
            realm: realm.to_owned(),
            here: BTreeSet::new(),
        }
    }

    /// Whether the games agree on what is, as far as they tell.
    fn agree(&mut self) -> bool {
        let mirrors = self.seats.iter_mut();
        let mirrors = mirrors.map(|seat| read_mirror(&mut seat.game.app));
        let mut history = self.tape.history();
        // What was told before does not matter here.
        history.lines.clear();
        history.quiet = vec![super::history::Quiet {
            after: 0,
            mirrors: mirrors.collect(),
            truth: None,
        }];
        let found = check(&history);
        found
            .iter()
            .all(|it| it.rule != super::history::Rule::MirrorIsTruth)
    }
}

impl Seat {
    fn new(host: &impl Host, name: &str, network: &Network) -> Self {
        let proxy = ChaosProxy::start(host.url()).expect("a proxy");
        let server = NakamaServer::new(proxy.url(), host.key());
        let mut game = Game::on(network);
        // A frame has little to do.
        let mut schedules = game.app.world_mut().resource_mut::<Schedules>();
        for (_, schedule) in schedules.iter_mut() {
            schedule.set_executor(SingleThreadedExecutor::new());
        }
        let login = Login::device(format!("device-of-{name}"));
        game.ask::<LogIn>(|nakama| nakama.log_in(&server, login.clone()).id())
            .expect("a login");
        logs_in_when_asked(&mut game.app, server, login);
        Self {
            game,
            proxy,
            cable: Vec::new(),
        }
    }

    fn user(&self) -> String {
        let current = self.game.app.world().resource::<CurrentSession>();
        let session = current.session().expect("logged in");
        session.user_id().to_string()
    }

    fn line(&mut self, fault: Fault) {
        let of_open = |rule: Rule| rule.for_open_connections().lasting(FAULT);
        match fault {
            Fault::Reset => {
                self.proxy.add(of_open(Rule::reset()));
            }
            Fault::HalfOpen(Way::Both) => {
                self.proxy.add(of_open(Rule::half_open()));
            }
            Fault::HalfOpen(way) => {
                for &direction in directions(way) {
                    self.proxy.add(of_open(Rule::hold(direction)));
                }
            }
            Fault::Close(code) => {
                self.proxy.add(of_open(Rule::close(code, "")));
            }
            Fault::Hold(way, millis) => {
                let time = Duration::from_millis(millis.into());
                for &direction in directions(way) {
                    self.proxy.add(Rule::hold(direction).lasting(time));
                }
            }
            Fault::Unplug => {
                if self.cable.is_empty() {
                    let rules = Direction::BOTH.map(Rule::hold);
                    self.cable.extend(rules.map(|rule| self.proxy.add(rule)));
                }
            }
            Fault::Plug => {
                for rule in self.cable.drain(..) {
                    self.proxy.remove(rule);
                }
            }
        }
    }
}

/// A login that fails is tried again. Whoever was offline when the server was killed needs one to connect.
fn logs_in_when_asked(app: &mut App, server: NakamaServer, login: Login) {
    #[derive(Resource, Default)]
    struct Due(Option<Duration>);

    app.init_resource::<Due>()
        .add_observer(|_: On<LoginNeeded>, mut due: ResMut<Due>| due.0 = Some(Duration::ZERO))
        .add_observer(|end: On<Disconnected>, mut due: ResMut<Due>| {
            if !matches!(end.reason, DisconnectReason::Requested) {
                due.0 = Some(Duration::ZERO);
            }
        })
        .add_observer(
            |reply: On<Replied<LogIn>>, mut due: ResMut<Due>, time: Res<Time<Real>>| {
                if reply.result.is_err() {
                    due.0 = Some(time.elapsed() + LOGIN);
                }
            },
        )
        .add_systems(
            Update,
            move |mut due: ResMut<Due>, time: Res<Time<Real>>, mut commands: Commands| {
                if due.0.is_some_and(|at| at <= time.elapsed()) {
                    due.0 = None;
                    commands.nakama().log_in(&server, login.clone());
                }
            },
        );
}

fn directions(way: Way) -> &'static [Direction] {
    match way {
        Way::ToServer => &[Direction::ToServer],
        Way::ToClient => &[Direction::ToClient],
        Way::Both => &Direction::BOTH,
    }
}

impl<H: Host> Stage for Live<H> {
    fn games(&self) -> usize {
        self.seats.len()
    }

    fn app(&mut self, game: usize) -> &mut App {
        &mut self.seats[game].game.app
    }

    fn tape(&self) -> Tape {
        self.tape.clone()
    }

    fn line(&mut self, game: usize, fault: Fault) {
        self.seats[game].line(fault);
    }

    fn server_dies(&mut self) {
        self.host.dies();
    }

    fn server_starts(&mut self) {
        self.host.starts();
    }

    fn pass(&mut self, time: Duration) {
        let begin = Instant::now();
        loop {
            let frame = Instant::now();
            for seat in &mut self.seats {
                seat.game.app.update();
            }
            let left = time.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return;
            }
            thread::sleep(FRAME.saturating_sub(frame.elapsed()).min(left));
        }
    }

    fn realm(&self) -> String {
        self.realm.clone()
    }

    fn quiet_time(&self) -> Duration {
        2 * QUIET
    }

    /// At least so long, and as long as it takes.
    fn become_quiet(&mut self, time: Duration) {
        let begin = Instant::now();
        self.pass(time);
        while begin.elapsed() < PATIENCE && !self.agree() {
            self.pass(LOOK);
        }
        // It stays like that.
        self.pass(LOOK);
    }
}
