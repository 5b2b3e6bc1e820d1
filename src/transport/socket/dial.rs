//! From a server's address to a connection.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use mio::{Interest, Registry, Token, net::TcpStream};

#[cfg(feature = "rustls")]
use super::tls::{TlsConfigs, TlsStream};
use super::{resolver::Addresses, stream::Stream};
#[cfg(feature = "rustls")]
use crate::transport::address::NakamaServer;
use crate::transport::{address::Endpoint, error::TransportError};

/// How long one address may keep the next one waiting: half of what the first tries of a connection that heals may take.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A connection that is being made: its name is looked up, then its addresses are tried one after the other.
pub(crate) struct Dial {
    /// For what comes after the connection.
    #[cfg(feature = "rustls")]
    tls: Option<Box<rustls::ClientConnection>>,
    endpoint: Endpoint,
    token: Token,
    untried: VecDeque<SocketAddr>,
    trying: Option<Trying>,
}

struct Trying {
    stream: TcpStream,
    address: SocketAddr,
    since: Instant,
}

impl Dial {
    /// The socket will be registered under `token`. The caller looks the host up.
    pub(crate) fn new(endpoint: Endpoint, token: Token) -> Result<Self, TransportError> {
        if endpoint.tls && cfg!(not(feature = "rustls")) {
            return Err(TransportError::TlsNotBuilt);
        }
        Ok(Self {
            #[cfg(feature = "rustls")]
            tls: None,
            endpoint,
            token,
            untried: VecDeque::new(),
            trying: None,
        })
    }

    /// Prepares TLS, if the address asks for it.
    #[cfg(feature = "rustls")]
    pub(crate) fn prepare_tls(
        &mut self,
        server: &NakamaServer,
        configs: &mut TlsConfigs,
    ) -> Result<(), TransportError> {
        if self.endpoint.tls {
            self.tls = Some(configs.connection(server, &self.endpoint)?);
        }
        Ok(())
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn on_resolved(
        &mut self,
        now: Instant,
        found: Addresses,
        registry: &Registry,
    ) -> Result<(), TransportError> {
        self.untried = found?.into();
        self.try_next(now, registry, None)
    }

    /// When to come back although nothing happened.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.trying
            .as_ref()
            .filter(|_| !self.untried.is_empty())
            .map(|trying| trying.since + PATIENCE)
    }

    /// The connection, as soon as there is one.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        registry: &Registry,
    ) -> Result<Option<Stream>, TransportError> {
        loop {
            let Some(trying) = &self.trying else {
                return Ok(None);
            };
            let failed = match is_connected(&trying.stream) {
                Ok(true) => break,
                Ok(false) if self.next_timeout().is_some_and(|until| now >= until) => {
                    io::ErrorKind::TimedOut.into()
                }
                Ok(false) => return Ok(None),
                Err(error) => error,
            };
            let address = trying.address;
            self.try_next(now, registry, Some((address, failed)))?;
        }
        let Some(Trying { stream, .. }) = self.trying.take() else {
            return Ok(None);
        };
        // Small messages leave at once; without it, each would wait for the one before to be acknowledged.
        // (One that the server has closed already takes no such wish on some systems, and may still be read.)
        let _ = stream.set_nodelay(true);
        Ok(Some(self.secure(stream)))
    }

    fn try_next(
        &mut self,
        now: Instant,
        registry: &Registry,
        mut failed: Option<(SocketAddr, io::Error)>,
    ) -> Result<(), TransportError> {
        self.trying = None;
        while let Some(address) = self.untried.pop_front() {
            let connecting = TcpStream::connect(address).and_then(|mut stream| {
                registry.register(
                    &mut stream,
                    self.token,
                    Interest::READABLE | Interest::WRITABLE,
                )?;
                Ok(stream)
            });
            match connecting {
                Ok(stream) => {
                    self.trying = Some(Trying {
                        stream,
                        address,
                        since: now,
                    });
                    return Ok(());
                }
                Err(error) => failed = Some((address, error)),
            }
        }
        Err(match failed {
            Some((address, error)) => TransportError::Connect {
                address,
                error: Arc::new(error),
            },
            None => TransportError::Resolve {
                host: self.endpoint.host.clone(),
                error: Arc::new(io::ErrorKind::NotFound.into()),
            },
        })
    }

    #[cfg(feature = "rustls")]
    fn secure(&mut self, stream: TcpStream) -> Stream {
        match self.tls.take() {
            Some(tls) => Stream::Tls(TlsStream::new(tls, stream)),
            None => Stream::Plain(stream),
        }
    }

    #[cfg(not(feature = "rustls"))]
    fn secure(&mut self, stream: TcpStream) -> Stream {
        Stream::Plain(stream)
    }
}

fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    match stream.take_error()? {
        // There was a connection, and the server has closed it. What it said before can be read.
        Some(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(true),
        Some(error) => return Err(error),
        None => {}
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
