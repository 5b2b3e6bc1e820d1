//! What it takes to start a connection, and whose connection is whose.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, unbounded};
use hashbrown::HashMap;
use mio::Token;

#[cfg(feature = "rustls")]
use crate::transport::socket::tls::TlsConfigs;
use crate::transport::{
    address::{Endpoint, NakamaServer},
    error::TransportError,
    link::LinkId,
    socket::{
        dial::Dial,
        pool::Pool,
        resolver::{Addresses, Resolver},
    },
};

/// Takes the addresses of a connection to where they are awaited.
pub(super) type Deliver = Arc<dyn Fn(Token, Addresses) + Send + Sync>;

/// Starts the connections of all links.
pub(super) struct Dialer {
    resolver: Resolver,
    deliver: Deliver,
    last_token: usize,
    owners: HashMap<Token, LinkId>,
    ending: Sender<Token>,
    ended: Receiver<Token>,
    pub(super) pool: Pool,
    #[cfg(feature = "rustls")]
    tls: TlsConfigs,
}

/// A connection's name for the poller. It is free again when this is dropped, which goes with the connection.
pub(super) struct Lease {
    token: Token,
    ending: Sender<Token>,
    /// Whoever works for the connection sees by it that it is wanted.
    wanted: Arc<()>,
}

impl Lease {
    pub(super) fn token(&self) -> Token {
        self.token
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = self.ending.send(self.token);
    }
}

impl Dialer {
    /// The tokens begin behind `last_token`.
    pub(super) fn new(last_token: Token, deliver: Deliver) -> Self {
        let (ending, ended) = unbounded();
        Self {
            resolver: Resolver::default(),
            deliver,
            last_token: last_token.0,
            owners: HashMap::new(),
            ending,
            ended,
            pool: Pool::default(),
            #[cfg(feature = "rustls")]
            tls: TlsConfigs::default(),
        }
    }

    /// Starts a connection: its socket will be registered under the token, and its addresses are delivered later.
    #[cfg_attr(not(feature = "rustls"), expect(unused_variables))]
    pub(super) fn dial(
        &mut self,
        link: LinkId,
        server: &NakamaServer,
        endpoint: Endpoint,
    ) -> Result<(Lease, Dial), TransportError> {
        self.last_token += 1;
        let token = Token(self.last_token);
        #[cfg_attr(not(feature = "rustls"), expect(unused_mut))]
        let mut dial = Dial::new(endpoint, token)?;
        #[cfg(feature = "rustls")]
        dial.prepare_tls(server, &mut self.tls)?;
        self.owners.insert(token, link);
        let lease = Lease {
            token,
            ending: self.ending.clone(),
            wanted: Arc::new(()),
        };
        let deliver = self.deliver.clone();
        let endpoint = dial.endpoint();
        self.resolver.resolve(
            &endpoint.host,
            endpoint.port,
            Arc::downgrade(&lease.wanted),
            Box::new(move |addresses| deliver(token, addresses)),
        );
        Ok((lease, dial))
    }

    /// The link that a connection is of, unless the connection has ended.
    pub(super) fn owner(&self, token: Token) -> Option<LinkId> {
        self.owners.get(&token).copied()
    }

    /// Forgets the connections that have ended.
    pub(super) fn forget_ended(&mut self) {
        for token in self.ended.try_iter() {
            self.owners.remove(&token);
            self.pool.close(token);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(dialer: &mut Dialer, link: LinkId) -> (Lease, Dial) {
        let server = NakamaServer::new("http://127.0.0.1:1", "key");
        let endpoint = server.endpoint().unwrap();
        dialer.dial(link, &server, endpoint).ok().unwrap()
    }

    #[test]
    fn a_connection_has_an_owner_until_it_is_dropped() {
        let mut dialer = Dialer::new(Token(0), Arc::new(|_, _| {}));
        let (kept, _dial) = dial(&mut dialer, LinkId(1));
        let (dropped, _dial) = dial(&mut dialer, LinkId(2));
        let token = dropped.token();
        assert_eq!(dialer.owner(token), Some(LinkId(2)));
        drop(dropped);
        dialer.forget_ended();
        assert_eq!(dialer.owner(token), None);
        assert_eq!(dialer.owner(kept.token()), Some(LinkId(1)));
    }
}
