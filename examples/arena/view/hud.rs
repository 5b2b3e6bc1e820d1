//! The head-up display: where we are, who is here, and which keys do what.

use std::time::Duration;

use bevy::{picking::hover::Hovered, prelude::*};
use bevy_nakama::{
    healing::{ReconnectStep, Reconnecting},
    prelude::*,
};

use super::{
    avatar::color_of,
    layout::Places,
    widgets::{ALERT, BRIGHT, DIM, Explains, panel, short, text},
};
use crate::online::{Player, Trouble};

#[derive(Component)]
pub(super) struct StatusLine;

#[derive(Component)]
struct Roster;

/// Says in the middle of the stage why nothing moves.
#[derive(Component)]
pub(super) struct Banner;

/// What a text of the banner says.
#[derive(Component)]
enum Says {
    What,
    Why,
    Next,
}

/// A loss that is over by then is not worth a word.
const UNSEEN: Duration = Duration::from_millis(500);

#[derive(Component)]
struct Keys;

/// When a key does something.
#[derive(Clone, Component, Copy, PartialEq)]
enum Does {
    Always,
    InTheArena,
    Outside,
}

/// What the button under the pointer does, in place of the keys.
#[derive(Component)]
struct Explanation;

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build).add_systems(
        Update,
        (show_status, show_trouble, show_roster, explain_buttons),
    );
}

fn build(mut commands: Commands, places: Res<Places>) {
    commands.entity(places.header).with_children(|header| {
        header.spawn((
            Node {
                flex_direction: FlexDirection::Column,
                ..default()
            },
            Pickable::IGNORE,
            children![
                text("bevy_nakama arena", 17.0, Color::WHITE),
                (text("", 12.0, DIM), StatusLine),
            ],
        ));
        // Two lines of names. Who finds no room there has a name on the stage all the same.
        header.spawn((
            Node {
                column_gap: px(12),
                row_gap: px(1),
                flex_wrap: FlexWrap::Wrap,
                max_height: px(34),
                overflow: Overflow::clip(),
                ..default()
            },
            Pickable::IGNORE,
            Roster,
        ));
    });
    commands.entity(places.middle).with_children(|middle| {
        middle.spawn((
            panel(Node {
                display: Display::None,
                flex_basis: px(400),
                min_width: px(0),
                row_gap: px(6),
                ..default()
            }),
            Pickable::IGNORE,
            Banner,
            children![
                (text("", 15.0, Color::WHITE), Says::What),
                (text("", 12.0, ALERT), Says::Why),
                (text("", 12.0, BRIGHT), Says::Next),
            ],
        ));
    });
    commands.entity(places.footer).with_children(|footer| {
        let keys = [
            ("WASD/arrows", "move", Does::InTheArena),
            ("Space", "shockwave", Does::InTheArena),
            ("Enter", "chat", Does::InTheArena),
            ("R", "try again", Does::Outside),
            ("F1", "overlay", Does::Always),
        ];
        footer
            .spawn((
                Node {
                    column_gap: px(14),
                    flex_wrap: FlexWrap::Wrap,
                    ..default()
                },
                Pickable::IGNORE,
                Keys,
            ))
            .with_children(|line| {
                for (key, what, when) in keys {
                    line.spawn((text(key, 12.0, BRIGHT), when)).with_child((
                        TextSpan::new(format!(" {what}")),
                        TextFont::from_font_size(12.0),
                        TextColor(DIM),
                    ));
                }
            });
        footer.spawn((
            Node {
                display: Display::None,
                ..default()
            },
            text("", 12.0, ALERT),
            Explanation,
        ));
    });
}

fn show_status(
    connection: Res<NakamaConnection>,
    current: Res<CurrentSession>,
    player: Res<Player>,
    mut line: Single<&mut Text, With<StatusLine>>,
) {
    let url = player.server.url();
    let status = match connection.state() {
        ConnectionState::Connected => match connection.round_trip() {
            Some(round_trip) => format!(
                "{url}, round trip {:.1} ms",
                round_trip.as_secs_f64() * 1000.0
            ),
            None => url.to_owned(),
        },
        ConnectionState::Connecting if current.is_logging_in() => format!("logging in at {url}"),
        ConnectionState::Connecting => format!("connecting to {url}"),
        ConnectionState::Reconnecting => format!("reconnecting to {url}"),
        _ => "not connected".to_owned(),
    };
    if line.0 != status {
        line.0 = status;
    }
}

/// Says why nothing moves, and when the next try is.
fn show_trouble(
    time: Res<Time<Real>>,
    trouble: Res<Trouble>,
    connection: Res<NakamaConnection>,
    mut banner: Single<&mut Node, With<Banner>>,
    mut texts: Query<(&mut Text, &Says)>,
    mut keys: Query<(&mut Node, &Does), Without<Banner>>,
) {
    let lost = connection.reconnecting();
    let lost = lost.filter(|lost| time.elapsed() >= lost.since() + UNSEEN);
    let shown = match (&trouble.0, lost) {
        (Some(trouble), _) => Some(("Not in the arena", trouble.clone(), "R: try again".into())),
        (None, Some(lost)) => Some((
            "The connection is lost",
            lost.cause().to_string(),
            next_step(lost, time.elapsed()),
        )),
        (None, None) => None,
    };
    show_if(&mut banner, shown.is_some());
    for (mut key, does) in &mut keys {
        let is_of_use = match does {
            Does::Always => true,
            Does::InTheArena => shown.is_none(),
            Does::Outside => shown.is_some(),
        };
        show_if(&mut key, is_of_use);
    }
    let Some((title, reason, next)) = shown else {
        return;
    };
    for (mut text, says) in &mut texts {
        let wanted = match says {
            Says::What => title,
            Says::Why => &reason,
            Says::Next => &next,
        };
        if text.0 != wanted {
            text.0 = wanted.to_owned();
        }
    }
}

/// What comes next, with the key for those who do not want to wait.
fn next_step(lost: &Reconnecting, now: Duration) -> String {
    match (lost.step(), lost.next_try()) {
        (ReconnectStep::Waiting, Some(next)) => {
            let seconds = next.saturating_sub(now).as_secs_f32().ceil();
            format!("Try {} in {seconds} s   R: now", lost.attempt())
        }
        (ReconnectStep::LoginNeeded, _) => "Logging in again".to_owned(),
        (ReconnectStep::Reentering, _) => "Back in a moment".to_owned(),
        _ => format!("Try {} is under way", lost.attempt()),
    }
}

fn show_if(node: &mut Mut<Node>, is_shown: bool) {
    let wanted = if is_shown {
        Display::Flex
    } else {
        Display::None
    };
    if node.display != wanted {
        node.display = wanted;
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
            if names.len() > 1 {
                roster.spawn(text(format!("{} here:", names.len()), 12.0, DIM));
            }
            for (name, user) in names {
                roster.spawn(text(short(name.as_str(), 16), 12.0, color_of(user)));
            }
        });
}

fn explain_buttons(
    buttons: Query<(&Hovered, &Explains)>,
    mut keys: Single<&mut Node, (With<Keys>, Without<Explanation>)>,
    explanation: Single<(&mut Node, &mut Text), With<Explanation>>,
) {
    let (mut node, mut text) = explanation.into_inner();
    let hovered = buttons.iter().find(|(hovered, _)| hovered.get());
    let (shows_keys, shows_explanation) = match hovered {
        Some((_, Explains(what))) => {
            if text.0 != *what {
                text.0 = (*what).to_owned();
            }
            (Display::None, Display::Flex)
        }
        None => (Display::Flex, Display::None),
    };
    if keys.display != shows_keys {
        keys.display = shows_keys;
        node.display = shows_explanation;
    }
}
