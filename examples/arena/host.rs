//! Which server to play on: a given one, the embedded one of another arena on this machine, or an embedded one of our own.

use std::{io, net::SocketAddr};

use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};

use crate::options::Options;

pub(crate) struct Host {
    pub(crate) server: NakamaServer,
    /// What kind of server that is, for people.
    pub(crate) what: &'static str,
    /// How many bots make it lively, unless somebody asks for another number.
    pub(crate) bots: usize,
    /// Our own server lives as long as this.
    _local: Option<LocalServer>,
}

impl Host {
    pub(crate) fn find(options: &Options) -> io::Result<Self> {
        if let Some(url) = &options.server {
            let server = NakamaServer::new(url, &options.key);
            return Ok(Self {
                server,
                what: "a server of yours",
                bots: 0,
                _local: None,
            });
        }
        let address = SocketAddr::from(([127, 0, 0, 1], options.port));
        let config = LocalServerConfig {
            address,
            ..Default::default()
        };
        match LocalServer::start(config) {
            Ok(local) => {
                let server = NakamaServer::new(local.url(), local.server_key());
                Ok(Self {
                    server,
                    what: "an embedded server",
                    bots: 3,
                    _local: Some(local),
                })
            }
            // Another arena was here first.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let server = NakamaServer::new(format!("http://{address}"), &options.key);
                Ok(Self {
                    server,
                    what: "the server of another arena",
                    bots: 0,
                    _local: None,
                })
            }
            Err(error) => Err(error),
        }
    }
}
