//! Every request has come to what the model foretells, and in the end nothing is left.

use std::collections::BTreeSet;

use bevy::diagnostic::{Diagnostic, DiagnosticPath, DiagnosticsStore};
use bevy_nakama::{diagnostics, prelude::*, proto::Kind};

use super::{
    DEADLINE, Session,
    steps::{Ask, Outcome, Say, Step},
};

impl Session {
    /// Every request has come to what it should by now.
    pub(super) fn verify(&mut self) {
        let seen = self.seen.lock().expect("no observer panics");
        let world = self.game.app.world();
        for (index, asked) in self.asked.iter_mut().enumerate() {
            let none = Vec::new();
            let by_all = seen.by_all.get(&asked.entity).unwrap_or(&none);
            let chained = seen.chained.get(&asked.entity).unwrap_or(&none);
            let at = format!(
                "frame {}, request {index}: {:?} {:?}",
                self.frame, asked.key, asked.stage
            );
            let Some((outcome, due)) = &mut asked.expected else {
                assert_eq!((by_all, chained), (&none, &none), "{at}");
                let is_pending = world.get::<PendingRequest>(asked.entity).is_some();
                assert_eq!(is_pending, !asked.is_gone, "{at}");
                continue;
            };
            if *due > self.frame {
                assert_eq!((by_all, chained), (&none, &none), "{at}");
                continue;
            }
            if *due == self.frame {
                let is_consent = matches!(outcome, Outcome::Consent | Outcome::Unexpected);
                if asked.is_gone && is_consent && asked.key.0 != Kind::Ping {
                    *outcome = Outcome::Withdrawn;
                }
                let witnesses = if asked.is_gone { 0 } else { 1 };
                assert_eq!(*chained, vec![*outcome; witnesses], "{at}, chained");
            }
            assert_eq!(*by_all, [*outcome], "{at}, for all");
            assert!(chained.len() <= 1, "{at}");
            assert!(
                world.get::<PendingRequest>(asked.entity).is_none(),
                "{at}: it is pending for ever"
            );
            let is_failed = *outcome != Outcome::Consent;
            assert!(
                !is_failed || world.get_entity(asked.entity).is_err(),
                "{at}: a failed request leaves something behind"
            );
        }
    }

    /// Lets everything come to its end, and looks for what is left.
    pub(super) fn finish(mut self) -> Vec<Outcome> {
        if !self.is_open() {
            self.step(Step::Connect);
            self.update();
            self.step(Step::Accept);
        }
        (0..=DEADLINE).for_each(|_| self.update());
        // One more answer, and nothing before it can come any more.
        self.step(Step::Ask(Ask::Follow));
        self.update();
        if let Some(question) = self.asked.last().and_then(|asked| asked.question.clone()) {
            self.game.acknowledge(&question);
            self.on_answered(self.asked.len() - 1, Say::Yes);
        }
        (0..=DEADLINE).for_each(|_| self.update());

        for path in [
            &diagnostics::PENDING_REQUESTS,
            &diagnostics::LATE_REQUESTS,
            &diagnostics::QUEUED,
        ] {
            assert_eq!(self.read(path), Some(0.0), "{path}");
        }
        if self.is_orderly {
            let world = self.game.app.world();
            let matches = world.resource::<MatchIndex>().iter();
            let matches: BTreeSet<_> = matches.map(|(id, _)| id.to_string()).collect();
            assert_eq!(matches, self.matches, "the game's and the server's matches");
            let parties = world.resource::<PartyIndex>().iter();
            let parties: BTreeSet<_> = parties.map(|(id, _)| id.to_string()).collect();
            assert_eq!(parties, self.parties, "the game's and the server's parties");
        }
        self.step(Step::Disconnect);
        // What is left lives on as long as a message may name it.
        (0..8).for_each(|_| self.update());
        let world = self.game.app.world();
        assert_eq!(
            world.entities().count_spawned(),
            self.entities_before,
            "entities are left"
        );
        assert_eq!(self.read(&diagnostics::HELD), Some(0.0));
        let outcomes = self.asked.iter().filter_map(|asked| asked.expected);
        outcomes.map(|(outcome, _)| outcome).collect()
    }
}

impl Session {
    /// A number that the plugin publishes.
    pub(super) fn read(&self, path: &DiagnosticPath) -> Option<f64> {
        let store = self.game.app.world().resource::<DiagnosticsStore>();
        store.get(path).and_then(Diagnostic::value)
    }
}
