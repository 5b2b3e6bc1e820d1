//! What the window shows while the connection is lost.

use std::collections::BTreeMap;

use bevy::input::{
    ButtonState,
    keyboard::{Key, KeyboardInput},
};
use bevy_nakama::healing::Stale;

use super::*;
use crate::view::avatar::color_of;

/// The avatars: where each is, and in which color.
fn avatars(world: &mut World) -> BTreeMap<Entity, (Vec2, Color)> {
    let mut avatars = world.query::<(Entity, &Position, &Sprite)>();
    let avatars = avatars.iter(world);
    avatars
        .map(|(entity, Position(here), sprite)| (entity, (*here, sprite.color)))
        .collect()
}

/// Whether every avatar has the color of its user.
fn are_in_color(world: &mut World) -> bool {
    let mut avatars = world.query_filtered::<(&UserId, &Sprite), With<Position>>();
    let mut avatars = avatars.iter(world);
    avatars.all(|(user, sprite)| sprite.color == color_of(user))
}

fn are_gray(world: &mut World) -> bool {
    let all = avatars(world);
    let mut colors = all.values().map(|(_, color)| Oklcha::from(*color));
    all.len() == 2 && colors.all(|color| color.chroma == 0.0)
}

/// The server ends, and somebody starts it again at the same address.
#[test]
fn avatars_stand_still_in_gray_until_the_server_is_back() {
    let mut arena = Arena::with(&["Grace"]);
    arena.until("two avatars", |world| avatars(world).len() == 2);
    assert!(are_in_color(arena.window.world_mut()));
    arena.window.world_mut().trigger(Say::text("hello"));
    arena.until("heard", |world| {
        world.query::<&ChatLog>().single(world).unwrap().len() == 1
    });
    let server = arena.server.take().unwrap();
    let address = server.address();
    drop(server);
    arena.until("gray", are_gray);
    let world = arena.window.world_mut();
    assert_eq!(count::<(With<Stale>, With<Position>)>(world), 2);
    let before = avatars(arena.window.world_mut());
    arena.until("told", |world| {
        let mut banners = world.query_filtered::<&Node, With<Banner>>();
        banners.single(world).unwrap().display == Display::Flex
    });

    for size in SIZES {
        arena.window_of(size);
        let stage = arena.place::<With<Stage>>();
        let banner = arena.place::<With<Banner>>();
        assert!(holds(stage, banner), "{size:?}");
        assert_eq!(arena.sticks_out::<Banner>(), [], "{size:?}");
    }
    arena.until("waiting", |world| {
        let mut texts = world.query::<&Text>();
        texts.iter(world).any(|text| {
            text.0.starts_with("Try ") && text.0.contains(" in ") && text.0.ends_with("R: now")
        })
    });
    let texts = arena.texts();
    assert_eq!(arena.places::<With<ChatBox>>().len(), 1, "the chat stays");
    for key in ["WASD/arrows", "Space", "Enter"] {
        assert!(!texts.iter().any(|text| text == key), "{texts:?}");
    }
    assert_eq!(avatars(arena.window.world_mut()), before, "nothing moves");

    let config = LocalServerConfig {
        address,
        ..Default::default()
    };
    arena.server = Some(LocalServer::start(config).unwrap());
    arena.window.world_mut().trigger(TryAgain);
    arena.until("back in color", are_in_color);
    assert_eq!(arena.places::<With<Banner>>(), []);
    assert!(arena.texts().iter().any(|text| text == "Space"));
    let now = avatars(arena.window.world_mut());
    assert!(now.keys().eq(before.keys()), "the same entities");
    let stands = move |world: &mut World| {
        avatars(world)
            .values()
            .map(|it| it.0)
            .eq(now.values().map(|it| it.0))
    };
    arena.until("moving", |world| !stands(world));
}

/// Who does not want to wait presses a key.
#[test]
fn the_next_try_is_at_once_if_the_player_wants_it() {
    let mut arena = Arena::with(&[]);
    drop(arena.server.take());
    let waits_long = |world: &World| {
        let lost = world.resource::<NakamaConnection>().reconnecting();
        let now = world.resource::<Time<Real>>().elapsed();
        lost.is_some_and(|lost| {
            let next = lost.next_try();
            next.is_some_and(|next| next > now + Duration::from_secs(1))
        })
    };
    arena.until("waiting for more than a second", |world| waits_long(world));
    let attempt = |world: &World| {
        let lost = world.resource::<NakamaConnection>().reconnecting();
        lost.map(|lost| (lost.attempt(), lost.next_try().is_some()))
    };
    let (before, _) = attempt(arena.window.world()).unwrap();
    let begin = Instant::now();
    let world = arena.window.world_mut();
    let mut windows = world.query_filtered::<Entity, With<PrimaryWindow>>();
    let window = windows.single(world).unwrap();
    world.write_message(KeyboardInput {
        key_code: KeyCode::KeyR,
        logical_key: Key::Character("r".into()),
        state: ButtonState::Pressed,
        text: None,
        repeat: false,
        window,
    });
    arena.until("trying", |world| {
        attempt(world).is_some_and(|(now, waits)| now > before || !waits)
    });
    assert!(begin.elapsed() < Duration::from_secs(1));
}
