//! The arena without a window: walks about, and says what was seen. It ends after some seconds, or when it cannot go on.

use std::{collections::BTreeMap, mem, process::ExitCode, time::Duration};

use bevy::{
    diagnostic::{Diagnostic, DiagnosticsPlugin, DiagnosticsStore},
    prelude::*,
};
use bevy_nakama::{diagnostics, diagnostics::NakamaDiagnosticsPlugin, prelude::*};

use crate::{
    Surroundings,
    bots::headless_game,
    check::{Check, Fault},
    movement::{Position, Track},
    notice::Notice,
    online::{Player, Trouble},
    options::Options,
};
use bevy_nakama::connection::Network;

/// Everybody who was seen, and how far they went.
#[derive(Default, Resource)]
struct Seen(BTreeMap<String, Way>);

#[derive(Default)]
struct Way {
    last: Option<Vec2>,
    length: f32,
}

/// What is expected of the run.
#[derive(Resource)]
struct Run {
    ends_after: Option<f32>,
    /// Bots do not stand still.
    sees_somebody_move: bool,
}

/// What was received while we were connected, and the last round trip.
#[derive(Default, Resource)]
struct Traffic {
    connected: Duration,
    received: f64,
    round_trip: Option<Duration>,
}

pub(crate) fn run(
    player: Player,
    network: &Network,
    options: &Options,
    number_of_bots: usize,
    around: Surroundings,
) -> ExitCode {
    let check = match around.chaos {
        Some(_) => Check::OfOurLine,
        None => Check::OfOthers,
    };
    let mut app = headless_game(player, network);
    app.add_plugins((DiagnosticsPlugin, NakamaDiagnosticsPlugin, around, check))
        .init_resource::<Seen>()
        .init_resource::<Traffic>()
        .insert_resource(Run {
            ends_after: options.seconds,
            sees_somebody_move: number_of_bots > 0,
        })
        .add_observer(joined)
        .add_observer(notice)
        .add_systems(Update, watch)
        .add_systems(Last, (count, end).chain());
    match app.run() {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(_) => ExitCode::FAILURE,
    }
}

/// Who was here before us. Others come and go with a notice.
fn joined(
    reply: On<Replied<CreateMatch>>,
    time: Res<Time>,
    mut is_in: Local<bool>,
    player: Res<Player>,
    names: Query<&Username, (With<PresentIn>, Without<IsSelf>)>,
) {
    // Back after a loss, it is as it was.
    if reply.result.is_ok() && !mem::replace(&mut *is_in, true) {
        let me = &player.name;
        println!("{:6.1} s  joined as {me}", time.elapsed_secs());
        for name in &names {
            println!("{:6.1} s  {name} is here", time.elapsed_secs());
        }
    }
}

fn notice(notice: On<Notice>, time: Res<Time>) {
    println!("{:6.1} s  {}", time.elapsed_secs(), notice.0);
}

fn watch(mut seen: ResMut<Seen>, others: Query<(&Username, &Position), With<Track>>) {
    for (name, Position(here)) in &others {
        let way = seen.0.entry(name.to_string()).or_default();
        way.length += way.last.map_or(0.0, |last| last.distance(*here));
        way.last = Some(*here);
    }
}

fn count(
    time: Res<Time>,
    store: Res<DiagnosticsStore>,
    connection: Res<NakamaConnection>,
    mut traffic: ResMut<Traffic>,
) {
    if connection.is_connected() {
        let rate = store
            .get(&diagnostics::RECEIVED)
            .and_then(Diagnostic::value);
        traffic.connected += time.delta();
        traffic.received += rate.unwrap_or_default() * time.delta_secs_f64();
        traffic.round_trip = connection.round_trip().or(traffic.round_trip);
    }
}

fn end(
    time: Res<Time>,
    run: Res<Run>,
    seen: Res<Seen>,
    traffic: Res<Traffic>,
    (trouble, fault): (Res<Trouble>, Res<Fault>),
    connection: Res<NakamaConnection>,
    here: Query<(), (With<PresentIn>, With<IsSelf>)>,
    mut exit: MessageWriter<AppExit>,
) {
    let is_over = run.ends_after.is_some_and(|end| time.elapsed_secs() >= end);
    if !is_over && trouble.0.is_none() {
        return;
    }
    for (name, way) in &seen.0 {
        println!("{name:>20}  moved {:6.0}", way.length);
    }
    let seconds = traffic.connected.as_secs_f64();
    let per_second = traffic.received / seconds.max(f64::EPSILON);
    let round_trip = traffic
        .round_trip
        .map_or_else(|| "not measured".into(), |time| format!("{time:.1?}"));
    println!(
        "{} seen, connected for {seconds:.1} s, {per_second:.0} messages per second, round trip {round_trip}",
        seen.0.len()
    );
    let problem = if let Some(trouble) = &trouble.0 {
        Some(trouble.clone())
    } else if let Some(fault) = &fault.0 {
        Some(fault.clone())
    } else if let Some(lost) = connection.reconnecting() {
        Some(format!("not connected in the end: {}", lost.cause()))
    } else if here.is_empty() {
        Some("not in the arena in the end".to_owned())
    } else if run.sees_somebody_move && seen.0.values().all(|way| way.length < 1.0) {
        Some("nobody moved".to_owned())
    } else {
        None
    };
    exit.write(match problem {
        Some(problem) => {
            println!("{problem}");
            AppExit::error()
        }
        None => AppExit::Success,
    });
}
