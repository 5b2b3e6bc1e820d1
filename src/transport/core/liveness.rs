//! Whether the server is still there.

use std::time::{Duration, Instant};

/// A ping goes out this often.
const INTERVAL: Duration = Duration::from_secs(5);
/// After so much silence behind a ping a second one follows,
const SUSPECT_AFTER: Duration = Duration::from_secs(4);
/// and after so much the connection is dead,
const DEAD_AFTER: Duration = Duration::from_secs(8);
/// unless the server is at work on an earlier request: it handles messages one by one and answers nothing meanwhile, WebSocket
/// pings included. Then it may be silent this long.
const BUSY_LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Send a ping.
    Ping,
    /// Give the connection up after this much silence.
    Dead(Duration),
}

/// The state of one open connection.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    last_frame: Instant,
    next_ping: Instant,
    /// The first ping since the last frame.
    waiting: Option<Waiting>,
}

#[derive(Clone, Debug)]
struct Waiting {
    since: Instant,
    asked_again: bool,
    /// Whether the server had an unanswered request when the ping went out.
    behind_a_request: bool,
}

impl Liveness {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last_frame: now,
            next_ping: now + INTERVAL,
            waiting: None,
        }
    }

    /// Something arrived. Any frame is life.
    pub(crate) fn on_frame(&mut self, now: Instant) {
        self.last_frame = now;
        self.waiting = None;
    }

    /// When to look again.
    pub(crate) fn next_timeout(&self) -> Instant {
        let Some(waiting) = &self.waiting else {
            return self.next_ping;
        };
        let verdict = if waiting.asked_again {
            waiting.dead_at(self.last_frame)
        } else {
            waiting.since + SUSPECT_AFTER
        };
        self.next_ping.min(verdict)
    }

    /// What to do now. `busy`: an earlier request is unanswered.
    pub(crate) fn poll(&mut self, now: Instant, busy: bool) -> Option<Verdict> {
        if let Some(waiting) = &mut self.waiting {
            if now >= waiting.dead_at(self.last_frame) {
                let silence = now.saturating_duration_since(self.last_frame);
                return Some(Verdict::Dead(silence));
            }
            if !waiting.asked_again && now >= waiting.since + SUSPECT_AFTER {
                waiting.asked_again = true;
                return Some(Verdict::Ping);
            }
        }
        if now < self.next_ping {
            return None;
        }
        self.next_ping = now + INTERVAL;
        self.waiting.get_or_insert(Waiting {
            since: now,
            asked_again: false,
            behind_a_request: busy,
        });
        Some(Verdict::Ping)
    }
}

impl Waiting {
    fn dead_at(&self, last_frame: Instant) -> Instant {
        let dead_at = self.since + DEAD_AFTER;
        if self.behind_a_request {
            dead_at.max(last_frame + BUSY_LIMIT)
        } else {
            dead_at
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs until the connection is given up, or `until`; returns the pings and the end, in seconds.
    fn run(busy: bool, until: u64, frames_at: &[u64]) -> (Vec<u64>, Option<u64>) {
        let start = Instant::now();
        let mut liveness = Liveness::new(start);
        let mut pings = Vec::new();
        for second in 0..=until {
            let now = start + second as u32 * SECOND;
            if frames_at.contains(&second) {
                liveness.on_frame(now);
            }
            while let Some(verdict) = liveness.poll(now, busy) {
                match verdict {
                    Verdict::Ping => pings.push(second),
                    Verdict::Dead(_) => return (pings, Some(second)),
                }
            }
            assert!(
                liveness.next_timeout() > now,
                "at {second} s it would be looked at again at once"
            );
        }
        (pings, None)
    }

    #[test]
    fn a_server_that_answers_is_pinged_every_five_seconds() {
        assert_eq!(run(false, 17, &[6, 11, 16]), (vec![5, 10, 15], None));
    }

    #[test]
    fn a_silent_server_is_asked_again_and_given_up_eight_seconds_after_the_first_ping() {
        assert_eq!(run(false, 60, &[]), (vec![5, 9, 10], Some(13)));
    }

    #[test]
    fn any_frame_is_life() {
        assert_eq!(
            run(false, 22, &[12]).1,
            None,
            "a frame at 12 s, the next ping at 15 s, dead at 23 s"
        );
        assert_eq!(run(false, 30, &[12]).1, Some(23));
    }

    #[test]
    fn behind_a_slow_request_the_limit_is_twenty_seconds_of_silence() {
        assert_eq!(run(true, 60, &[]).1, Some(20));
        assert_eq!(run(true, 60, &[4]).1, Some(24));
    }
}
