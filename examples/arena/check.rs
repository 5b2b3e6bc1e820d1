//! What must hold whatever happens to the lines. Without a window, a run that breaks it ends badly.

use bevy::{platform::collections::HashMap, prelude::*};
use bevy_nakama::prelude::*;

/// How long the ghost of somebody who came back may be seen, in seconds. A server looks for a sign of life for 25 s.
const GHOST: f32 = 30.0;

/// Whose world this is.
#[derive(Clone, Copy, Resource)]
pub(crate) enum Check {
    /// The lines of the others are cut: each of them may have a ghost for a while.
    OfOthers,
    /// Our own line is cut, and not those of the others: everybody is the same entity all the time, and nobody is there twice.
    OfOurLine,
}

/// What did not hold, at first.
#[derive(Default, Resource)]
pub(crate) struct Fault(pub(crate) Option<String>);

impl Plugin for Check {
    fn build(&self, app: &mut App) {
        app.insert_resource(*self)
            .init_resource::<Fault>()
            .add_systems(Update, look);
    }
}

/// What is known of somebody.
#[derive(Default)]
struct Known {
    entity: Option<Entity>,
    /// Since when they are there more than once.
    twice_since: Option<f32>,
}

fn look(
    time: Res<Time>,
    check: Res<Check>,
    here: Query<(Entity, &UserId, &Username), With<PresentIn>>,
    mut everybody: Local<HashMap<UserId, Known>>,
    mut fault: ResMut<Fault>,
) {
    let mut now: HashMap<&UserId, (Vec<Entity>, &Username)> = HashMap::default();
    for (entity, user, name) in &here {
        let (entities, _) = now.entry(user).or_insert_with(|| (vec![], name));
        entities.push(entity);
    }
    for (user, (entities, name)) in now {
        let known = everybody.entry(user.clone()).or_default();
        let problem = match (*check, &*entities) {
            (Check::OfOurLine, [one]) => {
                let is_other = known.entity.is_some_and(|before| before != *one);
                known.entity = Some(*one);
                is_other.then(|| format!("{name} is another entity than before"))
            }
            (Check::OfOurLine, _) => Some(format!("{name} is there {} times", entities.len())),
            (Check::OfOthers, [_]) => {
                known.twice_since = None;
                None
            }
            (Check::OfOthers, [_, _]) => {
                let seen = time.elapsed_secs();
                let since = *known.twice_since.get_or_insert(seen);
                (seen - since > GHOST).then(|| format!("{name} has had a ghost for {GHOST} s"))
            }
            (Check::OfOthers, _) => Some(format!("{name} has more than one ghost")),
        };
        if let Some(problem) = problem
            && fault.0.is_none()
        {
            error!("{problem}");
            fault.0 = Some(problem);
        }
    }
}
