//! After the process was stopped for a while.

use std::time::{Duration, Instant};

use super::{Core, Stage};

/// What ran out while the process was stopped has this much more time: the answer may be there already, or on its way.
const GRACE: Duration = Duration::from_secs(1);

impl Core {
    /// The process was stopped, so nothing that was due has happened. The server is not to blame for what it did not say meanwhile.
    pub(super) fn on_stopped(&mut self, now: Instant) {
        let earliest = now + GRACE;
        self.requests.not_before(earliest);
        match &mut self.stage {
            Stage::Open(open) => {
                open.liveness.start_anew(now);
                for ping in &mut open.waiting_pings {
                    ping.is_sample = false;
                }
            }
            Stage::Opening { deadline, .. } => *deadline = earliest.max(*deadline),
            // The network may be another one, and the game has waited long enough.
            Stage::Waiting { .. } => self.ask(false),
            Stage::Idle | Stage::Asking => {}
        }
    }
}
