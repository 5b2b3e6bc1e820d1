//! What the game wants.

use std::time::{Duration, Instant};

use prost::Message as _;

use super::{
    Action, Core, Stage,
    outbox::{self, Origin, Outgoing},
    request_cid,
};
use crate::{
    proto::{Envelope, Kind, Message},
    transport::{
        command::{ConnectPlan, Epoch, LinkCommand, RequestId},
        core::deadline::deadline,
        error::DisconnectReason,
        event::{Failure, LinkEvent},
        terms::Terms,
        wire::encode::OutgoingMatchData,
    },
};

impl Core {
    pub(super) fn on_command(&mut self, now: Instant, command: LinkCommand) {
        match command {
            LinkCommand::Connect(plan) => self.connect(now, plan),
            LinkCommand::GiveUp(epoch, reason) => self.give_up(epoch, reason),
            LinkCommand::Disconnect => match &mut self.stage {
                Stage::Open(open) if !self.outbox.is_empty() => {
                    open.draining_until
                        .get_or_insert_with(|| deadline(now, self.settings.drain_timeout));
                }
                _ => self.end(DisconnectReason::Requested),
            },
            LinkCommand::Request {
                id,
                message,
                timeout,
                terms,
            } => self.request(now, id, *message, timeout, terms),
            LinkCommand::Rest { id, call, timeout } => match call.endpoint() {
                Ok(endpoint) => {
                    self.requests.open_rest(id, now, timeout);
                    let action = Action::Rest(id, call, endpoint);
                    self.actions.push_back(action);
                }
                Err(bad) => self.fail(id, Failure::BadAddress(bad)),
            },
            LinkCommand::Send { origin, data, .. } => {
                if let Err(reason) = self.send(origin, &data) {
                    self.hand_over.push(LinkEvent::SendFailed {
                        origin,
                        op_code: data.op_code,
                        reason,
                    });
                }
            }
            LinkCommand::Tap(on) => self.is_tapped = on,
        }
    }

    /// Ends the connection before.
    fn begin(&mut self, epoch: Epoch) {
        self.end(DisconnectReason::Requested);
        self.epoch = epoch;
        self.hand_over.begin(epoch);
    }

    fn give_up(&mut self, epoch: Epoch, reason: DisconnectReason) {
        self.begin(epoch);
        self.hand_over.push(LinkEvent::Closed(reason));
    }

    fn connect(&mut self, now: Instant, plan: Box<ConnectPlan>) {
        self.begin(plan.epoch);
        self.stage = Stage::Opening {
            server: plan.server.clone(),
            deadline: deadline(now, self.settings.connect_timeout),
        };
        match plan.server.endpoint() {
            Ok(endpoint) => {
                let action = Action::Open(self.epoch, plan, endpoint);
                self.actions.push_back(action);
            }
            Err(bad) => self.end(DisconnectReason::BadAddress(bad)),
        }
    }

    fn request(
        &mut self,
        now: Instant,
        id: RequestId,
        message: Message,
        timeout: Duration,
        _terms: Option<Terms>,
    ) {
        if !self.accepts_traffic() {
            return self.fail(id, Failure::NotConnected);
        }
        let kind = Kind::of(&message);
        let envelope = Envelope {
            cid: request_cid(id),
            message: Some(message),
        };
        let (size, limit) = (envelope.encoded_len(), self.settings.max_envelope);
        if size > limit {
            return self.fail(id, Failure::TooLarge { size, limit });
        }
        if outbox::fans_out(kind) && !self.outbox.has_room() {
            let limit = self.outbox.limit();
            return self.fail(id, Failure::QueueFull { limit });
        }
        self.requests.open_socket(id, now, timeout);
        let frame = envelope.encode_to_vec().into();
        self.outbox.push(Outgoing {
            frame,
            kind,
            origin: Origin::Request(id),
        });
    }

    fn send(&mut self, origin: u64, data: &OutgoingMatchData) -> Result<(), Failure> {
        if !self.accepts_traffic() {
            return Err(Failure::NotConnected);
        }
        let (size, limit) = (data.encoded_len(), self.settings.max_envelope);
        if size > limit {
            return Err(Failure::TooLarge { size, limit });
        }
        if !self.outbox.has_room() {
            return Err(Failure::QueueFull {
                limit: self.outbox.limit(),
            });
        }
        self.outbox.push(Outgoing {
            frame: data.encode(),
            kind: Kind::MatchDataSend,
            origin: Origin::Data {
                origin,
                op_code: data.op_code,
            },
        });
        Ok(())
    }

    fn accepts_traffic(&self) -> bool {
        matches!(&self.stage, Stage::Open(open) if open.draining_until.is_none())
    }
}
