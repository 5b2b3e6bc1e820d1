//! What people should know for a moment: who came and went, and what did not work.

use bevy::prelude::*;
use bevy_nakama::prelude::*;

/// Something to show for a moment.
#[derive(Event)]
pub(crate) struct Notice(pub(crate) String);

/// Who left what in this frame, and how to say so.
#[derive(Default, Resource)]
pub(crate) struct Farewells(pub(crate) Vec<(Entity, String)>);

pub(crate) fn plugin(app: &mut App) {
    app.init_resource::<Farewells>()
        .add_observer(came)
        .add_observer(went)
        .add_observer(failed)
        .add_systems(Update, say_farewell);
}

fn came(
    added: On<Add, PresentIn>,
    mut commands: Commands,
    who: Query<(&Username, &JoinedAs), Without<IsSelf>>,
) {
    if let Ok((name, JoinedAs::Arrived)) = who.get(added.entity) {
        commands.trigger(Notice(format!("{name} is here")));
    }
}

fn went(
    removed: On<Remove, PresentIn>,
    mut farewells: ResMut<Farewells>,
    who: Query<(&Username, &PresentIn), Without<IsSelf>>,
) {
    if let Ok((name, present)) = who.get(removed.entity) {
        farewells.0.push((present.0, format!("{name} has left")));
    }
}

/// Where we left ourselves, or lost the connection, the others are not the ones who went.
fn say_farewell(
    mut commands: Commands,
    mut farewells: ResMut<Farewells>,
    own: Query<(Option<&PresentIn>, Option<&PartyMemberOf>), With<IsSelf>>,
) {
    for (place, text) in std::mem::take(&mut farewells.0) {
        let are_there = own.iter().any(|(present, member)| {
            present.is_some_and(|it| it.0 == place) || member.is_some_and(|it| it.0 == place)
        });
        if are_there {
            commands.trigger(Notice(text));
        }
    }
}

/// Every request that fails says why. Logging in and joining say it themselves.
fn failed(failed: On<RequestFailed>, mut commands: Commands) {
    if failed.name != LogIn::NAME && failed.name != CreateMatch::NAME {
        commands.trigger(Notice(failed.reason.clone()));
    }
}
