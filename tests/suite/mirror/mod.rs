//! The mirror of what the server knows, in the world of a game that does as it likes.

mod departures;
mod guest;
mod ids;
mod interference;
