//! The mirror of what the server knows, in the world of a game that may do anything.

mod a_dead_avatar_is_heard;
mod a_game_may_despawn_at_any_moment;
mod a_game_may_leave_at_any_moment;
mod ids_in_either_case;
mod joining_again_after_a_timeout;
mod last_words_can_be_worked_with;
mod leaving_a_join_withdraws_it;
mod leaving_is_told_at_its_place;
mod names_of_the_game_stay;
mod only_what_changes_is_changed;
mod run_conditions_say_where_the_local_user_is;
mod what_the_game_disables_still_works;
mod whatever_a_game_does;

use bevy::ecs::query::QueryFilter;
use bevy_nakama::testing::TestGame;

/// How many entities there are of a kind.
fn count<F: QueryFilter>(game: &mut TestGame) -> usize {
    let world = game.app.world_mut();
    world.query_filtered::<(), F>().iter(world).count()
}
