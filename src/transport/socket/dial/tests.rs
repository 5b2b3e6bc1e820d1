use std::net::TcpListener;

use mio::{Events, Poll};

use super::*;
use crate::transport::address::NakamaServer;

/// A dial that has found these addresses, in this order.
fn dial(now: Instant, found: Vec<SocketAddr>) -> (Dial, Poll) {
    let poll = Poll::new().expect("a poller");
    let server = NakamaServer::new("http://test.invalid", "key");
    let endpoint = server.endpoint().expect("an address");
    let mut dial = Dial::new(endpoint, Token(1)).expect("no TLS");
    let resolved = dial.on_resolved(now, Ok(found), poll.registry());
    resolved.expect("an address to try");
    (dial, poll)
}

/// Waits for the connection, while the clock of the dial stands still.
fn connect(dial: &mut Dial, poll: &mut Poll, now: Instant) {
    let mut events = Events::with_capacity(8);
    for _ in 0..100 {
        if dial.poll(now, poll.registry()).expect("a way").is_some() {
            return;
        }
        let patience = Some(Duration::from_millis(100));
        poll.poll(&mut events, patience).expect("a poller");
    }
    panic!("no connection");
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a listener");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

#[test]
fn an_address_that_refuses_is_not_the_only_one() {
    let (closed, refusing) = listen();
    drop(closed);
    let (listener, second) = listen();
    let now = Instant::now();
    let (mut dial, mut poll) = dial(now, vec![refusing, refusing, second]);
    connect(&mut dial, &mut poll, now);
    listener.accept().expect("the second address");
}

#[test]
fn the_last_of_the_addresses_that_refuse_is_told() {
    let closed: Vec<_> = (0..2).map(|_| listen()).collect();
    let addresses: Vec<_> = closed.iter().map(|(_, address)| *address).collect();
    drop(closed);
    let now = Instant::now();
    let (mut dial, mut poll) = dial(now, addresses.clone());
    let mut events = Events::with_capacity(8);
    let error = loop {
        match dial.poll(now, poll.registry()) {
            Ok(connected) => assert!(connected.is_none(), "nobody listens"),
            Err(error) => break error,
        }
        let patience = Some(Duration::from_secs(20));
        poll.poll(&mut events, patience).expect("a poller");
    };
    assert!(
        matches!(&error, TransportError::Connect { address, .. } if *address == addresses[1]),
        "{error:?}"
    );
}

/// Fills the queue of a listener that nobody empties. The next one who connects hears nothing.
#[cfg(target_os = "linux")]
fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let mut connected = Vec::new();
    loop {
        let stream = TcpStream::connect(address).expect("a socket");
        let is_in = is_connected(&stream).expect("nobody refuses");
        connected.push(stream);
        if !is_in {
            return connected;
        }
        assert!(connected.len() < 10_000, "the queue has no end");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_address_that_says_nothing_is_given_some_time_before_the_next_one_is_tried() {
    let (_hanging, first) = listen();
    let _others = fill(first);
    let (listener, second) = listen();
    let begin = Instant::now();
    let (mut dial, mut poll) = dial(begin, vec![first, second]);
    let soon = begin + PATIENCE / 2;
    let early = dial.poll(soon, poll.registry()).expect("a way");
    assert!(early.is_none(), "the first has its time");
    assert_eq!(dial.next_timeout(), Some(begin + PATIENCE));
    listener.accept().expect_err("the second is not tried yet");
    connect(&mut dial, &mut poll, begin + PATIENCE);
    listener.accept().expect("the second address");
}
