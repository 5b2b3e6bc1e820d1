//! A rule finds requests by the beginning of their path: calls over REST, and the openings of sockets.

use super::*;
use crate::common::raw_client::{Response, exchange};

/// A server that answers each request with "ok".
fn ok_server() -> ChaosProxy {
    let Lines { listener, proxy } = Lines::new();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(&stream));
        }
    });
    proxy
}

fn answer_all(mut stream: &TcpStream) {
    let mut heard = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|length| length == 1) {
        heard.push(byte[0]);
        // Its body is "body".
        if heard.ends_with(b"\r\n\r\nbody") {
            heard.clear();
            let answer = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            answer.expect("it is taken");
        }
    }
}

#[track_caller]
fn post(stream: &mut TcpStream, path: &str) -> Response {
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n");
    exchange(stream, &head, "body")
}

#[test]
fn the_proxy_answers_in_place_of_the_server() {
    let proxy = ok_server();
    let rule = Rule::answer(Requests::to("/v2/account"), 503).times(2);
    let rule = proxy.add(rule);
    for (path, expected) in [
        ("/v2/account?a=b", 503),
        ("/v2/friend", 200),
        ("/v2/account/link", 503),
        ("/v2/account", 200),
    ] {
        let mut stream = connect(proxy.address());
        let response = post(&mut stream, path);
        assert_eq!(response.status, expected, "{path}");
        if expected == 503 {
            assert_eq!(response.json()["code"], 14);
            assert_eq!(end_of(&stream), Ok(()));
        }
    }
    assert_eq!(proxy.log().acts(rule), 2);
    wait(&proxy, "the end", |log| log.open_connections() == 0);
}

/// A connection that stays open brings several requests, with bodies in between.
#[test]
fn each_request_of_a_connection_is_seen() {
    let proxy = ok_server();
    let rule = proxy.add(Rule::answer(Requests::to("/b"), 500).nth(2));
    let mut stream = connect(proxy.address());
    let paths = ["/a", "/b", "/a", "/b"];
    let statuses = paths.map(|path| post(&mut stream, path).status);
    assert_eq!(statuses, [200, 200, 200, 500]);
    assert_eq!(proxy.log().acts(rule), 1);
    assert_eq!(acts(&proxy)[0].0, 1, "one connection");
}

#[test]
fn a_request_that_comes_in_pieces_is_seen() {
    let proxy = ok_server();
    proxy.add(Rule::answer(Requests::to("/a"), 429));
    let stream = connect(proxy.address());
    let mut read = 0;
    for piece in [
        "PO",
        "ST /",
        "a HTTP/1.1\r",
        "\nA: b\r\n",
        "Content-Length: 4",
    ] {
        say(&stream, piece);
        read += piece.len() as u64;
        wait_for_bytes(&proxy, Direction::ToServer, read);
    }
    say(&stream, "\r\n\r\n");
    assert_eq!(hear(&stream, 12), "HTTP/1.1 429");
    assert_eq!(proxy.log().flow(Direction::ToServer).delivered, 0);
}

#[test]
fn the_opening_of_a_socket_is_refused() {
    let lines = Lines::new();
    lines
        .proxy
        .add(Rule::answer(Requests::to("/ws"), 401).once());
    let request = format!("ws://{}/ws?token=x", lines.proxy.address());
    let refused = tungstenite::client(request, connect(lines.proxy.address()));
    let Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!(response.status(), 401);
    // The server sees a connection on which nothing is said.
    assert_eq!(end_of(&accept(&lines.listener)), Ok(()));
    drop(lines.socket());
}

/// The server gets the request, and its answer waits.
#[test]
fn a_request_begins_a_stall() {
    let proxy = ok_server();
    let rule = Rule::hold(Direction::ToClient).when(Requests::to("/slow"));
    let rule = proxy.add(rule);
    let mut stream = connect(proxy.address());
    assert_eq!(post(&mut stream, "/fast").status, 200);
    say(
        &stream,
        "POST /slow HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
    );
    let held = ChaosEventKind::Held {
        direction: Direction::ToClient,
    };
    wait(&proxy, "an answer", |log| {
        log.events().any(|event| event.kind == held)
    });
    proxy.remove(rule);
    assert_eq!(hear(&stream, 15), "HTTP/1.1 200 OK");
}

#[test]
fn a_socket_opens_after_other_requests_and_its_frames_are_seen() {
    let lines = Lines::new();
    let frames = Frames::any(Direction::ToServer);
    let rule = lines.proxy.add(Rule::drop_frame(frames).once());
    let Line { client, server } = lines.open();
    let server = thread::spawn(move || {
        assert_eq!(hear(&server, 18), "GET / HTTP/1.1\r\n\r\n");
        say(&server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        tungstenite::accept(server).expect("a handshake")
    });
    say(&client, "GET / HTTP/1.1\r\n\r\n");
    assert!(hear(&client, 40).ends_with("ok"));
    let (mut client, _) = tungstenite::client("ws://x/ws", client).expect("a handshake");
    let mut server = server.join().expect("no panic");
    tell(&mut client, data("dropped"));
    tell(&mut client, data("heard"));
    assert_eq!(told(&mut server), "heard");
    assert_eq!(lines.proxy.log().acts(rule), 1);
}
