//! Data of matches, parties and streams: what a game sends, and what it hears.

mod allocations;
mod match_data;
mod unencodable;
