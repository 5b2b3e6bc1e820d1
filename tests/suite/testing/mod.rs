//! What a test of a game may rely upon.

mod a_test_game_is_dependable;
