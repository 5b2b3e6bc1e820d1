//! Plays a schedule.

use std::time::Duration;

use bevy::prelude::*;
use bevy_nakama::{healing::AdoptReconnecting, prelude::*};

use super::{Act, Board, Fault, Step, act::Actor};
use crate::common::history::{History, Tape, Truth, What, read_mirror};

/// Where a schedule is played: games, a server and the lines between them. The games are logged in, and are listened to by a
/// [`Recorder`](crate::common::history::Recorder).
pub(crate) trait Stage {
    /// How many games there are.
    fn games(&self) -> usize;
    fn app(&mut self, game: usize) -> &mut App;
    /// What the games are told is written there.
    fn tape(&self) -> Tape;
    fn line(&mut self, game: usize, fault: Fault);
    fn server_dies(&mut self);
    /// Does nothing if one runs.
    fn server_starts(&mut self);
    /// Time passes, and all games run.
    fn pass(&mut self, time: Duration);
    /// So long that everything that is under way comes to its end: ghosts go, windows close, requests time out.
    fn quiet_time(&self) -> Duration;
    /// Everything that is under way comes to its end, in so long.
    fn become_quiet(&mut self, time: Duration) {
        self.pass(time);
    }
    /// Names begin with this, where others play on the same server.
    fn realm(&self) -> String {
        String::new()
    }
    /// What the server has, where somebody can look into it.
    fn truth(&mut self) -> Option<Truth> {
        None
    }
}

/// Games with odd numbers keep the entities of members who are back, in everything that they enter.
pub(crate) fn opt_in(app: &mut App, game: usize) {
    fn adopt<C: Component>(entered: On<Add, C>, mut commands: Commands) {
        commands.entity(entered.entity).insert(AdoptReconnecting);
    }
    if game % 2 == 1 {
        app.add_observer(adopt::<Match>);
        app.add_observer(adopt::<Party>);
        app.add_observer(adopt::<ChatChannel>);
        app.add_observer(adopt::<FollowedUser>);
    }
}

/// Plays a schedule from its first step to a quiet time after its last, in which all lines are good and all games are online. Returns what
/// was told.
pub(crate) fn play(stage: &mut impl Stage, schedule: &[Step]) -> History {
    let mut board = Board::of(stage.realm());
    play_on(stage, &mut board, schedule)
}

/// The same, for games that have told each other something before.
pub(crate) fn play_on(stage: &mut impl Stage, board: &mut Board, schedule: &[Step]) -> History {
    let tape = stage.tape();
    for game in 0..stage.games() {
        act(stage, board, game, Act::Connect);
    }
    pass(stage, board, Duration::from_millis(500));
    for step in schedule {
        let game = match step {
            Step::Do(game, _) | Step::Line(game, _) => game % stage.games(),
            Step::Wait(_) | Step::ServerDies | Step::ServerStarts => 0,
        };
        if !matches!(step, Step::Wait(_)) {
            tape.add(game, What::Step(format!("{step:?}")));
        }
        match *step {
            Step::Wait(millis) => {
                pass(stage, board, Duration::from_millis(millis.into()));
            }
            Step::Do(_, what) => act(stage, board, game, what),
            Step::Line(_, fault) => stage.line(game, fault),
            Step::ServerDies => stage.server_dies(),
            Step::ServerStarts => stage.server_starts(),
        }
    }
    tape.add(0, What::Step("now it becomes quiet".into()));
    stage.server_starts();
    for game in 0..stage.games() {
        stage.line(game, Fault::Plug);
        act(stage, board, game, Act::Connect);
    }
    // Whoever has lost a closed party is accepted again.
    let quiet = stage.quiet_time();
    for _ in 0..ACCEPTS {
        pass(stage, board, quiet / (2 * ACCEPTS));
        for game in 0..stage.games() {
            act(stage, board, game, Act::Accept);
        }
    }
    stage.become_quiet(quiet / 2);
    let mirrors = (0..stage.games()).map(|game| read_mirror(stage.app(game)));
    let mirrors = mirrors.collect();
    let truth = stage.truth();
    tape.quiet(mirrors, truth);
    tape.history()
}

/// How often the games accept everybody in the quiet time.
const ACCEPTS: u32 = 12;

fn act(stage: &mut impl Stage, board: &mut Board, game: usize, act: Act) {
    let tape = stage.tape();
    let mut actor = Actor {
        app: stage.app(game),
        game,
        tape: &tape,
        board,
    };
    actor.act(act);
}

/// Time passes, and the games tell each other what they have made.
fn pass(stage: &mut impl Stage, board: &mut Board, time: Duration) {
    stage.pass(time);
    for game in 0..stage.games() {
        board.learn(game, stage.app(game));
    }
}
