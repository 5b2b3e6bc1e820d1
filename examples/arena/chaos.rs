//! `--chaos SECONDS`: the line of the player is cut again and again, in another way each time. The bots have a line of their own.

use std::{io, sync::Arc};

use bevy::prelude::*;
use bevy_nakama::{
    chaos::{ChaosProxy, Rule},
    prelude::*,
};

use crate::{host::Place, notice::Notice, options::Options};

/// A run that ends soon is left in peace: a cut that nobody tells us of is noticed within 13 s.
const LAST: f32 = 15.0;

/// What happens, in turn. A server that starts again comes before what leaves a ghost behind.
fn faults() -> Vec<Fault> {
    let mut faults = vec![
        Fault::Line(Rule::reset()),
        Fault::Server,
        Fault::Line(Rule::half_open()),
        Fault::Line(Rule::close_without_code()),
    ];
    // What a Nakama says when it closes a socket.
    let reasons = [
        "",
        "server-side session disconnect",
        "session outgoing queue full",
        "error processing message",
        "received malformed payload",
        "received unexpected WebSocket message type",
    ];
    faults.extend(reasons.map(|reason| Fault::Line(Rule::close(1000, reason))));
    faults.push(Fault::Line(Rule::close(1001, "going away")));
    faults
}

enum Fault {
    Line(Rule),
    /// The server is started again, if it is ours.
    Server,
}

/// The bad line: the player's game connects to it, in place of the server.
#[derive(Clone, Resource)]
pub(crate) struct Chaos {
    proxy: Arc<ChaosProxy>,
    /// How long after each connection the line is cut, in seconds.
    after: f32,
    /// When there are to be no more cuts.
    until: f32,
}

impl Chaos {
    /// The bad line, if somebody asked for one.
    pub(crate) fn find(options: &Options, server: &NakamaServer) -> io::Result<Option<Self>> {
        let Some(after) = options.chaos else {
            return Ok(None);
        };
        Ok(Some(Self {
            proxy: Arc::new(ChaosProxy::start(server.url())?),
            after,
            until: options.seconds.map_or(f32::INFINITY, |end| end - LAST),
        }))
    }

    /// Where the player's game connects.
    pub(crate) fn server(&self, options: &Options) -> NakamaServer {
        NakamaServer::new(self.proxy.url(), &options.key)
    }
}

/// The next cut.
#[derive(Resource)]
struct Next {
    faults: Vec<Fault>,
    turn: usize,
    /// When, if it is known.
    at: Option<f32>,
}

impl Plugin for Chaos {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.clone())
            .insert_resource(Next {
                faults: faults(),
                turn: 0,
                at: None,
            })
            .add_observer(connected)
            .add_systems(Update, cut);
    }
}

fn connected(_: On<Connected>, time: Res<Time>, chaos: Res<Chaos>, mut next: ResMut<Next>) {
    next.at = Some(time.elapsed_secs() + chaos.after);
}

fn cut(
    mut commands: Commands,
    time: Res<Time>,
    chaos: Res<Chaos>,
    place: Option<Res<Place>>,
    mut next: ResMut<Next>,
) {
    let now = time.elapsed_secs();
    if next.at.is_none_or(|at| now < at) || now > chaos.until {
        return;
    }
    next.at = None;
    loop {
        let turn = next.turn;
        next.turn = (turn + 1) % next.faults.len();
        let what = match &next.faults[turn] {
            Fault::Line(rule) => {
                chaos.proxy.clear();
                chaos.proxy.add(rule.clone().for_open_connections());
                rule.to_string()
            }
            // Whoever is first takes the place, see `host.rs`: this arena, or another one.
            Fault::Server if place.as_ref().is_some_and(|place| place.leave()) => {
                "the server ends".to_owned()
            }
            Fault::Server => continue,
        };
        return commands.trigger(Notice(format!("Chaos: {what}")));
    }
}
