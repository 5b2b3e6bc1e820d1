//! A Bevy plugin for the realtime protocol of [Nakama](https://heroiclabs.com/nakama/), the open-source game server.
//!
//! Add one plugin, log a player in, and the multiplayer world is there as ECS data: the match that one is in is an entity,
//! everybody in it is an entity related to it, incoming data are typed messages, and a request returns an entity that gets
//! exactly one answer.
//!
//! # Quick start
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_nakama::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! /// What players tell each other.
//! #[derive(Serialize, Deserialize)]
//! struct Moved {
//!     x: f32,
//!     y: f32,
//! }
//!
//! impl MatchPayload for Moved {
//!     const OP_CODE: i64 = 1;
//!     type Codec = Postcard;
//! }
//!
//! fn main() {
//!     App::new()
//!         .add_plugins((DefaultPlugins, NakamaPlugin::default()))
//!         .add_match_data::<Moved>()
//!         .add_systems(Startup, log_in)
//!         .add_systems(Update, (tell, hear))
//!         .add_observer(connect)
//!         .add_observer(join)
//!         .add_observer(|gone: On<Disconnected>| warn!("offline: {}", gone.reason))
//!         .run();
//! }
//!
//! fn server() -> NakamaServer {
//!     NakamaServer::new("http://127.0.0.1:7350", "defaultkey")
//! }
//!
//! fn log_in(mut commands: Commands) {
//!     let login = Login::device("a-random-id-that-the-game-keeps").username("ada");
//!     commands.nakama().log_in(&server(), login);
//! }
//!
//! fn connect(reply: On<Replied<LogIn>>, mut commands: Commands) {
//!     match &reply.result {
//!         Ok(login) => commands.nakama().connect(&server(), &login.session, ConnectOptions::default()),
//!         Err(error) => error!("no login: {error}"),
//!     }
//! }
//!
//! fn join(_: On<Connected>, mut commands: Commands) {
//!     commands.nakama().create_match(CreateMatch::named("lobby"));
//! }
//!
//! fn tell(mut commands: Commands, here: Single<Entity, With<Match>>) {
//!     commands.nakama().send(*here, &Moved { x: 3.0, y: 4.0 });
//! }
//!
//! fn hear(mut moved: MessageReader<FromMatch<Moved>>, mut avatars: Query<&mut Transform>) {
//!     for FromMatch { sender, payload, .. } in moved.read() {
//!         let presence = sender.as_ref().and_then(|sender| sender.entity);
//!         if let Some(mut at) = presence.and_then(|presence| avatars.get_mut(presence).ok()) {
//!             at.translation = Vec3::new(payload.x, payload.y, 0.0);
//!         }
//!     }
//! }
//! ```
//!
//! # Concepts
//!
//! | Nakama | Here |
//! | server address, server key | [`NakamaServer`](connection::NakamaServer) |
//! | authenticate, session, refresh, logout | [`commands.nakama().log_in(..)`](commands::NakamaCommands::log_in) → [`NakamaSession`](session::NakamaSession); [`refresh`](commands::NakamaCommands::refresh), [`log_out`](commands::NakamaCommands::log_out) |
//! | socket | [`connect`](commands::NakamaCommands::connect), [`ConnectionState`](connection::ConnectionState), [`Connected`](connection::Connected), [`Disconnected`](connection::Disconnected) |
//! | a message with a `cid`, and its answer | a method of [`commands.nakama()`](commands::NakamaCommandsExt::nakama), and [`Replied`](request::Replied) on the entity that it returns |
//! | match | an entity with [`Match`](matches::Match) and [`MatchId`](presence::MatchId), the one that the join returned |
//! | presence | an entity with [`UserId`](presence::UserId), [`SessionId`](presence::SessionId), [`Username`](presence::Username), related to its match by [`PresentIn`](matches::PresentIn) |
//! | match data | [`FromMatch<T>`](match_data::FromMatch) and [`MatchDataReceived`](match_data::MatchDataReceived); sent with [`send`](commands::NakamaCommands::send) |
//! | matchmaker ticket | an entity with [`MatchmakerTicket`](matchmaker::MatchmakerTicket) and [`TicketId`](presence::TicketId), the one that [`add_matchmaker`](commands::NakamaCommands::add_matchmaker) or [`add_party_to_matchmaker`](commands::NakamaCommands::add_party_to_matchmaker) returned; that of a party is related to it by [`TicketOf`](matchmaker::TicketOf) |
//! | matched | [`MatchmakerMatched`](matchmaker::MatchmakerMatched), an event of the ticket's entity, joined with [`join_match(&matched.join)`](commands::NakamaCommands::join_match) |
//! | party | an entity with [`Party`](party::Party) and [`PartyId`](presence::PartyId), the one that [`create_party`](commands::NakamaCommands::create_party) or [`join_party`](commands::NakamaCommands::join_party) returned; its members by [`MemberOf`](party::MemberOf), its leader with [`PartyLeader`](party::PartyLeader) |
//! | join request of a party | an entity with [`AsksToJoin`](party::AsksToJoin), seen by the leader |
//! | party data | [`FromParty<T>`](party::FromParty) and [`PartyDataReceived`](party::PartyDataReceived); sent with [`send_to_party`](commands::NakamaCommands::send_to_party) |
//! | chat channel | an entity with [`ChatChannel`](chat::ChatChannel) and [`ChannelId`](presence::ChannelId), the one that [`join_chat`](commands::NakamaCommands::join_chat) returned; its members by [`ChatMemberOf`](chat::ChatMemberOf) |
//! | channel message | [`ChatMessageReceived`](chat::ChatMessageReceived), and the channel's [`ChatLog`](chat::ChatLog); sent with [`send_chat`](commands::NakamaCommands::send_chat), older ones with [`chat_history`](commands::NakamaCommands::chat_history) |
//! | followed user | an entity with [`FollowedUser`](status::FollowedUser) and [`UserId`](presence::UserId), from the answer to [`follow`](commands::NakamaCommands::follow); their sessions by [`SessionOf`](status::SessionOf), none if they are offline |
//! | status | [`UserStatus`](status::UserStatus) of a session; one's own is set with [`set_status`](commands::NakamaCommands::set_status) |
//! | stream | an entity with [`Stream`](stream::Stream), from the first that is heard of it; who is in it by [`InStream`](stream::InStream) |
//! | stream data | [`FromStream<T>`](stream::FromStream) and [`StreamDataReceived`](stream::StreamDataReceived) |
//! | RPC | [`call`](commands::NakamaCommands::call) with an [`RpcFunction`](rpc::RpcFunction), [`rpc`](commands::NakamaCommands::rpc), [`rpc_with_key`](commands::NakamaCommands::rpc_with_key) |
//! | notification | [`NotificationReceived`](notification::NotificationReceived), and the [`NotificationInbox`](notification::NotificationInbox); stored ones with [`notifications`](commands::NakamaCommands::notifications), [`delete_notifications`](commands::NakamaCommands::delete_notifications) |
//! | lists of matches and parties | [`list_matches`](commands::NakamaCommands::list_matches), [`list_parties`](commands::NakamaCommands::list_parties) |
//! | any call over REST | [`rest`](commands::NakamaCommands::rest); new tokens are told by [`SessionRefreshed`](session::SessionRefreshed) |
//! | any envelope | [`raw`](commands::NakamaCommands::raw), [`EnvelopeReceived`](envelope::EnvelopeReceived), [`EnvelopeSent`](envelope::EnvelopeSent) |
//!
//! # Pages
//!
//! Each area is a page: what appears when, what cannot be known, limits.
//!
//! | | |
//! |---|---|
//! | [`session`], [`connection`] | logging in, tokens; the socket, why it ends |
//! | [`request`] | requests, and how they fail |
//! | [`matches`](mod@matches), [`match_data`] | matches, relayed or run by the server; what players tell each other |
//! | [`matchmaker`] | finding others to play with |
//! | [`party`] | parties and their data |
//! | [`chat`] | rooms, direct messages, groups |
//! | [`status`] | friends: who is online, and what they are doing |
//! | [`stream`] | what code on the server tells those whom it put there |
//! | [`rpc`] | calling code on the server |
//! | [`notification`] | what the server and other users tell a player |
//! | [`rest`] | everything else that Nakama has |
//! | [`envelope`] | raw envelopes, and a table of all kinds: what covers each |
//! | [`testing`], [`diagnostics`] | tests without a server; numbers |
//!
//! # What happens when
//!
//! `PreUpdate`: [`Receive`](plugin::NakamaSystems::Receive) applies what has arrived, each envelope completely before the next →
//! `StateTransition` → `Update`: the game → `PostUpdate`: [`Send`](plugin::NakamaSystems::Send) hands over what the game asked
//! for. The network has a thread of its own; a frame never waits for it.
//!
//! A server sends answers, joins and data from different tasks, so they overtake each other on the wire. The plugin puts them in
//! order: first the answer to a join, then who joined, then what they sent. Data of a sender whose join is not there yet waits for
//! it, for 250 ms at the most. What one's own request changes is told after its answer, too: whom one lets into a party or throws
//! out of it, one's own status, and the streams that a function of the server puts one into.
//!
//! # REST
//!
//! What Nakama offers over REST only is partly here (logins, chat history, stored notifications, lists of matches and parties); for
//! storage, leaderboards, friends and whatever else it has, there is [`rest`](commands::NakamaCommands::rest). A session token lives
//! for a minute by default. Calls over REST replace it when the server refuses it, and tell so with
//! [`SessionRefreshed`](session::SessionRefreshed), for games that persist it.
//!
//! # Without a server
//!
//! Tests use the in-process link of [`testing`]. With the feature `local-server`, `LocalServer` is a server that runs in the
//! game's own process and speaks the same protocol.
//!
//! # Looking at it
//!
//! With the feature `overlay`, `NakamaOverlayPlugin` shows the session in a window over the game, which F1 opens and closes: the
//! connection and its traffic, matches, parties, channels and streams with everybody in them, the matchmaker's tickets, followed
//! users, the inbox, the last envelopes, and requests that wait or failed.
//! Closed, it costs a message nothing. Without it, [`diagnostics`] publishes the numbers, and
//! [`RequestFailed`](request::RequestFailed) tells of every request that failed, whatever its type.
//!
//! # What cannot be known
//!
//! The server does not tell a player that they were kicked from a match, or that an authoritative match has ended. The mirror
//! stays, and nothing arrives any more. Who asked to join a party is not told that they were declined, or that the party closed;
//! who is thrown out of one is told the same as when it closes: [`PartyClosed`](party::PartyClosed). A group that is deleted leaves
//! its channel behind. A member of a party is not told that its leader removed the party's matchmaker ticket. Who is followed by
//! name has no entity before they come online. One's own leave of a stream, its closing, and who was in it before, are not told.
//!
//! # What is not there yet
//!
//! A connection that is lost is not repaired yet: it ends in [`Disconnected`](connection::Disconnected).

pub mod chat;
pub mod commands;
pub mod connection;
mod departure;
pub mod diagnostics;
mod early;
pub mod envelope;
pub mod error;
#[cfg(feature = "local-server")]
pub mod local_server;
pub mod match_data;
pub mod matches;
pub mod matchmaker;
pub mod mirror;
mod naming;
pub mod notification;
#[cfg(feature = "overlay")]
pub mod overlay;
pub mod party;
pub mod payload;
pub mod plugin;
pub mod presence;
pub mod proto;
mod receive;
pub mod request;
pub mod rest;
pub mod rpc;
pub mod send;
pub mod session;
mod settings;
pub mod status;
pub mod stream;
pub mod testing;
mod transport;

/// For the fuzzer in `fuzz/`, which sets `cfg(fuzzing)`; a game never sees it.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Frames of one connection are read, or refused, as prost does it.
    pub fn read_as_prost_does(frames: &[bytes::Bytes]) {
        crate::transport::hostile::read_as_prost_does(frames);
    }
}

/// Everything a game needs at hand.
pub mod prelude {
    #[cfg(feature = "overlay")]
    pub use crate::overlay::{NakamaOverlay, NakamaOverlayPlugin};
    #[cfg(feature = "serde")]
    pub use crate::payload::{Json, Postcard};
    #[cfg(feature = "serde")]
    pub use crate::rpc::{Call, RpcFunction};
    pub use crate::{
        chat::{
            ChatChannel, ChatChannelKind, ChatClosed, ChatClosedReason, ChatHistory, ChatHistoryOf,
            ChatHistoryPage, ChatHistoryRefusal, ChatIndex, ChatJoined, ChatLog, ChatMemberOf,
            ChatMembers, ChatMessage, ChatMessageAck, ChatMessageKind, ChatMessageReceived,
            ChatRefusal, FetchChatHistory, JoinChat, LeaveChat, RemoveChatMessage, SendChatMessage,
            UpdateChatMessage,
        },
        commands::{NakamaCommands, NakamaCommandsExt},
        connection::{
            ConnectOptions, Connected, ConnectionState, DisconnectReason, Disconnected,
            NakamaConnection, NakamaServer, Network,
        },
        envelope::{EnvelopeReceived, EnvelopeSent, EnvelopeTap, ErrorPushed, RawRequest},
        error::{ErrorCode, RestError, ServerError},
        match_data::{
            FromMatch, MatchDataAppExt, MatchDataReceived, MatchDataRejected, MatchPayload,
            OutgoingData,
        },
        matches::{
            CreateMatch, JoinMatch, LeaveMatch, ListMatches, ListedMatch, Match, MatchIndex,
            MatchJoined, MatchListRefusal, MatchPresences, MatchRefusal, PresentIn,
        },
        matchmaker::{
            AddMatchmaker, AddPartyToMatchmaker, MatchedUser, MatchmakerAdded, MatchmakerMatched,
            MatchmakerRefusal, MatchmakerTicket, PartyTickets, RemoveMatchmakerTicket, TicketIndex,
            TicketOf,
        },
        mirror::ContextIndex,
        notification::{
            DeleteNotifications, FetchNotifications, Notification, NotificationCode,
            NotificationId, NotificationInbox, NotificationPage, NotificationReceived,
            NotificationRefusal,
        },
        party::{
            AcceptPartyJoin, AsksToJoin, CloseParty, CreateParty, DeclinePartyJoin, FromParty,
            JoinParty, KickFromParty, LeaveParty, ListParties, ListPartyJoinRequests, ListedParty,
            MemberOf, Party, PartyClosed, PartyCreated, PartyDataAppExt, PartyDataReceived,
            PartyDataRejected, PartyIndex, PartyJoinRequests, PartyJoinRequestsListed,
            PartyJoinTaken, PartyLeader, PartyListRefusal, PartyMembers, PartyPage, PartyPayload,
            PartyRefusal, PendingApproval, PromotePartyMember, UpdateParty,
        },
        payload::{Codec, PayloadError},
        plugin::{NakamaPlugin, NakamaSettings, NakamaSystems},
        presence::{
            ChannelId, Departed, IsSelf, JoinWith, JoinedAs, Joining, MatchId, MessageId, PartyId,
            Presence, PresenceIndex, PresenceInfo, Sender, SessionId, TicketId, UserId, Username,
        },
        request::{PendingRequest, Replied, Request, RequestError, RequestFailed},
        rest::{CallRest, RestMethod, RestReply},
        rpc::{Rpc, RpcFailure, RpcRefusal, RpcReply, RpcWithKey},
        send::{SendError, SendFailed},
        session::{
            GameCenterPlayer, LogIn, LogOut, LoggedIn, Login, LoginRefusal, NakamaSession,
            RefreshSession, SessionRefreshed, SessionRefusal,
        },
        status::{
            FollowUsers, FollowedUser, FollowedUserIndex, SessionOf, StatusRefusal, UnfollowUsers,
            UpdateStatus, UserSessions, UserStatus, UsersFollowed,
        },
        stream::{
            FromStream, InStream, Stream, StreamDataAppExt, StreamDataReceived, StreamDataRejected,
            StreamIndex, StreamPayload, StreamPersistence, StreamPresences,
        },
    };
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
