//! Bytes and time: the network thread.
//!
//! This layer knows sockets and envelopes, and not Bevy. A [`Network`] is one thread that serves any number of
//! [`Link`]s; a link is one game's way to the server: commands go in, events come out, and neither side waits for the
//! other. All timing rules are in a core without clock, socket or thread, which the tests drive by hand
//! ([`testing`](crate::testing)).

mod address;
mod alarm;
#[cfg(feature = "__testing")]
pub(crate) mod by_hand;
mod command;
mod core;
mod error;
mod event;
mod hand_over;
mod link;
mod network;
mod socket;
mod stats;
mod terms;
mod wire;
mod worker;

pub(crate) use self::{
    address::shown_url,
    alarm::{Alarm, Wake},
    command::{
        Auth, ConnectPlan, Epoch, LinkCommand, RequestId, RestCall, is_path_segment, path_segment,
    },
    core::{Action, Core, Input, SocketId, backoff::Backoff, deadline::LONGEST, parse_request_cid},
    error::seconds,
    event::{Answer, Direction, Failure, LinkEvent, Pushed, RawEnvelope, RestResponse, Told},
    link::{Driver, Link, LinkSettings},
    stats::TrafficTotals,
    terms::Terms,
    wire::{
        decode::{MatchData, PartyData, StreamData, StreamInfo},
        encode::OutgoingMatchData,
        error_text::{error_text, one_line, page_text},
        ids::{canonical, is_canonical, make_canonical},
        received::{People, Received},
    },
};
pub use self::{
    address::{BadAddress, NakamaServer, Secret},
    error::{DisconnectReason, ProtocolError, TransportError, Unreachable},
    network::Network,
    terms::SendPolicy,
    wire::ids::{
        ChannelId, MatchId, MessageId, NotificationId, PartyId, PresenceInfo, SessionId,
        StorageVersion, TicketId, UserId, Username,
    },
};
