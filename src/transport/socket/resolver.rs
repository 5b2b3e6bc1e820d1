//! Looking up names: the one thing that blocks, on a thread of its own that nobody waits for.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    thread,
};

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::transport::error::TransportError;

/// A looked-up name, or why not.
pub(crate) type Addresses = Result<Vec<SocketAddr>, TransportError>;

/// Takes the result to where it is awaited. Called on the resolver's thread.
pub(crate) type Deliver = Box<dyn FnOnce(Addresses) + Send>;

/// Starts its thread with the first name. The thread ends when the resolver goes; a look-up that hangs then goes nowhere.
#[derive(Default)]
pub(crate) struct Resolver {
    jobs: Option<Sender<Job>>,
}

struct Job {
    host: String,
    port: u16,
    deliver: Deliver,
}

impl Resolver {
    /// Looks a host up. An IP address is answered at once.
    pub(crate) fn resolve(&mut self, host: &str, port: u16, deliver: Deliver) {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return deliver(Ok(vec![SocketAddr::new(ip, port)]));
        }
        let job = Job {
            host: host.to_owned(),
            port,
            deliver,
        };
        let refused = match self.thread() {
            Ok(jobs) => jobs.send(job).err().map(|refused| refused.0),
            Err(_) => Some(job),
        };
        if let Some(job) = refused {
            self.jobs = None;
            (job.deliver)(Err(TransportError::NetworkThread));
        }
    }

    fn thread(&mut self) -> io::Result<&Sender<Job>> {
        let jobs = match self.jobs.take() {
            Some(jobs) => jobs,
            None => {
                let (jobs, queue) = unbounded();
                thread::Builder::new()
                    .name("nakama-resolver".into())
                    .spawn(move || run(&queue))?;
                jobs
            }
        };
        Ok(self.jobs.insert(jobs))
    }
}

fn run(queue: &Receiver<Job>) {
    for Job {
        host,
        port,
        deliver,
    } in queue
    {
        let addresses = (host.as_str(), port).to_socket_addrs().and_then(|found| {
            let found: Vec<_> = found.collect();
            if found.is_empty() {
                Err(io::ErrorKind::NotFound.into())
            } else {
                Ok(found)
            }
        });
        deliver(addresses.map_err(|error| TransportError::Resolve {
            host,
            error: Arc::new(error),
        }));
    }
}
