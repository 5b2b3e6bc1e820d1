//! Identifiers, and who a presence is. Interned on the network thread, so a clone is one reference count.
//!
//! A server compares UUIDs, whatever their case, and repeats what a client wrote. So an id that enters the crate has its UUIDs
//! brought to lower case here, in its constructors and comparisons, from wherever it comes: a person, another client, the server.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The length of a UUID as text.
const UUID: usize = 36;

/// An id as the server writes it: its UUIDs in lower case. What is not a UUID stays: the node behind the dot, the name of a room.
/// Costs an allocation only if something changes.
pub(crate) fn canonical(id: &str) -> Cow<'_, str> {
    if is_canonical(id) {
        return Cow::Borrowed(id);
    }
    let mut id = id.to_owned();
    make_canonical(&mut id);
    Cow::Owned(id)
}

/// Whether an id needs no change. May say no for one that needs none, if it has capitals.
pub(crate) fn is_canonical(id: &str) -> bool {
    !id.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Brings the UUIDs of an id to lower case: the leading one, or of a channel (`3.group..`, `4.user.user.`) the second and third
/// part.
pub(crate) fn make_canonical(id: &mut str) {
    let mut start = 0;
    let mut is_channel = false;
    for part in 0..3 {
        let end = id[start..].find('.').map_or(id.len(), |dot| start + dot);
        let text = &mut id[start..end];
        if is_uuid(text) {
            text.make_ascii_lowercase();
        }
        if part == 0 {
            is_channel = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        }
        if !is_channel || end == id.len() {
            return;
        }
        start = end + 1;
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

macro_rules! ids {
    ($as_written:path: $($(#[$doc:meta])* $Id:ident,)*) => {$(
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
                if let Cow::Owned(written) = $as_written(&text) {
                    return Self(written.into());
                }
                Self(text)
            }
        }

        impl From<&str> for $Id {
            fn from(text: &str) -> Self {
                Self($as_written(text).into())
            }
        }

        impl From<String> for $Id {
            fn from(text: String) -> Self {
                Self::from(&*text)
            }
        }

        impl From<&Self> for $Id {
            fn from(id: &Self) -> Self {
                id.clone()
            }
        }

        impl PartialEq<str> for $Id {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *$as_written(other)
            }
        }

        impl PartialEq<&str> for $Id {
            fn eq(&self, other: &&str) -> bool {
                *self == **other
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

ids! { canonical:
    /// Id of a user account: a UUID.
    UserId,
    /// Id of one socket of a user: a UUID v1, new with every connection.
    SessionId,
    /// Id of a match: a UUID and a dot for a relayed match (`….`), and also the server's node for an authoritative match
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

ids! { Cow::Borrowed:
    /// The unique name of a user account.
    Username,
    /// The version of a stored object. The server makes it from the value: the same value has the same version.
    StorageVersion,
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
