//! A non-blocking connection, plain or TLS.

use std::io::{self, Read, Write};

use mio::net::TcpStream;

/// Bytes in and out; `WouldBlock` when there is nothing to do.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "rustls")]
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(|| match self {
            Self::Plain(stream) => stream.read(buffer),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.read(buffer),
        })
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| match self {
            Self::Plain(stream) => stream.write(bytes),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        retry(|| match self {
            Self::Plain(stream) => stream.flush(),
            #[cfg(feature = "rustls")]
            Self::Tls(stream) => stream.flush(),
        })
    }
}

/// A call that a signal interrupted is made again. `WouldBlock` is the only error that means "later".
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// TLS over a connection, to a host of that name.
#[cfg(feature = "rustls")]
pub(super) fn tls(
    stream: TcpStream,
    host: &str,
    extra_roots: &[Vec<u8>],
) -> Result<Stream, super::error::TransportError> {
    use std::sync::Arc;

    use rustls::{
        ClientConfig, ClientConnection, RootCertStore, StreamOwned,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    };

    use super::error::TransportError;

    let failed = |error: rustls::Error| TransportError::Tls(Arc::new(io::Error::other(error)));
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
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TransportError::InvalidUrl {
        problem: "its host cannot be in a certificate",
    })?;
    let connection = ClientConnection::new(config.into(), name).map_err(failed)?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
}
