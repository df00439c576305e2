//! Secrets that are handed to somebody once and recognised later by their digest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_model::{Ids, Sha256};
use sha2::Digest as _;

/// A new secret of 240 random bits, in base64url.
pub fn new_secret(ids: &dyn Ids) -> String {
    let mut bytes = [0_u8; 30];
    ids.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What is stored of a secret. The label separates it from every other SHA-256 in the system.
pub fn secret_digest(secret: &str) -> String {
    let mut hasher = sha2::Sha256::new();
    hasher.update(b"granary-secret\0");
    hasher.update(secret.as_bytes());
    Sha256::from_bytes(hasher.finalize().into()).to_string()
}
