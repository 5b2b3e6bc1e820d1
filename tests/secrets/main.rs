//! A whole session with everything logged that can be, and everything shown: no secret is in it.

#![expect(clippy::expect_used, reason = "a test that cannot go on panics")]

#[path = "../common/mod.rs"]
mod common;
mod scan;

use std::{fmt::Debug, fs, net::TcpListener, panic, sync::Arc, thread, time::Duration};

use bevy::prelude::*;
use bevy_nakama::request::Request;
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig, RuntimeModule},
    prelude::*,
    proto::{self, Envelope, realtime},
    session::StoredSession,
};
use common::game::{Game, describe, keep};
use prost::Message as _;
use scan::{find, forms, lines, listen, show};
use tungstenite::Message;

const SERVER_KEY: &str = "the k3y of the+server";
const WRONG_KEY: &str = "no k3y of the+server";
const DEVICE: &str = "device/of+ada-0123456789";
const EMAIL: &str = "ada.l+games@example.com";
const PASSWORD: &str = "p\u{e4}ss \"w\\rd\" & 100%";
const WRONG_PASSWORD: &str = "another \"p\u{e4}ss\"w\\rd?";
const CUSTOM: &str = "custom-id-of-ada-42";
const HTTP_KEY: &str = "the http k3y+of/tools";
const WRONG_HTTP_KEY: &str = "no http k3y+of/tools";
const PAYLOAD: &str = "what-only-the-function-may-know";
const SENT_TOKEN: &str = "eyJhbGciOi.match-token-that-is-sent.sig";
const PUSHED_TOKEN: &str = "eyJhbGciOi.match-token-that-is-pushed.sig";

/// Servers of this test, in this process, log what they receive; that is not the client's doing.
const SERVER_THREAD: &str = "a test's server";

/// A game that shows every event with all its causes.
fn game() -> Game {
    game_with(NakamaPlugin::default())
}

fn game_with(plugin: NakamaPlugin) -> Game {
    show_value(&plugin);
    let mut game = Game::with(plugin);
    keep::<EnvelopeReceived>(&mut game.app);
    keep::<EnvelopeSent>(&mut game.app);
    show_replies::<LogIn>(&mut game);
    show_replies::<RefreshSession>(&mut game);
    show_replies::<LogOut>(&mut game);
    show_replies::<RestoreSession>(&mut game);
    show_replies::<CreateMatch>(&mut game);
    show_replies::<JoinMatch>(&mut game);
    show_replies::<LeaveMatch>(&mut game);
    show_replies::<CreateParty>(&mut game);
    show_replies::<JoinParty>(&mut game);
    show_replies::<KickFromParty>(&mut game);
    show_replies::<RawRequest>(&mut game);
    show_replies::<CallRest>(&mut game);
    show_replies::<Rpc>(&mut game);
    show_replies::<RpcWithKey>(&mut game);
    game.app
        .add_observer(|refreshed: On<SessionRefreshed>| show_value(&*refreshed));
    game.app.add_observer(|gone: On<Disconnected>| {
        show_value(&*gone);
        show("reason", describe(&gone.reason));
    });
    game.app.add_systems(
        Update,
        |mut received: MessageReader<EnvelopeReceived>, mut sent: MessageReader<EnvelopeSent>| {
            for envelope in received.read() {
                show_value(envelope);
                show_value(&envelope.decode());
            }
            for envelope in sent.read() {
                show_value(envelope);
                show_value(&envelope.decode());
            }
        },
    );
    game.app.world_mut().resource_mut::<EnvelopeTap>().open();
    game
}

fn show_replies<R: Request>(game: &mut Game) {
    game.app.add_observer(|reply: On<Replied<R>>| {
        show_value(&*reply);
        if let Err(error) = &reply.result {
            show("error", describe(error));
        }
    });
}

fn show_value(value: &impl Debug) {
    show("Debug", format!("{value:?} {value:#?}"));
}

/// Waits for the answer to a request.
fn ask<R: Request<Reply: Clone>>(
    game: &mut Game,
    ask: impl FnOnce(NakamaCommands) -> Entity,
) -> Result<R::Reply, RequestError<R::Refusal>> {
    let (tell, answer) = std::sync::mpsc::channel();
    let request = game.commands(|commands| ask(commands.nakama()));
    game.app
        .world_mut()
        .entity_mut(request)
        .observe(move |reply: On<Replied<R>>| drop(tell.send(reply.result.clone())));
    game.until(R::NAME, |_| answer.try_recv().ok())
}

fn log_in(
    game: &mut Game,
    server: &NakamaServer,
    login: Login,
) -> Result<NakamaSession, RequestError<LoginRefusal>> {
    show_value(&login);
    let answer = ask::<LogIn>(game, |nakama| nakama.log_in(server, login).id());
    answer.map(|login| login.session)
}

fn connect(game: &mut Game, server: &NakamaServer, session: &NakamaSession) -> String {
    game.commands(|commands| {
        commands.nakama().use_session(server, session.clone());
        commands.nakama().connect();
    });
    game.next_phase()
}

fn start(config: LocalServerConfig) -> (LocalServer, NakamaServer) {
    show_value(&config);
    let local = LocalServer::start(config).expect("a port");
    let server = NakamaServer::new(local.url(), local.server_key());
    show_value(&local);
    show_value(&server);
    (local, server)
}

/// Tokens that were given out.
#[derive(Default)]
struct Tokens(Vec<(&'static str, String)>);

impl Tokens {
    fn note(&mut self, session: &NakamaSession) {
        show_value(session);
        let refresh = session.refresh_token().expect("there is one");
        show_value(&(session.token(), refresh));
        for (name, token) in [("token", session.token()), ("refresh token", refresh)] {
            let token = token.expose();
            // Parts of what a token says are not secret. Its signature is.
            let signature = token.rsplit('.').next().expect("a part");
            self.0.push((name, token.to_owned()));
            self.0.push((name, signature.to_owned()));
        }
    }
}

/// Accounts, by every way to log in that the embedded server has, and what is refused.
fn log_in_and_out(tokens: &mut Tokens) {
    let (_local, server) = start(LocalServerConfig {
        server_key: SERVER_KEY.into(),
        ..Default::default()
    });
    let mut game = game();
    let device = || Login::device(DEVICE).username("ada");
    let stranger = NakamaServer::new(server.url(), WRONG_KEY);
    log_in(&mut game, &stranger, device()).expect_err("the wrong key");
    let session = log_in(&mut game, &server, device()).expect("an account");
    tokens.note(&session);
    let email = |password| Login::email(EMAIL, password).username("ada-2");
    tokens.note(&log_in(&mut game, &server, email(PASSWORD)).expect("an account"));
    log_in(&mut game, &server, email(WRONG_PASSWORD)).expect_err("the wrong password");
    let by_name = Login::password("ada-2", PASSWORD);
    tokens.note(&log_in(&mut game, &server, by_name).expect("her account"));
    let custom = Login::custom(CUSTOM).create(false);
    log_in(&mut game, &server, custom).expect_err("no account");
    log_in(&mut game, &server, Login::custom(CUSTOM)).expect("an account");

    let refreshed =
        ask::<RefreshSession>(&mut game, |nakama| nakama.refresh().id()).expect("new tokens");
    tokens.note(&refreshed);
    ask::<LogOut>(&mut game, |nakama| nakama.log_out().id()).expect("logged out");
    game.commands(|commands| commands.nakama().use_session(&server, refreshed));
    ask::<RefreshSession>(&mut game, |nakama| nakama.refresh().id()).expect_err("logged out");

    // A panic with a session in its message, as careless code would have it.
    let careless = panic::catch_unwind(|| panic!("no error: {:?}", (&session, &server)));
    careless.expect_err("it panics");
}

/// Matches, parties, a join by token, and kicks.
fn play(tokens: &mut Tokens) {
    let (_local, server) = start(LocalServerConfig {
        server_key: SERVER_KEY.into(),
        single_socket: true,
        ..Default::default()
    });
    let mut games = ["ada", "bob"].map(|name| {
        let mut game = game();
        let login = Login::device(format!("{DEVICE}{name}")).username(name);
        let session = log_in(&mut game, &server, login).expect("an account");
        tokens.note(&session);
        assert_eq!(connect(&mut game, &server, &session), "connected");
        (game, session)
    });
    let [(ada, session), (bob, _)] = &mut games;

    let joined = ask::<CreateMatch>(ada, |nakama| nakama.create_match(CreateMatch::new()).id());
    let here = joined.expect("a match").entity;
    let by_token = JoinMatch::by_token(SENT_TOKEN).with_metadata("password", PASSWORD);
    show_value(&by_token);
    ask::<JoinMatch>(ada, |nakama| nakama.join_match(by_token).id()).expect_err("no such match");
    ask::<LeaveMatch>(ada, |nakama| nakama.leave_match(here).id()).expect("left");

    let created = ask::<CreateParty>(ada, |nakama| nakama.create_party(CreateParty::open(4)).id());
    let party = created.expect("a party").entity;
    let id = ada
        .app
        .world()
        .get::<PartyId>(party)
        .expect("its id")
        .clone();
    ask::<JoinParty>(bob, |nakama| nakama.join_party(id).id()).expect("it is open");
    let bobs = ada.until("bob", |app| {
        let mut members = app
            .world_mut()
            .query_filtered::<(Entity, &Username), With<PartyMemberOf>>();
        let mut members = members.iter(app.world());
        members
            .find(|(_, name)| name.as_str() == "bob")
            .map(|(entity, _)| entity)
    });
    ask::<KickFromParty>(ada, |nakama| nakama.kick_from_party(bobs).id()).expect("kicked");

    // A second socket of the same account ends the first.
    let mut second = game();
    assert_eq!(connect(&mut second, &server, session), "connected");
    assert_eq!(
        ada.next_phase(),
        "replaced by a newer socket of the same account"
    );
    let forged = session.token().expose().replace('.', ".e30");
    if let Ok(forged) = NakamaSession::restore(&forged, None) {
        connect(ada, &server, &forged);
    }
    let other = bevy_nakama::testing::session_of("ada");
    assert!(connect(ada, &server, &other).contains("401"), "not its own");
    bob.commands(|commands| commands.nakama().disconnect());
    assert_eq!(bob.next_phase(), "the game disconnected");
}

/// Functions called in every way, while the session's tokens expire and are replaced.
fn call_functions(tokens: &mut Tokens) {
    let runtime = RuntimeModule::new().register_rpc("use", |_, _| Ok("used".to_owned()));
    let (_local, server) = start(LocalServerConfig {
        server_key: SERVER_KEY.into(),
        http_key: HTTP_KEY.into(),
        session_token_life: Duration::from_secs(4), // in whole seconds: three at least
        runtime,
        ..Default::default()
    });
    let mut game = game();
    let session = log_in(&mut game, &server, Login::device(DEVICE)).expect("an account");
    tokens.note(&session);
    assert_eq!(connect(&mut game, &server, &session), "connected");
    let (tell, refreshed) = std::sync::mpsc::channel();
    game.app
        .add_observer(move |it: On<SessionRefreshed>| drop(tell.send(it.session.clone())));
    let rpc = || Rpc::new("use").payload(PAYLOAD);
    show_value(&rpc());
    // Over the socket, payloads are in the envelopes that this game shows.
    let plain = Rpc::new("use").payload("seen");
    ask::<Rpc>(&mut game, |nakama| nakama.rpc(plain).id()).expect("it works");
    let new = loop {
        let over_rest = rpc().over_rest();
        ask::<Rpc>(&mut game, |nakama| nakama.rpc(over_rest).id()).expect("it works");
        if let Ok(new) = refreshed.try_recv() {
            break new;
        }
    };
    tokens.note(&new);
    let path = format!("/v2/account?secret={PAYLOAD}");
    ask::<CallRest>(&mut game, |nakama| {
        nakama.rest(RestMethod::Get, path, None).id()
    })
    .expect("her account");
    let mut with_key = |key| {
        ask::<RpcWithKey>(&mut game, |nakama| {
            let call = nakama.rpc_with_key(&server, key, rpc());
            call.id()
        })
    };
    with_key(HTTP_KEY).expect("it opens");
    with_key(WRONG_HTTP_KEY).expect_err("it does not");

    ask::<LogOut>(&mut game, |nakama| nakama.log_out().id()).expect("logged out");
    game.commands(|commands| commands.nakama().use_session(&server, new));
    let refused = ask::<CallRest>(&mut game, |nakama| {
        let call = nakama.rest(RestMethod::Get, "/v2/account", None);
        call.id()
    });
    refused.expect_err("logged out, and not to be refreshed");
}

/// Sessions that are kept, taken up, cut off, and that cannot be kept.
fn keep_sessions(tokens: &mut Tokens) {
    let (_local, server) = start(LocalServerConfig {
        server_key: SERVER_KEY.into(),
        ..Default::default()
    });
    let folder = std::env::temp_dir().join(format!("bevy-nakama-secrets-{}", std::process::id()));
    let store = FileSessionStore::new(folder.join("session.json"));
    for is_restored in [false, true] {
        let mut game = game_with(NakamaPlugin::default().with_session_store(store.clone()));
        let login = Login::device(DEVICE);
        let login = ask::<LogIn>(&mut game, |nakama| {
            nakama.restore_or_log_in(&server, login).id()
        });
        let login = login.expect("an account");
        assert_eq!(login.restored, is_restored);
        tokens.note(&login.session);
        show_value(game.app.world().resource::<CurrentSession>());
        show_value(&StoredSession::new(&server, login.session));
    }
    let text = fs::read_to_string(store.path()).expect("it is kept");
    fs::write(store.path(), &text[..text.len() - 9]).expect("ours");
    show_value(&store.load());
    let restore = |store: &FileSessionStore| {
        let mut game = game_with(NakamaPlugin::default().with_session_store(store.clone()));
        ask::<RestoreSession>(&mut game, |nakama| nakama.restore_session(&server).id())
            .expect_err("nothing to restore");
        log_in(&mut game, &server, Login::device(DEVICE)).expect("an account")
    };
    tokens.note(&restore(&store));
    fs::remove_file(store.path()).expect("ours");
    fs::create_dir(store.path()).expect("ours");
    tokens.note(&restore(&store)); // the log says that it cannot be kept
    fs::remove_dir_all(folder).expect("ours");
}

/// A token that has expired, and addresses that lead nowhere.
fn fail_to_connect(tokens: &mut Tokens) {
    let (local, server) = start(LocalServerConfig {
        server_key: SERVER_KEY.into(),
        session_token_life: Duration::ZERO,
        ..Default::default()
    });
    let mut game = game();
    let session = log_in(&mut game, &server, Login::device(DEVICE)).expect("an account");
    tokens.note(&session);
    assert!(connect(&mut game, &server, &session).contains("401"));
    drop(local);
    connect(&mut game, &server, &session);
    log_in(&mut game, &server, Login::device(DEVICE)).expect_err("nobody is there");
    for url in [
        "http://ada:p4ssw0rd@127.0.0.1",
        "ftp://127.0.0.1",
        "http://127.0.0.1/?p4ssw0rd",
    ] {
        let server = NakamaServer::new(url, SERVER_KEY);
        show_value(&server);
        connect(&mut game, &server, &session);
        log_in(&mut game, &server, Login::device(DEVICE)).expect_err("no address");
    }
    let broken = format!("{}\r\nX: y", session.token().expose());
    if let Ok(broken) = NakamaSession::restore(&broken, None) {
        connect(&mut game, &server, &broken);
    }
}

/// Over TLS; and a match token that the server pushes.
fn be_matched_over_tls(session: &NakamaSession) {
    let name = ["localhost".to_owned()];
    let certified = rcgen::generate_simple_self_signed(name).expect("a certificate");
    let root = certified.cert.der().to_vec();
    let provider = rustls::crypto::ring::default_provider();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .expect("a key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let serve = move || {
        let (stream, _) = listener.accept().expect("a client");
        let tls = rustls::ServerConnection::new(Arc::new(config)).expect("TLS");
        let tls = rustls::StreamOwned::new(tls, stream);
        let mut socket = tungstenite::accept(tls).expect("a WebSocket");
        let matched = realtime::MatchmakerMatched {
            ticket: "ticket".into(),
            id: Some(realtime::matchmaker_matched::Id::Token(PUSHED_TOKEN.into())),
            ..Default::default()
        };
        let matched = Envelope {
            cid: String::new(),
            message: Some(proto::Message::MatchmakerMatched(matched)),
        };
        let frame = matched.encode_to_vec().into();
        socket.send(Message::Binary(frame)).expect("sent");
        while socket.read().is_ok() {}
    };
    let thread = thread::Builder::new().name(SERVER_THREAD.into());
    let thread = thread.spawn(serve).expect("a thread");

    let mut game = game();
    let url = format!("https://localhost:{port}");
    let server = NakamaServer::new(url, SERVER_KEY).with_root_certificate(root);
    assert_eq!(connect(&mut game, &server, session), "connected");
    let token = game.until("the token", |app| {
        Game::arrived::<EnvelopeReceived>(app)
            .iter()
            .find_map(|envelope| match envelope.decode().ok()?.message {
                Some(proto::Message::MatchmakerMatched(matched)) => match matched.id? {
                    realtime::matchmaker_matched::Id::Token(token) => Some(token),
                    realtime::matchmaker_matched::Id::MatchId(_) => None,
                },
                _ => None,
            })
    });
    assert_eq!(token, PUSHED_TOKEN);
    // As a request of its own, and as anything.
    let raw = proto::Message::MatchJoin(realtime::MatchJoin {
        id: Some(realtime::match_join::Id::Token(token.clone())),
        ..Default::default()
    });
    show_value(&raw);
    game.commands(|commands| {
        commands.nakama().join_match(JoinMatch::by_token(token));
        commands.nakama().send_raw(raw);
    });
    let mut sent = 0;
    game.until("both sent", |app| {
        sent += Game::arrived::<EnvelopeSent>(app).len();
        (sent >= 2).then_some(())
    });
    drop(game);
    thread.join().expect("the server did not fail");
}

#[test]
fn a_whole_session_tells_no_secret() {
    listen();
    let mut tokens = Tokens::default();
    log_in_and_out(&mut tokens);
    play(&mut tokens);
    call_functions(&mut tokens);
    fail_to_connect(&mut tokens);
    keep_sessions(&mut tokens);
    let token = bevy_nakama::testing::session_of("ada-over-tls");
    let token = token
        .token()
        .expose()
        .replace("signature", "S1gned-by-n0body");
    let session = NakamaSession::restore(&token, Some(&token)).expect("it can be read");
    tokens.note(&session);
    be_matched_over_tls(&session);

    let mut secrets = tokens.0;
    secrets.extend(
        [
            ("server key", SERVER_KEY),
            ("wrong server key", WRONG_KEY),
            ("device id", DEVICE),
            ("email", EMAIL),
            ("password", PASSWORD),
            ("wrong password", WRONG_PASSWORD),
            ("password in a URL", "p4ssw0rd"),
            ("custom id", CUSTOM),
            ("http key", HTTP_KEY),
            ("wrong http key", WRONG_HTTP_KEY),
            ("payload of a function", PAYLOAD),
            ("match token", SENT_TOKEN),
            ("pushed match token", PUSHED_TOKEN),
        ]
        .map(|(name, secret)| (name, secret.to_owned())),
    );

    // The capture works: everybody who says something was heard.
    let all = lines();
    for source in [
        "bevy_nakama",
        "mio",
        "rustls",
        "tungstenite",
        "bevy_",
        "panic",
        "Debug",
        "reason",
        "error",
    ] {
        let count = all
            .iter()
            .filter(|line| line.source.starts_with(source))
            .count();
        println!("{count} lines of {source}");
        assert!(count > 0, "nothing was heard of {source}");
    }
    for harmless in [
        "disconnected: the game disconnected",
        "<redacted>",
        "registering event source with poller",
        "Parsed headers",
    ] {
        let is_there = all.iter().any(|line| line.text.contains(harmless));
        assert!(is_there, "not heard: {harmless}");
    }
    // The servers at the other ends log what they receive, through tungstenite.
    let of_a_client = |line: &scan::Line| {
        let is_embedded = line.thread == "nakama-local-server";
        line.thread != SERVER_THREAD && !(is_embedded && line.source.starts_with("tungstenite"))
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = all.iter().cloned().partition(of_a_client);
    println!("{} of {} lines are looked through", ours.len(), all.len());
    assert!(ours.len() > all.len() / 2);

    let found = find(&ours, &secrets);
    assert!(found.is_empty(), "{} times: {found:#?}", found.len());
    // As they would, if the client read and wrote frames with tungstenite, too.
    let told_by_servers = find(&theirs, &secrets);
    for token in ["match token", "pushed match token"] {
        let mut told = told_by_servers.iter();
        assert!(told.any(|(what, _)| what.starts_with(token)), "{token}");
    }

    // And a secret would be found, in any form.
    for form in forms(PASSWORD) {
        log::trace!("somebody says {form} by mistake");
        bevy::log::tracing::trace!(%form, "by mistake");
        let said = lines();
        let said: Vec<_> = said[all.len()..].to_vec();
        let found = find(&said, &secrets);
        assert!(
            found.iter().any(|(what, _)| what.starts_with("password")),
            "{form}"
        );
    }
}
