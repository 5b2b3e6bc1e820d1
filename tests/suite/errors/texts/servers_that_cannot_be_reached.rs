//! Servers that cannot be reached, and what answers in their place.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use super::*;
use crate::{common::game::Game, sockets::servers};

/// A server on a free port. `answer` gets each connection once the client has sent something.
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

/// A server behind TLS, with an address that says `http`.
fn tls_server() -> NakamaServer {
    let server = servers::tls_server(|_| {}, |mut stream| _ = stream.read(&mut [0; 4096]));
    NakamaServer::new(server.url().replace("https://", "http://"), "defaultkey")
}

/// The error of a login, with `URL` and `ADDRESS` in place of where the server is.
fn login_at(server: &NakamaServer) -> String {
    error_of(server, Login::device("device-of-ada"))
}

fn error_of(server: &NakamaServer, login: Login) -> String {
    let settings = NakamaSettings {
        request_timeout: Duration::from_secs(15),
        ..NakamaSettings::default()
    };
    let mut game = Game::with(NakamaPlugin::new(settings));
    let reply = game.ask::<LogIn>(|nakama| nakama.log_in(server, login).id());
    anywhere(&text(&reply.expect_err("no login")), server)
}

/// Why a connection ended, in the same words.
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
        // Each operating system has its own words behind this.
        let cut = |text: String| text.split(": Connection refused").next().map(str::to_owned);
        let expected = cut(expected);
        assert_eq!(cut(login_at(&server)), expected, "login: {what}");
        assert_eq!(cut(connection_to(&server)), expected, "connection: {what}");
        if [no_tls, wants_tls].contains(&why) {
            let login = Login::device("device-of-ada").retry();
            let error = error_of(&server, login);
            assert_eq!(cut(error), expected, "no try can help: {what}");
        }
    }
}

#[test]
fn a_host_that_does_not_exist() {
    // A label of a host name has at most 63 characters, so no name server is asked.
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
            "the session cannot be refreshed: Server key invalid (401)",
        ),
    ] {
        assert_eq!(login_at(&server), login);
        assert_eq!(connection_to(&server), connection);
    }
}
