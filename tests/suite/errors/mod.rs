//! Errors: what they say, and where a game finds those that it does not observe.

mod texts;
mod unheard;
