//! Hundreds of calls over REST at once: a few are under way, the others wait in order, and logins go first.

use std::{
    net::TcpListener,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use super::servers::{read_body, read_head, respond};
use crate::common::{game::Game, log::Log};
use bevy::prelude::*;
use bevy_nakama::connection::Network;
use bevy_nakama::{prelude::*, testing::session_of};

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
        let settings = NakamaSettings {
            request_timeout: patience,
            ..NakamaSettings::default()
        };
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
        commands.nakama().use_session(&server, session_of("ada"));
        commands.nakama().refresh();
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
