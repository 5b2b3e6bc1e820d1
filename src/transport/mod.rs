//! Bytes and time: the network thread.
//!
//! This layer knows sockets and envelopes, and not Bevy. A [`Network`] is one thread that serves any number of
//! [`Link`]s; a link is one game's way to the server: commands go in, events come out, and neither side waits for the
//! other. All timing rules are in a core without clock, socket or thread, which the tests drive by hand
//! ([`testing`](crate::testing)).

mod address;
#[cfg(feature = "__testing")]
pub(crate) mod by_hand;
mod core;
mod deadline;
mod decode;
mod dial;
mod encode;
mod error;
mod error_text;
mod exchange;
mod frames;
mod hand_over;
mod http;
mod ids;
mod interner;
mod link;
mod liveness;
mod network;
mod pacing;
mod pool;
mod received;
mod resolver;
mod rest;
mod stream;
#[cfg(feature = "rustls")]
mod tls;
mod websocket;
mod worker;

pub use self::{
    address::{NakamaServer, Secret},
    error::{BadAddress, DisconnectReason, ProtocolError, TransportError, Unreachable},
    ids::{
        ChannelId, MatchId, MessageId, NotificationId, PartyId, PresenceInfo, SessionId, TicketId,
        UserId, Username,
    },
    network::Network,
};
pub(crate) use self::{
    core::{Action, Attempt, Core, Input, parse_request_cid},
    deadline::LONGEST,
    decode::{MatchData, PartyData, StreamData, StreamInfo},
    encode::OutgoingMatchData,
    error::seconds,
    error_text::{error_text, one_line, page_text},
    hand_over::HandOver,
    ids::{canonical, is_canonical, make_canonical},
    link::{
        Answer, Auth, ConnectPlan, Direction, Driver, Failure, Link, LinkCommand, LinkEvent,
        LinkSettings, LinkStats, RawEnvelope, RestCall, RestResponse, Ticket, TrafficTotals,
    },
    received::{People, Received},
    rest::path_segment,
};
