//! Nobody listens for a while, and a server comes back somewhere else.

use std::io::ErrorKind;

use super::*;

#[test]
fn a_port_is_closed_and_opened_again() {
    let lines = Lines::new();
    let open = lines.open();
    lines.proxy.stop_listening().expect("it stops");
    for _ in 0..3 {
        let refused = TcpStream::connect(lines.proxy.address()).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    say(&open.client, "still");
    assert_eq!(hear(&open.server, 5), "still");
    lines.proxy.listen_again().expect("it listens");
    let new = lines.open();
    say(&new.client, "x");
    assert_eq!(hear(&new.server, 1), "x");
    let expected = [
        ChaosEventKind::Opened,
        ChaosEventKind::StoppedListening,
        ChaosEventKind::Listening,
        ChaosEventKind::Opened,
    ];
    assert_eq!(kinds(&lines.proxy), expected);
    // Again, and twice the same.
    for _ in 0..2 {
        lines.proxy.stop_listening().expect("it stops");
    }
    assert!(TcpStream::connect(lines.proxy.address()).is_err());
    for _ in 0..2 {
        lines.proxy.listen_again().expect("it listens");
    }
    lines.open();
}

#[test]
fn new_connections_lead_to_the_new_address() {
    let lines = Lines::new();
    let old = lines.open();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address");
    lines
        .proxy
        .set_target(format!("http://{address}"))
        .expect("an address");
    let client = connect(lines.proxy.address());
    say(&client, "new");
    assert_eq!(hear(&accept(&other), 3), "new");
    say(&old.client, "old");
    assert_eq!(hear(&old.server, 3), "old");
    lines
        .proxy
        .set_target("https://x:1")
        .expect_err("no such thing");
}
