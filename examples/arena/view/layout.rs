//! Where everything goes: a header, the stage on which the avatars move, and a footer. The panels lie on the stage, each in
//! its corner. It works from 480×360 up; in a large window, texts and panels grow with it.

use bevy::{camera::ScalingMode, prelude::*, window::PrimaryWindow};

use super::paint;
use crate::movement::HALF;

/// The places where the rest of the view puts its nodes.
#[derive(Resource)]
pub(super) struct Places {
    /// Above the stage, at its left and at its right.
    pub(super) header: Entity,
    /// On the stage at the left: what is there for a moment.
    pub(super) notices: Entity,
    /// On the stage at the left, below the notices.
    pub(super) left: Entity,
    /// On the stage at the right.
    pub(super) right: Entity,
    /// In the middle of the stage.
    pub(super) middle: Entity,
    /// Below the stage.
    pub(super) footer: Entity,
}

/// The part of the window that shows the arena.
#[derive(Component)]
pub(super) struct Stage;

/// How many units of the world a pixel of the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Resource)]
pub(super) struct Zoom(pub(super) f32);

const GROUND: Color = Color::srgb(0.024, 0.031, 0.063);

/// In a window of this size or less, texts have the size that the code says.
const PLAIN: Vec2 = Vec2::new(960.0, 600.0);
/// How much larger they become at most.
const LARGEST: f32 = 1.6;

pub(super) fn plugin(app: &mut App) {
    app.insert_resource(ClearColor(GROUND))
        .insert_resource(Zoom(1.0))
        .add_systems(PreStartup, (build, build_floor))
        .add_systems(PreUpdate, scale)
        .add_systems(PostUpdate, frame.after(bevy::ui::UiSystems::PostLayout));
}

fn build(mut commands: Commands) {
    let screen = commands
        .spawn((
            Node {
                width: percent(100),
                height: percent(100),
                flex_direction: FlexDirection::Column,
                ..default()
            },
            Pickable::IGNORE,
        ))
        .id();
    let mut place = |parent: Entity, node: Node| {
        let pickable = Pickable::IGNORE; // to be seen through, and to be clicked through
        commands.spawn((node, pickable, ChildOf(parent))).id()
    };
    let line = || Node {
        flex_shrink: 0.0,
        flex_wrap: FlexWrap::Wrap,
        padding: UiRect::axes(px(8), px(4)),
        justify_content: JustifyContent::SpaceBetween,
        column_gap: px(14),
        row_gap: px(1),
        ..default()
    };
    let header = place(screen, line());
    let stage = place(
        screen,
        Node {
            flex_grow: 1.0,
            flex_basis: px(0),
            min_height: px(0),
            margin: UiRect::horizontal(px(8)),
            ..default()
        },
    );
    let footer = place(screen, line());
    let whole = || Node {
        position_type: PositionType::Absolute,
        left: px(8),
        right: px(8),
        top: px(8),
        bottom: px(8),
        ..default()
    };
    let panels = place(
        stage,
        Node {
            justify_content: JustifyContent::SpaceBetween,
            column_gap: px(8),
            ..whole()
        },
    );
    let left = place(
        panels,
        Node {
            flex_direction: FlexDirection::Column,
            justify_content: JustifyContent::SpaceBetween,
            flex_basis: px(350),
            min_width: px(0),
            row_gap: px(6),
            ..default()
        },
    );
    let notices = place(
        left,
        Node {
            flex_direction: FlexDirection::Column,
            align_items: AlignItems::FlexStart,
            row_gap: px(3),
            min_height: px(0),
            overflow: Overflow::clip(),
            ..default()
        },
    );
    let right = place(
        panels,
        Node {
            flex_direction: FlexDirection::Column,
            justify_content: JustifyContent::FlexEnd,
            // Half of a small window, and a fair part of a large one.
            width: percent(46),
            min_width: px(216),
            max_width: px(270),
            flex_shrink: 0.0,
            ..default()
        },
    );
    let middle = place(
        stage,
        Node {
            align_items: AlignItems::Center,
            justify_content: JustifyContent::Center,
            ..whole()
        },
    );
    commands.entity(stage).insert(Stage);
    for line in [header, footer] {
        // A shockwave ends at the edge of the stage.
        commands.entity(line).insert(BackgroundColor(GROUND));
    }
    commands.insert_resource(Places {
        header,
        notices,
        left,
        right,
        middle,
        footer,
    });
}

fn build_floor(mut commands: Commands, mut images: ResMut<Assets<Image>>) {
    commands.spawn((
        Camera2d,
        Msaa::Off, // nothing here needs it, and without a GPU it halves the frame rate
        Projection::Orthographic(OrthographicProjection {
            scaling_mode: ScalingMode::WindowSize,
            ..OrthographicProjection::default_2d()
        }),
    ));
    let floor = images.add(paint::floor(HALF * 2.0));
    commands.spawn((
        Sprite::from_image(floor),
        Transform::from_xyz(0.0, 0.0, -10.0),
    ));
}

/// Texts and panels grow with a window that has room for it.
fn scale(window: Single<&Window, (With<PrimaryWindow>, Changed<Window>)>, mut ui: ResMut<UiScale>) {
    let wanted = (window.size() / PLAIN).min_element().clamp(1.0, LARGEST);
    if ui.0 != wanted {
        ui.0 = wanted;
    }
}

/// The camera shows the whole arena on the stage, whatever the shape of that is.
fn frame(
    window: Single<&Window, With<PrimaryWindow>>,
    stage: Single<(&ComputedNode, &UiGlobalTransform), With<Stage>>,
    camera: Single<(&mut Projection, &mut Transform), With<Camera2d>>,
    mut zoom: ResMut<Zoom>,
) {
    let (node, place) = *stage;
    let (mut projection, mut transform) = camera.into_inner();
    let size = node.size() / window.scale_factor();
    let Projection::Orthographic(orthographic) = &*projection else {
        return;
    };
    if size.min_element() < 1.0 {
        return; // before the first layout, and while the window is minimized
    }
    let wanted = (HALF * 2.0 / size).max_element();
    if orthographic.scale != wanted
        && let Projection::Orthographic(orthographic) = &mut *projection
    {
        orthographic.scale = wanted;
    }
    zoom.set_if_neq(Zoom(wanted));
    let middle = place.translation / window.scale_factor() - window.size() / 2.0;
    let translation = (Vec2::new(-middle.x, middle.y) * wanted).extend(transform.translation.z);
    if transform.translation != translation {
        transform.translation = translation;
    }
}
