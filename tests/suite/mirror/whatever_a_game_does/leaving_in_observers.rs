//! A game may leave in the middle of what the plugin does, by what it does to the entity. Despawning has tests of its own.

use bevy_nakama::mirror::HasMembers;

use super::{super::count, *};
use bevy_nakama::stream::Stream;

type AnyPlace = (
    Match,
    Party,
    ChatChannel,
    FollowedUser,
    MatchmakerTicket,
    Stream,
);

#[derive(Clone, Copy, Debug)]
enum When {
    ThePlaceComes,
    AMemberComes,
    AMemberGoes,
    AMemberHasJoined,
    AMemberHasLeft,
}

/// Leaves this place whenever it is time.
fn leave_when(game: &mut TestGame, place: &Place, when: When, leave: fn(&mut EntityWorldMut)) {
    let find = place.find;
    let act = move |world: &mut World| {
        if let Some(it) = find(world) {
            leave(&mut world.entity_mut(it));
        }
    };
    match when {
        When::ThePlaceComes => {
            game.observe(move |_: On<Add, AnyPlace>, mut commands: Commands| commands.queue(act));
        }
        When::AMemberComes => {
            game.observe(move |_: On<Add, Presence>, mut commands: Commands| commands.queue(act));
        }
        When::AMemberGoes => {
            game.observe(move |_: On<Remove, Presence>, mut commands: Commands| {
                commands.queue(act)
            });
        }
        When::AMemberHasJoined | When::AMemberHasLeft => {
            leave_when_told::<Match>(game, when, act);
            leave_when_told::<Party>(game, when, act);
            leave_when_told::<ChatChannel>(game, when, act);
            leave_when_told::<FollowedUser>(game, when, act);
            leave_when_told::<Stream>(game, when, act);
        }
    }
}

fn leave_when_told<C: HasMembers>(
    game: &mut TestGame,
    when: When,
    act: impl Fn(&mut World) + Copy + Send + Sync + 'static,
) {
    if matches!(when, When::AMemberHasJoined) {
        game.observe(move |_: On<Joined<C>>, mut commands: Commands| commands.queue(act));
    } else {
        game.observe(move |_: On<Left<C>>, mut commands: Commands| commands.queue(act));
    }
}

/// For each kind of place, and each way of taking away what it is.
fn in_each_way(test: impl Fn(&Place, TestGame, fn(&mut EntityWorldMut))) {
    let clear: fn(&mut EntityWorldMut) = |it| {
        it.clear();
    };
    in_each(|place, game| test(place, game, place.remove_state));
    in_each(|place, game| test(place, game, clear));
}

/// Nobody is there any more, and nothing is kept of it.
fn nothing_is_left(place: &Place, game: &mut TestGame, when: When) {
    let name = place.name;
    let left = leaves(game);
    assert!(left.iter().all(|kind| Some(*kind) == place.leave), "{name}");
    assert_eq!(left.is_empty(), place.leave.is_none(), "{name}, {when:?}");
    assert_eq!((place.find)(game.app.world()), None, "{name}, {when:?}");
    assert_eq!(count::<With<Presence>>(game), 0, "{name}, {when:?}");
    assert_eq!(rosters(game), 0, "{name}, {when:?}");
    frames(game, 6);
    assert_eq!(count::<With<Departed>>(game), 0, "{name}, {when:?}");
    assert_eq!(count::<With<Username>>(game), 0, "{name}, {when:?}");
}

/// Comes to a place with several people in it.
fn come_to(place: &Place, game: &mut TestGame) {
    match place.name {
        "user" => follow_bob(game),
        "ticket" => ask_for_ticket(game),
        "stream" => hear_of_town(game),
        _ => drop((place.enter)(game)),
    }
}

#[test]
fn a_place_is_left_as_it_comes() {
    in_each_way(|place, mut game, leave| {
        leave_when(&mut game, place, When::ThePlaceComes, leave);
        come_to(place, &mut game);
        nothing_is_left(place, &mut game, When::ThePlaceComes);
    });
}

#[test]
fn a_place_is_left_as_its_first_member_comes() {
    in_each_way(|place, mut game, leave| {
        if place.people.is_some() {
            leave_when(&mut game, place, When::AMemberComes, leave);
            come_to(place, &mut game);
            nothing_is_left(place, &mut game, When::AMemberComes);
        }
    });
}

#[test]
fn a_place_is_left_as_others_come_and_go() {
    for when in [When::AMemberComes, When::AMemberGoes] {
        in_each_way(|place, mut game, leave| {
            let Some(people) = place.people else { return };
            (place.enter)(&mut game);
            game.server_says(people(&["eve", "fay"], &[]));
            game.update();
            leave_when(&mut game, place, when, leave);
            game.server_says(people(&["cat", "dan"], &["eve", "fay"]));
            game.update();
            nothing_is_left(place, &mut game, when);
        });
    }
}

#[test]
fn a_place_is_left_as_others_have_joined_and_left() {
    let despawn: fn(&mut EntityWorldMut) = |it| {
        let entity = it.id();
        it.world_scope(|world| world.commands().entity(entity).despawn());
    };
    for when in [When::AMemberHasJoined, When::AMemberHasLeft] {
        let test = |place: &Place, mut game: TestGame, leave| {
            let Some(people) = place.people else { return };
            (place.enter)(&mut game);
            game.server_says(people(&["eve", "fay"], &[]));
            game.update();
            leave_when(&mut game, place, when, leave);
            game.server_says(people(&["cat", "dan"], &["eve", "fay"]));
            game.update();
            nothing_is_left(place, &mut game, when);
        };
        in_each_way(test);
        in_each(|place, game| test(place, game, despawn));
    }
}
