//! Messages to sockets, and events about presences.

use super::{
    Core, channels,
    codec::Outgoing,
    ids::{SessionId, UserId},
    matches, parties,
    presence::{Event, Mode, Stream},
    sessions::Ending,
    status, streams,
};
use crate::proto::{Envelope, Message};

impl Core {
    /// Queues an envelope for each receiver. Who cannot take any more is disconnected.
    pub(super) fn send(&mut self, to: &[SessionId], envelope: Envelope) {
        let mut outgoing = Outgoing::new(envelope, self.config.party_layout);
        let limit = self.config.outgoing_queue;
        for &receiver in to {
            if self.sessions.send(receiver, &mut outgoing, limit).is_err() {
                log::warn!("the outgoing queue of session {receiver} is full");
                self.end(receiver, Ending::QueueFull);
            }
        }
    }

    /// Pushes a message to some sessions.
    pub(super) fn push(&mut self, to: &[SessionId], message: Message) {
        self.send(
            to,
            Envelope {
                cid: String::new(),
                message: Some(message),
            },
        );
    }

    /// Pushes a message to everybody in a stream, hidden ones included.
    pub(super) fn broadcast(&mut self, stream: &Stream, message: Message) {
        let receivers = self.tracker.sessions(stream);
        self.push(&receivers, message);
    }

    /// Tells what has happened to presences since the last time. It comes after the answer to the request that caused it, which
    /// is the usual order of a real server.
    pub(super) fn deliver_events(&mut self) {
        while let Some(event) = self.tracker.next_event() {
            self.deliver(event);
        }
    }

    fn deliver(&mut self, event: Event) {
        match event.stream.mode {
            Mode::NOTIFICATIONS => {}
            Mode::STATUS => {
                let followers = self.follows.followers(UserId(event.stream.subject));
                self.push(&followers, status::presence_event(&event));
            }
            Mode::ROOM | Mode::GROUP | Mode::DIRECT => {
                self.broadcast(&event.stream, channels::presence_event(&event));
            }
            Mode::MATCH_RELAYED => self.broadcast(&event.stream, matches::presence_event(&event)),
            Mode::MATCH_AUTHORITATIVE => {
                self.broadcast(&event.stream, matches::presence_event(&event));
                self.match_changed(&event);
            }
            Mode::PARTY => {
                self.party_changed(&event);
                self.broadcast(&event.stream, parties::presence_event(&event));
            }
            _ => self.broadcast(&event.stream, streams::presence_event(&event)),
        }
    }
}
