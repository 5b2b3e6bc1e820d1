//! TLS over a connection that does not block.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
};

use mio::net::TcpStream;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};

use crate::transport::{
    address::{Endpoint, NakamaServer},
    error::TransportError,
};

/// How much TLS may say for itself before it brings a byte of the server's: certificates, tickets, new keys. In bytes.
const MAX_OWN: usize = 128 * 1024;

/// The configurations of a network thread, one for each set of trusted roots.
///
/// A configuration keeps the sessions of its connections, so that the next connection to the same server resumes one and is
/// open sooner.
#[derive(Default)]
pub(crate) struct TlsConfigs(Vec<(Arc<[Vec<u8>]>, Arc<ClientConfig>)>);

impl TlsConfigs {
    /// The beginning of a connection to this server. Nothing is sent yet.
    pub(crate) fn connection(
        &mut self,
        server: &NakamaServer,
        endpoint: &Endpoint,
    ) -> Result<Box<ClientConnection>, TransportError> {
        let config = self.config(server.roots())?;
        let name = ServerName::try_from(endpoint.host.clone())
            .map_err(|error| TransportError::Tls(Arc::new(io::Error::other(error))))?;
        let connection = ClientConnection::new(config, name).map_err(failed)?;
        Ok(Box::new(connection))
    }

    fn config(&mut self, roots: &Arc<[Vec<u8>]>) -> Result<Arc<ClientConfig>, TransportError> {
        if let Some((_, config)) = self.0.iter().find(|(known, _)| known == roots) {
            return Ok(config.clone());
        }
        let config = Arc::new(make_config(roots)?);
        self.0.push((roots.clone(), config.clone()));
        Ok(config)
    }
}

fn make_config(extra_roots: &[Vec<u8>]) -> Result<ClientConfig, TransportError> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for root in extra_roots {
        roots
            .add(CertificateDer::from(root.as_slice()))
            .map_err(failed)?;
    }
    // The provider is named, because an application may bring a second one and leave the default ambiguous.
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn failed(error: rustls::Error) -> TransportError {
    TransportError::Tls(Arc::new(io::Error::other(error)))
}

/// Bytes in and out of a TLS connection.
///
/// Reading does not depend on writing: a server that has answered and hung up can be read to the end, although nothing can be
/// written to it any more.
pub(crate) struct TlsStream {
    connection: Box<ClientConnection>,
    tcp: TcpStream,
    /// What TLS has said for itself since the last byte of the server's.
    own: usize,
}

impl TlsStream {
    pub(crate) fn new(connection: Box<ClientConnection>, tcp: TcpStream) -> Self {
        Self {
            connection,
            tcp,
            own: 0,
        }
    }

    /// Lets leave what is encrypted.
    fn write_out(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut self.tcp)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let processed = self.connection.process_new_packets();
            // TLS has its own to say, such as what was wrong. A connection that takes nothing any more may still be read.
            let _ = self.write_out();
            match self.connection.reader().read(buffer) {
                Ok(count) => {
                    self.own = 0;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if self.own > MAX_OWN {
                let problem = "the server sends nothing but TLS's own messages";
                return Err(io::Error::new(ErrorKind::InvalidData, problem));
            }
            // At the end this reads nothing, and the reader above says so.
            self.own += self.connection.read_tls(&mut self.tcp)?;
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_out()?;
        // Until TLS is set up, a part of it is kept, and leaves while reading.
        let count = self.connection.writer().write(bytes)?;
        if count == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        match self.write_out() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()
    }
}
