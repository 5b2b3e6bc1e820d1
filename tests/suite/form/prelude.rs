//! The prelude stands beside those of Bevy and of other crates.

use std::collections::BTreeSet;

/// A game that names everything in the prelude. Two imports of everything that have a name in common clash only where the name is used.
macro_rules! game {
    ($($name:ident)*) => {
        mod game {
            #[expect(unused_imports, reason = "it must not get in the way")]
            use bevy::prelude::*;
            use bevy_nakama::prelude::*;

            mod names {
                #[expect(unused_imports, reason = "it is enough that this compiles")]
                use super::{$($name),*};
            }
        }

        const NAMED: &[&str] = &[$(stringify!($name)),*];
    };
}

game! {
    AcceptPartyJoin AddMatchmaker AddPartyToMatchmaker CallRest ChannelId ChatChannel ChatChannelKind
    ChatClosed ChatClosedReason ChatHistory ChatHistoryOf ChatHistoryPage ChatHistoryRefusal ChatIndex
    ChatJoined ChatLog ChatMemberOf ChatMembers ChatMessage ChatMessageAck ChatMessageKind ChatMessageReceived
    ChatRefusal CloseParty ConnectOptions Connected ConnectionState CreateMatch CreateParty CurrentSession
    DeclinePartyJoin DeleteNotifications DeleteStorage Departed DisconnectReason Disconnected EnvelopeReceived
    EnvelopeSent EnvelopeTap ErrorCode FetchChatHistory FetchNotifications FileSessionStore FollowUsers
    FollowedUser FollowedUserIndex FromMatch FromParty FromStream GameCenterPlayer IsSelf JoinChat JoinMatch
    JoinParty JoinWith Joined JoinedAs Joining KickFromParty LeaveChat LeaveMatch LeaveParty LeaveReason Left
    ListMatches ListParties ListPartyJoinRequests ListStorage ListedMatch ListedParty LogIn LogOut LoggedIn
    Login LoginRefusal Match MatchDataAppExt MatchDataReceived MatchDataRejected MatchId MatchIndex
    MatchJoined MatchListRefusal MatchPayload MatchPresences MatchRefusal MatchedUser MatchmakerAdded
    MatchmakerMatched MatchmakerRefusal MatchmakerTicket MessageId NakamaCommands NakamaCommandsExt
    NakamaConnection NakamaOverlay NakamaOverlayPlugin NakamaPlugin NakamaServer NakamaSession NakamaSettings
    NakamaSystems NakamaWaker Notification NotificationCode NotificationId NotificationInbox NotificationPage
    NotificationReceived NotificationRefusal OutgoingData Party PartyClosed PartyCreated PartyDataAppExt
    PartyDataReceived PartyDataRejected PartyId PartyIndex PartyJoinRequested PartyJoinRequester
    PartyJoinRequests PartyJoinRequestsListed PartyLeader PartyListRefusal PartyMemberOf PartyMembers
    PartyPage PartyPayload PartyRefusal PartyTickets PendingApproval PendingRequest Postcard Presence
    PresenceIndex PresenceInfo PresentIn PromotePartyMember RawRequest ReadPermission ReadStorage
    RefreshSession RemoveChatMessage RemoveMatchmakerTicket Replied RequestError RequestFailed RestError
    RestMethod RestReply RestoreRefusal RestoreSession Rpc RpcFailure RpcFunction RpcRefusal RpcReply
    RpcWithKey SendChatMessage SendError SendFailed SendPolicy SendWindow ServerError SessionId SessionOf SessionRefreshed
    SessionRefusal SessionState SessionStore StatusRefusal StorageAck StorageObject StorageObjects StoragePage StorageRefusal
    StorageValueError StorageVersion StreamDataAppExt StreamDataReceived StreamDataRejected StreamIndex
    StreamPayload StreamPersistence StreamPresenceOf StreamPresences TicketId TicketIndex TicketOf
    UnfollowUsers UnsolicitedError UpdateChatMessage UpdateParty UpdateStatus UserId UserSessions UserStatus
    Username UsersFollowed WritePermission WriteStorage connected has_local_player in_match in_party logged_in
}

/// What other preludes export, each after a line that says whose it is.
const OTHERS: [&str; 3] = [
    include_str!("preludes/bevy.txt"),
    include_str!("preludes/bevy_replicon.txt"),
    include_str!("preludes/avian.txt"),
];

/// What is not in it: names that say little by themselves, and that other crates have, too.
const LEFT_OUT: [&str; 8] = [
    "Call",
    "Codec",
    "Json",
    "Network",
    "PayloadError",
    "Request",
    "Sender",
    "Stream",
];

/// The names in the prelude, read off the source.
fn exported() -> BTreeSet<String> {
    let source = include_str!("../../../src/lib.rs");
    let prelude = source
        .split_once("pub mod prelude {\n")
        .expect("a prelude")
        .1;
    let prelude = prelude.split_once("\n}\n").expect("its end").0;
    let lines = prelude
        .lines()
        .filter(|line| !line.trim_start().starts_with(['#', '/']));
    let code: Vec<_> = lines.collect();
    let code = code.join(" ");
    let parts = code.split([',', ';', '{', '}']).map(str::trim);
    // Of a path, its last part is a name; a path that goes on in braces ends with `::`.
    let names = parts.filter(|part| !part.is_empty() && !part.ends_with("::"));
    let names = names.filter(|part| !part.ends_with(" as _"));
    let names = names.filter_map(|part| part.rsplit("::").next());
    names.map(str::to_owned).collect()
}

#[test]
fn every_name_in_the_prelude_can_be_used_beside_bevys() {
    let named = BTreeSet::from_iter(NAMED.iter().map(|name| (*name).to_owned()));
    let exported = exported();
    let missing: Vec<_> = exported.difference(&named).collect();
    assert!(missing.is_empty(), "add to `game!`: {missing:?}");
    let gone: Vec<_> = named.difference(&exported).collect();
    assert!(gone.is_empty(), "in the prelude no longer: {gone:?}");
}

#[test]
fn no_name_in_the_prelude_is_in_the_prelude_of_another_crate() {
    let exported = exported();
    for other in OTHERS {
        let (title, names) = other.split_once('\n').expect("a title");
        let names = BTreeSet::from_iter(names.split_whitespace().map(str::to_owned));
        assert!(names.len() > 50, "{title} It is empty.");
        let both: Vec<_> = names.intersection(&exported).collect();
        assert!(both.is_empty(), "{title} Ours has these, too: {both:?}");
    }
    for name in LEFT_OUT {
        assert!(!exported.contains(name), "{name} is in the prelude");
    }
}
