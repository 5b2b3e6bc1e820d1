//! Where the server is, and the secrets that open it.

use std::{fmt, sync::Arc};

use http::Uri;

/// A text that nobody should see. Its `Debug` shows only whether it is empty.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The text itself. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "<none>"
        } else {
            "<redacted>"
        })
    }
}

/// A Nakama server: its address, and its server key, which a game needs to log in.
///
/// The address is checked when your game logs in or connects. If it is wrong, the login fails with that error, or
/// [`Disconnected`](crate::connection::Disconnected) has it as its reason.
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let local = NakamaServer::new("http://127.0.0.1:7350", "defaultkey");
/// let production = NakamaServer::new("https://nakama.example.com", "a key of your own");
/// assert!(!format!("{production:?}").contains("a key of your own"));
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct NakamaServer {
    url: Arc<str>,
    key: Secret,
    roots: Arc<[Vec<u8>]>,
}

impl fmt::Debug for NakamaServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NakamaServer")
            .field("url", &self.shown_url())
            .field("key", &self.key)
            .field("roots", &self.roots.len())
            .finish()
    }
}

/// An address, for texts.
pub(crate) fn shown_url(url: &str) -> &str {
    // Such an address is refused, but the password in it may be real.
    if url.contains(['@', '?']) {
        "<redacted>"
    } else {
        url.trim()
    }
}

impl NakamaServer {
    /// The server at `url` (`http://` or `https://`, host, optional port and path prefix) with its server key
    /// (`socket.server_key` in the server's configuration; its default is `defaultkey`). Spaces around the address do not matter.
    ///
    /// Without a port, it is 80 or 443. Nakama itself listens on 7350.
    #[must_use]
    pub fn new(url: impl Into<String>, server_key: impl Into<String>) -> Self {
        Self {
            url: url.into().into(),
            key: server_key.into().into(),
            roots: Arc::default(),
        }
    }

    /// Also trusts this root certificate (DER), for a server whose certificate is signed by an authority of your own. It counts for
    /// `https` and `wss`, beside Mozilla's roots.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn with_root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        let mut roots = self.roots.to_vec();
        roots.push(der.into());
        self.roots = roots.into();
        self
    }

    /// The address as you gave it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address, for texts.
    pub(crate) fn shown_url(&self) -> &str {
        shown_url(&self.url)
    }

    pub(crate) fn key(&self) -> &Secret {
        &self.key
    }

    /// Extra roots of trust, DER.
    #[cfg(feature = "rustls")]
    pub(crate) fn roots(&self) -> &Arc<[Vec<u8>]> {
        &self.roots
    }

    /// An error about this address.
    pub(crate) fn bad_address(&self, problem: &'static str) -> BadAddress {
        BadAddress {
            address: self.shown_url().to_owned(),
            problem,
        }
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint, BadAddress> {
        let invalid = |problem| self.bad_address(problem);
        let url = self.url.trim(); // what a config file or a text field may bring along
        if url.is_empty() {
            return Err(invalid("it is empty"));
        }
        let scheme = url.split_once("://");
        let tls = match scheme
            .map(|(scheme, _)| scheme.to_ascii_lowercase())
            .as_deref()
        {
            Some("http") => false,
            Some("https") => true,
            Some("ws") => return Err(invalid("it should begin with http:// instead of ws://")),
            Some("wss") => return Err(invalid("it should begin with https:// instead of wss://")),
            _ => return Err(invalid("it should begin with http:// or https://")),
        };
        if url.contains(char::is_whitespace) {
            return Err(invalid("it contains a space"));
        }
        let uri: Uri = url.parse().map_err(|_| invalid("it is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| invalid("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("it should not contain a user name or password"));
        }
        if uri.query().is_some() {
            return Err(invalid("it should not have a query"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(invalid("it has no host"));
        }
        let port = match authority.as_str()[host.len()..].strip_prefix(':') {
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| invalid("its port is not a number from 1 to 65535"))?,
            None if tls => 443,
            None => 80,
        };
        Ok(Endpoint {
            tls,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

/// A malformed address of a server. Nothing was looked up or sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{}` is not the address of a server: {problem}", address.escape_debug())]
#[non_exhaustive]
pub struct BadAddress {
    /// The address as you gave it; `<redacted>` if it may contain a password.
    pub address: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// A parsed address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) tls: bool,
    /// A name or an IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What goes into the `Host` header.
    pub(crate) authority: String,
    /// What goes before every path, without a slash at the end.
    pub(crate) prefix: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, BadAddress> {
        NakamaServer::new(url, "key").endpoint()
    }

    #[test]
    fn addresses_are_read() {
        let plain = endpoint("http://127.0.0.1:7350").expect("valid");
        assert_eq!(
            (
                plain.tls,
                plain.host.as_str(),
                plain.port,
                plain.prefix.as_str()
            ),
            (false, "127.0.0.1", 7350, "")
        );
        let behind_proxy = endpoint("https://games.example.com/nakama/").expect("valid");
        assert_eq!(
            (
                behind_proxy.tls,
                behind_proxy.port,
                behind_proxy.prefix.as_str()
            ),
            (true, 443, "/nakama")
        );
        assert_eq!(endpoint(" HTTP://127.0.0.1:7350\n"), Ok(plain));
        let six = endpoint("http://[::1]:7350").expect("valid");
        assert_eq!(
            (six.host.as_str(), six.authority.as_str()),
            ("::1", "[::1]:7350")
        );
    }

    #[test]
    fn what_is_no_address_is_an_error_that_does_not_repeat_it() {
        let bad = [
            "",
            "nakama",
            "ftp://host",
            "http://",
            "http://host:99999",
            "http://ada:secret@host",
            "http://h/?k=secret",
        ];
        for url in bad {
            let error = endpoint(url).expect_err(url).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let server = NakamaServer::new("http://h", "hush");
        assert!(!format!("{server:?} {:?}", server.key()).contains("hush"));
    }
}
