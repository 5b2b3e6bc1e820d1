//! Avatars and shockwaves, drawn.

use bevy::{prelude::*, sprite::Text2dShadow, text::TextLayoutInfo};
use bevy_nakama::{healing::Stale, prelude::*};

use super::{
    layout::Zoom,
    paint,
    widgets::{BRIGHT, short},
};
use crate::{
    movement::{HALF, Position, RADIUS, hash},
    shockwave::{REACH, Spreads},
};

/// The color of those who may be gone.
const GRAY: Color = Color::oklch(0.45, 0.0, 0.0);

#[derive(Resource)]
struct Pictures {
    ball: Handle<Image>,
    disc: Handle<Image>,
    ring: Handle<Image>,
}

/// The pupils of an avatar look where it goes.
#[derive(Component)]
struct Pupils {
    seen_at: Vec2,
    gaze: Vec2,
}

/// The name above an avatar. It has the same size in every window.
#[derive(Component)]
struct NameTag;

/// How gray the ball is, from 0 to 1: we do not know whether this player is still there.
#[derive(Component, Default)]
pub(super) struct Gray(f32);

/// How long it takes to turn gray, and to get the color back, in seconds.
const FADES_IN: f32 = 0.3;

/// A shockwave that is seen, from 0 to 1.
#[derive(Component)]
struct Wave(f32);

pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Startup, load)
        .add_observer(dress)
        .add_observer(spread)
        .add_systems(
            Update,
            (
                place.after(crate::movement::follow),
                look,
                tint,
                fade,
                place_name_tags,
            ),
        );
}

fn load(mut commands: Commands, mut images: ResMut<Assets<Image>>) {
    commands.insert_resource(Pictures {
        ball: images.add(paint::ball()),
        disc: images.add(paint::disc()),
        ring: images.add(paint::ring()),
    });
}

/// The color of a user, the same on every screen.
pub(crate) fn color_of(user: &UserId) -> Color {
    let hash = hash(user.as_str());
    let (hue, lightness) = (hash % 360, hash / 360 % 3);
    Color::oklch(0.66 + 0.08 * lightness as f32, 0.16, hue as f32)
}

/// An avatar is seen as soon as its place is known.
fn dress(
    added: On<Add, Position>,
    mut commands: Commands,
    pictures: Res<Pictures>,
    who: Query<(&UserId, &Username, &Position, Has<IsSelf>)>,
) {
    let Ok((user, name, Position(here), is_self)) = who.get(added.entity) else {
        return;
    };
    let disc = |color: Color, size: f32, place: Vec3| {
        let custom_size = Some(Vec2::splat(size));
        (
            Sprite {
                image: pictures.disc.clone(),
                color,
                custom_size,
                ..default()
            },
            Transform::from_translation(place),
        )
    };
    let depth = if is_self {
        50.0
    } else {
        (hash(user.as_str()) % 40) as f32
    };
    commands
        .entity(added.entity)
        .insert((
            Sprite {
                image: pictures.ball.clone(),
                color: color_of(user),
                custom_size: Some(Vec2::splat(RADIUS * 4.0)),
                ..default()
            },
            Transform::from_translation(here.extend(depth)),
            Gray::default(),
        ))
        .with_children(|avatar| {
            for side in [-1.0, 1.0] {
                avatar
                    .spawn(disc(Color::WHITE, 10.0, Vec3::new(side * 6.5, 3.0, 0.1)))
                    .with_child((
                        disc(Color::srgb_u8(16, 20, 36), 5.0, Vec3::Z * 0.1),
                        Pupils {
                            seen_at: *here,
                            gaze: Vec2::ZERO,
                        },
                    ));
            }
            avatar.spawn((
                NameTag,
                Text2d::new(short(name.as_str(), 20)),
                TextColor(if is_self { Color::WHITE } else { BRIGHT }),
                Text2dShadow {
                    offset: Vec2::new(1.0, -1.0),
                    color: Color::srgba(0.0, 0.0, 0.0, 0.8),
                },
                Transform::from_xyz(0.0, 0.0, 100.0 - depth),
            ));
        });
}

fn place(mut avatars: Query<(&Position, &mut Transform)>) {
    for (Position(here), mut transform) in &mut avatars {
        let depth = transform.translation.z;
        transform.translation = here.extend(depth);
    }
}

/// Above the avatar, or below it where the stage ends. It does not reach over the edge at the side.
fn place_name_tags(
    zoom: Res<Zoom>,
    scale: Res<UiScale>,
    avatars: Query<&Position>,
    mut tags: Query<(&mut TextFont, &mut Transform, &TextLayoutInfo, &ChildOf), With<NameTag>>,
) {
    let half = 8.0 * scale.0 * zoom.0;
    let away = RADIUS + 4.0 + half;
    for (mut font, mut transform, laid_out, avatar) in &mut tags {
        let size = FontSize::Px(12.0 * scale.0);
        if font.font_size != size {
            font.font_size = size;
        }
        let Ok(Position(here)) = avatars.get(avatar.parent()) else {
            continue;
        };
        let has_room = here.y + away + half < HALF.y;
        let most = (HALF.x - laid_out.size.x * zoom.0 / 2.0).max(0.0);
        transform.scale = Vec3::new(zoom.0, zoom.0, 1.0);
        transform.translation.x = here.x.clamp(-most, most) - here.x;
        transform.translation.y = if has_room { away } else { -away };
    }
}

fn look(
    time: Res<Time>,
    mut pupils: Query<(&mut Pupils, &mut Transform, &ChildOf)>,
    eyes: Query<&ChildOf, Without<Pupils>>,
    avatars: Query<&Position>,
) {
    for (mut pupils, mut transform, eye) in &mut pupils {
        let avatar = eyes.get(eye.parent()).map(ChildOf::parent);
        let Ok(Position(here)) = avatar.and_then(|avatar| avatars.get(avatar)) else {
            continue;
        };
        let way = (*here - pupils.seen_at).normalize_or_zero();
        let ease = 1.0 - (-8.0 * time.delta_secs()).exp();
        pupils.gaze = pupils.gaze.lerp(way, ease);
        pupils.seen_at = *here;
        transform.translation = (pupils.gaze * 2.4).extend(0.1);
    }
}

/// Softly: most losses are over in a moment, and nothing is to flash.
fn tint(time: Res<Time>, mut balls: Query<(&UserId, &mut Sprite, &mut Gray, Has<Stale>)>) {
    let step = time.delta_secs() / FADES_IN;
    for (user, mut sprite, mut gray, is_stale) in &mut balls {
        let wanted = f32::from(u8::from(is_stale));
        if gray.0 != wanted {
            gray.0 = (gray.0 + (wanted - gray.0).clamp(-step, step)).clamp(0.0, 1.0);
            sprite.color = color_of(user).mix(&GRAY, gray.0);
        }
    }
}

fn spread(
    spreads: On<Spreads>,
    mut commands: Commands,
    pictures: Res<Pictures>,
    users: Query<&UserId>,
) {
    let user = spreads.from.and_then(|from| users.get(from).ok());
    commands.spawn((
        Sprite {
            image: pictures.ring.clone(),
            color: user.map_or(Color::WHITE, color_of),
            custom_size: Some(Vec2::ZERO),
            ..default()
        },
        Transform::from_translation(spreads.at.extend(-1.0)),
        Wave(0.0),
    ));
}

fn fade(
    mut commands: Commands,
    time: Res<Time>,
    mut waves: Query<(Entity, &mut Wave, &mut Sprite)>,
) {
    for (entity, mut wave, mut sprite) in &mut waves {
        wave.0 += time.delta_secs() / 0.7;
        let grown = 1.0 - (1.0 - wave.0).powi(3);
        sprite.custom_size = Some(Vec2::splat(2.0 * REACH * grown));
        sprite.color.set_alpha((1.0 - wave.0).max(0.0));
        if wave.0 >= 1.0 {
            commands.entity(entity).despawn();
        }
    }
}
