//! Input and output: one thread, one port, a task for each connection.

use std::{
    future, io,
    net::{SocketAddr, TcpListener as StdTcpListener},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    task::{LocalSet, spawn_local},
    time::{sleep, sleep_until},
};

use super::{
    line::{Fate, Line},
    log::{ChaosEventKind, Record},
    moment::Direction,
    rules::Rules,
};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long after a failure of the system to try again.
const PAUSE: Duration = Duration::from_millis(100);

/// Everything prepared, to be run on a thread of its own.
pub(super) struct Prepared {
    runtime: Runtime,
    listener: TcpListener,
    shell: Shell,
}

struct Shell {
    rules: watch::Sender<Rules>,
    record: Arc<Record>,
}

/// The port, which nobody else may get while the proxy does not listen.
enum Port {
    Open(TcpListener),
    Closed(TcpSocket),
    /// The system has failed.
    Lost,
}

impl Prepared {
    pub(super) fn new(
        listener: StdTcpListener,
        rules: watch::Sender<Rules>,
        record: Arc<Record>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _guard = runtime.enter();
            TcpListener::from_std(listener)?
        };
        Ok(Self {
            runtime,
            listener,
            shell: Shell { rules, record },
        })
    }

    /// Serves until `stop` is sent to or dropped. All connections end with it.
    pub(super) fn run(self, stop: oneshot::Receiver<()>) {
        let serving = async {
            spawn_local(keep_time(self.shell.rules.clone()));
            spawn_local(listen(Rc::new(self.shell), self.listener));
            let _stopped = stop.await;
        };
        LocalSet::new().block_on(&self.runtime, serving);
        // A name that is still looked up does not hold up the end.
        self.runtime.shutdown_background();
    }
}

/// Adds and removes rules when their time has come.
async fn keep_time(rules: watch::Sender<Rules>) {
    let mut news = rules.subscribe();
    loop {
        let next = news.borrow_and_update().next_time();
        if next.is_some_and(|next| next <= Instant::now()) {
            rules.send_modify(|rules| rules.keep_time(Instant::now()));
            continue;
        }
        let pause = sleep_until(next.unwrap_or_else(Instant::now).into());
        tokio::select! {
            changed = news.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = pause, if next.is_some() => {}
        }
    }
}

async fn listen(shell: Rc<Shell>, listener: TcpListener) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut news = shell.rules.subscribe();
    let mut port = Port::Open(listener);
    loop {
        let is_wanted = news.borrow_and_update().is_listening;
        port = port.set(is_wanted, address, &shell.record);
        let failed = matches!(port, Port::Lost);
        tokio::select! {
            biased;
            changed = news.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            accepted = port.accept() => match accepted {
                Ok((client, _)) => shell.clone().open(client),
                Err(error) => {
                    // Out of file descriptors, for example; it may get better.
                    log::warn!("the fault proxy cannot accept a connection: {error}");
                    sleep(PAUSE).await;
                }
            },
            () = sleep(PAUSE), if failed => {}
        }
    }
}

impl Port {
    fn set(self, is_wanted: bool, address: SocketAddr, record: &Record) -> Self {
        let port = match (self, is_wanted) {
            (port @ Self::Open(_), true) | (port @ Self::Closed(_), false) => return port,
            (Self::Closed(socket), true) => socket.listen(BACKLOG).map(Self::Open),
            (Self::Lost, true) => reserve(address)
                .and_then(|socket| socket.listen(BACKLOG))
                .map(Self::Open),
            (port @ (Self::Open(_) | Self::Lost), false) => {
                drop(port);
                reserve(address).map(Self::Closed)
            }
        };
        let kind = match &port {
            Ok(Self::Open(_)) => ChaosEventKind::Listening,
            Ok(_) => ChaosEventKind::StoppedListening,
            Err(error) => {
                log::warn!("the fault proxy has lost its port for now: {error}");
                return Self::Lost;
            }
        };
        record.add(0, kind);
        port.unwrap_or(Self::Lost)
    }

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Closed(_) | Self::Lost => future::pending().await,
        }
    }
}

/// The port is taken, and whoever connects to it is refused.
fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of before may still be open on this port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Shell {
    fn open(self: Rc<Self>, client: TcpStream) {
        let mut number = 0;
        self.rules.send_if_modified(|rules| {
            number = rules.open();
            // Nobody has to look at the rules for that.
            false
        });
        self.record.add(number, ChaosEventKind::Opened);
        spawn_local(async move {
            let end = self.serve(number, client).await;
            self.rules.send_if_modified(|rules| {
                rules.close(number);
                false
            });
            self.record.add(number, end);
        });
    }

    /// Carries a connection from its beginning to its end. Returns what the log says about that.
    async fn serve(&self, number: u64, mut client: TcpStream) -> ChaosEventKind {
        let mut line = Line::new(number, self.rules.clone(), self.record.clone());
        let fate = match line.begin() {
            Fate::Open => {
                let target = self.rules.borrow().target.clone();
                let mut server = match TcpStream::connect(&target).await {
                    Ok(server) => server,
                    Err(error) => {
                        reset(&client);
                        let error = error.kind();
                        return ChaosEventKind::Unreachable { error };
                    }
                };
                for stream in [&client, &server] {
                    if let Err(error) = stream.set_nodelay(true) {
                        log::debug!("no TCP_NODELAY: {error}");
                    }
                }
                let fate = line.run(&mut client, &mut server).await;
                if fate == Fate::Reset {
                    reset(&server);
                }
                fate
            }
            Fate::HalfOpen => {
                line.swallow(&mut client).await;
                Fate::Ended
            }
            fate => fate,
        };
        if fate == Fate::Reset {
            reset(&client);
        }
        ChaosEventKind::Closed {
            to_server: line.flow(Direction::ToServer),
            to_client: line.flow(Direction::ToClient),
        }
    }
}

/// Makes a reset of the end of a connection.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        log::debug!("it ends in peace: {error}");
    }
}
