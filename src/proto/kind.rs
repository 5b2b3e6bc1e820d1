//! The kinds of envelope.

use std::fmt;

use super::{Message, UserPresence, realtime::matchmaker_matched::MatchmakerUser};

/// Each kind: the number and the name of its field, and where a message of the server names presences, in that order.
macro_rules! kinds {
    ($($Kind:ident = $number:literal $name:ident [$($who:ident)*],)*) => {
        /// Which message an envelope carries: a field of its `oneof`. Displays as the field's name, like `match_data`.
        ///
        /// An envelope without a message, the plain acknowledgement, has no kind.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Kind {
            $(
                #[doc = concat!("The field `", stringify!($name), "`.")]
                $Kind,
            )*
        }

        impl Kind {
            /// Every kind, in the order of field numbers.
            pub const ALL: &[Self] = &[$(Self::$Kind,)*];

            /// The name of the field, as in the `.proto` file and in proto JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Kind => stringify!($name),)* }
            }

            /// The number of the field.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $(Self::$Kind => $number,)* }
            }

            /// The kind with this field number. `None` if this crate does not know the number.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$Kind),)* _ => None }
            }

            /// The kind of a message.
            #[must_use]
            pub const fn of(message: &Message) -> Self {
                match message { $(Message::$Kind(_) => Self::$Kind,)* }
            }
        }

        /// Hands out every presence that a message of the server names, in a fixed order.
        pub(crate) fn for_each_presence(message: &Message, mut see: impl FnMut(&UserPresence)) {
            match message { $(
                Message::$Kind(_message) => {
                    $(_message.$who.iter().filter_map(Named::presence).for_each(&mut see);)*
                }
            )* }
        }
    };
}

kinds! {
    Channel = 2 channel [presences self_],
    ChannelJoin = 3 channel_join [],
    ChannelLeave = 4 channel_leave [],
    ChannelMessage = 5 channel_message [],
    ChannelMessageAck = 6 channel_message_ack [],
    ChannelMessageSend = 7 channel_message_send [],
    ChannelMessageUpdate = 8 channel_message_update [],
    ChannelMessageRemove = 9 channel_message_remove [],
    ChannelPresenceEvent = 10 channel_presence_event [joins leaves],
    Error = 11 error [],
    Match = 12 match [presences self_],
    MatchCreate = 13 match_create [],
    MatchData = 14 match_data [presence],
    MatchDataSend = 15 match_data_send [],
    MatchJoin = 16 match_join [],
    MatchLeave = 17 match_leave [],
    MatchPresenceEvent = 18 match_presence_event [joins leaves],
    MatchmakerAdd = 19 matchmaker_add [],
    MatchmakerMatched = 20 matchmaker_matched [users self_],
    MatchmakerRemove = 21 matchmaker_remove [],
    MatchmakerTicket = 22 matchmaker_ticket [],
    Notifications = 23 notifications [],
    Rpc = 24 rpc [],
    Status = 25 status [presences],
    StatusFollow = 26 status_follow [],
    StatusPresenceEvent = 27 status_presence_event [joins leaves],
    StatusUnfollow = 28 status_unfollow [],
    StatusUpdate = 29 status_update [],
    StreamData = 30 stream_data [sender],
    StreamPresenceEvent = 31 stream_presence_event [joins leaves],
    Ping = 32 ping [],
    Pong = 33 pong [],
    Party = 34 party [presences self_ leader],
    PartyCreate = 35 party_create [],
    PartyJoin = 36 party_join [],
    PartyLeave = 37 party_leave [],
    PartyPromote = 38 party_promote [],
    PartyLeader = 39 party_leader [presence],
    PartyAccept = 40 party_accept [],
    PartyRemove = 41 party_remove [],
    PartyClose = 42 party_close [],
    PartyJoinRequestList = 43 party_join_request_list [],
    PartyJoinRequest = 44 party_join_request [presences],
    PartyMatchmakerAdd = 45 party_matchmaker_add [],
    PartyMatchmakerRemove = 46 party_matchmaker_remove [],
    PartyMatchmakerTicket = 47 party_matchmaker_ticket [],
    PartyData = 48 party_data [presence],
    PartyDataSend = 49 party_data_send [],
    PartyPresenceEvent = 50 party_presence_event [joins leaves],
    PartyUpdate = 51 party_update [],
}

/// A presence in a message.
trait Named {
    fn presence(&self) -> Option<&UserPresence>;
}

impl Named for UserPresence {
    fn presence(&self) -> Option<&UserPresence> {
        Some(self)
    }
}

impl Named for MatchmakerUser {
    fn presence(&self) -> Option<&UserPresence> {
        self.presence.as_ref()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
