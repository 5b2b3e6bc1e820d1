//! Which server to play on: a given one, the embedded one of another arena on this machine, or an embedded one of our own. When the server
//! of another arena goes, one of those who are left takes its place.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bevy::{prelude::*, time::common_conditions::on_timer};
use bevy_nakama::{
    local_server::{LocalServer, LocalServerConfig},
    prelude::*,
};

use crate::{notice::Notice, online::TryAgain, options::Options};

/// How often we look whether the place is free, while there is no connection.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(crate) struct Host {
    pub(crate) server: NakamaServer,
    /// What kind of server that is, for people.
    pub(crate) what: &'static str,
    /// How many bots make it lively, unless somebody asks for another number.
    pub(crate) bots: usize,
    /// Where the embedded server is, unless somebody gave us another one.
    pub(crate) place: Option<Place>,
}

impl Host {
    pub(crate) fn find(options: &Options) -> io::Result<Self> {
        if let Some(url) = &options.server {
            let server = NakamaServer::new(url, &options.key);
            return Ok(Self {
                server,
                what: "a server of yours",
                bots: 0,
                place: None,
            });
        }
        let mut place = Place::new(options.port);
        let (what, bots) = match place.take()? {
            true => ("an embedded server", 3),
            false => ("the server of another arena", 0),
        };
        let url = format!("http://{}", place.settle());
        Ok(Self {
            server: NakamaServer::new(url, &options.key),
            what,
            bots,
            place: Some(place),
        })
    }
}

/// The port where the embedded server listens: ours, or that of another arena. All know it, so whoever takes it next is found.
#[derive(Clone, Resource)]
pub(crate) struct Place {
    address: SocketAddr,
    /// Lives as long as this.
    ours: Arc<Mutex<Option<LocalServer>>>,
}

impl Place {
    fn new(port: u16) -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            ours: Arc::default(),
        }
    }

    fn ours(&self) -> MutexGuard<'_, Option<LocalServer>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a server, unless one listens there. Returns whether it did.
    fn take(&self) -> io::Result<bool> {
        let mut ours = self.ours();
        if ours.is_some() {
            return Ok(false);
        }
        let config = LocalServerConfig {
            address: self.address,
            ..Default::default()
        };
        match LocalServer::start(config) {
            Ok(server) => {
                *ours = Some(server);
                Ok(true)
            }
            // Another arena was here first.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The address, from now on with the real port.
    fn settle(&mut self) -> SocketAddr {
        let real = self.ours().as_ref().map(LocalServer::address);
        self.address = real.unwrap_or(self.address);
        self.address
    }

    /// Ends the server, if it is ours. Returns whether it is.
    pub(crate) fn leave(&self) -> bool {
        self.ours().take().is_some()
    }
}

/// The place goes with the game of whoever plays here, not with the bots.
impl Plugin for Place {
    fn build(&self, app: &mut App) {
        app.insert_resource(self.clone())
            .add_systems(Update, take_over.run_if(on_timer(LOOK_EVERY)));
    }
}

/// Nobody has to agree on who it is: a port belongs to whoever is first. The others find the new server there.
fn take_over(mut commands: Commands, place: Res<Place>, connection: Res<NakamaConnection>) {
    if connection.is_connected() || !place.take().unwrap_or(false) {
        return;
    }
    commands.trigger(Notice("The server is gone. This is the server now.".into()));
    commands.trigger(TryAgain); // it is there: no need to wait
}
