//! Where the server is, and the secrets that open it.

use std::{fmt, sync::Arc};

use http::Uri;

/// A text that must not be seen: its `Debug` shows that there is one, and no more.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// The text itself. Mind where it goes.
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

/// A Nakama server: its address and the key that lets a game log in.
///
/// Nothing is checked or looked up before it is used; a bad address is an answer of the login or the reason of the
/// disconnect, not a panic.
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

impl NakamaServer {
    /// The server at `url` (`http://` or `https://`, host, optional port and path prefix) with its server key
    /// (`socket.server_key` in the server's configuration, `defaultkey` unless changed). Spaces around the address do not matter.
    ///
    /// Without a port, 80 or 443 is used; Nakama itself listens on 7350.
    #[must_use]
    pub fn new(url: impl Into<String>, server_key: impl Into<String>) -> Self {
        Self {
            url: url.into().into(),
            key: server_key.into().into(),
            roots: Arc::default(),
        }
    }

    /// Trusts one more root certificate (DER), for servers whose certificate comes from an authority of your own. Used
    /// for `https` and `wss` alike, beside Mozilla's roots.
    #[cfg(feature = "rustls")]
    #[must_use]
    pub fn with_root_certificate(mut self, der: impl Into<Vec<u8>>) -> Self {
        let mut roots = self.roots.to_vec();
        roots.push(der.into());
        self.roots = roots.into();
        self
    }

    /// The address as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address, for texts.
    pub(crate) fn shown_url(&self) -> &str {
        // Such an address is refused, but the password in it may be real.
        if self.url.contains(['@', '?']) {
            "<redacted>"
        } else {
            self.url.trim()
        }
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
            return Err(invalid("there is a space in it"));
        }
        let uri: Uri = url.parse().map_err(|_| invalid("it is not a URL"))?;
        let authority = uri.authority().ok_or_else(|| invalid("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("it should hold no user name or password"));
        }
        if uri.query().is_some() {
            return Err(invalid("it should have no query"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(invalid("it names no host"));
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

/// An address that cannot be a server's. The plugin looked nothing up and sent nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{}` is not a server address: {problem}", address.escape_debug())]
#[non_exhaustive]
pub struct BadAddress {
    /// The address as it was given; `<redacted>` if there may be a password in it.
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
