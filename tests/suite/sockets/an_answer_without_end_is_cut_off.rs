//! Answers over REST that are long, or never end: they are cut off, and hold up no other call.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};

use super::servers::{http_server, read_body, respond};
use crate::common::{game::Game, log::Log};
use bevy::prelude::*;
use bevy_nakama::connection::Network;
use bevy_nakama::prelude::*;

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
