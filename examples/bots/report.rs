//! What is told, while it runs and in the end.

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    machine::Cpu,
    options::Options,
    tally::{Reasons, Tally},
};

/// A line a second.
pub(crate) struct Live {
    start: Instant,
    at: Instant,
    last: Tally,
}

impl Live {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            at: start,
            last: Tally::default(),
        }
    }

    pub(crate) fn line(&mut self, connected: u32, tally: Tally) -> String {
        let now = Instant::now();
        let seconds = (now - self.at).as_secs_f64();
        let per_second = |now: u64, before: u64| (now - before) as f64 / seconds;
        // The time of this second's messages alone.
        let mut recent = tally.latency.clone();
        let _same_bounds = recent.subtract(&self.last.latency);
        let within = |percent| millis(Duration::from_micros(recent.value_at_percentile(percent)));
        let line = format!(
            "{:4.0} s  {connected} connected, {:.0} sent/s, {:.0} delivered/s, {} under way, p50 {}, p99 {}, {} lost and back, {} kicked",
            (now - self.start).as_secs_f64(),
            per_second(tally.sent, self.last.sent),
            per_second(tally.delivered, self.last.delivered),
            tally.expected.saturating_sub(tally.delivered),
            within(50.0),
            within(99.0),
            tally.lost(),
            tally.kicked(),
        );
        (self.at, self.last) = (now, tally);
        line
    }
}

/// What was measured.
pub(crate) struct Report {
    pub(crate) options: Options,
    pub(crate) server: String,
    /// How many were connected in the end.
    pub(crate) connected: u32,
    /// How long they have sent.
    pub(crate) sending: Duration,
    /// How long it took until the last message had arrived.
    pub(crate) all: Duration,
    pub(crate) tally: Tally,
    pub(crate) cpu: Option<Cpu>,
    pub(crate) memory: Option<u64>,
}

impl Report {
    /// Whether everybody is connected in the end, and all has arrived, and nearly all was sent that should have been. A connection that was
    /// lost and came back takes messages with it: then it is enough that everybody is back.
    pub(crate) fn is_good(&self) -> bool {
        let tally = &self.tally;
        let has_lost_nothing = tally.send_failed.is_empty()
            && tally.delivered == tally.expected
            && tally.out_of_order == 0
            && tally.skipped * 100 <= tally.sent;
        self.connected == self.options.count
            && tally.kicked.is_empty()
            && (has_lost_nothing || !tally.lost.is_empty())
    }

    fn sent_per_second(&self) -> f64 {
        self.tally.sent as f64 / self.sending.as_secs_f64()
    }

    fn delivered_per_second(&self) -> f64 {
        self.tally.delivered as f64 / self.sending.as_secs_f64()
    }

    fn wanted_per_second(&self) -> f64 {
        self.options.rate * f64::from(self.options.count)
    }

    /// A time, shared among all messages that went out or came in. In microseconds.
    fn micros_per_message(&self, time: Duration) -> f64 {
        let messages = self.tally.sent + self.tally.delivered;
        time.as_secs_f64() * 1e6 / messages.max(1) as f64
    }

    /// Everything as an object. Times are in milliseconds, where the name does not say otherwise.
    pub(crate) fn json(&self) -> Value {
        let tally = &self.tally;
        let cpu = self.cpu.map(|cpu| {
            json!({
                "process_seconds": cpu.process.as_secs_f64(),
                "process_micros_per_message": self.micros_per_message(cpu.process),
                "network_thread_seconds": cpu.network.as_secs_f64(),
                "network_thread_micros_per_message": self.micros_per_message(cpu.network),
            })
        });
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        json!({
            "server": self.server,
            "count": self.options.count,
            "rooms": self.options.rooms(),
            "room": self.options.room,
            "rate": self.options.rate,
            "bytes": self.options.bytes,
            "frames": self.options.frames,
            "seconds": self.sending.as_secs_f64(),
            "is_good": self.is_good(),
            "connected": self.connected,
            "sent": tally.sent,
            "sent_per_second": self.sent_per_second(),
            "skipped": tally.skipped,
            "send_failed": tally.send_failed,
            "expected": tally.expected,
            "delivered": tally.delivered,
            "delivered_per_second": self.delivered_per_second(),
            "delivered_of_expected": tally.share(),
            "out_of_order": tally.out_of_order,
            "latency": {
                "p50": millis(tally.percentile(50.0)),
                "p99": millis(tally.percentile(99.0)),
                "max": millis(tally.longest()),
            },
            "lost_and_back": tally.lost,
            "kicked": tally.kicked,
            "cpu": cpu,
            "memory_bytes": self.memory,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        let options = &self.options;
        writeln!(
            f,
            "\n{} bots in {} rooms of {}, {} messages of {} bytes a second each, for {:.1} s, on {}",
            options.count,
            options.rooms(),
            options.room,
            options.rate,
            options.bytes,
            self.sending.as_secs_f64(),
            self.server
        )?;
        row(
            f,
            "connected",
            format!("{} of {}", self.connected, options.count),
        )?;
        let sent = format!("{}, {:.0}/s", tally.sent, self.sent_per_second());
        if tally.skipped == 0 {
            row(f, "sent", sent)?;
        } else {
            row(
                f,
                "sent",
                format!(
                    "{sent} of {:.0}/s: this machine is too slow for so many bots",
                    self.wanted_per_second()
                ),
            )?;
        }
        rows(f, "send failed", &tally.send_failed)?;
        row(
            f,
            "delivered",
            format!("{}, {:.0}/s", tally.delivered, self.delivered_per_second()),
        )?;
        let lost = tally.expected.saturating_sub(tally.delivered);
        row(
            f,
            "delivered ÷ expected",
            format!("{:.6}, {lost} lost", tally.share()),
        )?;
        if tally.out_of_order > 0 {
            row(f, "twice or out of order", tally.out_of_order.to_string())?;
        }
        row(
            f,
            "through the match",
            format!(
                "p50 {}, p99 {}, max {}; from the sender's frame to the receiver's, at {} frames a second",
                millis(tally.percentile(50.0)),
                millis(tally.percentile(99.0)),
                millis(tally.longest()),
                options.frames
            ),
        )?;
        row(f, "lost and back", tally.lost().to_string())?;
        rows(f, "", &tally.lost)?;
        row(f, "kicked", tally.kicked().to_string())?;
        rows(f, "", &tally.kicked)?;
        match self.cpu {
            Some(cpu) => {
                let share = cpu.process.as_secs_f64() / self.all.as_secs_f64();
                row(
                    f,
                    "CPU",
                    format!(
                        "{:.1} s in this process, {:.0} % of a core, {:.1} µs a message; the network thread: {:.1} s, {:.2} µs a message",
                        cpu.process.as_secs_f64(),
                        share * 100.0,
                        self.micros_per_message(cpu.process),
                        cpu.network.as_secs_f64(),
                        self.micros_per_message(cpu.network),
                    ),
                )?;
            }
            None => row(f, "CPU", "unknown".into())?,
        }
        let memory = self.memory.map_or_else(
            || "unknown".into(),
            |bytes| format!("{:.0} MiB", bytes as f64 / (1024.0 * 1024.0)),
        );
        row(f, "memory", memory)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: String) -> fmt::Result {
    writeln!(f, "  {name:<22} {value}")
}

/// A row for each reason, if there are any.
fn rows(f: &mut fmt::Formatter<'_>, name: &str, reasons: &Reasons) -> fmt::Result {
    for (reason, count) in reasons {
        row(f, name, format!("{count}: {reason}"))?;
    }
    Ok(())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn report(change: impl FnOnce(&mut Report)) -> Report {
        let mut tally = Tally {
            sent: 100,
            expected: 300,
            ..Tally::default()
        };
        (0..300).for_each(|number| tally.deliver(Duration::from_millis(5 + number / 100)));
        let mut report = Report {
            options: Options::parse_from(["bots", "--count", "4", "--room", "4", "--rate", "5"]),
            server: "http://somewhere".into(),
            connected: 4,
            sending: Duration::from_secs(5),
            all: Duration::from_secs(6),
            tally,
            cpu: None,
            memory: None,
        };
        change(&mut report);
        report
    }

    #[test]
    fn all_is_good_if_nobody_was_kicked_and_nothing_was_lost() {
        assert!(report(|_| {}).is_good());
        assert!(!report(|it| it.tally.delivered -= 1).is_good());
        assert!(!report(|it| it.tally.out_of_order = 1).is_good());
        assert!(!report(|it| it.connected = 3).is_good());
        let reasons = Reasons::from([("a reason".into(), 1)]);
        assert!(!report(|it| it.tally.kicked = reasons.clone()).is_good());
        assert!(!report(|it| it.tally.send_failed = reasons.clone()).is_good());
    }

    #[test]
    fn whoever_was_lost_and_is_back_may_have_lost_messages() {
        let reasons = Reasons::from([("a reason".into(), 1)]);
        let lost = |it: &mut Report| {
            it.tally.lost = reasons.clone();
            it.tally.delivered -= 1;
        };
        assert!(report(lost).is_good());
        let is_not_back = |it: &mut Report| {
            lost(it);
            it.connected = 3;
        };
        assert!(!report(is_not_back).is_good());
    }

    #[test]
    fn the_table_says_what_was_lost_and_why() {
        let text = report(|it| {
            it.tally.delivered -= 30;
            it.tally.kicked.insert("outgoing queue full".into(), 2);
        })
        .to_string();
        for part in [
            "0.900000, 30 lost",
            "kicked                 2\n",
            "2: outgoing queue full",
            "p50 6.0 ms",
            "CPU                    unknown",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }

    #[test]
    fn the_object_has_the_same_figures() {
        let json = report(|it| {
            it.cpu = Some(Cpu {
                process: Duration::from_millis(4),
                network: Duration::from_millis(2),
            });
        })
        .json();
        assert_eq!(json["delivered_of_expected"], 1.0);
        assert_eq!(json["sent_per_second"], 20.0);
        assert_eq!(json["cpu"]["process_micros_per_message"], 10.0);
        assert_eq!(json["memory_bytes"], Value::Null);
    }
}
