//! Looking up names: the one thing that blocks, on a thread of its own that nobody waits for.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::transport::error::TransportError;

/// A look-up that takes longer does not keep the next one waiting any more.
const HANGS: Duration = Duration::from_secs(1);

/// A looked-up name, or why not.
pub(crate) type Addresses = Result<Vec<SocketAddr>, TransportError>;

/// Takes the result to where it is awaited. Called on the resolver's thread.
pub(crate) type Deliver = Box<dyn FnOnce(Addresses) + Send>;

/// What asks the system.
type LookUp = fn(&str, u16) -> io::Result<Vec<SocketAddr>>;

/// Asks the system anew each time, so that a server that has moved is found. Starts its thread with the first name. While a look-up hangs,
/// the next name has another thread. A thread ends when the resolver has no more for it; a look-up that hangs then goes nowhere.
pub(crate) struct Resolver {
    look_up: LookUp,
    thread: Option<Thread>,
}

/// A thread that looks names up.
struct Thread {
    jobs: Sender<Job>,
    /// Since when it has been at work on one.
    busy_since: Arc<Mutex<Option<Instant>>>,
}

struct Job {
    host: String,
    port: u16,
    /// Gone if nobody waits for it any more.
    wanted: Weak<()>,
    deliver: Deliver,
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            look_up: |host, port| (host, port).to_socket_addrs().map(Iterator::collect),
            thread: None,
        }
    }
}

impl Resolver {
    /// Looks a host up, if `wanted` is still there when its turn comes. An IP address is answered at once.
    pub(crate) fn resolve(&mut self, host: &str, port: u16, wanted: Weak<()>, deliver: Deliver) {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return deliver(Ok(vec![SocketAddr::new(ip, port)]));
        }
        let job = Job {
            host: host.to_owned(),
            port,
            wanted,
            deliver,
        };
        let refused = match self.thread() {
            Ok(thread) => thread.jobs.send(job).err().map(|refused| refused.0),
            Err(_) => Some(job),
        };
        if let Some(job) = refused {
            self.thread = None;
            (job.deliver)(Err(TransportError::NetworkThread));
        }
    }

    fn thread(&mut self) -> io::Result<&Thread> {
        let thread = match self.thread.take().filter(|thread| !thread.hangs()) {
            Some(thread) => thread,
            None => Thread::start(self.look_up)?,
        };
        Ok(self.thread.insert(thread))
    }
}

impl Thread {
    fn start(look_up: LookUp) -> io::Result<Self> {
        let (jobs, queue) = unbounded();
        let busy_since = Arc::default();
        let is_busy = Arc::clone(&busy_since);
        thread::Builder::new()
            .name("nakama-resolver".into())
            .spawn(move || run(&queue, &is_busy, look_up))?;
        Ok(Self { jobs, busy_since })
    }

    fn hangs(&self) -> bool {
        let busy_since = self.busy_since.lock();
        let busy_since = *busy_since.unwrap_or_else(PoisonError::into_inner);
        busy_since.is_some_and(|since| since.elapsed() >= HANGS)
    }
}

fn run(queue: &Receiver<Job>, busy_since: &Mutex<Option<Instant>>, look_up: LookUp) {
    let set_busy = |since| *busy_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    for Job {
        host,
        port,
        wanted,
        deliver,
    } in queue
    {
        if wanted.strong_count() == 0 {
            continue;
        }
        set_busy(Some(Instant::now()));
        let found = look_up(&host, port);
        set_busy(None);
        let addresses = match found {
            Ok(found) if found.is_empty() => Err(io::ErrorKind::NotFound.into()),
            found => found,
        };
        deliver(addresses.map_err(|error| TransportError::Resolve {
            host,
            error: Arc::new(error),
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// A system on which a server moves with each question, and one name hangs.
    fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        static LAST: AtomicU8 = AtomicU8::new(0);
        if host == "hangs" {
            loop {
                thread::park(); // which may return for no reason
            }
        }
        let last = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(vec![SocketAddr::from(([10, 0, 0, last], port))])
    }

    struct Asked {
        resolver: Resolver,
        wanted: Arc<()>,
        tell: Sender<Addresses>,
        found: Receiver<Addresses>,
    }

    impl Asked {
        fn new() -> Self {
            let resolver = Resolver {
                look_up,
                thread: None,
            };
            let (tell, found) = unbounded();
            Self {
                resolver,
                wanted: Arc::new(()),
                tell,
                found,
            }
        }

        fn ask(&mut self, host: &str, wanted: Weak<()>) {
            let tell = self.tell.clone();
            let deliver = Box::new(move |addresses| {
                let _ = tell.send(addresses);
            });
            self.resolver.resolve(host, 1, wanted, deliver);
        }

        fn next(&self) -> SocketAddr {
            let found = self.found.recv_timeout(Duration::from_secs(10));
            found.expect("an answer").expect("an address")[0]
        }
    }

    #[test]
    fn scenario_38_each_try_asks_anew_and_a_look_up_that_hangs_holds_up_nobody() {
        let mut asked = Asked::new();
        let wanted = Arc::downgrade(&asked.wanted);
        asked.ask("server", wanted.clone());
        let first = asked.next();
        asked.ask("server", wanted.clone());
        let second = asked.next();
        assert_ne!(first, second);

        asked.ask("hangs", wanted.clone());
        asked.ask("given.up", Weak::new());
        thread::sleep(HANGS + Duration::from_millis(200)); // the machine's own clock
        asked.ask("given.up", Weak::new());
        asked.ask("server", wanted);
        let third = asked.next();
        assert_eq!(
            third,
            SocketAddr::from(([10, 0, 0, 3], 1)),
            "nothing else was asked for"
        );
    }
}
