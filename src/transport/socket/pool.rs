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
    /// Whose connection is open to which host.
    open: HashMap<Token, Host>,
}

/// Name or IP address, and port.
pub(crate) type Host = (String, u16);

#[derive(Default)]
struct Lane {
    /// How many connections are open.
    open: usize,
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
            .filter(|(_, lane)| lane.open < PER_HOST);
        let (host, (link, request)) = free.find_map(|(host, lane)| {
            let next = lane.urgent.pop_front().or_else(|| lane.others.pop_front());
            next.map(|next| (host.clone(), next))
        })?;
        self.forget_if_idle(&host);
        Some((host, link, request))
    }

    /// A call has a connection.
    pub(crate) fn open(&mut self, host: Host, token: Token) {
        self.hosts.entry(host.clone()).or_default().open += 1;
        self.open.insert(token, host);
    }

    /// A connection has ended. It need not be that of a call.
    pub(crate) fn close(&mut self, token: Token) {
        if let Some(host) = self.open.remove(&token)
            && let Some(lane) = self.hosts.get_mut(&host)
        {
            lane.open -= 1;
            self.forget_if_idle(&host);
        }
    }

    fn forget_if_idle(&mut self, host: &Host) {
        let is_idle =
            |lane: &Lane| lane.open == 0 && lane.urgent.is_empty() && lane.others.is_empty();
        if self.hosts.get(host).is_some_and(is_idle) {
            self.hosts.remove(host);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::address::NakamaServer;

    fn wait(pool: &mut Pool, host: &str, call: u64) {
        let server = NakamaServer::new(format!("http://{host}:7350"), "key");
        let endpoint = server.endpoint().unwrap();
        pool.wait(LinkId(1), RequestId(call), &endpoint, &Auth::ServerKey);
    }

    /// Starts the calls whose turn it is. Each has its number as its token.
    fn start(pool: &mut Pool) -> Vec<u64> {
        let mut started = Vec::new();
        while let Some((host, _, request)) = pool.next() {
            pool.open(host, Token(request.0 as usize));
            started.push(request.0);
        }
        started
    }

    #[test]
    fn a_host_is_asked_for_a_few_things_at_a_time_and_for_the_next_when_one_is_done() {
        let mut pool = Pool::default();
        (1..=9).for_each(|call| wait(&mut pool, "a", call));
        wait(&mut pool, "b", 20);
        let mut started = start(&mut pool);
        started.sort_unstable();
        assert_eq!(started, [1, 2, 3, 4, 5, 6, 20], "another host has its own");
        pool.close(Token(99));
        assert!(start(&mut pool).is_empty(), "another connection ended");
        pool.close(Token(2));
        assert_eq!(start(&mut pool), [7]);
        pool.close(Token(2));
        assert!(start(&mut pool).is_empty(), "it ends once");
    }

    #[test]
    fn a_host_with_nothing_to_do_is_forgotten() {
        let mut pool = Pool::default();
        wait(&mut pool, "a", 1);
        wait(&mut pool, "b", 2);
        while let Some((host, _, request)) = pool.next() {
            // The other one was given up meanwhile.
            if request == RequestId(1) {
                pool.open(host, Token(1));
            }
        }
        assert_eq!(pool.hosts.len(), 1);
        pool.close(Token(1));
        assert!(pool.hosts.is_empty() && pool.open.is_empty());
    }
}
