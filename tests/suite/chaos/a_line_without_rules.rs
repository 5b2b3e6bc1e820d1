//! Without a rule, the proxy is as good as not there.

use super::*;

#[test]
fn everything_passes_both_ways_and_is_counted() {
    let (proxy, line) = Lines::one();
    say(&line.client, "hello");
    assert_eq!(hear(&line.server, 5), "hello");
    say(&line.server, "good morning");
    assert_eq!(hear(&line.client, 12), "good morning");
    wait(&proxy, "counting", |log| {
        let up = log.flow(Direction::ToServer);
        let down = log.flow(Direction::ToClient);
        (up.received, up.delivered, down.received, down.delivered) == (5, 5, 12, 12)
    });
    assert_eq!(proxy.log().open_connections(), 1);
    assert_eq!(kinds(&proxy), [ChaosEventKind::Opened]);
}

#[test]
fn megabytes_pass_unchanged() {
    const SIZE: usize = 40 * 1024 * 1024;
    let (_proxy, line) = Lines::one();
    let byte = |at: usize| (at / 7 % 251) as u8;
    let Line { client, mut server } = line;
    let sending = thread::spawn(move || {
        let bytes: Vec<u8> = (0..SIZE).map(byte).collect();
        (&client).write_all(&bytes).expect("it is taken");
        client
    });
    let mut heard = vec![0; SIZE];
    server.read_exact(&mut heard).expect("all of it");
    assert!(heard.iter().enumerate().all(|(at, it)| *it == byte(at)));
    drop(sending.join().expect("it has sent all"));
}

#[test]
fn a_receiver_that_does_not_read_stops_the_sender() {
    let (proxy, line) = Lines::one();
    line.client
        .set_write_timeout(Some(millis(200)))
        .expect("a timeout");
    let piece = vec![7; 1024 * 1024];
    let taken = (0..1000)
        .take_while(|_| (&line.client).write_all(&piece).is_ok())
        .count();
    let flow = proxy.log().flow(Direction::ToServer);
    assert!(taken < 1000, "{taken} MiB were taken");
    let kept = flow.received - flow.delivered;
    assert!(kept <= 64 * 1024, "the proxy keeps {kept} bytes");
}

#[test]
fn an_address_has_a_port_and_no_tls() {
    for (target, expected) in [
        (
            "https://127.0.0.1:7350",
            "the proxy is for plain `http://` addresses",
        ),
        ("http://127.0.0.1", "a port is missing"),
        ("example.org:many", "a port is missing"),
    ] {
        let error = ChaosProxy::start(target).expect_err("it cannot be used");
        assert_eq!(error.to_string(), format!("{target}: {expected}"));
    }
    for target in [
        "http://localhost:7350/",
        "ws://localhost:7350",
        "[::1]:7350",
    ] {
        ChaosProxy::start(target).expect("it can be used");
    }
}
