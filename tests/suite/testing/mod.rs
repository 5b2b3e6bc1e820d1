//! What a test of a game may rely upon.

mod test_game;
