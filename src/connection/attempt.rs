//! What is known of a connection that is not open yet.

use super::options::ConnectOptions;
use crate::transport::{DisconnectReason, Secret};

/// A connection that is not open yet.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(super) options: ConnectOptions,
    /// The token that the socket is being opened with. `None` while it waits for a login or for new tokens.
    pub(super) token: Option<Secret>,
    /// The token that the server has refused to open a socket with.
    pub(super) refused: Option<Secret>,
    /// How often a session had been put in place when it began to wait.
    pub(super) placed: u64,
    /// Why what it waited for did not come.
    pub(super) failure: Option<DisconnectReason>,
    /// Whether it has asked for new tokens before.
    pub(super) has_renewed: bool,
    /// Whether new tokens are on their way, for a connection that comes back.
    pub(super) is_renewing: bool,
}

impl Attempt {
    pub(super) fn new(options: ConnectOptions, placed: u64) -> Self {
        Self {
            options,
            token: None,
            refused: None,
            placed,
            failure: None,
            has_renewed: false,
            is_renewing: false,
        }
    }

    /// Whether it waits for a login or for new tokens.
    pub(super) fn is_waiting(&self) -> bool {
        self.token.is_none()
    }
}
