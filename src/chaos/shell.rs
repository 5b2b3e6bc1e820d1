//! Input and output: one thread, one port, a task for each connection.

use std::{io, net::TcpListener as StdTcpListener, rc::Rc, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    task::{LocalSet, spawn_local},
    time::sleep,
};

use super::{
    ChaosEventKind, Direction,
    log::Record,
    pipe::{End, Pipe},
    rule::Rules,
};

/// Everything prepared, to be run on a thread of its own.
pub(super) struct Prepared {
    runtime: Runtime,
    listener: TcpListener,
    shell: Shell,
}

struct Shell {
    target: String,
    /// Gives connections their numbers.
    counter: watch::Sender<Rules>,
    rules: watch::Receiver<Rules>,
    record: Arc<Record>,
}

impl Prepared {
    pub(super) fn new(
        listener: StdTcpListener,
        target: String,
        counter: watch::Sender<Rules>,
        rules: watch::Receiver<Rules>,
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
            shell: Shell {
                target,
                counter,
                rules,
                record,
            },
        })
    }

    /// Serves until `stop` is sent to or dropped. All connections end with it.
    pub(super) fn run(self, stop: oneshot::Receiver<()>) {
        let serving = async {
            spawn_local(accept(Rc::new(self.shell), self.listener));
            let _stopped = stop.await;
        };
        LocalSet::new().block_on(&self.runtime, serving);
        // A name that is still looked up does not hold up the end.
        self.runtime.shutdown_background();
    }
}

async fn accept(shell: Rc<Shell>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let mut number = 0;
                shell.counter.send_if_modified(|rules| {
                    number = rules.open();
                    // Nobody has to look at the rules for that.
                    false
                });
                shell.record.add(number, ChaosEventKind::Opened);
                spawn_local(serve(shell.clone(), number, client));
            }
            Err(error) => {
                // Out of file descriptors, for example; it may get better.
                log::warn!("the fault proxy cannot accept a connection: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Carries a connection from its beginning to its end.
async fn serve(shell: Rc<Shell>, number: u64, mut client: TcpStream) {
    let mut server = match TcpStream::connect(&shell.target).await {
        Ok(server) => server,
        Err(error) => {
            reset(&client);
            drop(client);
            let error = error.kind();
            shell
                .record
                .add(number, ChaosEventKind::Unreachable { error });
            return;
        }
    };
    for stream in [&client, &server] {
        if let Err(error) = stream.set_nodelay(true) {
            log::debug!("no TCP_NODELAY: {error}");
        }
    }
    let pipe = |direction| {
        let (rules, record) = (shell.rules.clone(), shell.record.clone());
        Pipe::new(number, direction, rules, record)
    };
    let (mut up, mut down) = (pipe(Direction::ToServer), pipe(Direction::ToClient));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let ended = tokio::try_join!(
        up.run(from_client, to_server),
        down.run(from_server, to_client),
    );
    if !matches!(ended, Ok((End::Said, End::Said))) {
        reset(&client);
        reset(&server);
    }
    drop((client, server));
    let closed = ChaosEventKind::Closed {
        to_server: up.flow(),
        to_client: down.flow(),
    };
    shell.record.add(number, closed);
}

/// Makes a reset of the end of a connection.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        log::debug!("it ends in peace: {error}");
    }
}
