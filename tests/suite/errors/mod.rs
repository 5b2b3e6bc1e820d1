//! Errors: what they say, and where a game that did not ask for them finds them.

mod texts;
mod unheard;
