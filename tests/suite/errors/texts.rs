//! What errors say: in one line what happened, where, and why. A list of what goes in and the text that comes out.

use std::{
    error::Error,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use crate::common::game::Game;
use bevy::prelude::*;
use bevy_nakama::{
    connection::{ProtocolError, TransportError},
    error::{ErrorCode, RestError, ServerError},
    payload::PayloadError,
    prelude::*,
    testing::{TestGame, session},
};

/// The text of an error: one line, and no cause that says a part of it again.
fn text(error: &dyn Error) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?} is more than a line");
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let again = deeper.to_string();
        assert!(!text.contains(&again), "{text:?} and then {again:?}");
        cause = deeper.source();
    }
    text
}

/// What a login with this address says, and what a connection says, which is the same. Neither asks a network.
fn at(address: &str) -> String {
    let server = NakamaServer::new(address, "defaultkey");
    let mut game = TestGame::new();
    let seen = crate::common::log::Log::default();
    let log = seen.clone();
    game.observe(move |reply: On<Replied<LogIn>>| {
        let error = reply.result.as_ref().expect_err("no server");
        assert!(matches!(error, RequestError::BadAddress(_)), "{error:?}");
        log.add(text(error));
    });
    let log = seen.clone();
    game.observe(move |gone: On<Disconnected>| {
        assert!(matches!(gone.reason, DisconnectReason::BadAddress(_)));
        log.add(text(&gone.reason));
    });
    game.commands(|commands| {
        let login = Login::device("device-of-ada");
        commands.nakama().log_in(&server, login);
        let options = ConnectOptions::default();
        let session = session("ada");
        commands.nakama().connect(&server, &session, options);
    });
    game.update();
    game.update();
    assert!(game.rest_calls().is_empty());
    let mut seen = seen.take();
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.remove(0)
}

#[test]
fn addresses_that_are_none() {
    let begin = "it should begin with http:// or https://";
    let port = "its port is no number from 1 to 65535";
    for (address, shown, problem) in [
        ("", "", "it is empty"),
        (" \n", "", "it is empty"),
        ("127.0.0.1:7350", "127.0.0.1:7350", begin),
        ("localhost:7350", "localhost:7350", begin),
        ("nakama.example.com", "nakama.example.com", begin),
        ("ftp://host", "ftp://host", begin),
        (
            "ws://127.0.0.1:7350",
            "ws://127.0.0.1:7350",
            "it should begin with http:// instead of ws://",
        ),
        (
            "wss://nakama.example.com",
            "wss://nakama.example.com",
            "it should begin with https:// instead of wss://",
        ),
        ("http://host:99999", "http://host:99999", port),
        ("http://host:0", "http://host:0", port),
        ("http://host:port", "http://host:port", port),
        (
            "http://my host:7350",
            "http://my host:7350",
            "there is a space in it",
        ),
        (
            "http://my\n\u{1b}[31mhost",
            r"http://my\n\u{1b}[31mhost",
            "there is a space in it",
        ),
        ("http://", "http://", "it is not a URL"),
        (
            "http://ada:secret@host",
            "<redacted>",
            "it should hold no user name or password",
        ),
        (
            "http://host/?key=secret",
            "<redacted>",
            "it should have no query",
        ),
    ] {
        let expected = format!("`{shown}` is no address of a server: {problem}");
        assert_eq!(at(address), expected, "{address:?}");
    }
}

/// A server on a port of its own: `answer` gets each connection once something has been sent over it.
fn server(answer: impl Fn(TcpStream) + Send + 'static) -> NakamaServer {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            answer(stream);
        }
    });
    NakamaServer::new(format!("http://{address}"), "defaultkey")
}

fn saying(answer: &'static str) -> NakamaServer {
    server(move |mut stream| {
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn with_body(status: &str, body: &str) -> NakamaServer {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    saying(Box::leak(answer.into_boxed_str()))
}

fn over_tls(server: &NakamaServer) -> NakamaServer {
    NakamaServer::new(server.url().replace("http://", "https://"), "defaultkey")
}

/// A server behind TLS.
fn tls_server() -> NakamaServer {
    let certified =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("a key");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let _ = stream.read(&mut [0; 4096]);
        }
    });
    NakamaServer::new(format!("http://{address}"), "defaultkey")
}

/// What a login says, with `URL` and `ADDRESS` for where the server is.
fn login_at(server: &NakamaServer) -> String {
    let mut settings = NakamaSettings::default();
    settings.request_timeout = Duration::from_secs(15);
    let mut game = Game::with(NakamaPlugin::new(settings));
    let login = Login::device("device-of-ada");
    let reply = game.ask::<LogIn>(|nakama| nakama.log_in(server, login).id());
    anywhere(&text(&reply.expect_err("no login")), server)
}

/// What a connection says.
fn connection_to(server: &NakamaServer) -> String {
    let mut game = Game::new();
    game.connect_to(server);
    game.next_phase();
    let connection = game.app.world().resource::<NakamaConnection>();
    let reason = connection.last_reason().expect("no connection");
    anywhere(&text(reason), server)
}

fn anywhere(text: &str, server: &NakamaServer) -> String {
    let url = server.url();
    let address = url.split("://").nth(1).expect("a URL");
    text.replace(url, "URL").replace(address, "ADDRESS")
}

#[test]
fn servers_that_cannot_be_reached() {
    let plain_for_tls = with_body(
        "400 Bad Request",
        "Client sent an HTTP request to an HTTPS server.\n",
    );
    let wants_tls = "it wants TLS; is the address https:// instead of http://?";
    let no_tls = "it does not speak TLS; is the address http:// instead of https://?";
    for (what, server, why) in [
        (
            "a closed port",
            NakamaServer::new("http://127.0.0.1:1", "defaultkey"),
            "could not connect to ADDRESS: Connection refused (os error 111)",
        ),
        ("a server that hangs up", server(drop), "the server hung up"),
        (
            "something else",
            saying("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            "malformed answer: it is not HTTP/1.1",
        ),
        (
            "half an answer",
            saying("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
            "malformed answer: it ended within its body",
        ),
        (
            "https to Nakama without TLS",
            over_tls(&with_body("400 Bad Request", "")),
            no_tls,
        ),
        (
            "https to something else",
            over_tls(&saying("SSH-2.0-OpenSSH_9.2\r\n")),
            no_tls,
        ),
        ("http to TLS", tls_server(), wants_tls),
        ("http to Nakama with TLS", plain_for_tls, wants_tls),
        (
            "https to a stranger",
            over_tls(&tls_server()),
            "TLS failed: invalid peer certificate: UnknownIssuer",
        ),
    ] {
        let expected = format!("URL cannot be reached: {why}");
        // What the system calls a closed port is not the same everywhere.
        let cut = |text: String| text.split(": Connection refused").next().map(str::to_owned);
        let expected = cut(expected);
        assert_eq!(cut(login_at(&server)), expected, "login: {what}");
        assert_eq!(cut(connection_to(&server)), expected, "connection: {what}");
    }
}

#[test]
fn a_host_that_does_not_exist() {
    // No label of a name has 64 characters, so nobody is asked.
    let host = format!("{}.invalid", "x".repeat(64));
    let server = NakamaServer::new(format!("http://{host}:7350"), "defaultkey");
    let expected = format!("URL cannot be reached: the host {host} was not found: ");
    for text in [login_at(&server), connection_to(&server)] {
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[test]
fn proxies_and_what_they_send() {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr></body>\r\n</html>";
    let hotel = "<!DOCTYPE html><html><head><meta charset=utf-8></head><body><h1>Welcome</h1> to the <b>Grand Hotel</b></body></html>";
    for (server, login, connection) in [
        (
            with_body("502 Bad Gateway", page),
            "502 Bad Gateway (502)",
            "the server refused the socket with 502: 502 Bad Gateway",
        ),
        (
            with_body("503 Service Unavailable", ""),
            "Service Unavailable (503)",
            "the server refused the socket with 503: Service Unavailable",
        ),
        (
            with_body("429 Too Many Requests", "slow\ndown\n"),
            "slow down (429)",
            "the server refused the socket with 429: slow down",
        ),
        (
            with_body("200 OK", hotel),
            "the server answered with no session, but with the page \"Welcome to the Grand Hotel\" (200)",
            "the server refused the socket with 200: Welcome to the Grand Hotel",
        ),
        (
            with_body("200 OK", "{}"),
            "the server answered with no session",
            "the server refused the socket with 200: {}",
        ),
        (
            with_body(
                "401 Unauthorized",
                r#"{"code":16,"message":"Server key invalid"}"#,
            ),
            "Server key invalid (401)",
            "the server refused the socket with 401: Server key invalid",
        ),
    ] {
        assert_eq!(login_at(&server), login);
        assert_eq!(connection_to(&server), connection);
    }
}

#[test]
fn ends_of_connections() {
    let seconds = Duration::from_secs_f64;
    for (reason, expected) in [
        (DisconnectReason::Requested, "the game disconnected"),
        (
            DisconnectReason::Refused {
                status: 502,
                message: "a\nb\u{1b}[31m".into(),
            },
            "the server refused the socket with 502: a b [31m",
        ),
        (
            DisconnectReason::Lost(TransportError::Eof),
            "the connection was lost: the server hung up",
        ),
        (
            DisconnectReason::Lost(std::io::Error::other("cable cut").into()),
            "the connection was lost: cable cut",
        ),
        (
            DisconnectReason::Silent {
                silence: seconds(16.04),
            },
            "the server was silent for 16.0 s",
        ),
        (
            DisconnectReason::Protocol(ProtocolError::TextFrame),
            "the server broke the protocol: a text frame on a binary socket",
        ),
        (
            DisconnectReason::ClosedByServer {
                code: Some(1000),
                reason: "error processing message".into(),
            },
            "the server closed the socket (1000: error processing message)",
        ),
        (
            DisconnectReason::ClosedByServer {
                code: None,
                reason: String::new(),
            },
            "the server closed the socket without a word",
        ),
        (
            DisconnectReason::Replaced,
            "replaced by a newer socket of the same account",
        ),
        (DisconnectReason::Banned, "the account is banned"),
        (
            DisconnectReason::Overflow { bytes: 7 },
            "7 bytes were waiting for the game",
        ),
        (
            DisconnectReason::NetworkThread,
            "the network thread is not running",
        ),
    ] {
        assert_eq!(text(&reason), expected);
    }
}

/// An error with a cause of its own.
#[derive(Debug)]
struct Deep(std::io::Error);

impl std::fmt::Display for Deep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("half a number")
    }
}

impl Error for Deep {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn requests_that_fail() {
    let payload = || PayloadError::new(Deep(std::io::Error::other("at byte 3")));
    let json = |text: &str| {
        let number: Result<u32, _> = serde_json::from_str(text);
        PayloadError::new(number.expect_err("it is no number"))
    };
    let after = Duration::from_secs;
    for (error, expected) in [
        (
            RequestError::<ServerError>::Timeout { after: after(10) },
            "no answer within 10.0 s",
        ),
        (
            RequestError::Timeout {
                after: Duration::from_millis(20),
            },
            "no answer within 20.0 ms",
        ),
        (RequestError::NotConnected, "not connected"),
        (
            RequestError::ConnectionLost {
                maybe_executed: true,
            },
            "the connection was lost before the answer",
        ),
        (
            RequestError::TooLarge {
                size: 5000,
                limit: 4096,
            },
            "5000 bytes are above the server's limit of 4096",
        ),
        (
            RequestError::Unencodable(payload()),
            "it cannot be encoded: half a number: at byte 3",
        ),
        (
            RequestError::Undecodable {
                text: "a secret".into(),
                error: payload(),
            },
            "what it returned cannot be decoded: half a number: at byte 3",
        ),
        (
            RequestError::Undecodable {
                text: r#""hunter2""#.into(),
                error: json(r#""hunter2""#),
            },
            "what it returned cannot be decoded: a value does not fit at line 1 column 9",
        ),
        (
            RequestError::Undecodable {
                text: r#""hunter2"#.into(),
                error: json(r#""hunter2"#),
            },
            "what it returned cannot be decoded: EOF while parsing a string at line 1 column 8",
        ),
        (
            RequestError::Unencodable(PayloadError::new("a\nb\u{1b}[31m")),
            "it cannot be encoded: a b [31m",
        ),
        (
            RequestError::WrongEntity { expected: "party" },
            "the entity is no party",
        ),
    ] {
        assert_eq!(text(&error), expected);
    }
    assert_eq!(
        text(&payload()),
        "the payload does not fit its type: half a number: at byte 3"
    );
    let refusal = RestError {
        status: 404,
        code: 5,
        message: "User account not found.".into(),
    };
    let refused = RequestError::Refused(LoginRefusal::AccountNotFound(refusal));
    assert_eq!(text(&refused), "User account not found. (404)");
    let refusal = ServerError {
        code: ErrorCode::RuntimeFunctionException,
        message: "no luck\nstack traceback:\n\tmain".into(),
        context: default(),
    };
    assert_eq!(
        text(&refusal),
        "no luck stack traceback: main (runtime function exception)"
    );
}

#[test]
fn a_query_that_the_matchmaker_does_not_take() {
    let mut game = TestGame::connected();
    let seen = crate::common::log::Log::default();
    let log = seen.clone();
    game.observe(move |reply: On<Replied<AddMatchmaker>>| {
        log.add(text(reply.result.as_ref().expect_err("it is refused")));
    });
    game.commands(|commands| {
        let add = AddMatchmaker::players(2, 2).query("+properties.mode:\"duel");
        commands.nakama().add_matchmaker(add);
    });
    game.update();
    let asked = game.sent().pop().expect("a request");
    game.refuse(&asked, 0, "Error adding to matchmaker");
    game.update();
    assert_eq!(
        seen.take(),
        ["Error adding to matchmaker (runtime exception): \
         the query `+properties.mode:\"duel` does not parse, or there are as many tickets as the server allows"]
    );
}
