//! Shockwaves: a message that is sent once and seen by everybody. Who is close is pushed away.

use bevy::prelude::*;
use bevy_nakama::prelude::*;
use serde::{Deserialize, Serialize};

use crate::movement::{Intent, Position, Velocity};

/// How far a shockwave reaches.
pub(crate) const REACH: f32 = 170.0;
const PUSH: f32 = 900.0;

/// Somebody let off a shockwave.
#[derive(Debug, Deserialize, Serialize)]
struct Shockwave {
    x: f32,
    y: f32,
}

impl MatchPayload for Shockwave {
    const OP_CODE: i64 = 2;
    type Codec = Postcard;
}

/// A shockwave spreads, yours or somebody else's.
#[derive(Event)]
pub(crate) struct Spreads {
    /// Whose, if they are still here.
    pub(crate) from: Option<Entity>,
    pub(crate) at: Vec2,
}

pub(crate) fn plugin(app: &mut App) {
    app.add_match_data::<Shockwave>()
        .add_systems(Update, (let_off, hear))
        .add_observer(push);
}

fn let_off(
    mut commands: Commands,
    mut intent: ResMut<Intent>,
    connection: Res<NakamaConnection>,
    own: Query<(Entity, &Position, &PresentIn), With<IsSelf>>,
) {
    if !std::mem::take(&mut intent.shockwave) || !connection.is_connected() {
        return;
    }
    for (entity, Position(at), present) in &own {
        commands
            .nakama()
            .send(present.0, &Shockwave { x: at.x, y: at.y });
        commands.trigger(Spreads {
            from: Some(entity),
            at: *at,
        }); // what we send does not come back
    }
}

fn hear(mut commands: Commands, mut shockwaves: MessageReader<FromMatch<Shockwave>>) {
    for FromMatch {
        sender, payload, ..
    } in shockwaves.read()
    {
        let from = sender.as_ref().and_then(|sender| sender.entity);
        commands.trigger(Spreads {
            from,
            at: Vec2::new(payload.x, payload.y),
        });
    }
}

/// Everybody moves their own avatar only; the others hear of it.
fn push(spreads: On<Spreads>, mut own: Query<(Entity, &Position, &mut Velocity)>) {
    for (entity, Position(here), mut velocity) in &mut own {
        let away = *here - spreads.at;
        if spreads.from != Some(entity) && away.length() < REACH {
            velocity.0 += away.normalize_or(Vec2::Y) * PUSH * (1.0 - away.length() / REACH);
        }
    }
}
