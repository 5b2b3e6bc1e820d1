//! Whether the server is still there.

use std::time::{Duration, Instant};

/// A ping goes out this often,
const INTERVAL: Duration = Duration::from_secs(5);
/// and at once after so much silence
const QUIET: Duration = Duration::from_secs(2);
/// on a connection that had frames other than pongs within this time.
const TRAFFIC: Duration = Duration::from_secs(10);
/// After so much silence behind a ping a second one follows,
const SUSPECT_AFTER: Duration = Duration::from_secs(4);
/// and after so much the connection is dead,
const DEAD_AFTER: Duration = Duration::from_secs(8);
/// unless the server is at work on an earlier request: it handles messages one by one and answers nothing meanwhile, WebSocket
/// pings included. Then it may be silent this long.
const BUSY_LIMIT: Duration = Duration::from_secs(20);
/// If frames arrive, but neither pong nor answer for this long, nothing that is sent arrives. It counts anew when a request ahead of the ping
/// is given up.
const DEAF_AFTER: Duration = Duration::from_secs(20);

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
    /// The last frame that was not a pong.
    last_traffic: Option<Instant>,
    last_pong: Instant,
    next_ping: Instant,
    /// The first ping since the last frame.
    waiting: Option<Waiting>,
    /// The first ping since the last pong.
    unanswered: Option<Instant>,
    /// The last pong or answer, or when the last request ahead of that ping was given up.
    patient_since: Instant,
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
            last_traffic: None,
            last_pong: now,
            next_ping: now + INTERVAL,
            waiting: None,
            unanswered: None,
            patient_since: now,
        }
    }

    /// Something arrived. Any frame is life.
    pub(crate) fn on_frame(&mut self, now: Instant) {
        self.last_frame = now;
        self.waiting = None;
    }

    /// What arrived was not a pong.
    pub(crate) fn on_traffic(&mut self, now: Instant) {
        self.last_traffic = Some(now);
    }

    /// What arrived was a pong.
    pub(crate) fn on_pong(&mut self, now: Instant) {
        self.last_pong = now;
        self.patient_since = now;
        self.unanswered = None;
    }

    /// A request is answered, or given up, or the server may still be at work on it: until now it did not have to answer pings.
    pub(crate) fn be_patient(&mut self, now: Instant) {
        self.patient_since = now;
    }

    /// Whether nothing that is sent seems to arrive.
    pub(crate) fn seems_deaf(&self, now: Instant) -> bool {
        self.deaf_at().is_some_and(|at| now >= at)
    }

    /// Somebody wants to know: a ping at once, unless the answer to one is due.
    pub(crate) fn probe(&mut self, now: Instant) {
        if self.waiting.is_none() {
            self.next_ping = now;
        }
    }

    /// Whoever judges was stopped for a while. What it did not hear meanwhile does not count: a ping at once, and everything anew from
    /// there.
    pub(crate) fn start_anew(&mut self, now: Instant) {
        *self = Self {
            next_ping: now,
            ..Self::new(now)
        };
    }

    /// When to look again.
    pub(crate) fn next_timeout(&self) -> Instant {
        let verdict = self.waiting.as_ref().map(|waiting| {
            if waiting.asked_again {
                waiting.dead_at(self.last_frame)
            } else {
                waiting.since + SUSPECT_AFTER
            }
        });
        let others = [verdict, self.deaf_at()].into_iter().flatten();
        others.fold(self.ping_at(), Instant::min)
    }

    /// What to do now. `busy`: an earlier request is unanswered.
    pub(crate) fn poll(&mut self, now: Instant, busy: bool) -> Option<Verdict> {
        if self.seems_deaf(now) {
            let silence = now.saturating_duration_since(self.last_pong);
            return Some(Verdict::Dead(silence));
        }
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
        if now < self.ping_at() {
            return None;
        }
        self.next_ping = now + INTERVAL;
        self.waiting.get_or_insert(Waiting {
            since: now,
            asked_again: false,
            behind_a_request: busy,
        });
        self.unanswered.get_or_insert(now);
        Some(Verdict::Ping)
    }

    fn ping_at(&self) -> Instant {
        let quiet_at = self.last_frame + QUIET;
        let had_traffic = self.last_traffic.is_some_and(|at| at + TRAFFIC > quiet_at);
        if had_traffic && self.waiting.is_none() {
            self.next_ping.min(quiet_at)
        } else {
            self.next_ping
        }
    }

    /// When it is clear that nothing arrives that is sent.
    fn deaf_at(&self) -> Option<Instant> {
        let asked_at = self.unanswered?;
        Some((self.patient_since + DEAF_AFTER).max(asked_at + DEAD_AFTER))
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

    /// What happens to a connection, in seconds since it was opened.
    #[derive(Default)]
    struct Line {
        /// A request is unanswered.
        busy: bool,
        /// Frames other than pongs.
        traffic: Vec<u64>,
        pongs: Vec<u64>,
        /// The process was stopped, and goes on here.
        goes_on: Option<u64>,
    }

    impl Line {
        /// Runs until the connection is given up, or `until`; returns the pings and the end, in seconds.
        fn run(&self, until: u64) -> (Vec<u64>, Option<u64>) {
            let start = Instant::now();
            let mut liveness = Liveness::new(start);
            let mut pings = Vec::new();
            for second in 0..=until {
                let now = start + second as u32 * SECOND;
                if self.goes_on.is_some_and(|goes_on| second < goes_on) {
                    continue;
                }
                if self.goes_on == Some(second) {
                    liveness.start_anew(now);
                }
                if self.traffic.contains(&second) {
                    liveness.on_frame(now);
                    liveness.on_traffic(now);
                }
                if self.pongs.contains(&second) {
                    liveness.on_frame(now);
                    liveness.on_pong(now);
                }
                if self.busy && liveness.seems_deaf(now) {
                    liveness.be_patient(now);
                }
                while let Some(verdict) = liveness.poll(now, self.busy) {
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
    }

    #[test]
    fn a_quiet_server_is_pinged_every_five_seconds() {
        let line = Line {
            pongs: vec![6, 11, 16],
            ..Line::default()
        };
        assert_eq!(line.run(17), (vec![5, 10, 15], None));
    }

    #[test]
    fn a_server_that_never_stops_talking_is_pinged_every_five_seconds() {
        let line = Line {
            traffic: (0..60).collect(),
            pongs: vec![5, 10, 15],
            ..Line::default()
        };
        assert_eq!(line.run(17), (vec![5, 10, 15], None));
    }

    #[test]
    fn two_seconds_of_silence_after_traffic_are_asked_about() {
        let line = Line {
            traffic: vec![0],
            pongs: vec![3, 6, 9, 14, 19],
            ..Line::default()
        };
        let (pings, end) = line.run(20);
        assert_eq!(pings, [2, 5, 8, 13, 18], "10 s later it is quiet");
        assert_eq!(end, None);
    }

    #[test]
    fn a_silent_server_is_asked_again_and_given_up_eight_seconds_after_the_first_ping() {
        assert_eq!(Line::default().run(60), (vec![5, 9, 10], Some(13)));
    }

    #[test]
    fn after_traffic_a_silent_server_is_given_up_after_ten_seconds() {
        for last in 1..20 {
            let line = Line {
                traffic: (0..=last).collect(),
                pongs: vec![5, 10, 15]
                    .into_iter()
                    .filter(|at| *at <= last)
                    .collect(),
                ..Line::default()
            };
            let end = line.run(60).1.unwrap_or(u64::MAX);
            assert!(end <= last + 10, "last frame at {last} s, dead at {end} s");
            assert!(end >= last + 8, "last frame at {last} s, dead at {end} s");
        }
    }

    #[test]
    fn any_frame_is_life() {
        let line = Line {
            pongs: vec![12],
            ..Line::default()
        };
        assert_eq!(
            line.run(22).1,
            None,
            "a frame at 12 s, the next ping at 15 s, dead at 23 s"
        );
        assert_eq!(line.run(30).1, Some(23));
    }

    #[test]
    fn behind_a_slow_request_the_limit_is_twenty_seconds_of_silence() {
        let mut line = Line {
            busy: true,
            ..Line::default()
        };
        assert_eq!(line.run(60).1, Some(20));
        line.traffic = vec![4];
        assert_eq!(line.run(60).1, Some(24));
    }

    #[test]
    fn a_server_that_talks_and_answers_no_ping_hears_nothing() {
        let mut line = Line {
            traffic: (0..60).collect(),
            pongs: vec![5],
            ..Line::default()
        };
        assert_eq!(line.run(60).1, Some(25));
        line.busy = true;
        assert_eq!(line.run(59).1, None, "it is at work on a request");
    }

    #[test]
    fn a_process_that_was_stopped_asks_first() {
        let mut line = Line {
            goes_on: Some(3600),
            ..Line::default()
        };
        assert_eq!(line.run(4000), (vec![3600, 3604, 3605], Some(3608)));
        line.pongs = vec![3601];
        assert_eq!(line.run(3604), (vec![3600], None));
    }
}
