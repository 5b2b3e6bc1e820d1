//! A connection through the proxy ends as it would without it, and the log has its bytes.

use std::{io::ErrorKind, net::Shutdown};

use super::*;

#[test]
fn each_way_ends_by_itself() {
    let (proxy, line) = Lines::one();
    say(&line.client, "that is all");
    line.client.shutdown(Shutdown::Write).expect("it ends");
    let mut heard = String::new();
    let mut server = line.server;
    server.read_to_string(&mut heard).expect("an end");
    assert_eq!(heard, "that is all");
    say(&server, "thank you");
    assert_eq!(hear(&line.client, 9), "thank you");
    drop(server);
    wait(&proxy, "the end", |log| log.open_connections() == 0);
    let log = proxy.log();
    let last = log.events().next_back().expect("events");
    let ChaosEventKind::Closed {
        to_server,
        to_client,
    } = &last.kind
    else {
        panic!("{log}");
    };
    assert_eq!((to_server.delivered, to_client.delivered), (11, 9));
}

#[test]
fn a_reset_is_passed_on() {
    let (proxy, line) = Lines::one();
    // Who hangs up with something unread resets the connection.
    say(&line.client, "unheard");
    wait(&proxy, "delivery", |log| {
        log.flow(Direction::ToServer).delivered == 7
    });
    line.server.peek(&mut [0]).expect("it is there");
    drop(line.server);
    let mut client = line.client;
    let error = client.read(&mut [0]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    wait(&proxy, "the end", |log| log.open_connections() == 0);
}

#[test]
fn a_server_that_is_not_there_is_a_reset_and_is_logged() {
    let Lines { listener, proxy } = Lines::new();
    drop(listener);
    // The reset may be there as soon as the connection is.
    let client = TcpStream::connect(proxy.address());
    let end = client.and_then(|mut client| client.read(&mut [0]));
    assert!(end.is_err(), "{end:?}");
    let error = ErrorKind::ConnectionRefused;
    wait(&proxy, "the end", |log| log.open_connections() == 0);
    let expected = [
        ChaosEventKind::Opened,
        ChaosEventKind::Unreachable { error },
    ];
    assert_eq!(kinds(&proxy), expected);
}

#[test]
fn a_proxy_that_is_dropped_cuts_everything_at_once() {
    let (proxy, line) = Lines::one();
    let address = proxy.address();
    proxy.add(Rule::hold(Direction::ToServer));
    say(&line.client, "held");
    wait_for_bytes(&proxy, Direction::ToServer, 4);
    drop(proxy);
    for mut end in [line.client, line.server] {
        assert_eq!(end.read(&mut [0]).unwrap_or_default(), 0);
    }
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
}
