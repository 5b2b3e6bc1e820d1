//! Passwords, hashed with Argon2.

use argon2::{
    Argon2, Params, PasswordHasher as _, PasswordVerifier as _, password_hash::phc::PasswordHash,
};

/// KiB of memory. Little, because the server has one thread, debug builds are slow, and the hashes never leave the process.
const MEMORY: u32 = 1024;

/// A password that is not kept.
#[derive(Clone)]
pub(super) struct HashedPassword(PasswordHash);

impl HashedPassword {
    /// `None` for a password that cannot be hashed: one of more than 4 GiB.
    pub(super) fn new(password: &str, salt: [u8; 16]) -> Option<Self> {
        argon2()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .ok()
            .map(Self)
    }

    pub(super) fn is(&self, password: &str) -> bool {
        argon2()
            .verify_password(password.as_bytes(), &self.0)
            .is_ok()
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY, 1, 1, None).unwrap_or_default();
    Argon2::from(params)
}
