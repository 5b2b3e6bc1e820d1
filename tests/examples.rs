//! The examples' flags, and what becomes of them if the connection is lost. `cargo test` builds the examples before it runs this.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use bevy_nakama::{
    chaos::{ChaosProxy, Frames, Rule},
    local_server::{LocalServer, LocalServerConfig},
    proto::Kind,
};

const SMALL: [&str; 9] = [
    "session",
    "chat",
    "party",
    "matchmaking",
    "friends_status",
    "storage",
    "rpc_and_notifications",
    "authoritative_match",
    "lobby",
];

/// Runs an example to its end.
fn run(example: &str, flags: &[&str]) -> Output {
    // target/debug/deps/this-test
    let test = env::current_exe().expect("a path");
    let folder = test.ancestors().nth(2).expect("target/debug");
    let path: PathBuf = folder.join("examples").join(example);
    if example == "lobby" {
        build(example, folder);
    }
    let mut child = Command::new(&path)
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("build the examples first: {}: {error}", path.display()));
    let begin = Instant::now();
    while child.try_wait().expect("our own child").is_none() {
        if begin.elapsed() > Duration::from_secs(50) {
            child.kill().expect("our own child");
            panic!("{example} {flags:?} does not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("its output")
}

/// `cargo test` makes a test of such an example, and no program.
fn build(example: &str, folder: &Path) {
    let target = folder.parent().expect("target");
    let build = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--locked",
            "--example",
            example,
            "--target-dir",
        ])
        .arg(target)
        // `.ci/bevy_0_20` needs one.
        .args(env::var("BEVY_NAKAMA_CARGO_FLAGS").ok())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(build.expect("cargo").success(), "{example} does not build");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_example_has_the_same_flags() {
    // `.ci/arena` looks at the arena's: `cargo test` makes a test of it, and no program.
    for example in SMALL {
        let output = run(example, &["--help"]);
        let help = text(&output.stdout);
        assert!(output.status.success(), "{example}: {output:?}");
        assert!(help.contains("--server <URL>"), "{example}: {help}");
        assert!(help.contains("--key <KEY>"), "{example}: {help}");
        assert!(
            !help.contains("Bevy plugin for Nakama"),
            "{example} does not say what it shows"
        );
    }
}

#[test]
fn an_example_that_cannot_log_in_ends_at_once_with_the_reason() {
    for example in SMALL {
        // Nobody listens there.
        let output = run(example, &["--server", "http://127.0.0.1:1", "--key", "k"]);
        assert_eq!(output.status.code(), Some(1), "{example}: {output:?}");
        let reason = text(&output.stderr);
        assert!(
            reason.contains("the login failed: ") || reason.contains("cannot log in: "),
            "{example}: {reason}"
        );
    }
}

#[test]
fn an_address_without_its_flag_is_refused() {
    for example in SMALL {
        let output = run(example, &["http://127.0.0.1:1"]);
        assert_eq!(output.status.code(), Some(2), "{example}: {output:?}");
    }
}

/// Runs an example over a line that is reset once. Returns what it says until it ends well.
fn run_over(bad: Rule, example: &str) -> String {
    let local = LocalServer::start(LocalServerConfig::default()).expect("a server");
    let proxy = ChaosProxy::start(local.url()).expect("a proxy");
    let rule = proxy.add(bad.once());
    let output = run(
        example,
        &["--server", &proxy.url(), "--key", local.server_key()],
    );
    assert_eq!(proxy.log().acts(rule), 1, "{example}: {output:?}");
    assert!(output.status.success(), "{example}: {output:?}");
    text(&output.stdout)
}

#[test]
fn a_chat_goes_on_whatever_the_loss_of_the_connection_leaves_without_an_answer() {
    // The greeting, the edit, the answer, the removal: before or after the server has done it.
    for kind in [Kind::ChannelMessageSend, Kind::ChannelMessageUpdate] {
        let rule = Rule::reset().when(Frames::to_server(kind));
        assert!(run_over(rule, "chat").contains(" is back after "), "{kind}");
    }
    for nth in 1..=4 {
        let acks = Frames::to_client(Kind::ChannelMessageAck);
        let said = run_over(Rule::reset().when(acks).nth(nth), "chat");
        let last = said.lines().last().unwrap_or_default();
        assert!(
            last.ends_with("[\"Hello everybody!\"])"),
            "after {nth} answers: {said}"
        );
    }
}

#[test]
fn friends_are_seen_again_after_a_loss_of_the_connection() {
    for kind in [Kind::StatusFollow, Kind::StatusUpdate] {
        let rule = Rule::reset().when(Frames::to_server(kind));
        let said = run_over(rule, "friends_status");
        assert!(said.contains(" is back after "), "{kind}: {said}");
        assert!(said.contains("bob is offline"), "{kind}: {said}");
    }
}
