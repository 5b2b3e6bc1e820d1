#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("manual.md")]

mod areas;
#[cfg(feature = "local-server")]
pub mod chaos;
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
    mirror::{healing, presence},
};

/// What the crate's own tests and the fuzzer in `fuzz/` see of the inside. It is not a part of the API.
#[cfg(feature = "__testing")]
#[doc(hidden)]
pub mod __testing {
    #[cfg(feature = "local-server")]
    pub use crate::local_server::core::by_hand::{
        Incoming, PlaceByHand, ServerByHand, SessionId, Transmit,
    };
    pub use crate::{
        testing::line::{LineCall, LineEvent, LineSocket, WireSeed},
        transport::by_hand::{Frame, FrameReader},
    };

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
        conditions::{connected, has_local_player, in_match, in_party, logged_in},
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
        send::{SendError, SendFailed, SendPolicy, SendWindow},
        session::{CurrentSession, FileSessionStore, NakamaSession, SessionStore},
        status::{
            FollowUsers, FollowedUser, FollowedUserIndex, SessionOf, StatusRefusal, UnfollowUsers,
            UpdateStatus, UserSessions, UserStatus, UsersFollowed,
        },
        storage::{
            DeleteStorage, ListStorage, ReadPermission, ReadStorage, StorageAck, StorageObject,
            StorageObjects, StoragePage, StorageRefusal, StorageValueError, StorageVersion,
            WritePermission, WriteStorage,
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
