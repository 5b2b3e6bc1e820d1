//! Identifiers, and who a presence is. Interned on the network thread, so a clone is one reference count.

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! ids {
    ($($(#[$doc:meta])* $Id:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $Id(Arc<str>);

        impl $Id {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $Id {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $Id {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<Arc<str>> for $Id {
            fn from(text: Arc<str>) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $Id {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $Id {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<&Self> for $Id {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }

        impl PartialEq<str> for $Id {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $Id {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl Serialize for $Id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $Id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        impl fmt::Display for $Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// Id of a user account: a lower-case UUID.
    UserId,
    /// Id of one socket of a user: a UUID v1, new with every connection.
    SessionId,
    /// The unique name of a user account.
    Username,
    /// Id of a match: a UUID with a trailing dot if clients relay (`….`), with the server's node if it is authoritative
    /// (`….node`).
    MatchId,
    /// Id of a party: a UUID with the server's node (`….node`).
    PartyId,
    /// Id of a chat channel: `2...room`, `3.group..` or `4.user.user.`.
    ChannelId,
    /// Id of a chat message: a UUID.
    MessageId,
    /// Id of a matchmaker ticket: a UUID.
    TicketId,
    /// Id of a notification: a UUID.
    NotificationId,
}

/// Who a presence is: one socket of one user.
///
/// Mirrors the first three fields of `UserPresence`. All messages of one presence share one of these.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct PresenceInfo {
    /// The account.
    pub user_id: UserId,
    /// The socket. A user who plays on two devices has two.
    pub session_id: SessionId,
    /// The account's name, as it was when the presence joined.
    pub username: Username,
}
