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
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            appear_online: true,
            lang: "en".into(),
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
}
