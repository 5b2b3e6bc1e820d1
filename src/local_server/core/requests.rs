//! Requests over a socket.

use std::borrow::Cow;

use super::{Core, ids::SessionId, presence::Peer, sessions::Ending};
use crate::proto::{
    Envelope, Message, PartyLayout,
    realtime::{self, Pong},
};

/// What a request is answered with.
pub(super) enum Reply {
    Message(Box<Message>),
    /// An envelope with nothing but the `cid`.
    Acknowledged,
    /// Nothing at all.
    Silence,
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        Self::Message(Box::new(message))
    }
}

/// Error codes of the socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ErrorCode {
    RuntimeException = 0,
    UnrecognizedPayload = 1,
    MissingPayload = 2,
    BadInput = 3,
    MatchNotFound = 4,
    MatchJoinRejected = 5,
    RuntimeFunctionNotFound = 6,
    RuntimeFunctionException = 7,
}

/// A request that is answered with an error.
#[derive(Debug)]
pub(super) struct Refusal {
    code: ErrorCode,
    message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn bad_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::BadInput, message)
    }

    /// Whether a client that sends such a thing is not listened to any longer.
    fn is_fatal(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::UnrecognizedPayload | ErrorCode::MissingPayload
        )
    }
}

pub(super) type Answer = Result<Reply, Refusal>;

impl Core {
    pub(super) fn answer_envelope(&mut self, id: SessionId, envelope: Envelope) {
        let Some(caller) = self.sessions.peer(id).cloned() else {
            return;
        };
        // An error about match data is pushed, not answered: match data has no answers.
        let cid = match &envelope.message {
            Some(Message::MatchDataSend(_)) => String::new(),
            _ => envelope.cid,
        };
        let answer = self.answer(&caller, envelope.message);
        let is_fatal = answer.as_ref().is_err_and(Refusal::is_fatal);
        let message = match answer {
            Ok(Reply::Silence) => return,
            Ok(Reply::Acknowledged) => None,
            Ok(Reply::Message(message)) => Some(*message),
            Err(refusal) => Some(Message::Error(realtime::Error {
                code: refusal.code as i32,
                message: refusal.message.to_string(),
                context: [].into(),
            })),
        };
        self.send(&[id], Envelope { cid, message });
        if is_fatal {
            self.end(id, Ending::BadInput("error processing message"));
        }
    }

    fn answer(&mut self, caller: &Peer, message: Option<Message>) -> Answer {
        let is_old = self.config.party_layout == PartyLayout::Before3_28;
        let missing = || Refusal::new(ErrorCode::MissingPayload, "Missing message.");
        match message.ok_or_else(missing)? {
            Message::PartyUpdate(_) if is_old => Err(missing()),
            Message::Ping(_) => Ok(Message::Pong(Pong {}).into()),
            Message::Pong(_) => Ok(Reply::Silence),
            Message::MatchCreate(request) => self.match_create(caller, &request),
            Message::MatchJoin(request) => self.match_join(caller, request),
            Message::MatchLeave(request) => self.match_leave(caller, &request),
            Message::MatchDataSend(request) => self.match_data_send(caller, request),
            Message::StatusFollow(request) => self.status_follow(caller, &request),
            Message::StatusUnfollow(request) => self.status_unfollow(caller, &request),
            Message::StatusUpdate(request) => self.status_update(caller, request),
            Message::ChannelJoin(request) => self.channel_join(caller, &request),
            Message::ChannelLeave(request) => self.channel_leave(caller, &request),
            Message::ChannelMessageSend(request) => self.message_send(caller, request),
            Message::ChannelMessageUpdate(request) => self.message_update(caller, request),
            Message::ChannelMessageRemove(request) => self.message_remove(caller, request),
            Message::PartyCreate(request) => self.party_create(caller, request),
            Message::PartyJoin(request) => self.party_join(caller, &request),
            Message::PartyLeave(request) => self.party_leave(caller, &request),
            Message::PartyPromote(request) => self.party_promote(caller, &request),
            Message::PartyAccept(request) => self.party_accept(caller, &request),
            Message::PartyRemove(request) => self.party_remove(caller, &request),
            Message::PartyClose(request) => self.party_close(caller, &request),
            Message::PartyJoinRequestList(request) => self.party_join_request_list(caller, request),
            Message::PartyDataSend(request) => self.party_data_send(caller, request),
            Message::PartyUpdate(request) => self.party_update(caller, request),
            Message::MatchmakerAdd(request) => self.matchmaker_add(caller, request),
            Message::MatchmakerRemove(request) => self.matchmaker_remove(caller, &request),
            Message::PartyMatchmakerAdd(request) => self.party_matchmaker_add(caller, request),
            Message::PartyMatchmakerRemove(request) => {
                self.party_matchmaker_remove(caller, &request)
            }
            Message::Rpc(request) => self.rpc(caller, request),
            _ => Err(Refusal::new(
                ErrorCode::UnrecognizedPayload,
                "Unrecognized message.",
            )),
        }
    }
}
