//! Accounts, in memory.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::{
    ids::{self, UserId},
    passwords::HashedPassword,
};
use crate::proto::Timestamp;

/// What an account can be found by, apart from its id and username. Some of it is secret: there is no `Debug`.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(super) enum Credential {
    Device(String),
    Custom(String),
    /// In lower case.
    Email(String),
}

impl Credential {
    /// The id and the generated name of whose account this is. They depend on nothing else, so a server that is started again knows
    /// the same users.
    pub(super) fn identity(&self) -> (UserId, String) {
        let (kind, text) = match self {
            Self::Device(id) => ("device", id),
            Self::Custom(id) => ("custom", id),
            Self::Email(address) => ("email", address),
        };
        let hash = Sha256::new()
            .chain_update(kind)
            .chain_update([0])
            .chain_update(text)
            .finalize();
        let (id, name) = hash.split_at(16);
        (UserId::from_hash(id), ids::username(name))
    }
}

/// An account.
#[derive(Clone)]
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) username: String,
    pub(super) credential: Credential,
    /// Of who logs in by email.
    pub(super) password: Option<HashedPassword>,
    pub(super) profile: Profile,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

/// What users may say about themselves; empty if nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Profile {
    pub(super) display_name: String,
    pub(super) avatar_url: String,
    pub(super) lang_tag: String,
    pub(super) location: String,
    pub(super) timezone: String,
}

/// All accounts.
#[derive(Default)]
pub(super) struct Accounts {
    users: HashMap<UserId, User>,
    by_username: HashMap<String, UserId>,
    by_credential: HashMap<Credential, UserId>,
}

/// Somebody else has that name.
#[derive(Debug)]
pub(super) struct UsernameTaken;

impl Accounts {
    pub(super) fn insert(&mut self, user: User) -> Result<(), UsernameTaken> {
        if self.by_username.contains_key(&user.username) {
            return Err(UsernameTaken);
        }
        self.by_username.insert(user.username.clone(), user.id);
        self.by_credential.insert(user.credential.clone(), user.id);
        self.users.insert(user.id, user);
        Ok(())
    }

    pub(super) fn remove(&mut self, id: UserId) -> Option<User> {
        let user = self.users.remove(&id)?;
        self.by_username.remove(&user.username);
        self.by_credential.remove(&user.credential);
        Some(user)
    }

    pub(super) fn rename(&mut self, id: UserId, username: &str) -> Result<(), UsernameTaken> {
        match self.by_username.get(username) {
            Some(owner) if *owner == id => return Ok(()),
            Some(_) => return Err(UsernameTaken),
            None => {}
        }
        if let Some(user) = self.users.get_mut(&id) {
            let old = std::mem::replace(&mut user.username, username.to_owned());
            self.by_username.remove(&old);
            self.by_username.insert(username.to_owned(), id);
        }
        Ok(())
    }

    pub(super) fn get(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: UserId) -> Option<&mut User> {
        self.users.get_mut(&id)
    }

    pub(super) fn by_username(&self, username: &str) -> Option<&User> {
        self.get(*self.by_username.get(username)?)
    }

    pub(super) fn by_credential(&self, credential: &Credential) -> Option<&User> {
        self.get(*self.by_credential.get(credential)?)
    }
}
