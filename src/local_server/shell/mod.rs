//! Input and output for the core: one thread, one port.

mod http;
mod websocket;

use std::{
    cell::RefCell,
    collections::HashMap,
    future::pending,
    io,
    net::TcpListener as StdTcpListener,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::{Notify, oneshot},
    task::{LocalSet, spawn_local},
    time::{sleep, sleep_until, timeout},
};

use super::{
    LocalServerConfig,
    core::{Core, SessionId},
};

/// How long what matches have to say at the end may take.
const GRACE: Duration = Duration::from_millis(50);

/// Everything prepared, to be run on a thread of its own.
pub(super) struct Prepared {
    runtime: Runtime,
    listener: TcpListener,
    config: LocalServerConfig,
}

impl Prepared {
    pub(super) fn new(listener: StdTcpListener, config: LocalServerConfig) -> io::Result<Self> {
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
            config,
        })
    }

    /// Serves until `stop` is sent to or dropped. All connections end with it.
    pub(super) fn run(self, stop: oneshot::Receiver<()>) {
        let shell = Rc::new(Shell::new(self.config));
        let serving = async {
            spawn_local(keep_time(shell.clone()));
            spawn_local(accept(shell.clone(), self.listener));
            let _stopped = stop.await;
            shell.input(|core, now| core.terminate(now, GRACE));
            let _written = timeout(GRACE, shell.all_written()).await;
        };
        LocalSet::new().block_on(&self.runtime, serving);
    }
}

/// The core, with a clock and somebody waiting for each socket.
struct Shell {
    core: RefCell<Core>,
    start: Instant,
    max_message_size: usize,
    wakers: RefCell<HashMap<SessionId, Rc<Notify>>>,
    /// The next deadline may have changed.
    rescheduled: Notify,
}

impl Shell {
    fn new(config: LocalServerConfig) -> Self {
        let rng = config
            .seed
            .map_or_else(rand::make_rng, StdRng::seed_from_u64);
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            max_message_size: config.max_message_size,
            core: RefCell::new(Core::new(config, rng, epoch.unwrap_or_default())),
            start: Instant::now(),
            wakers: RefCell::default(),
            rescheduled: Notify::new(),
        }
    }

    /// Hands an input to the core, and wakes who has something to write then.
    fn input<R>(&self, input: impl FnOnce(&mut Core, Duration) -> R) -> R {
        let mut core = self.core.borrow_mut();
        let deadline = core.next_deadline();
        let result = input(&mut core, self.start.elapsed());
        if core.next_deadline() != deadline {
            self.rescheduled.notify_one();
        }
        let wakers = self.wakers.borrow();
        for session in core.take_woken() {
            if let Some(waker) = wakers.get(&session) {
                waker.notify_one();
            }
        }
        result
    }
}

impl Shell {
    /// Until nothing waits to be written.
    async fn all_written(&self) {
        while self.core.borrow().has_something_to_write() {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The longest that the embedded server waits: a year. Clocks cannot count to the end of time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Tells the core when its deadlines are reached.
async fn keep_time(shell: Rc<Shell>) {
    loop {
        let deadline = shell.core.borrow().next_deadline();
        let reached = async {
            match deadline {
                Some(at) => sleep_until((shell.start + at.min(LONGEST)).into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = reached => shell.input(|core, now| core.advance(now)),
            () = shell.rescheduled.notified() => {}
        }
    }
}

async fn accept(shell: Rc<Shell>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                spawn_local(http::serve(shell.clone(), stream));
            }
            Err(error) => {
                // Out of file descriptors, for example; it may get better.
                log::warn!("the embedded server cannot accept a connection: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}
