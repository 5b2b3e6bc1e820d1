//! The arena without a window: walks about, and says what was seen.

use std::{collections::BTreeMap, process::ExitCode};

use bevy::prelude::*;
use bevy_nakama::{diagnostics, diagnostics::NakamaDiagnosticsPlugin, prelude::*};

use crate::{
    bots::headless_game,
    movement::{Position, Track},
    online::{Player, Trouble},
    options::Options,
};

/// Everybody who was seen, and how far they went.
#[derive(Default, Resource)]
struct Seen(BTreeMap<String, Way>);

#[derive(Default)]
struct Way {
    last: Option<Vec2>,
    length: f32,
}

#[derive(Resource)]
struct EndsAfter(Option<f32>);

/// What was received in all, and the last round trip.
#[derive(Default, Resource)]
struct Traffic {
    received: f64,
    round_trip: Option<std::time::Duration>,
}

pub(crate) fn run(player: Player, network: &Network, options: &Options) -> ExitCode {
    let mut app = headless_game(player, network);
    app.add_plugins((bevy::diagnostic::DiagnosticsPlugin, NakamaDiagnosticsPlugin))
        .init_resource::<Seen>()
        .init_resource::<Traffic>()
        .insert_resource(EndsAfter(options.seconds))
        .add_observer(came)
        .add_observer(went)
        .add_systems(Update, watch)
        .add_systems(Last, (count, end).chain());
    match app.run() {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(_) => ExitCode::FAILURE,
    }
}

fn came(added: On<Add, PresentIn>, time: Res<Time>, names: Query<&Username>) {
    if let Ok(name) = names.get(added.entity) {
        println!("{:6.1} s  {name} is here", time.elapsed_secs());
    }
}

fn went(removed: On<Remove, PresentIn>, time: Res<Time>, names: Query<&Username>) {
    if let Ok(name) = names.get(removed.entity) {
        println!("{:6.1} s  {name} has left", time.elapsed_secs());
    }
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
    store: Res<bevy::diagnostic::DiagnosticsStore>,
    connection: Res<NakamaConnection>,
    mut traffic: ResMut<Traffic>,
) {
    let rate = store
        .get(&diagnostics::RECEIVED)
        .and_then(bevy::diagnostic::Diagnostic::value);
    traffic.received += rate.unwrap_or_default() * time.delta_secs_f64();
    traffic.round_trip = connection.round_trip().or(traffic.round_trip);
}

fn end(
    time: Res<Time>,
    ends: Res<EndsAfter>,
    seen: Res<Seen>,
    traffic: Res<Traffic>,
    trouble: Res<Trouble>,
    mut exit: MessageWriter<AppExit>,
) {
    let seconds = time.elapsed_secs();
    if ends.0.is_none_or(|end| seconds < end) {
        return;
    }
    for (name, way) in &seen.0 {
        println!("{name:>20}  moved {:6.0}", way.length);
    }
    let per_second = traffic.received / f64::from(seconds);
    let round_trip = traffic
        .round_trip
        .map_or_else(|| "not measured".into(), |time| format!("{time:.1?}"));
    println!(
        "{} seen, {per_second:.0} messages per second, round trip {round_trip}",
        seen.0.len()
    );
    if let Some(trouble) = &trouble.0 {
        println!("{trouble}");
    }
    let somebody_moved = seen.0.values().any(|way| way.length > 1.0);
    exit.write(if somebody_moved {
        AppExit::Success
    } else {
        AppExit::error()
    });
}
