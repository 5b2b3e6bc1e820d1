//! What the server answers, and to what.

use bevy_nakama::{
    proto::{Envelope, Kind, Message, realtime},
    testing::*,
};

use super::{
    Asked, Session, Stage,
    steps::{Outcome, Say},
};

impl Session {
    pub(super) fn answer(&mut self, which: u8, say: Say) {
        if self.answer_rest(which, say) || !self.is_open() {
            return;
        }
        let is_orderly = self.is_orderly;
        let can_be_asked = |asked: &&Asked| match asked.stage {
            Stage::Open { place, .. } => place.is_some() && !asked.is_skipped,
            Stage::Late { .. } => !asked.is_skipped,
            Stage::Over => !is_orderly && asked.question.is_some(),
            Stage::Staged | Stage::Rest { .. } => false,
        };
        let count = self.asked.iter().filter(can_be_asked).count();
        if count == 0 {
            return;
        }
        let mut candidates = (0..self.asked.len()).filter(|&i| can_be_asked(&&self.asked[i]));
        let Some(index) = candidates.nth(usize::from(which) % count) else {
            return;
        };
        drop(candidates);
        let (kind, about) = self.asked[index].key.clone();
        let is_leave = matches!(kind, Kind::MatchLeave | Kind::PartyLeave);
        let say = if is_orderly && is_leave && say == Say::SomethingElse {
            Say::No // a server that answers anything would leave open what it means
        } else {
            say
        };
        let Some(question) = self.asked[index].question.clone() else {
            return;
        };
        match say {
            Say::No => self.game.refuse(&question, 3, "no"),
            Say::SomethingElse => {
                let notice = Message::Notifications(realtime::Notifications::default());
                self.game.answer(&question, notice);
            }
            Say::Yes => {
                let about = about.split(' ').next().unwrap_or_default().to_owned();
                match kind {
                    Kind::MatchCreate | Kind::MatchJoin => {
                        self.game
                            .answer(&question, match_joined(&about, &["ada", "bob"]));
                        self.matches.insert(about);
                    }
                    Kind::PartyCreate => {
                        let id = format!("created-{about}");
                        self.game
                            .answer(&question, party_joined(&id, "ada", &["ada"]));
                        self.parties.insert(id);
                    }
                    Kind::StatusFollow => self
                        .game
                        .answer(&question, Message::Status(Default::default())),
                    _ => {
                        self.game.acknowledge(&question);
                        match kind {
                            Kind::MatchLeave => drop(self.matches.remove(&about)),
                            Kind::PartyLeave => drop(self.parties.remove(&about)),
                            Kind::PartyJoin if !self.parties.contains(&about) => {
                                self.asks.insert(about);
                            }
                            _ => {}
                        }
                    }
                }
            }
        }
        self.on_answered(index, say);
    }

    pub(super) fn on_answered(&mut self, index: usize, say: Say) {
        let asked = &mut self.asked[index];
        let place = match asked.stage {
            Stage::Open {
                place: Some(place), ..
            } => {
                let is_raw = asked.key.0 == Kind::StatusFollow;
                let outcome = match say {
                    _ if self.is_replaced => Outcome::Lost { sent: true },
                    Say::Yes => Outcome::Consent,
                    Say::No => Outcome::Refused,
                    Say::SomethingElse if is_raw => Outcome::Consent,
                    Say::SomethingElse => Outcome::Unexpected,
                };
                asked.expected = Some((outcome, self.frame + 1));
                place
            }
            Stage::Late { place } => place,
            _ => return,
        };
        asked.stage = Stage::Over;
        self.on_handled(place);
    }

    /// The server works in order: what it was asked before is done with.
    pub(super) fn on_handled(&mut self, before: u64) {
        for asked in &mut self.asked {
            match asked.stage {
                Stage::Late { place } if place < before => asked.stage = Stage::Over,
                Stage::Open {
                    place: Some(place), ..
                } if self.is_orderly && place < before => asked.is_skipped = true,
                _ => {}
            }
        }
    }

    /// A REST call is answered if there is one; whether there was.
    fn answer_rest(&mut self, which: u8, say: Say) -> bool {
        if self.rest.is_empty() || which.is_multiple_of(2) {
            return false;
        }
        let payload = serde_json::json!({ "payload": "hello" });
        let error = serde_json::json!({ "code": 16, "message": "no" });
        let (status, body, outcome) = match say {
            Say::Yes => (200, payload, Outcome::Consent),
            Say::No => (401, error, Outcome::Refused),
            Say::SomethingElse => (200, serde_json::Value::Null, Outcome::Unexpected),
        };
        self.game.answer_rest(status, &body);
        let asked = &mut self.asked[self.rest.remove(0)];
        asked.expected = Some((outcome, self.frame + 1));
        asked.stage = Stage::Over;
        true
    }

    pub(super) fn stray(&mut self, which: u8) {
        let cids = [
            "999999",
            "0",
            "x",
            "p1",
            "p99",
            "+1",
            "01",
            "18446744073709551616",
        ];
        let question = Envelope {
            cid: cids[usize::from(which) % cids.len()].into(),
            message: None,
        };
        self.game.answer(&question, match_joined("stray", &["ada"]));
    }
}
