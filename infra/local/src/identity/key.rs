//! The key that signs ID tokens.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Length of a coordinate of the curve P-256, in bytes.
const COORDINATE: usize = 32;

/// An ES256 key pair.
pub(crate) struct SigningKey {
    key: EncodingKey,
    header: Header,
    jwk: Value,
}

impl SigningKey {
    /// Reads the key file (PKCS#8), and makes it if there is none.
    pub(crate) fn load_or_create(path: &Path) -> anyhow::Result<Self> {
        let pkcs8 = match std::fs::read(path) {
            Ok(pkcs8) => pkcs8,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Self::from_pkcs8(&pkcs8).with_context(|| format!("cannot use the key in {}", path.display()))
    }

    fn from_pkcs8(pkcs8: &[u8]) -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|rejected| anyhow!("not a P-256 key: {rejected}"))?;
        // An uncompressed point: a 4, then both coordinates.
        let point = pair.public_key().as_ref();
        let (x, y) = point
            .strip_prefix(&[4])
            .filter(|coordinates| coordinates.len() == 2 * COORDINATE)
            .and_then(|coordinates| coordinates.split_at_checked(COORDINATE))
            .ok_or_else(|| anyhow!("the public key is not an uncompressed point"))?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638: members in the order of the alphabet, without spaces.
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()));
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(id.clone());
        let jwk =
            json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "use": "sig", "alg": "ES256" });
        Ok(Self { key: EncodingKey::from_ec_der(pkcs8), header, jwk })
    }

    /// The public half as a JSON Web Key.
    pub(crate) fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// A signed token with these claims.
    pub(crate) fn sign<T: Serialize>(&self, claims: &T) -> anyhow::Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.key).context("cannot sign the token")
    }
}

fn create(path: &Path) -> anyhow::Result<Vec<u8>> {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| anyhow!("cannot make a key"))?;
    let folder = path.parent().context("the key file is in no folder")?;
    // A temporary file of this kind has mode 0600, and moving it keeps that.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(made.as_ref())?;
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(made.as_ref().to_vec())
}
