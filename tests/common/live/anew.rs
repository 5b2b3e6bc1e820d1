//! A history that goes on without its beginning.

use std::collections::BTreeSet;

use super::{Host, Live};
use crate::common::history::{History, Id, Kind, Mirror, What, read_mirror};

/// A presence of a game: its context and itself.
pub(super) type Seen = (usize, Id, Id);

impl<H: Host> Live<H> {
    /// Forgets what was told, in a quiet moment, and begins with how things are. Returns how many presences are the same as last time.
    pub(crate) fn begin_anew(&mut self) -> usize {
        let before = self.tape.history();
        let mirrors = self.seats.iter_mut();
        let mirrors: Vec<_> = mirrors
            .map(|seat| read_mirror(&mut seat.game.app))
            .collect();
        self.tape.forget();
        let mut here = BTreeSet::new();
        for (game, mirror) in mirrors.iter().enumerate() {
            for what in as_told(mirror) {
                if let What::Joined {
                    context, presence, ..
                } = what
                {
                    here.insert((game, context, presence));
                }
                self.tape.add(game, what);
            }
            for what in that_counts(&before, game) {
                self.tape.add(game, what);
            }
        }
        let stayed = self.here.intersection(&here).count();
        self.here = here;
        stayed
    }
}

/// What a game would have been told if all of this had just come to be.
fn as_told(mirror: &Mirror) -> Vec<What> {
    let mut told = Vec::new();
    if mirror.is_connected {
        told.push(What::Connected { resumed: false });
    }
    told.extend(mirror.session.clone().map(What::Session));
    for ((kind, id), view) in &mirror.places {
        let (kind, context) = (*kind, view.context);
        told.push(What::Entered {
            kind,
            context,
            id: id.clone(),
        });
        if view.adopts {
            told.push(What::Adopts { context });
        }
        for member in &view.members {
            let presence = member.presence;
            told.push(What::Related {
                kind,
                context,
                presence,
            });
            told.push(What::Joined {
                kind,
                context,
                presence,
                user: member.user.clone(),
                session: member.session.clone(),
                how: "Present",
            });
        }
    }
    for (id, context) in &mirror.tickets {
        told.push(What::Entered {
            kind: Kind::Ticket,
            context: *context,
            id: id.clone(),
        });
    }
    told
}

/// What still counts: what a game has sent, which may come again from a history, and what it has asked for and still waits for, like a
/// closed party.
fn that_counts(history: &History, game: usize) -> Vec<What> {
    let mut asked = Vec::new();
    for line in history.lines.iter().filter(|line| line.game == game) {
        match &line.what {
            What::Sent { .. } | What::Asked { .. } => asked.push(line.what.clone()),
            What::Replied { request, .. } => asked
                .retain(|what| !matches!(what, What::Asked { request: it, .. } if it == request)),
            _ => {}
        }
    }
    asked
}
