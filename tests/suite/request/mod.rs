//! Requests: what a game asks, and the answer it gets.

mod every_request;
mod large;
mod requests;
