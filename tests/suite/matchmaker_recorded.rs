//! The matchmaker of real servers: the recordings, played to a game.
