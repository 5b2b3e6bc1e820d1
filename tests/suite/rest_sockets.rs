//! Calls over REST to servers that answer early, never stop, or are asked for much at once.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use crate::common::{game::Game, log::Log};
use bevy::prelude::*;
use bevy_nakama::{prelude::*, testing::session};
use serde_json::json;
use tungstenite::handshake::derive_accept_key;

/// A server that gives each connection, on a thread of its own, to `answer`, with the head of the request. Nothing behind the
/// head has been read by then.
fn http_server(answer: impl Fn(&str, TcpStream) + Send + Sync + 'static) -> NakamaServer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("a connection");
            let head = read_head(&mut stream);
            let answer = answer.clone();
            thread::spawn(move || answer(&head, stream));
        }
    });
    NakamaServer::new(format!("http://{address}"), "defaultkey")
}

fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = lines.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// Reads the body that belongs to a head.
fn read_body(head: &str, stream: &mut impl Read) -> String {
    let length = header(head, "Content-Length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).expect("a whole body");
    String::from_utf8(body).expect("a text")
}

/// In one piece, so that all of it has left before the connection is closed.
fn respond(stream: &mut impl Write, status: u16, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {length}\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// Opens the WebSocket that was asked for, and says nothing over it.
fn open_websocket(head: &str, mut stream: TcpStream) {
    let key = header(head, "Sec-WebSocket-Key").expect("a key");
    let accept = derive_accept_key(key.as_bytes());
    let _ = write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

#[test]
fn a_refusal_that_comes_before_the_body_was_read_is_heard() {
    let old = session("ada").token().expose().to_owned();
    let server = http_server(move |head, mut stream| {
        if head.starts_with("GET /ws") {
            open_websocket(head, stream);
        } else if head.starts_with("POST /v2/account/session/refresh") {
            let _ = read_body(head, &mut stream);
            let token = session("ada-2").token().expose().to_owned();
            let tokens = json!({ "token": token, "refresh_token": token });
            respond(&mut stream, 200, &tokens.to_string());
        } else if head.contains(&old) {
            let _ = stream.peek(&mut [0]); // the body is under way
            let refusal = r#"{"code":16,"message":"Auth token invalid"}"#;
            respond(&mut stream, 401, refusal);
            // To close with something unread resets the connection.
        } else {
            let body = read_body(head, &mut stream);
            let reply = json!({ "payload": body.len().to_string() });
            respond(&mut stream, 200, &reply.to_string());
        }
    });
    for size in [5_000, 100_000, 5_000_000] {
        let mut game = Game::new();
        game.connect_to(&server);
        assert_eq!(game.next_phase(), "connected");
        let reply = game.ask::<Rpc>(|nakama| {
            let rpc = Rpc::new("echo").payload("x".repeat(size)).over_rest();
            nakama.rpc(rpc).id()
        });
        let reply = reply.unwrap_or_else(|error| panic!("with {size} bytes: {error:?}"));
        assert_eq!(reply.payload, (size + 2).to_string(), "all of it, in JSON");
    }
}

/// What a server says without end: what it is, how it begins, what is repeated, and how the call ends.
fn floods() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let many = |text: &str| text.repeat(64 * 1024 / text.len());
    let large = "its body is too large";
    vec![
        ("a body", "HTTP/1.1 200 OK\r\n\r\n", many("x"), large),
        ("chunks", chunked, many("4\r\nxxxx\r\n"), large),
        (
            "the size of a chunk",
            chunked,
            many("0"),
            "a chunk has no size",
        ),
        (
            "the extension of a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            many("x"),
            "the size of a chunk is too long",
        ),
        (
            "extensions of chunks",
            chunked,
            many(&format!("1;{}\r\na\r\n", "x".repeat(1000))),
            large,
        ),
        (
            "interim responses",
            "",
            many("HTTP/1.1 102 Processing\r\n\r\n"),
            "too many interim responses",
        ),
        (
            "a header",
            "HTTP/1.1 200 OK\r\nX: ",
            many("x"),
            "its head is too large",
        ),
        (
            "headers",
            "HTTP/1.1 200 OK\r\n",
            many("X: x\r\n"),
            "it has more than 256 headers",
        ),
    ]
}

#[test]
fn a_server_that_never_stops_holds_up_nobody() {
    for (what, begin, more, expected) in floods() {
        let (began, beginning) = mpsc::channel();
        let taken = Arc::new(AtomicUsize::new(0));
        let taken_so_far = taken.clone();
        let server = http_server(move |head, mut stream| {
            if head.starts_with("POST /v2/rpc/flood") {
                let _ = stream.write_all(begin.as_bytes());
                let _ = began.send(());
                while stream.write_all(more.as_bytes()).is_ok() {
                    taken.fetch_add(more.len(), Ordering::Relaxed);
                }
            } else {
                respond(&mut stream, 200, r#"{"payload":"quick"}"#);
            }
        });
        let network = Network::new().expect("a thread");
        let (mut flooded, mut other) = (Game::on(&network), Game::on(&network));
        let log = Log::default();
        let seen = log.clone();
        flooded
            .app
            .add_observer(move |reply: On<Replied<RpcWithKey>>| match &reply.result {
                Ok(reply) => seen.add(reply.payload.clone()),
                Err(error) => seen.add(error.to_string()),
            });
        let call = |nakama: NakamaCommands, name| {
            let rpc = Rpc::new(name);
            nakama.rpc_with_key(&server, "key", rpc).id()
        };
        flooded.commands(|commands| call(commands.nakama(), "flood"));
        flooded.until("the flood", |_| beginning.try_recv().ok());
        let quick = other.ask::<RpcWithKey>(|nakama| call(nakama, "quick"));
        assert_eq!(quick.expect("an answer").payload, "quick", "beside {what}");
        let end = flooded.until(what, |_| log.take_first());
        assert!(end.contains(expected), "{what}: {end}");
        // What the kernel holds on its way counts, too.
        let taken = taken_so_far.load(Ordering::Relaxed) / 1024 / 1024;
        assert!(taken < 64, "{taken} MiB of {what}");
    }
}

#[test]
fn seventy_headers_are_as_good_as_seven() {
    let server = http_server(|_, mut stream| {
        let headers: String = (0..70).map(|it| format!("X-{it}: {it}\r\n")).collect();
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\n{headers}Content-Length: 16\r\n\r\n{{\"payload\":\"ok\"}}"
        );
    });
    let reply = Game::new().ask::<RpcWithKey>(|nakama| {
        let call = nakama.rpc_with_key(&server, "key", Rpc::new("a"));
        call.id()
    });
    assert_eq!(reply.expect("an answer").payload, "ok");
}

/// Holds requests until it is opened.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opening: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().expect("unpoisoned") = true;
        self.opening.notify_all();
    }

    fn pass(&self) {
        let is_open = self.is_open.lock().expect("unpoisoned");
        let is_closed = |is_open: &mut bool| !*is_open;
        drop(self.opening.wait_while(is_open, is_closed));
    }
}

#[test]
fn hundreds_of_calls_wait_for_each_other_and_logins_go_first() {
    let gate = Arc::new(Gate::default());
    let held = gate.clone();
    let (paths, here, most) = (Log::default(), AtomicUsize::new(0), Log::default());
    let (arrived, peaks) = (paths.clone(), most.clone());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let here = Arc::new(here);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let now_here = here.fetch_add(1, Ordering::SeqCst) + 1;
            if now_here > 6 {
                peaks.add(now_here.to_string());
            }
            // Read here, so that they are in order.
            let head = read_head(&mut stream);
            let path = head.split_whitespace().nth(1).expect("a path");
            arrived.add(path.split('?').next().unwrap_or_default());
            let (held, here) = (held.clone(), here.clone());
            thread::spawn(move || {
                let _ = read_body(&head, &mut stream);
                held.pass();
                here.fetch_sub(1, Ordering::SeqCst);
                respond(&mut stream, 200, r#"{"payload":""}"#);
            });
        }
    });
    let server = NakamaServer::new(format!("http://{address}"), "defaultkey");

    let network = Network::new().expect("a thread");
    // The last of them waits for all the others.
    let patience = Duration::from_secs(120);
    let with_patience = || {
        let mut settings = NakamaSettings::default();
        settings.request_timeout = patience;
        Game::with(NakamaPlugin::new(settings).with_network(network.clone()))
    };
    let (mut game, mut other) = (with_patience(), with_patience());
    let answered = Arc::new(AtomicUsize::new(0));
    for game in [&mut game, &mut other] {
        let count = answered.clone();
        game.app
            .add_observer(move |reply: On<Replied<RpcWithKey>>| {
                let name = reply.result.as_ref().map(|_| ());
                name.expect("an answer");
                count.fetch_add(1, Ordering::SeqCst);
            });
    }
    game.commands(|commands| {
        for number in 0..600 {
            let rpc = Rpc::new(number.to_string());
            commands.nakama().rpc_with_key(&server, "key", rpc);
        }
    });
    let mut order = Vec::new();
    game.until("six calls", |_| {
        order.extend(paths.take());
        (order.len() == 6).then_some(())
    });
    other.commands(|commands| {
        let rpc = Rpc::new("other");
        commands.nakama().rpc_with_key(&server, "key", rpc);
        let device = Login::device("device-of-ada");
        commands.nakama().log_in(&server, device);
        commands.nakama().refresh(&server, &session("ada"));
    });
    for _ in 0..3 {
        other.app.update();
    }
    gate.open();
    game.until_within(patience, "all answers", |_| {
        other.app.update();
        order.extend(paths.take());
        (answered.load(Ordering::SeqCst) == 601).then_some(())
    });
    order.extend(paths.take());
    assert_eq!(most.take(), [""; 0], "more than six at a time");
    let rpc = |name: &str| format!("/v2/rpc/{name}");
    let mut expected: Vec<_> = (0..600).map(|number| rpc(&number.to_string())).collect();
    expected.insert(6, "/v2/account/authenticate/device".into());
    expected.insert(7, "/v2/account/session/refresh".into());
    expected.push(rpc("other"));
    assert_eq!(order, expected);
}

/// A server behind TLS: what it is, and the certificate to trust.
fn tls_server(
    adjust: impl FnOnce(&mut rustls::ServerConfig),
    answer: impl Fn(rustls::StreamOwned<rustls::ServerConnection, TcpStream>) + Send + 'static,
) -> NakamaServer {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let root = certified.cert.der().to_vec();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = rustls::crypto::ring::default_provider();
    let mut config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("a key");
    adjust(&mut config);
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("a connection");
            let connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
            answer(rustls::StreamOwned::new(connection, stream));
        }
    });
    NakamaServer::new(format!("https://localhost:{port}"), "key").with_root_certificate(root)
}

fn call_over_tls(game: &mut Game, server: &NakamaServer) -> Result<String, String> {
    let reply = game.ask::<RpcWithKey>(|nakama| {
        let rpc = Rpc::new("a").payload("x".repeat(100_000));
        nakama.rpc_with_key(server, "key", rpc).id()
    });
    let reply = reply.map_err(|error| error.to_string())?;
    Ok(reply.payload)
}

#[test]
fn the_second_connection_goes_on_with_the_tls_session_of_the_first() {
    let (told, kinds) = mpsc::channel();
    let server = tls_server(
        |_| {},
        move |mut stream| {
            let head = read_head(&mut stream);
            let body = read_body(&head, &mut stream);
            let _ = told.send(stream.conn.handshake_kind());
            let reply = json!({ "payload": body.len().to_string() });
            respond(&mut stream, 200, &reply.to_string());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        },
    );
    let network = Network::new().expect("a thread");
    // Each game is a link of its own.
    for kind in [
        rustls::HandshakeKind::Full,
        rustls::HandshakeKind::Resumed,
        rustls::HandshakeKind::Resumed,
    ] {
        let reply = call_over_tls(&mut Game::on(&network), &server);
        assert_eq!(reply.as_deref(), Ok("100002"));
        assert_eq!(kinds.recv().expect("a handshake"), Some(kind));
    }
}

#[test]
fn a_refusal_over_tls_that_comes_before_the_body_was_read_is_heard() {
    let server = tls_server(
        |_| {},
        move |mut stream| {
            let _ = read_head(&mut stream);
            respond(&mut stream, 401, r#"{"code":16,"message":"no"}"#);
            let _ = stream.flush();
            // To close with something unread resets the connection.
        },
    );
    let mut game = Game::new();
    for _ in 0..5 {
        let reply = call_over_tls(&mut game, &server);
        assert_eq!(reply, Err("no".into()));
    }
}

#[test]
fn tls_that_never_comes_to_the_point_is_the_end() {
    let server = tls_server(
        |config| {
            config.send_tls13_tickets = 10_000;
            config.ticketer = rustls::crypto::ring::Ticketer::new().expect("a ticketer");
        },
        |mut stream| {
            let head = read_head(&mut stream);
            let _ = read_body(&head, &mut stream);
            respond(&mut stream, 200, r#"{"payload":"much ado"}"#);
            let _ = stream.flush();
        },
    );
    let reply = call_over_tls(&mut Game::new(), &server);
    let error = reply.expect_err("it is cut short");
    assert!(error.contains("TLS failed: "), "{error}");
}

#[test]
fn a_refusal_that_is_a_page_of_nothing_but_tags_takes_no_time() {
    let page = "<>".repeat(512 * 1024);
    let server = http_server(move |head, mut stream| {
        let _ = read_body(head, &mut stream);
        respond(&mut stream, 502, &page);
    });
    let mut game = Game::new();
    let rpc = Rpc::new("f");
    let reply = game.ask::<RpcWithKey>(|nakama| nakama.rpc_with_key(&server, "key", rpc).id());
    let error = reply.expect_err("it is refused");
    assert_eq!(error.to_string(), "Bad Gateway");
    game.connect_to(&server);
    assert_eq!(
        game.next_phase(),
        "the server refused the socket with 502: Bad Gateway"
    );
}
