//! tbd

pub mod commands;
pub mod connection;
pub mod diagnostics;
mod early;
pub mod envelope;
pub mod error;
#[cfg(feature = "local-server")]
pub mod local_server;
pub mod match_data;
pub mod matches;
pub mod plugin;
pub mod presence;
pub mod proto;
mod receive;
pub mod request;
pub mod session;
pub mod testing;
mod transport;

/// Everything a game needs at hand.
pub mod prelude {
    #[cfg(feature = "serde")]
    pub use crate::match_data::{Json, Postcard};
    pub use crate::{
        commands::{NakamaCommands, NakamaCommandsExt},
        connection::{
            ConnectOptions, Connected, ConnectionState, DisconnectReason, Disconnected,
            NakamaConnection, NakamaServer, Network,
        },
        envelope::{EnvelopeReceived, EnvelopeSent, EnvelopeTap, ErrorPushed, RawRequest},
        error::{ErrorCode, RestError, ServerError},
        match_data::{
            Codec, FromMatch, MatchDataAppExt, MatchDataReceived, MatchDataRejected, MatchPayload,
            OutgoingData, PayloadError, SendError, SendFailed,
        },
        matches::{
            CreateMatch, JoinMatch, LeaveMatch, Match, MatchIndex, MatchJoined, MatchPresences,
            MatchRefusal, PresentIn,
        },
        plugin::{NakamaPlugin, NakamaSettings, NakamaSystems},
        presence::{
            ChannelId, IsSelf, JoinedAs, Joining, MatchId, PartyId, Presence, PresenceIndex,
            PresenceInfo, Sender, SessionId, UserId, Username,
        },
        request::{PendingRequest, Replied, Request, RequestError},
        session::{
            LogIn, LogOut, LoggedIn, Login, LoginRefusal, NakamaSession, RefreshSession,
            SessionRefusal,
        },
    };
}
