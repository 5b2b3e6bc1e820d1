//! Notices, shown for a few seconds.

use bevy::prelude::*;

use super::{
    layout::Places,
    widgets::{ALERT, PANEL, text},
};
use crate::{notice::Notice, online::Trouble};

const SHOWN: f32 = 6.0;
const MOST: usize = 4;

/// When a notice appeared.
#[derive(Component)]
struct Since(f32);

pub(crate) fn plugin(app: &mut App) {
    app.add_observer(show).add_systems(Update, (clear, fade));
}

fn show(
    notice: On<Notice>,
    mut commands: Commands,
    time: Res<Time>,
    places: Res<Places>,
    shown: Query<&Children>,
) {
    let shown: Vec<_> = shown
        .get(places.notices)
        .map_or_else(|_| vec![], |all| all.to_vec());
    for old in shown.iter().take((shown.len() + 1).saturating_sub(MOST)) {
        commands.entity(*old).despawn();
    }
    commands.spawn((
        text(&notice.0, 12.0, ALERT),
        Node {
            padding: UiRect::axes(px(7), px(2)),
            border_radius: BorderRadius::all(px(4)),
            flex_shrink: 0.0,
            ..default()
        },
        BackgroundColor(PANEL),
        Since(time.elapsed_secs()),
        ChildOf(places.notices),
    ));
}

/// The banner says what matters.
fn clear(mut commands: Commands, trouble: Res<Trouble>, places: Res<Places>) {
    if trouble.is_changed() && trouble.0.is_some() {
        commands.entity(places.notices).despawn_children();
    }
}

fn fade(
    mut commands: Commands,
    time: Res<Time>,
    mut notices: Query<(Entity, &Since, &mut TextColor, &mut BackgroundColor)>,
) {
    for (entity, Since(since), mut color, mut ground) in &mut notices {
        let left = SHOWN - (time.elapsed_secs() - since);
        if left <= 0.0 {
            commands.entity(entity).despawn();
        } else if left < 1.0 {
            color.0.set_alpha(left);
            ground.0.set_alpha(PANEL.alpha() * left);
        }
    }
}
