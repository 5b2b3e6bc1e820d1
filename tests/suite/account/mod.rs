//! Accounts, and the tokens of a session.

mod sessions;
