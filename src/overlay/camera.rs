//! Which camera the overlay is drawn with.
//!
//! `bevy_egui` gives its primary context to the first camera of a game, and then to no other. If each level brings its own camera, egui is
//! gone with the first level. So the overlay moves the context to a camera that draws to a window.

use std::time::Duration;

use bevy_camera::{Camera, RenderTarget};
use bevy_ecs::prelude::*;
use bevy_egui::{
    EguiContext, EguiContextSettings, EguiGlobalSettings, EguiManagedTextures, PrimaryEguiContext,
};
use bevy_time::{Real, Time};

use super::NakamaOverlay;

/// Marks a camera that got the primary context from the overlay.
#[derive(Component)]
pub(super) struct FromOverlay;

/// The last primary context, with everything that the game has set up on it. It outlives its camera.
type Known = (Entity, EguiContext, EguiContextSettings);

/// In `PreUpdate`: if no camera shows the primary context, moves it to a camera that draws to a window. Does nothing if the game has
/// turned [`EguiGlobalSettings::auto_create_primary_context`] off.
pub(super) fn follow(
    mut commands: Commands,
    settings: Option<Res<EguiGlobalSettings>>,
    overlay: Res<NakamaOverlay>,
    primary: Query<(Entity, &EguiContext, &EguiContextSettings), With<PrimaryEguiContext>>,
    cameras: Query<(Entity, &Camera, &RenderTarget, Has<EguiContext>)>,
    textures: Option<ResMut<EguiManagedTextures>>,
    mut known: Local<Option<Known>>,
) {
    let here = primary.iter().next();
    if let Some((camera, context, settings)) = here {
        if known.as_ref().is_none_or(|(known, ..)| *known != camera) {
            *known = Some((camera, context.clone(), settings.clone()));
        }
        if cameras.get(camera).is_ok_and(is_seen) {
            return;
        }
    }
    if !overlay.open || !overlay.window || settings.is_none_or(|it| !it.auto_create_primary_context)
    {
        return;
    }
    let candidates = cameras
        .iter()
        .filter(|camera @ (.., has_context)| is_seen(*camera) && !has_context);
    // The whole window rather than a part of it, and above what the others draw.
    let Some((camera, ..)) =
        candidates.max_by_key(|(_, camera, ..)| (camera.viewport.is_none(), camera.order))
    else {
        return;
    };
    if let Some((old, ..)) = here {
        give_back(&mut commands, old);
    }
    let mut heir = commands.entity(camera);
    if let Some((old, context, settings)) = known.take() {
        // The context does not draw what is in a texture again.
        if let Some(mut textures) = textures {
            let moved: Vec<_> = textures.extract_if(|(owner, _), _| *owner == old).collect();
            textures.extend(
                moved
                    .into_iter()
                    .map(|((_, id), texture)| ((camera, id), texture)),
            );
        }
        heir.insert((context, settings));
    }
    heir.insert((PrimaryEguiContext, FromOverlay));
}

/// Observer: the game has placed the primary context itself, and there can be only one.
pub(super) fn make_way(
    added: On<Add, PrimaryEguiContext>,
    mut commands: Commands,
    ours: Query<Entity, (With<FromOverlay>, With<PrimaryEguiContext>)>,
) {
    for camera in ours.iter().filter(|camera| *camera != added.entity) {
        give_back(&mut commands, camera);
    }
}

/// In `PreUpdate`: warns once if the overlay is open and no camera draws it.
pub(super) fn tell_unseen(
    overlay: Res<NakamaOverlay>,
    settings: Option<Res<EguiGlobalSettings>>,
    primary: Query<(Entity, &Camera, &RenderTarget, Has<EguiContext>), With<PrimaryEguiContext>>,
    time: Res<Time<Real>>,
    mut unseen_since: Local<Option<Duration>>,
    mut is_told: Local<bool>,
) {
    // A game that places egui itself may draw it into an image, and show that.
    let is_ours = settings
        .as_ref()
        .is_some_and(|it| it.auto_create_primary_context);
    let is_drawn = primary
        .iter()
        .any(|it| is_seen(it) || (!is_ours && it.1.is_active));
    if !overlay.open || !overlay.window || settings.is_none() || is_drawn {
        *unseen_since = None;
        *is_told = false;
        return;
    }
    // Between two levels there may be no camera for a moment.
    let since = *unseen_since.get_or_insert(time.elapsed());
    if !*is_told && time.elapsed().saturating_sub(since) >= Duration::from_secs(1) {
        *is_told = true;
        log::warn!(
            "the overlay is open, but no active camera has egui's primary context: spawn a camera that draws to a window, \
             or, if `auto_create_primary_context` is off, give a camera a `PrimaryEguiContext`"
        );
    }
}

fn is_seen((_, camera, target, _): (Entity, &Camera, &RenderTarget, bool)) -> bool {
    camera.is_active && matches!(target, RenderTarget::Window(_))
}

fn give_back(commands: &mut Commands, camera: Entity) {
    if let Ok(mut camera) = commands.get_entity(camera) {
        camera
            .remove_with_requires::<PrimaryEguiContext>()
            .remove::<FromOverlay>();
    }
}
