//! A [`Player`] whose world is compared with what the recording says.

mod other_areas;
mod picture;
mod watch;

use std::sync::{Arc, Mutex};

use crate::common::{
    log::Log,
    player::{How, Player},
    transcripts::{Line, Scenario},
};
use bevy_nakama::proto::Kind;

pub(crate) struct Client {
    pub(crate) player: Player,
    /// The client's session id, if it got to see it.
    session_id: Option<String>,
    outcomes: Arc<Mutex<Vec<String>>>,
    /// Match and party data and lines, in order.
    pub(crate) data: Log,
    /// Everything that the game is told, in order.
    pub(crate) told: Log,
}

impl Client {
    pub(crate) fn new(scenario: &Scenario, name: &str) -> Self {
        let mut client = Self {
            player: Player::new(scenario, name),
            session_id: scenario.who(name).session_id,
            outcomes: Arc::default(),
            data: Log::default(),
            told: Log::default(),
        };
        client.watch_requests();
        client.watch_data();
        client.watch_world();
        client
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, until: u64) {
        self.player.pass(until);
    }

    /// Lives through one line.
    pub(crate) fn live(&mut self, line: &Line) -> How {
        self.player.live(line)
    }
}

/// The kind of message that a request sends; `None` if it may be different ones.
fn kind_of(name: &str) -> Option<Kind> {
    Some(match name {
        "CreateMatch" => Kind::MatchCreate,
        "JoinMatch" => Kind::MatchJoin,
        "LeaveMatch" => Kind::MatchLeave,
        "JoinChat" => Kind::ChannelJoin,
        "LeaveChat" => Kind::ChannelLeave,
        "SendChatMessage" => Kind::ChannelMessageSend,
        "UpdateChatMessage" => Kind::ChannelMessageUpdate,
        "RemoveChatMessage" => Kind::ChannelMessageRemove,
        "CreateParty" => Kind::PartyCreate,
        "JoinParty" => Kind::PartyJoin,
        "LeaveParty" => Kind::PartyLeave,
        "CloseParty" => Kind::PartyClose,
        "PromotePartyMember" => Kind::PartyPromote,
        "KickFromParty" | "DeclinePartyJoin" => Kind::PartyRemove,
        "UpdateParty" => Kind::PartyUpdate,
        "AcceptPartyJoin" => Kind::PartyAccept,
        "ListPartyJoinRequests" => Kind::PartyJoinRequestList,
        "AddMatchmaker" => Kind::MatchmakerAdd,
        "AddPartyToMatchmaker" => Kind::PartyMatchmakerAdd,
        "Rpc" => Kind::Rpc,
        "FollowUsers" => Kind::StatusFollow,
        "UnfollowUsers" => Kind::StatusUnfollow,
        "UpdateStatus" => Kind::StatusUpdate,
        // Of the local user, or of a party.
        "RemoveMatchmakerTicket" | "RawRequest" => return None,
        other => panic!("what {other} sends is not known"),
    })
}
