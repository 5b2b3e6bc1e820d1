//! What a game notices when its connection is lost and comes back. The scenarios carry the numbers of the list that healing was built by.

mod cables;
mod chat;
mod ghosts;
mod herd;
mod matches;
mod notification;
mod own_loop;
mod party;
mod party_leads;
mod party_tickets;
mod requests;
mod stage;
mod status;
mod steps;
mod through_the_proxy;
mod tickets;
mod tokens;
mod wishes;
