//! The handle of the network thread.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Sender, unbounded};
use mio::{Poll, Waker};

use super::{
    command::LinkCommand,
    core::Core,
    link::{Driver, Link, LinkId, LinkSettings},
    worker::{ToWorker, WAKER, Worker},
};

/// A network thread, which serves any number of connections.
///
/// Each app starts its own thread, unless you give it one with [`NakamaPlugin::with_network`](crate::plugin::NakamaPlugin::with_network).
/// A program with many bots makes one `Network` and gives a clone of it to each app. A clone is the same thread. The thread ends when
/// the last clone and the last app are dropped; that takes less than 250 ms, even if a server does not answer.
#[derive(Clone)]
pub struct Network(Arc<Handle>);

struct Handle {
    to_worker: Sender<ToWorker>,
    waker: Arc<Waker>,
    next_link: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

impl Network {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The operating system cannot start a thread or make a poller.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (to_worker, commands) = unbounded();
        let worker = Worker::new(poll, waker.clone(), to_worker.clone(), commands);
        let thread = thread::Builder::new()
            .name("nakama-net".into())
            .spawn(move || worker.run())?;
        Ok(Self(Arc::new(Handle {
            to_worker,
            waker,
            next_link: AtomicU64::new(0),
            thread: Some(thread),
        })))
    }

    /// A new link, for one game; none if the thread has ended.
    pub(crate) fn link(&self, settings: LinkSettings) -> Option<Link> {
        let id = LinkId(self.0.next_link.fetch_add(1, Ordering::Relaxed));
        let (core, events, stats) = Core::new(settings);
        let is_running = self.0.tell(ToWorker::AddLink(id, Box::new(core)));
        let network = self.clone();
        is_running.then(|| Link::new(Box::new(ThreadDriver { id, network }), events, stats))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Handle {
    /// Whether the thread runs. One that is gone is noticed by the links, too: their events end.
    fn tell(&self, message: ToWorker) -> bool {
        let is_running = self.to_worker.send(message).is_ok();
        if is_running {
            let _ = self.waker.wake();
        }
        is_running
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tell(ToWorker::ShutDown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the network thread had panicked");
        }
    }
}

/// A link's way to the thread. Dropping it closes the link's socket.
struct ThreadDriver {
    id: LinkId,
    network: Network,
}

impl Driver for ThreadDriver {
    fn hand_over(&self, commands: Vec<LinkCommand>) {
        self.network.0.tell(ToWorker::Commands(self.id, commands));
    }
}

impl Drop for ThreadDriver {
    fn drop(&mut self) {
        self.network.0.tell(ToWorker::RemoveLink(self.id));
    }
}
