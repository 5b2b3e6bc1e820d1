//! Games whose cameras come and go with their levels.

use bevy_nakama::overlay::bevy_egui::{EguiGlobalSettings, input::WindowToEguiContextMap};

use crate::common::log::{listen, warnings};
use bevy::{ecs::schedule::SingleThreadedExecutor, time::TimeUpdateStrategy};

use super::{
    a_window_opens_and_closes::{context, is_drawn, open, updates, window_id, windowed},
    *,
};

/// A camera that draws to the window.
fn camera(app: &mut App) -> Entity {
    app.world_mut().spawn(Camera2d).id()
}

#[test]
fn each_level_has_its_own_camera() {
    let mut app = windowed();
    open(&mut app);
    updates(&mut app);
    assert!(!is_drawn(&mut app), "no level, no camera");
    for level in 0..3 {
        let here = camera(&mut app);
        updates(&mut app);
        assert!(is_drawn(&mut app), "level {level}");
        let inputs = app.world().resource::<WindowToEguiContextMap>();
        assert!(
            inputs.context_to_window.contains_key(&here),
            "it hears the mouse in level {level}"
        );
        app.world_mut().despawn(here);
        if level == 1 {
            updates(&mut app); // a moment without any
        }
    }
}

#[test]
fn a_level_comes_before_the_last_one_goes() {
    let mut app = windowed();
    open(&mut app);
    let mut here = camera(&mut app);
    for level in 0..3 {
        let next = camera(&mut app);
        updates(&mut app);
        app.world_mut().despawn(here);
        updates(&mut app);
        assert!(is_drawn(&mut app), "level {level}");
        here = next;
    }
}

#[test]
fn a_level_that_was_changed_while_it_was_closed() {
    let mut app = windowed();
    let here = camera(&mut app);
    updates(&mut app);
    app.world_mut().despawn(here);
    camera(&mut app);
    updates(&mut app);
    open(&mut app);
    updates(&mut app);
    assert!(is_drawn(&mut app));
}

#[test]
fn a_camera_that_is_switched_off_is_not_waited_for() {
    let mut app = windowed();
    open(&mut app);
    let cameras = [camera(&mut app), camera(&mut app)];
    for on in [0, 1, 0, 1] {
        for (number, entity) in cameras.into_iter().enumerate() {
            let mut camera = app.world_mut().get_mut::<Camera>(entity).expect("a camera");
            camera.is_active = number == on;
        }
        updates(&mut app);
        assert!(is_drawn(&mut app), "camera {on}");
    }
}

#[test]
fn a_camera_that_draws_a_map_is_not_for_the_overlay() {
    let mut app = windowed();
    open(&mut app);
    let map = app
        .world_mut()
        .resource_mut::<Assets<Image>>()
        .add(Image::default());
    app.world_mut()
        .spawn((Camera2d, RenderTarget::Image(map.into())));
    updates(&mut app);
    camera(&mut app);
    updates(&mut app);
    assert!(is_drawn(&mut app));
}

#[test]
fn an_overlay_in_an_image_that_nobody_need_show_is_told() {
    let mut app = windowed();
    open(&mut app);
    app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(
        600,
    )));
    let image = app
        .world_mut()
        .resource_mut::<Assets<Image>>()
        .add(Image::default());
    let target = RenderTarget::Image(image.into());
    app.world_mut()
        .spawn((Camera2d, target, PrimaryEguiContext));
    // The test sees only what its own thread logs.
    app.edit_schedule(PreUpdate, |schedule| {
        schedule.set_executor(SingleThreadedExecutor::new());
    });
    listen();
    updates(&mut app);
    let seen = warnings();
    assert!(
        seen.len() == 1 && seen[0].starts_with("the overlay is open, but no active camera"),
        "{seen:?}"
    );
    // A game that places egui itself knows what it does.
    let mut settings = app.world_mut().resource_mut::<EguiGlobalSettings>();
    settings.auto_create_primary_context = false;
    updates(&mut app);
    assert_eq!(warnings(), [""; 0]);
}

#[test]
fn it_stays_where_it_was_put_and_as_it_was_set_up() {
    let mut app = windowed();
    open(&mut app);
    let here = camera(&mut app);
    updates(&mut app);
    let before = context(&mut app).expect("there is a camera");
    before.all_styles_mut(|style| style.spacing.indent = 77.0);
    let place = |context: &egui::Context| context.memory(|memory| memory.area_rect(window_id()));
    let was_at = place(&before).expect("it is drawn");

    app.world_mut().despawn(here);
    camera(&mut app);
    updates(&mut app);
    let after = context(&mut app).expect("there is a camera");
    assert_eq!(after.global_style().spacing.indent, 77.0);
    assert_eq!(place(&after), Some(was_at));
}

#[test]
fn a_game_that_places_egui_itself_is_left_alone() {
    // With each level's camera, beside one for the user interface that lives on.
    let mut app = windowed();
    open(&mut app);
    let level = |app: &mut App| {
        let camera = (Camera2d, PrimaryEguiContext);
        app.world_mut().spawn(camera).id()
    };
    let first = level(&mut app);
    updates(&mut app); // of two new cameras, bevy_egui may take the other
    let ui = camera(&mut app);
    updates(&mut app);
    app.world_mut().despawn(first);
    updates(&mut app);
    assert!(is_drawn(&mut app), "with the other one meanwhile");
    assert!(app.world().get::<PrimaryEguiContext>(ui).is_some());
    let second = level(&mut app);
    updates(&mut app); // two of them are a panic of bevy_egui
    assert!(is_drawn(&mut app));
    assert!(app.world().get::<PrimaryEguiContext>(second).is_some());
    assert!(app.world().get::<PrimaryEguiContext>(ui).is_none());

    // By hand only.
    let mut app = windowed();
    open(&mut app);
    app.world_mut()
        .resource_mut::<EguiGlobalSettings>()
        .auto_create_primary_context = false;
    let here = camera(&mut app);
    updates(&mut app);
    assert!(app.world().get::<PrimaryEguiContext>(here).is_none());
}
