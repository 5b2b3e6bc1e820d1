//! Notices, shown for a few seconds.

use bevy::prelude::*;

use crate::notice::Notice;

const SHOWN: f32 = 6.0;
const MOST: usize = 6;

#[derive(Component)]
struct Notices;

/// When a notice appeared.
#[derive(Component)]
struct Since(f32);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, build)
        .add_observer(show)
        .add_systems(Update, fade);
}

fn build(mut commands: Commands) {
    commands.spawn((
        Node {
            position_type: PositionType::Absolute,
            top: px(66),
            left: px(40),
            flex_direction: FlexDirection::Column,
            row_gap: px(3),
            ..default()
        },
        Pickable::IGNORE,
        Notices,
    ));
}

fn show(
    notice: On<Notice>,
    mut commands: Commands,
    time: Res<Time>,
    notices: Single<(Entity, Option<&Children>), With<Notices>>,
) {
    let (notices, shown) = *notices;
    let shown: Vec<_> = shown.into_iter().flatten().copied().collect();
    for old in shown.iter().take((shown.len() + 1).saturating_sub(MOST)) {
        commands.entity(*old).despawn();
    }
    commands.spawn((
        Text::new(&notice.0),
        TextFont::from_font_size(12.0),
        TextColor(Color::srgb_u8(232, 200, 120)),
        Since(time.elapsed_secs()),
        ChildOf(notices),
        Pickable::IGNORE,
    ));
}

fn fade(
    mut commands: Commands,
    time: Res<Time>,
    mut notices: Query<(Entity, &Since, &mut TextColor)>,
) {
    for (entity, Since(since), mut color) in &mut notices {
        let left = SHOWN - (time.elapsed_secs() - since);
        if left <= 0.0 {
            commands.entity(entity).despawn();
        } else if left < 1.0 {
            color.0.set_alpha(left);
        }
    }
}
