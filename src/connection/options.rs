//! How to connect.

/// How to connect, for [`connect_with`](crate::commands::NakamaCommands::connect_with).
///
/// ```
/// # use bevy_nakama::prelude::*;
/// let unseen = ConnectOptions::default().appear_online(false);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectOptions {
    /// Whether followers see the local user as online. Default: yes.
    pub appear_online: bool,
    /// Language tag of the local user. Default: `en`.
    pub lang: String,
    /// Whether a connection that is lost comes back by itself. Default: yes.
    pub heal: bool,
    /// Whether the first try is repeated, too, if the server cannot be reached. Default: no.
    pub retry_first: bool,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            appear_online: true,
            lang: "en".into(),
            heal: true,
            retry_first: false,
        }
    }
}

impl ConnectOptions {
    /// Whether followers see the local user as online.
    #[must_use]
    pub fn appear_online(mut self, appear_online: bool) -> Self {
        self.appear_online = appear_online;
        self
    }

    /// Language tag of the local user, like `en`.
    #[must_use]
    pub fn lang(mut self, lang: impl Into<String>) -> Self {
        self.lang = lang.into();
        self
    }

    /// Whether a connection that is lost comes back by itself, see [healing](crate::healing). Without that, a loss is an end:
    /// [`Disconnected`](super::Disconnected).
    #[must_use]
    pub fn heal(mut self, heal: bool) -> Self {
        self.heal = heal;
        self
    }

    /// If the server cannot be reached, tries again and again, as after a loss. The state stays
    /// [`Connecting`](super::ConnectionState::Connecting) meanwhile, and [`disconnect`](crate::commands::NakamaCommands::disconnect) ends it.
    #[must_use]
    pub fn retry_first(mut self) -> Self {
        self.retry_first = true;
        self
    }
}
