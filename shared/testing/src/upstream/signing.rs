//! The registry's signatures of its versions.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::Digest as _;

/// The registry's key.
#[derive(Debug)]
pub(super) struct Signer(EcdsaKeyPair);

impl Default for Signer {
    fn default() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }
}

impl Signer {
    /// `dist.signatures`.
    pub(super) fn signatures(&self, name: &str, version: &str, integrity: &str) -> Value {
        let signed = format!("{name}@{version}:{integrity}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        json!([{ "keyid": key_id(&self.public()), "sig": STANDARD.encode(signature) }])
    }

    /// The public key as the registry shows it.
    pub(super) fn keys(&self) -> Value {
        let key = self.public();
        json!({ "keys": [{
            "expires": null, "keyid": key_id(&key), "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256",
            "key": STANDARD.encode(key),
        }]})
    }

    fn public(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = self.0.public_key().as_der().unwrap();
        der.as_ref().to_vec()
    }
}

fn key_id(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD.encode(sha2::Sha256::digest(key)))
}
