//! Real sockets, and servers that behave badly: each ends in a reason, in time, without a panic or a frame that waits.

mod a_dead_network_thread_is_replaced;
mod a_failed_connect_says_why;
mod a_refusal_before_the_body_is_heard;
mod a_sleeping_game_is_woken;
mod a_slow_frame_reads_before_it_judges;
mod a_stalled_game_loses_nothing;
#[cfg(target_os = "linux")]
mod a_stopped_process_reads_before_it_judges;
mod all_of_it_arrives;
mod an_answer_without_end_is_cut_off;
mod an_app_ends_at_once;
mod an_end_says_why;
mod calls_wait_for_each_other;
mod https_trusts_the_roots_of_the_game;
mod no_flood_holds_a_game_up;
pub(crate) mod servers;
mod the_last_words_of_a_server_are_heard;
mod tls_is_resumed_and_bounded;
mod what_wakes_a_sleeping_game;

use crate::common::game::Game;
use bevy_nakama::prelude::*;

/// What a connection to such a server comes to, phase by phase.
fn phases(server: &NakamaServer, count: usize) -> Vec<String> {
    let mut game = Game::new();
    game.connect_without_healing(server);
    (0..count).map(|_| game.next_phase()).collect()
}
