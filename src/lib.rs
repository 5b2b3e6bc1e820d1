#![cfg_attr(docsrs, feature(doc_cfg))]
//! A Bevy plugin for the realtime protocol of [Nakama](https://heroiclabs.com/nakama/), the open-source game server.
//!
//! Add one plugin and log a player in, and the multiplayer world is there as ECS data. The match that the local user is in is an
//! entity. Everybody in it is an entity related to it. Incoming data are typed messages. A request returns an entity, which gets
//! exactly one answer.
//!
//! # Quick start
//!
//! Two players in one match, each a square that follows its player's mouse. Start the program twice: the first one brings a server
//! (feature `local-server`), the second one finds it. The README has the lines for `Cargo.toml`.
//!
//! ```no_run
//! use bevy::prelude::*;
//! use bevy_nakama::{local_server::{LocalServer, LocalServerConfig}, prelude::*};
//! use serde::{Deserialize, Serialize};
//!
//! /// What players tell each other, with a number that no other type has.
//! #[derive(Serialize, Deserialize)]
//! struct MovedTo { x: f32, y: f32 }
//!
//! impl MatchPayload for MovedTo {
//!     const OP_CODE: i64 = 1;
//!     type Codec = Postcard;
//! }
//!
//! fn server() -> NakamaServer {
//!     NakamaServer::new("http://127.0.0.1:7370", "defaultkey")
//! }
//!
//! fn main() -> AppExit {
//!     // The first program brings the server. In the second this fails: it uses the first's.
//!     let here = LocalServerConfig { address: ([127, 0, 0, 1], 7370).into(), ..default() };
//!     let _server = LocalServer::start(here);
//!
//!     App::new()
//!         .add_plugins((DefaultPlugins, NakamaPlugin::default()))
//!         .add_match_data::<MovedTo>()
//!         .insert_resource(Time::<Fixed>::from_hz(30.0))
//!         .add_systems(Startup, go_online)
//!         .add_systems(FixedUpdate, steer)
//!         .add_systems(Update, hear)
//!         .add_observer(|_: On<Connected>, mut commands: Commands| {
//!             commands.nakama().create_match(CreateMatch::named("lobby"));
//!         })
//!         .add_observer(appear)
//!         .add_observer(|gone: On<Disconnected>| error!("offline: {}", gone.reason))
//!         .run()
//! }
//!
//! fn go_online(mut commands: Commands) {
//!     commands.spawn(Camera2d);
//!     let id = format!("player-number-{}", std::process::id()); // your game keeps a random one
//!     commands.nakama().log_in(&server(), Login::device(&id).username(&id));
//!     commands.nakama().connect(); // waits for the login
//! }
//!
//! /// Everybody in the match is an entity, you too. Here it becomes a square with a name.
//! fn appear(
//!     joined: On<Joined<Match>>,
//!     who: Query<(&Username, Has<IsSelf>)>,
//!     mut commands: Commands,
//! ) {
//!     let Ok((name, is_you)) = who.get(joined.presence) else { return };
//!     info!("{name} is here");
//!     let colour = Color::hsl(if is_you { 210.0 } else { 30.0 }, 1.0, 0.6);
//!     let square = (Sprite::from_color(colour, Vec2::splat(48.0)), Transform::default());
//!     let label = (Text2d::new(name.to_string()), Transform::from_xyz(0.0, 44.0, 0.0));
//!     commands.entity(joined.presence).insert(square).with_child(label);
//! }
//!
//! /// Your square follows your mouse. The others are told where it is.
//! fn steer(
//!     window: Single<&Window>,
//!     you: Single<(&PresentIn, &mut Transform), With<IsSelf>>,
//!     mut commands: Commands,
//! ) {
//!     let (PresentIn(lobby), mut at) = you.into_inner();
//!     if let Some(mouse) = window.cursor_position() {
//!         let middle = window.size() / 2.0;
//!         at.translation = Vec3::new(mouse.x - middle.x, middle.y - mouse.y, 0.0);
//!     }
//!     let Vec3 { x, y, .. } = at.translation;
//!     commands.nakama().send(*lobby, &MovedTo { x, y });
//! }
//!
//! /// The others' squares go where they say.
//! fn hear(mut moved: MessageReader<FromMatch<MovedTo>>, mut squares: Query<&mut Transform>) {
//!     for FromMatch { sender, payload, .. } in moved.read() {
//!         let square = sender.as_ref().and_then(|sender| sender.entity);
//!         if let Some(mut at) = square.and_then(|square| squares.get_mut(square).ok()) {
//!             at.translation = Vec3::new(payload.x, payload.y, 0.0);
//!         }
//!     }
//! }
//! ```
//!
//! For a Nakama server of your own, change the address and drop the lines about `LocalServer`.
//!
//! # Concepts
//!
//! | Nakama | Here |
//! |---|---|
//! | server address, server key | [`NakamaServer`](connection::NakamaServer) |
//! | authenticate, session, refresh, logout | [`commands.nakama().log_in(..)`](commands::NakamaCommands::log_in) with a [`Login`](account::Login) → the [`CurrentSession`](session::CurrentSession); [`refresh`](commands::NakamaCommands::refresh), [`log_out`](commands::NakamaCommands::log_out) |
//! | socket | [`connect`](commands::NakamaCommands::connect), [`ConnectionState`](connection::ConnectionState), [`Connected`](connection::Connected), [`Disconnected`](connection::Disconnected) |
//! | a message with a `cid`, and its answer | a method of [`commands.nakama()`](commands::NakamaCommandsExt::nakama), and [`Replied`](request::Replied) on the entity that it returns |
//! | match | an entity with [`Match`](matches::Match) and [`MatchId`](presence::MatchId): the one that the join returned |
//! | presence | an entity with [`UserId`](presence::UserId), [`SessionId`](presence::SessionId), [`Username`](presence::Username), related to its match by [`PresentIn`](matches::PresentIn) |
//! | match data | [`FromMatch<T>`](match_data::FromMatch) and [`MatchDataReceived`](match_data::MatchDataReceived); sent with [`send`](commands::NakamaCommands::send) |
//! | matchmaker ticket | an entity with [`MatchmakerTicket`](matchmaker::MatchmakerTicket) and [`TicketId`](presence::TicketId): the one that [`add_matchmaker`](commands::NakamaCommands::add_matchmaker) or [`add_party_to_matchmaker`](commands::NakamaCommands::add_party_to_matchmaker) returned. The ticket of a party is related to it by [`TicketOf`](matchmaker::TicketOf) |
//! | matched | [`MatchmakerMatched`](matchmaker::MatchmakerMatched), an event of the ticket's entity. Join the match with [`join_match(&matched.join)`](commands::NakamaCommands::join_match) |
//! | party | an entity with [`Party`](party::Party) and [`PartyId`](presence::PartyId): the one that [`create_party`](commands::NakamaCommands::create_party) or [`join_party`](commands::NakamaCommands::join_party) returned. Its members are related by [`PartyMemberOf`](party::PartyMemberOf); its leader has [`PartyLeader`](party::PartyLeader) |
//! | join request of a party | an entity with [`PartyJoinRequester`](party::PartyJoinRequester), which the leader sees |
//! | party data | [`FromParty<T>`](party::FromParty) and [`PartyDataReceived`](party::PartyDataReceived); sent with [`send_to_party`](commands::NakamaCommands::send_to_party) |
//! | chat channel | an entity with [`ChatChannel`](chat::ChatChannel) and [`ChannelId`](presence::ChannelId): the one that [`join_chat`](commands::NakamaCommands::join_chat) returned. Its members are related by [`ChatMemberOf`](chat::ChatMemberOf) |
//! | channel message | [`ChatMessageReceived`](chat::ChatMessageReceived), and the channel's [`ChatLog`](chat::ChatLog); sent with [`send_chat`](commands::NakamaCommands::send_chat), older ones with [`fetch_chat_history`](commands::NakamaCommands::fetch_chat_history) |
//! | followed user | an entity with [`FollowedUser`](status::FollowedUser) and [`UserId`](presence::UserId), from the answer to [`follow`](commands::NakamaCommands::follow). Their sessions are related by [`SessionOf`](status::SessionOf); a user who is offline has none |
//! | status | [`UserStatus`](status::UserStatus) of a session. Set the local user's with [`set_status`](commands::NakamaCommands::set_status) |
//! | stream | an entity with [`Stream`](stream::Stream), from the first time that the server mentions it. Who is in it is related by [`StreamPresenceOf`](stream::StreamPresenceOf) |
//! | stream data | [`FromStream<T>`](stream::FromStream) and [`StreamDataReceived`](stream::StreamDataReceived) |
//! | RPC | [`call`](commands::NakamaCommands::call) with an [`RpcFunction`](rpc::RpcFunction), [`rpc`](commands::NakamaCommands::rpc), [`rpc_with_key`](commands::NakamaCommands::rpc_with_key) |
//! | notification | [`NotificationReceived`](notification::NotificationReceived), and the [`NotificationInbox`](notification::NotificationInbox); stored ones with [`fetch_notifications`](commands::NakamaCommands::fetch_notifications), [`delete_notifications`](commands::NakamaCommands::delete_notifications) |
//! | lists of matches and parties | [`list_matches`](commands::NakamaCommands::list_matches), [`list_parties`](commands::NakamaCommands::list_parties) |
//! | storage | [`write_storage`](commands::NakamaCommands::write_storage), [`read_storage`](commands::NakamaCommands::read_storage), [`list_storage`](commands::NakamaCommands::list_storage), [`delete_storage`](commands::NakamaCommands::delete_storage); a [`StorageObject`](storage::StorageObject) has a value of your type |
//! | any call over REST | [`rest`](commands::NakamaCommands::rest); [`SessionRefreshed`](account::SessionRefreshed) brings new tokens |
//! | any envelope | [`send_raw`](commands::NakamaCommands::send_raw), [`EnvelopeReceived`](envelope::EnvelopeReceived), [`EnvelopeSent`](envelope::EnvelopeSent) |
//!
//! # Pages
//!
//! Each area is a page: what appears when, what you cannot know, and the limits.
//!
//! | Page | About |
//! |---|---|
//! | [`account`], [`session`] | logging in and out; tokens |
//! | [`connection`] | the socket, and why it ends |
//! | [`request`] | requests, and how they fail |
//! | [`matches`](mod@matches), [`match_data`] | matches, relayed or run by the server; what players tell each other |
//! | [`matchmaker`] | finding others to play with |
//! | [`party`] | parties and their data |
//! | [`chat`] | rooms, direct messages, groups |
//! | [`status`] | friends: who is online, and what they are doing |
//! | [`stream`] | what code on the server tells the users that it put there |
//! | [`rpc`] | calling code on the server |
//! | [`notification`] | what the server and other users tell a player |
//! | [`storage`] | save games, and whatever else your game keeps on the server for each user |
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
//! the join, for at most 250 ms. What a request changes comes after its answer, too: a member whom the local user accepts into
//! a party or removes from it, the local user's status, and the streams that a function of the server puts the local user into.
//!
//! # When the connection is lost
//!
//! The connection ends, and [`Disconnected`](connection::Disconnected) says why. Before that, every request without an answer gets
//! one, [`ConnectionLost`](request::RequestError::ConnectionLost). Matches, parties, channels, tickets and everybody in them are out
//! of all queries, relationships and indexes; their entities are [`Departed`](presence::Departed) and despawned a moment later.
//! **Nothing is tried again**: to connect and to join anew is up to your game.
//!
//! # REST
//!
//! Some of what Nakama offers over REST only has methods here: logins, [`storage`], chat history, stored notifications, lists of
//! matches and parties. For leaderboards, friends, groups and the rest, there is [`rest`](commands::NakamaCommands::rest). A session token
//! lives for a minute by default. When the server refuses it, the plugin refreshes it and makes the call again. None of it needs a
//! socket: to be logged in is enough.
//! [`SessionRefreshed`](account::SessionRefreshed) brings the new tokens to games that store them.
//!
//! # Without a server
//!
//! Tests use the in-process link of [`testing`]. With the feature `local-server`, `LocalServer` is a server that runs in the
//! process of your game and speaks the same protocol.
//!
//! # Looking at it
//!
//! With the feature `overlay`, `NakamaOverlayPlugin` shows the session in a window over the game, which F1 opens and closes: the
//! connection and its traffic, matches, parties, channels and streams with everybody in them, the matchmaker's tickets, followed
//! users, the inbox, the last envelopes, and requests that wait or failed. While it is closed, it adds nothing to the path of a
//! message. Without it, [`diagnostics`] publishes the numbers, and [`RequestFailed`](request::RequestFailed) reports every request that
//! failed, whatever its type.
//!
//! # What you cannot know
//!
//! The server does not tell any of this, so the plugin cannot tell it either:
//!
//! * that the local user was kicked from a match, or that an authoritative match has ended: the match's entity stays, and nothing
//!   arrives any more;
//! * that a party's leader declined the local user's join request, or that the party closed in the meantime;
//! * whether the local user was removed from a party or the party closed: both are [`PartyClosed`](party::PartyClosed);
//! * that a group was deleted: its channel stays;
//! * that the leader removed the party's matchmaker ticket, if the local user is another member;
//! * anything about a user that the local user follows by name, until that user comes online: the entity appears only then;
//! * that the local user left a stream, that it closed, and who was in it before.

mod areas;
pub mod commands;
pub mod conditions;
pub mod connection;
mod data;
pub mod diagnostics;
mod ecs;
pub mod envelope;
pub mod error;
#[cfg(feature = "local-server")]
pub mod local_server;
pub mod mirror;
#[cfg(feature = "overlay")]
pub mod overlay;
pub mod plugin;
pub mod proto;
pub mod request;
pub mod rest;
pub mod session;
mod settings;
mod shared_text;
pub mod testing;
mod transport;

pub use self::{
    areas::{matches::data as match_data, *},
    data::{payload, send},
    mirror::presence,
};

/// What the crate's own tests and the fuzzer in `fuzz/` see of the inside. It is not a part of the API.
#[cfg(feature = "__testing")]
#[doc(hidden)]
pub mod __testing {
    #[cfg(feature = "local-server")]
    pub use crate::local_server::core::by_hand::{Incoming, ServerByHand, SessionId, Transmit};
    pub use crate::transport::by_hand::{Frame, FrameReader};

    /// A token that says this, and that nobody has signed.
    #[must_use]
    pub fn forge_token(claims: &serde_json::Value) -> String {
        crate::testing::forge_token(claims)
    }
}

/// What game code names. Import it beside `bevy::prelude::*`.
///
/// Names that other preludes have, too, are not in it, so that no import of everything stands in the way of another. Take those from
/// their modules: [`stream::Stream`], [`presence::Sender`], [`payload::Codec`], [`payload::Json`],
/// [`rpc::Call`], [`request::Request`], [`connection::Network`].
pub mod prelude {
    #[cfg(feature = "overlay")]
    pub use crate::overlay::{NakamaOverlay, NakamaOverlayPlugin};
    #[cfg(feature = "serde")]
    pub use crate::payload::Postcard;
    #[cfg(feature = "serde")]
    pub use crate::rpc::RpcFunction;
    pub use crate::{
        account::{
            GameCenterPlayer, LogIn, LogOut, LoggedIn, Login, LoginRefusal, RefreshSession,
            RestoreRefusal, RestoreSession, SessionRefreshed, SessionRefusal,
        },
        chat::{
            ChatChannel, ChatChannelKind, ChatClosed, ChatClosedReason, ChatHistory, ChatHistoryOf,
            ChatHistoryPage, ChatHistoryRefusal, ChatIndex, ChatJoined, ChatLog, ChatMemberOf,
            ChatMembers, ChatMessage, ChatMessageAck, ChatMessageKind, ChatMessageReceived,
            ChatRefusal, FetchChatHistory, JoinChat, LeaveChat, RemoveChatMessage, SendChatMessage,
            UpdateChatMessage,
        },
        commands::{NakamaCommands, NakamaCommandsExt},
        conditions::{connected, has_local_player, in_match, in_party},
        connection::{
            ConnectOptions, Connected, ConnectionState, DisconnectReason, Disconnected,
            NakamaConnection, NakamaServer, SessionState,
        },
        envelope::{EnvelopeReceived, EnvelopeSent, EnvelopeTap, RawRequest, UnsolicitedError},
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
        notification::{
            DeleteNotifications, FetchNotifications, Notification, NotificationCode,
            NotificationId, NotificationInbox, NotificationPage, NotificationReceived,
            NotificationRefusal,
        },
        party::{
            AcceptPartyJoin, CloseParty, CreateParty, DeclinePartyJoin, FromParty, JoinParty,
            KickFromParty, LeaveParty, ListParties, ListPartyJoinRequests, ListedParty, Party,
            PartyClosed, PartyCreated, PartyDataAppExt, PartyDataReceived, PartyDataRejected,
            PartyIndex, PartyJoinRequested, PartyJoinRequester, PartyJoinRequests,
            PartyJoinRequestsListed, PartyLeader, PartyListRefusal, PartyMemberOf, PartyMembers,
            PartyPage, PartyPayload, PartyRefusal, PendingApproval, PromotePartyMember,
            UpdateParty,
        },
        payload::Codec as _,
        plugin::{NakamaPlugin, NakamaSettings, NakamaSystems, NakamaWaker},
        presence::{
            ChannelId, Departed, IsSelf, JoinWith, Joined, JoinedAs, Joining, LeaveReason, Left,
            MatchId, MessageId, PartyId, Presence, PresenceIndex, PresenceInfo, SessionId,
            TicketId, UserId, Username,
        },
        request::{PendingRequest, Replied, Request as _, RequestError, RequestFailed},
        rest::{CallRest, RestMethod, RestReply},
        rpc::{Rpc, RpcFailure, RpcRefusal, RpcReply, RpcWithKey},
        send::{SendError, SendFailed},
        session::{CurrentSession, FileSessionStore, NakamaSession, SessionStore},
        status::{
            FollowUsers, FollowedUser, FollowedUserIndex, SessionOf, StatusRefusal, UnfollowUsers,
            UpdateStatus, UserSessions, UserStatus, UsersFollowed,
        },
        storage::{
            DeleteStorage, ListStorage, ReadPermission, ReadStorage, StorageAck, StorageObject,
            StoragePage, StorageRefusal, StorageValueError, StorageVersion, WritePermission,
            WriteStorage,
        },
        stream::{
            FromStream, StreamDataAppExt, StreamDataReceived, StreamDataRejected, StreamIndex,
            StreamPayload, StreamPersistence, StreamPresenceOf, StreamPresences,
        },
    };
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
