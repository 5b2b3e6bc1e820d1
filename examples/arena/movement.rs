//! Moving, and being seen to move: typed match data, twenty times a second, interpolated on the other screens.

use std::{collections::VecDeque, time::Duration};

use bevy::{prelude::*, time::common_conditions::on_timer};
use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

/// Half the size of the arena.
pub(crate) const HALF: Vec2 = Vec2::new(450.0, 270.0);
/// The radius of an avatar.
pub(crate) const RADIUS: f32 = 18.0;

const SPEED: f32 = 260.0;
const SEND_EVERY: Duration = Duration::from_millis(50);
/// Others are shown as they were so long ago, in seconds. That is two messages, so that there is always a next place to move to.
const DELAY: f64 = 0.1;
/// Who was not heard of for so long glides to where they are now, and does not jump.
const PAUSE: f64 = 0.5;

/// Where somebody is. Sent to everybody else in the match.
#[derive(Debug, Deserialize, Serialize)]
struct Moved {
    x: f32,
    y: f32,
}

impl MatchPayload for Moved {
    const OP_CODE: i64 = 1;
    /// Where somebody was a second ago is of no use to anybody.
    const POLICY: Option<SendPolicy> = Some(SendPolicy::Latest);
    type Codec = Postcard;
}

/// Where an avatar is shown.
#[derive(Clone, Component, Copy, Debug, Default)]
pub(crate) struct Position(pub(crate) Vec2);

/// How fast your own avatar goes, per second.
#[derive(Clone, Component, Copy, Debug, Default)]
pub(crate) struct Velocity(pub(crate) Vec2);

/// Where somebody else was, and when we heard of it.
#[derive(Component, Debug, Default)]
pub(crate) struct Track(VecDeque<(f64, Vec2)>);

/// What the player wants: from the keyboard, or from a bot's mind.
#[derive(Debug, Default, Resource)]
pub(crate) struct Intent {
    pub(crate) direction: Vec2,
    pub(crate) shockwave: bool,
}

/// What moves an avatar, or tells that it moved.
#[derive(Clone, Debug, Eq, Hash, PartialEq, SystemSet)]
struct Moves;

pub(crate) fn plugin(app: &mut App) {
    app.add_match_data::<Moved>()
        .init_resource::<Intent>()
        .add_observer(arrive)
        // While the connection is lost, everybody stands still.
        .configure_sets(
            Update,
            Moves.run_if(not(in_state(ConnectionState::Reconnecting))),
        )
        .add_systems(Update, (hear, (walk, follow).in_set(Moves)).chain())
        .add_systems(
            Update,
            tell.after(walk).in_set(Moves).run_if(on_timer(SEND_EVERY)),
        );
}

/// Whoever is in the match is an entity already; here it becomes an avatar.
fn arrive(joined: On<Joined<Match>>, mut commands: Commands, who: Query<(&UserId, Has<IsSelf>)>) {
    let Ok((user, is_self)) = who.get(joined.presence) else {
        return;
    };
    let mut avatar = commands.entity(joined.presence);
    if is_self {
        let spread =
            f32::from(hash(user.as_str()) as u16) / f32::from(u16::MAX) * std::f32::consts::TAU;
        avatar.insert((
            Position(Vec2::from_angle(spread) * HALF * 0.6),
            Velocity::default(),
        ));
    } else {
        avatar.insert(Track::default());
    }
}

/// Moves your own avatar.
fn walk(time: Res<Time>, intent: Res<Intent>, mut own: Query<(&mut Position, &mut Velocity)>) {
    for (mut position, mut velocity) in &mut own {
        let wanted = intent.direction.clamp_length_max(1.0) * SPEED;
        let ease = 1.0 - (-10.0 * time.delta_secs()).exp();
        velocity.0 = velocity.0.lerp(wanted, ease);
        let edge = HALF - RADIUS;
        position.0 = (position.0 + velocity.0 * time.delta_secs()).clamp(-edge, edge);
    }
}

/// Tells the others where we are.
fn tell(mut commands: Commands, own: Query<(&Position, &PresentIn), With<IsSelf>>) {
    for (Position(here), present) in &own {
        commands.nakama().send(
            present.0,
            &Moved {
                x: here.x,
                y: here.y,
            },
        );
    }
}

/// Notes where the others say they are.
fn hear(
    time: Res<Time>,
    mut moved: MessageReader<FromMatch<Moved>>,
    mut tracks: Query<(&mut Track, Option<&Position>)>,
) {
    let now = time.elapsed_secs_f64();
    for FromMatch {
        sender, payload, ..
    } in moved.read()
    {
        let sender = sender.as_ref().and_then(|sender| sender.entity);
        if let Some((mut track, shown)) = sender.and_then(|entity| tracks.get_mut(entity).ok()) {
            let was_quiet = track.0.back().is_none_or(|(when, _)| now - when > PAUSE);
            if was_quiet && let Some(Position(here)) = shown {
                track.0 = VecDeque::from([(now - DELAY, *here)]);
            }
            track.0.push_back((now, Vec2::new(payload.x, payload.y)));
        }
    }
}

/// Shows the others where they were a moment ago, between two points that are known.
pub(crate) fn follow(
    mut commands: Commands,
    time: Res<Time>,
    mut others: Query<(Entity, &mut Track, Option<&mut Position>)>,
) {
    let shown = time.elapsed_secs_f64() - DELAY;
    for (entity, mut track, position) in &mut others {
        while track.0.get(1).is_some_and(|(when, _)| *when <= shown) {
            track.0.pop_front();
        }
        let here = match (track.0.front(), track.0.get(1)) {
            (Some((from, a)), Some((to, b))) => {
                a.lerp(*b, ((shown - from) / (to - from)).clamp(0.0, 1.0) as f32)
            }
            (Some((_, only)), None) => *only,
            (None, _) => continue,
        };
        match position {
            Some(mut position) => position.0 = here,
            None => {
                commands.entity(entity).insert(Position(here));
            }
        }
    }
}

/// A number that goes with a text, the same on every machine.
pub(crate) fn hash(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}
