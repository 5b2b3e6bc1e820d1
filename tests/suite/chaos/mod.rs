//! The fault proxy: what passes through it, what it holds up and delays, and what its log says.
//!
//! Most tests have a socket at each end of a line. What does not happen is asserted from the log, which counts what was delivered.

mod a_bad_line_under_a_game;
mod a_line_ends_as_its_ends_do;
mod a_line_is_delayed;
mod a_line_is_held;
mod a_line_without_rules;

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use crate::common::raw_client::{PATIENCE, connect};
use bevy_nakama::chaos::{ChaosEventKind, ChaosLog, ChaosProxy, Direction, Rule};

/// A server that does nothing, with a proxy in front of it.
struct Lines {
    listener: TcpListener,
    proxy: ChaosProxy,
}

/// Both ends of a connection through the proxy.
struct Line {
    client: TcpStream,
    server: TcpStream,
}

impl Lines {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let proxy = ChaosProxy::start(address.to_string()).expect("a proxy");
        Self { listener, proxy }
    }

    /// A line, and its proxy.
    fn one() -> (ChaosProxy, Line) {
        let mut lines = Self::new();
        let line = lines.open();
        (lines.proxy, line)
    }

    #[track_caller]
    fn open(&mut self) -> Line {
        let client = connect(self.proxy.address());
        let (server, _) = self.listener.accept().expect("the proxy connects");
        server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        server.set_nodelay(true).expect("no delay");
        Line { client, server }
    }
}

/// Says something at one end.
#[track_caller]
fn say(mut end: &TcpStream, text: &str) {
    end.write_all(text.as_bytes()).expect("it is taken");
}

/// Hears as much as this at one end.
#[track_caller]
fn hear(mut end: &TcpStream, length: usize) -> String {
    let mut heard = vec![0; length];
    end.read_exact(&mut heard).expect("it arrives");
    String::from_utf8(heard).expect("text")
}

/// Waits for what the log must say.
#[track_caller]
fn wait(proxy: &ChaosProxy, what: &str, has_happened: impl FnMut(&ChaosLog) -> bool) {
    let has_happened = proxy.wait_until(PATIENCE, has_happened);
    assert!(has_happened, "{what} did not happen:\n{}", proxy.log());
}

/// Until the proxy has read so many bytes.
#[track_caller]
fn wait_for_bytes(proxy: &ChaosProxy, direction: Direction, bytes: u64) {
    wait(proxy, "reading", |log| {
        log.flow(direction).received == bytes
    });
}

/// What the log has, without the numbers of the connections.
fn kinds(proxy: &ChaosProxy) -> Vec<ChaosEventKind> {
    let log = proxy.log();
    log.events().map(|event| event.kind.clone()).collect()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
