//! The head-up display: where we are, who is here, and which keys do what.

use bevy::prelude::*;
use bevy_nakama::prelude::*;

use super::{
    avatar::color_of,
    widgets::{DIM, text},
};
use crate::online::Trouble;

#[derive(Component)]
struct StatusLine;

#[derive(Component)]
struct Roster;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_systems(Update, (show_status, show_roster));
}

fn build(mut commands: Commands) {
    // It lies over the whole window, and over the buttons: to be seen, not to be clicked.
    commands
        .spawn((
            Node {
                width: percent(100),
                height: percent(100),
                padding: UiRect::axes(px(20), px(8)),
                ..default()
            },
            Pickable::IGNORE,
        ))
        .with_children(|screen| {
            screen
                .spawn((
                    Node {
                        flex_direction: FlexDirection::Column,
                        flex_grow: 1.0,
                        ..default()
                    },
                    Pickable::IGNORE,
                ))
                .with_children(|left| {
                    left.spawn(text("bevy_nakama arena", 17.0, Color::WHITE));
                    left.spawn((text("", 12.0, DIM), StatusLine));
                });
            screen.spawn((
                Node {
                    column_gap: px(14),
                    align_self: AlignSelf::FlexStart,
                    margin: UiRect::top(px(4)),
                    ..default()
                },
                Pickable::IGNORE,
                Roster,
            ));
            screen.spawn((
                Node {
                    position_type: PositionType::Absolute,
                    bottom: px(0),
                    left: px(20),
                    ..default()
                },
                text(
                    "WASD or arrows: move    Space: shockwave    Enter: chat    F1: overlay",
                    12.0,
                    DIM,
                ),
            ));
        });
}

fn show_status(
    connection: Res<NakamaConnection>,
    trouble: Res<Trouble>,
    mut line: Single<&mut Text, With<StatusLine>>,
) {
    let url = connection.server().map_or("nowhere", NakamaServer::url);
    let status = match (&trouble.0, connection.state()) {
        (Some(trouble), _) => trouble.clone(),
        (None, ConnectionState::Connected) => match connection.round_trip() {
            Some(round_trip) => format!(
                "{url}, round trip {:.1} ms",
                round_trip.as_secs_f64() * 1000.0
            ),
            None => url.to_owned(),
        },
        (None, ConnectionState::Connecting) => format!("connecting to {url}"),
        (None, _) => "logging in".to_owned(),
    };
    if line.0 != status {
        line.0 = status;
    }
}

/// The names of everybody, each in their color. Made anew when somebody comes or goes.
fn show_roster(
    mut commands: Commands,
    roster: Single<Entity, With<Roster>>,
    changed: Query<(), Changed<MatchPresences>>,
    mut gone: RemovedComponents<MatchPresences>,
    here: Query<(&Username, &UserId), With<PresentIn>>,
) {
    if changed.is_empty() && gone.read().count() == 0 {
        return;
    }
    let mut names: Vec<_> = here.iter().collect();
    names.sort_by_key(|(name, _)| (*name).clone());
    commands
        .entity(*roster)
        .despawn_children()
        .with_children(|roster| {
            for (name, user) in names {
                roster.spawn(text(name.as_str(), 13.0, color_of(user)));
            }
        });
}
