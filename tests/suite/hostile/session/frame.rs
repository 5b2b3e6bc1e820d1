//! One frame: time passes, what was staged leaves, and the server gets it.

use bevy_nakama::proto::{Kind, Message, realtime};

use super::{Asked, Command, DEADLINE, PING, Session, Socket, Stage, steps::Outcome};

impl Session {
    pub(super) fn update(&mut self) {
        self.frame += 1;
        self.data_in_frame = 0;
        self.pass_time();
        self.game.update();
        self.is_replaced = false;
        self.hand_over();
        self.note_sent();
        self.verify();
    }

    /// What happens by itself in this frame.
    fn pass_time(&mut self) {
        let frame = self.frame;
        for index in 0..self.asked.len() {
            let asked = &mut self.asked[index];
            match asked.stage {
                Stage::Open { until, place } if until <= frame => {
                    asked.expected = Some((Outcome::Timeout, frame));
                    asked.stage = place.map_or(Stage::Over, |place| Stage::Late { place });
                }
                Stage::Rest { until } if until <= frame => {
                    asked.expected = Some((Outcome::Timeout, frame));
                    asked.stage = Stage::Over;
                    self.rest.retain(|call| *call != index);
                }
                _ => {}
            }
        }
        match self.socket {
            Socket::Opening { until } if until <= frame => self.end_of_socket(frame),
            Socket::Open { since } if (frame - since).is_multiple_of(PING) => {
                self.on_handled(u64::MAX);
            }
            _ => {}
        }
    }

    /// What the game staged leaves.
    fn hand_over(&mut self) {
        let (frame, due) = (self.frame, self.frame + 1);
        // What was asked for before the end is answered before it.
        let mut is_over = !self.is_open() && self.ended == frame;
        let (mut is_draining, mut is_queued) = (false, false);
        for command in std::mem::take(&mut self.staged) {
            match command {
                Command::Connect => {
                    if self.socket != Socket::Idle {
                        self.end_of_socket(due);
                    }
                    is_draining = false;
                    is_queued = false;
                    is_over = false;
                    self.ended = 0;
                    let until = frame + DEADLINE;
                    self.socket = Socket::Opening { until };
                }
                Command::Disconnect if self.is_open() && is_queued => is_draining = true,
                Command::Disconnect => self.end_of_socket(due),
                Command::Ask(index) => {
                    let is_open = self.is_open() && !is_draining;
                    let asked = &mut self.asked[index];
                    let until = frame + DEADLINE;
                    if asked.key.0 == Kind::Ping {
                        asked.stage = Stage::Rest { until };
                        self.rest.push(index);
                    } else if !is_open {
                        asked.stage = Stage::Over;
                        let due = if is_over { frame } else { due };
                        asked.expected = Some((Outcome::NotConnected, due));
                    } else if asked.key.1.len() > 4096 {
                        asked.stage = Stage::Over;
                        asked.expected = Some((Outcome::TooLarge, due));
                    } else {
                        asked.stage = Stage::Open { until, place: None };
                        is_queued = true;
                    }
                }
            }
        }
        // Match data was staged, too, but that makes no difference: it leaves with what is staged, or is refused with it.
        if self.is_open() {
            for asked in &mut self.asked {
                if let Stage::Open { until, place: None } = asked.stage
                    && until == frame + DEADLINE
                {
                    self.places += 1;
                    let place = Some(self.places);
                    asked.stage = Stage::Open { until, place };
                    asked.is_sent = true;
                }
            }
            if is_draining {
                self.end_of_socket(due);
            }
        }
    }

    /// What arrived at the server.
    fn note_sent(&mut self) {
        for envelope in self.game.sent() {
            let Some(key) = envelope.message.as_ref().and_then(key_of) else {
                continue;
            };
            let is_it =
                |asked: &&mut Asked| asked.is_sent && asked.question.is_none() && asked.key == key;
            if let Some(asked) = self.asked.iter_mut().find(is_it) {
                asked.question = Some(envelope);
            } else if self.is_open() && matches!(key.0, Kind::MatchLeave | Kind::PartyLeave) {
                // The plugin takes something back. The server does that at once, and with it everything before.
                self.matches.remove(&key.1);
                self.parties.remove(&key.1);
                self.game.acknowledge(&envelope);
                self.places += 1;
                self.on_handled(self.places);
            }
        }
    }
}

/// What tells requests of one kind apart on the wire.
fn key_of(message: &Message) -> Option<(Kind, String)> {
    let about = match message {
        Message::MatchCreate(create) => create.name.clone(),
        Message::MatchJoin(join) => {
            let Some(realtime::match_join::Id::MatchId(id)) = &join.id else {
                return None;
            };
            format!("{id} {}", join.metadata.get("n")?)
        }
        Message::MatchLeave(leave) => leave.match_id.clone(),
        Message::PartyCreate(create) => create.label.clone(),
        Message::PartyJoin(join) => join.party_id.clone(),
        Message::PartyLeave(leave) => leave.party_id.clone(),
        Message::PartyUpdate(update) => update.label.clone(),
        Message::StatusFollow(follow) => follow.user_ids.first()?.clone(),
        _ => return None,
    };
    Some((Kind::of(message), about))
}
