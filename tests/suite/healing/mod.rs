//! What a game notices when its connection is lost and comes back. The scenarios carry the numbers of the list that healing was built by.

mod matches;
mod requests;
mod steps;
mod through_the_proxy;
mod tokens;
