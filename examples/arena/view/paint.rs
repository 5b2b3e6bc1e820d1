//! Pictures that are computed rather than loaded.

use bevy::{
    asset::RenderAssetUsages,
    prelude::*,
    render::render_resource::{Extent3d, TextureDimension, TextureFormat},
};

/// Paints a picture point by point: `color` gets the place, from -1 to 1 on both axes, y upwards.
fn paint(size: UVec2, color: impl Fn(Vec2) -> LinearRgba) -> Image {
    let mut data = Vec::with_capacity((size.x * size.y * 4) as usize);
    for y in 0..size.y {
        for x in 0..size.x {
            let place = (UVec2::new(x, y).as_vec2() + 0.5) / size.as_vec2() * 2.0 - 1.0;
            data.extend(Srgba::from(color(place * Vec2::new(1.0, -1.0))).to_u8_array());
        }
    }
    let extent = Extent3d {
        width: size.x,
        height: size.y,
        depth_or_array_layers: 1,
    };
    let format = TextureFormat::Rgba8UnormSrgb;
    Image::new(
        extent,
        TextureDimension::D2,
        data,
        format,
        RenderAssetUsages::RENDER_WORLD,
    )
}

/// From 0 to 1 between two values, softly.
fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The floor: a grid on dark ground that is lighter in the middle, within a glowing border.
pub(crate) fn floor(size: Vec2) -> Image {
    paint(size.as_uvec2(), |place| {
        let point = place * size / 2.0;
        let light = 1.0 - smooth(0.0, 1.5, place.length());
        let grid = |value: f32, every: f32| {
            let line = (value / every - (value / every).round()).abs() * every;
            1.0 - smooth(0.4, 1.4, line)
        };
        let fine = grid(point.x, 30.0).max(grid(point.y, 30.0));
        let bold = grid(point.x, 150.0).max(grid(point.y, 150.0));
        let to_edge = (size / 2.0 - point.abs()).min_element();
        let border = 1.0 - smooth(1.0, 3.0, to_edge);
        let glow = (1.0 - smooth(0.0, 30.0, to_edge)).powi(2) * 0.16;
        let ground = Vec3::new(0.007, 0.011, 0.026) + Vec3::new(0.008, 0.014, 0.040) * light;
        let lines = Vec3::new(0.012, 0.022, 0.060) * (0.5 * fine + bold) * (0.4 + light);
        let rim = Vec3::new(0.10, 0.32, 0.75) * (glow + border);
        LinearRgba::from_vec3(ground + lines + rim)
    })
}

/// An avatar: a ball in white, to be tinted, with a glow around it. The ball's radius is half that of the picture.
pub(crate) fn ball() -> Image {
    paint(UVec2::splat(128), |place| {
        let distance = place.length() * 2.0;
        let inside = 1.0 - smooth(0.96, 1.02, distance);
        let light = 1.0 - 0.45 * smooth(0.1, 1.3, (place * 2.0 - Vec2::new(-0.35, 0.4)).length());
        let rim = smooth(0.72, 0.96, distance) * 0.30;
        let glow = (1.0 - smooth(0.9, 2.0, distance)).powi(2) * 0.38;
        let shade = (light - rim).clamp(0.0, 1.0);
        LinearRgba::new(shade, shade, shade, inside.max(glow)).lerp_towards_white(1.0 - inside)
    })
}

/// A soft ring in white, to be tinted. Its radius is that of the picture.
pub(crate) fn ring() -> Image {
    paint(UVec2::splat(256), |place| {
        let distance = place.length();
        let edge = smooth(0.80, 0.94, distance) * (1.0 - smooth(0.94, 1.0, distance));
        let wake = smooth(0.25, 0.94, distance) * (1.0 - smooth(0.94, 0.96, distance)) * 0.22;
        LinearRgba::new(1.0, 1.0, 1.0, edge.max(wake))
    })
}

/// A plain disc in white, to be tinted.
pub(crate) fn disc() -> Image {
    paint(UVec2::splat(32), |place| {
        LinearRgba::new(1.0, 1.0, 1.0, 1.0 - smooth(0.86, 1.0, place.length()))
    })
}

trait Blend {
    fn lerp_towards_white(self, amount: f32) -> Self;
}

impl Blend for LinearRgba {
    fn lerp_towards_white(self, amount: f32) -> Self {
        let blend = |value: f32| value + (1.0 - value) * amount;
        Self::new(
            blend(self.red),
            blend(self.green),
            blend(self.blue),
            self.alpha,
        )
    }
}
