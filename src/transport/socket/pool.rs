//! REST calls that wait for their turn.
//!
//! Each takes a connection of its own, so that a host is asked for a few things at a time only. The rest waits in the order of
//! the calls; logins and refreshes go first, because other calls wait for them.

use std::collections::VecDeque;

use hashbrown::HashMap;
use mio::Token;

use crate::transport::{
    address::Endpoint,
    command::{Auth, RequestId},
    link::LinkId,
};

/// How many calls one host is asked for at a time, as browsers do it.
const PER_HOST: usize = 6;

/// The calls of all links of a network thread, by host.
#[derive(Default)]
pub(crate) struct Pool {
    hosts: HashMap<Host, Lane>,
}

/// Name or IP address, and port.
pub(crate) type Host = (String, u16);

#[derive(Default)]
struct Lane {
    /// The connections that are open.
    open: Vec<Token>,
    urgent: VecDeque<(LinkId, RequestId)>,
    others: VecDeque<(LinkId, RequestId)>,
}

impl Pool {
    /// A call begins to wait.
    pub(crate) fn wait(
        &mut self,
        link: LinkId,
        request: RequestId,
        endpoint: &Endpoint,
        auth: &Auth,
    ) {
        let host = (endpoint.host.to_ascii_lowercase(), endpoint.port);
        let lane = self.hosts.entry(host).or_default();
        match auth {
            Auth::ServerKey => lane.urgent.push_back((link, request)),
            Auth::HttpKey(_) | Auth::Bearer(_) => lane.others.push_back((link, request)),
        }
    }

    /// Takes out a call whose turn it is. It may have been given up meanwhile.
    pub(crate) fn next(&mut self) -> Option<(Host, LinkId, RequestId)> {
        let mut free = self
            .hosts
            .iter_mut()
            .filter(|(_, lane)| lane.open.len() < PER_HOST);
        free.find_map(|(host, lane)| {
            let next = lane.urgent.pop_front().or_else(|| lane.others.pop_front());
            next.map(|(link, request)| (host.clone(), link, request))
        })
    }

    /// A call has a connection.
    pub(crate) fn open(&mut self, host: Host, token: Token) {
        self.hosts.entry(host).or_default().open.push(token);
    }

    /// Forgets the connections that are not open any more.
    pub(crate) fn retain(&mut self, is_open: impl Fn(Token) -> bool) {
        self.hosts.retain(|_, lane| {
            lane.open.retain(|token| is_open(*token));
            !(lane.open.is_empty() && lane.urgent.is_empty() && lane.others.is_empty())
        });
    }
}
