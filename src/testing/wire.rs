//! The other end of a link, driven by a test.

use std::{
    collections::VecDeque,
    mem,
    time::{Duration, Instant},
};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use prost::Message as _;

use crate::{
    proto::{Envelope, Message, PartyLayout, realtime},
    transport::{
        Action, Core, Driver, Input, Link, LinkCommand, LinkSettings, RequestId, RestCall,
        SocketId, parse_request_cid,
    },
};

/// The other end of a link, in the same thread and on a clock of its own.
pub(super) struct Wire {
    core: Core,
    commands: Receiver<Vec<LinkCommand>>,
    pub(super) now: Instant,
    inbox: Vec<Input>,
    /// The one that the game opens, or has open.
    pub(super) socket: Option<SocketId>,
    pub(super) layout: PartyLayout,
    pub(super) sent: VecDeque<Envelope>,
    pub(super) calls: VecDeque<(RequestId, RestCall)>,
    pub(super) is_silent: bool,
    /// If a test has the line: what it has not taken.
    #[cfg(feature = "__testing")]
    pub(super) line: Option<VecDeque<super::line::LineEvent>>,
    /// The pings that were not answered because of that.
    unanswered: Vec<(SocketId, String)>,
}

fn pong(socket: SocketId, cid: String) -> Input {
    let pong = Envelope {
        cid,
        message: Some(Message::Pong(realtime::Pong {})),
    };
    Input::Frame(socket, pong.encode_to_vec().into())
}

struct ByHand(Sender<Vec<LinkCommand>>);

impl Driver for ByHand {
    fn hand_over(&self, commands: Vec<LinkCommand>) {
        // Without a wire nobody listens; the link sees that itself.
        let _ = self.0.send(commands);
    }
}

impl Wire {
    pub(super) fn new(settings: LinkSettings) -> (Self, Link) {
        let (core, events, stats) = Core::new(settings);
        let (to_wire, commands) = unbounded();
        let wire = Self {
            core,
            commands,
            now: Instant::now(),
            inbox: Vec::new(),
            socket: None,
            layout: PartyLayout::default(),
            sent: VecDeque::new(),
            calls: VecDeque::new(),
            is_silent: false,
            #[cfg(feature = "__testing")]
            line: None,
            unanswered: Vec::new(),
        };
        (wire, Link::new(Box::new(ByHand(to_wire)), events, stats))
    }

    /// Something happens on the server's side; the game hears of it with the next frame.
    pub(super) fn input(&mut self, input: Input) {
        self.inbox.push(input);
    }

    /// Everything that has happened arrives, in one turn.
    pub(super) fn arrive(&mut self) {
        for input in mem::take(&mut self.inbox) {
            self.core.handle(self.now, input);
        }
        self.turn();
    }

    /// Time passes; what is due at a moment in between happens at that moment.
    pub(super) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let due = [self.core.next_timeout(), self.core.next_frame_due(self.now)];
            let Some(next) = due
                .into_iter()
                .flatten()
                .min()
                .filter(|next| *next <= until)
            else {
                break;
            };
            self.now = next.max(self.now);
            self.turn();
        }
        self.now = until;
        self.turn();
    }

    /// Time passes while nobody has a turn; then everything that has happened arrives.
    pub(super) fn stop(&mut self, duration: Duration) {
        self.now += duration;
        self.arrive();
    }

    pub(super) fn turn(&mut self) {
        for commands in self.commands.try_iter() {
            for command in commands {
                self.core.handle(self.now, Input::Command(command));
            }
        }
        self.core.handle(self.now, Input::Tick);
        loop {
            while let Some(frame) = self.core.next_frame(self.now) {
                self.on_sent(frame);
            }
            self.core.flush();
            let action = self.core.next_action();
            #[cfg(feature = "__testing")]
            let action = self.over_the_line(action);
            match action {
                Some(Action::Open(socket, ..)) => self.socket = Some(socket),
                Some(Action::Close(socket)) => {
                    self.socket.take_if(|current| *current == socket);
                }
                Some(Action::Rest(id, call, _)) => self.calls.push_back((id, *call)),
                Some(Action::AbandonRest(id)) => self.calls.retain(|(call, _)| *call != id),
                None => break,
            }
        }
    }

    /// Gives an action to the test, if that has the line. Returns the next one that is left to do.
    #[cfg(feature = "__testing")]
    fn over_the_line(&mut self, mut action: Option<Action>) -> Option<Action> {
        let Some(line) = &mut self.line else {
            return action;
        };
        while let Some(next) = action {
            match &next {
                Action::Open(socket, ..) => self.socket = Some(*socket),
                Action::Close(socket) => {
                    self.socket.take_if(|current| current == socket);
                }
                Action::Rest(..) | Action::AbandonRest(_) => {}
            }
            line.push_back(super::line::event(next));
            action = self.core.next_action();
        }
        action
    }

    fn on_sent(&mut self, frame: Bytes) {
        #[cfg(feature = "__testing")]
        if let (Some(line), Some(socket)) = (&mut self.line, self.socket) {
            return line.push_back(super::line::sends(socket, frame));
        }
        let Ok(envelope) = Envelope::decode(frame) else {
            return;
        };
        let is_heartbeat = matches!(envelope.message, Some(Message::Ping(_)))
            && parse_request_cid(&envelope.cid).is_none();
        if !is_heartbeat {
            return self.sent.push_back(envelope);
        }
        if let Some(socket) = self.socket {
            if self.is_silent {
                self.unanswered.push((socket, envelope.cid));
            } else {
                self.core.handle(self.now, pong(socket, envelope.cid));
            }
        }
    }

    /// Answers pings again, and now all that it has not answered.
    pub(super) fn speak_again(&mut self) {
        self.is_silent = false;
        let unanswered = self.unanswered.drain(..);
        self.inbox
            .extend(unanswered.map(|(socket, cid)| pong(socket, cid)));
    }
}
