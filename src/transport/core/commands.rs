//! What the game wants.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash},
    sync::Arc,
    time::{Duration, Instant},
};

use prost::Message as _;

use super::{
    Action, Core, Stage,
    outgoing::{Origin, Outgoing, ToOthers, Topic, Unsent},
    request_cid,
};
use crate::{
    proto::{Envelope, Kind, Message},
    transport::{
        command::{LinkCommand, RequestId},
        event::Failure,
        terms::Terms,
        wire::{encode::OutgoingMatchData, ids::PresenceInfo},
    },
};

impl Core {
    pub(super) fn on_command(&mut self, now: Instant, command: LinkCommand) {
        match command {
            LinkCommand::Connect(plan) => self.connect(now, plan),
            LinkCommand::GiveUp(epoch, reason) => self.give_up(epoch, reason),
            LinkCommand::Disconnect => self.disconnect(now),
            LinkCommand::Request {
                id,
                message,
                timeout,
                terms,
                for_reentry,
            } => {
                if self.takes_request(&message, terms) {
                    self.request(now, id, *message, timeout, terms, for_reentry);
                } else {
                    self.fail(id, Failure::NotConnected);
                }
            }
            LinkCommand::Rest { id, call, timeout } => match call.endpoint() {
                Ok(endpoint) => {
                    self.requests.open_rest(id, now, timeout);
                    let action = Action::Rest(id, call, endpoint);
                    self.actions.push_back(action);
                }
                Err(bad) => self.fail(id, Failure::BadAddress(bad)),
            },
            LinkCommand::Abandon { id } => {
                if self.requests.on_rest_answer(id) {
                    self.actions.push_back(Action::AbandonRest(id));
                }
            }
            LinkCommand::Send {
                origin,
                data,
                terms,
            } => self.send(now, origin, &data, terms),
            LinkCommand::Reopen {
                token,
                appear_online,
            } => self.reopen(now, token, appear_online),
            LinkCommand::Postpone(reason) => self.postpone(now, reason),
            LinkCommand::Hurry => self.hurry(now),
            LinkCommand::Resume => self.resume(now),
            LinkCommand::Forget { origin } => self.forget(origin),
            LinkCommand::Tap(on) => self.is_tapped = on,
            LinkCommand::WakeAt(at) => self.wake_at = at,
        }
    }

    fn request(
        &mut self,
        now: Instant,
        id: RequestId,
        message: Message,
        timeout: Duration,
        terms: Option<Terms>,
        for_reentry: bool,
    ) {
        let kind = Kind::of(&message);
        let topic = Topic {
            context: terms.map_or(0, |terms| terms.context),
            kind,
            op_code: op_code(&message),
        };
        let envelope = Envelope {
            cid: request_cid(id),
            message: Some(message),
        };
        let (size, limit) = (envelope.encoded_len(), self.settings.max_envelope);
        if size > limit {
            return self.fail(id, Failure::TooLarge { size, limit });
        }
        if let Some(message) = &envelope.message {
            self.hold_ups.on_made(id, message);
        }
        let to_others = terms.map(|terms| self.on_terms(now, terms, topic, 0));
        let has_answer = kind != Kind::MatchDataSend;
        self.requests.open_socket(id, now, timeout, has_answer);
        self.queue(Outgoing {
            frame: envelope.encode_to_vec().into(),
            kind,
            origin: Origin::Request(id),
            to_others,
            queued_at: now,
            for_reentry,
        });
    }

    fn send(&mut self, now: Instant, origin: u64, data: &OutgoingMatchData, terms: Terms) {
        let op_code = data.op_code;
        if !self.takes_data(terms) {
            return self.tell_unsent(origin, op_code, Failure::NotConnected);
        }
        let (size, limit) = (data.encoded_len(), self.settings.max_envelope);
        if size > limit {
            return self.tell_unsent(origin, op_code, Failure::TooLarge { size, limit });
        }
        let topic = Topic {
            context: origin,
            kind: Kind::MatchDataSend,
            op_code,
        };
        let receivers = if data.receivers.is_empty() {
            0
        } else {
            receivers_hash(&data.receivers)
        };
        let to_others = self.on_terms(now, terms, topic, receivers);
        self.queue(Outgoing {
            frame: data.encode(),
            kind: Kind::MatchDataSend,
            origin: Origin::Data { origin, op_code },
            to_others: Some(to_others),
            queued_at: now,
            for_reentry: false,
        });
    }

    fn on_terms(&mut self, now: Instant, terms: Terms, topic: Topic, receivers: u64) -> ToOthers {
        ToOthers {
            terms,
            topic,
            receivers,
            is_burst: self.flow.on_queued(now),
        }
    }

    /// Lets a message wait for its turn, which may be now.
    fn queue(&mut self, outgoing: Outgoing) {
        let origin = outgoing.origin;
        match self.outbox.push(outgoing) {
            Ok(None) => {}
            Ok(Some(replaced)) => self.on_unsent(replaced),
            Err(failure) => self.on_unsent(Unsent { origin, failure }),
        }
    }

    /// Whether data may be queued now.
    fn takes_data(&self, terms: Terms) -> bool {
        if self.outbox.is_held() {
            terms.waits_while_away || terms.waits_for_the_rest && self.is_in_use()
        } else {
            self.is_in_use()
        }
    }

    /// Whether a request may be queued now. Until the local user has entered again what they were in, it waits for that. Data for a party
    /// is as for a match.
    fn takes_request(&self, message: &Message, terms: Option<Terms>) -> bool {
        let is_data = matches!(Kind::of(message), Kind::PartyDataSend);
        (self.is_in_use() && !is_data) || self.takes_data(terms.unwrap_or_default())
    }

    fn is_in_use(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.draining_until.is_none())
    }
}

/// What tells messages of a kind apart.
fn op_code(message: &Message) -> i64 {
    match message {
        Message::PartyDataSend(data) => data.op_code,
        _ => 0,
    }
}

/// A hash of whom something is for, whatever their order.
fn receivers_hash(receivers: &[Arc<PresenceInfo>]) -> u64 {
    let sessions = receivers.iter().map(|it| hash_of(&it.session_id));
    sessions.fold(receivers.len() as u64, u64::wrapping_add)
}

fn hash_of(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
