//! What this process costs: its time on the cores, and its memory. Linux tells; elsewhere it is unknown.

use std::{fs, time::Duration};

/// What a tick of the kernel's accounts is, whatever the kernel's own clock.
const TICK: Duration = Duration::from_millis(10);

/// Time on a core, of user and system together, since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    /// The whole process, with an embedded server.
    pub(crate) process: Duration,
    /// The network thread.
    pub(crate) network: Duration,
}

impl Cpu {
    pub(crate) fn now() -> Option<Self> {
        let process = cpu_of(&fs::read_to_string("/proc/self/stat").ok()?)?.1;
        let tasks = fs::read_dir("/proc/self/task").ok()?;
        let stats = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        let network = stats
            .filter_map(|stat| cpu_of(&stat).filter(|(name, _)| name == "nakama-net"))
            .map(|(_, time)| time)
            .sum();
        Some(Self { process, network })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            process: self.process.saturating_sub(before.process),
            network: self.network.saturating_sub(before.network),
        }
    }
}

/// The memory that the process has in use, in bytes.
pub(crate) fn memory() -> Option<u64> {
    memory_of(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Name and time of a thread or process, from its `stat`.
fn cpu_of(stat: &str) -> Option<(String, Duration)> {
    // The name is in parentheses, and may have some of its own.
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let mut fields = tail.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((name.to_owned(), TICK * (user + system)))
}

fn memory_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_of_a_thread_are_read() {
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 901 0 0 0 150 25 0 0 20 0 5 0 77";
        let (name, time) = cpu_of(stat).unwrap();
        assert_eq!(name, "a (strange) name");
        assert_eq!(time, Duration::from_millis(1750));
        assert!(cpu_of("42 (cut").is_none());
        assert!(cpu_of("42 (cut) S 1 2 3").is_none());
    }

    #[test]
    fn the_memory_in_use_is_read() {
        assert_eq!(
            memory_of("Name:\tbots\nVmPeak:\t  9 kB\nVmRSS:\t  2048 kB\n"),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(memory_of("Name:\tbots\n"), None);
    }
}
