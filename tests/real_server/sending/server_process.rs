//! The process of the server, stopped for a while.

use std::process::Command;

/// A server that is stopped. It goes on when this is dropped.
pub(super) struct Stopped(String);

impl Stopped {
    /// Stops the server whose process id is in `NAKAMA_PID`.
    #[track_caller]
    pub(super) fn new() -> Self {
        let pid =
            std::env::var("NAKAMA_PID").expect("set NAKAMA_PID, the process id of the server");
        signal("-STOP", &pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("-CONT", &self.0);
    }
}

fn signal(signal: &str, pid: &str) {
    let status = Command::new("kill").args([signal, pid]).status();
    assert!(status.is_ok_and(|it| it.success()), "kill {signal} {pid}");
}
