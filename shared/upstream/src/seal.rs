//! Credentials for other registries, sealed: what stands in the table is of no use without the key of the deployment.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_model::{Error, Result};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};

/// Length of a key, in bytes.
pub const KEY: usize = 32;

/// What a sealed text begins with: the way in which it is sealed.
const FORM: &str = "v1.";

/// A credential for another registry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Credential {
    /// Sent as `Bearer`.
    Token {
        /// The token.
        token: String,
    },
    /// Sent as `Basic`.
    Password {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(..)")
    }
}

impl Credential {
    /// The value of `Authorization`, which nothing prints.
    ///
    /// # Errors
    /// `BadRequest` for what no header can hold.
    pub fn header(&self) -> Result<HeaderValue> {
        let text = match self {
            Self::Token { token } => format!("Bearer {token}"),
            Self::Password { username, password } => {
                format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Error::BadRequest("credential: it has characters that no header can hold".into()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The keys of a deployment: the first seals, each opens.
#[derive(Clone, Default)]
pub struct Keys(Vec<[u8; KEY]>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.0.len())
    }
}

/// What is said where there is no key.
const NO_KEY: &str = "this deployment has no key for credentials of upstreams; its operator sets one (GRANARY_SECRET_KEY, 32 \
                      random bytes in base64)";

impl Keys {
    /// These keys, the one that seals first.
    pub fn new(keys: Vec<[u8; KEY]>) -> Self {
        Self(keys)
    }

    /// Reads keys in base64, with commas between them.
    ///
    /// # Errors
    /// `Internal` if one is none.
    pub fn parse(text: &str) -> Result<Self> {
        let keys = text.split(',').map(|key| {
            let bytes = STANDARD.decode(key.trim()).ok();
            bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
                Error::Internal(
                    "GRANARY_SECRET_KEY is 32 bytes in base64, or several such with commas".into(),
                )
            })
        });
        Ok(Self(keys.collect::<Result<_>>()?))
    }

    /// Whether there is one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Seals a credential for one place: nowhere else it can be opened.
    ///
    /// # Errors
    /// `NotSupported` without a key.
    pub fn seal(&self, credential: &Credential, place: &str) -> Result<String> {
        let key = self.0.first().ok_or_else(|| Error::NotSupported(NO_KEY.into()))?;
        let defect = |_| Error::Internal("sealing a credential failed".into());
        let mut bytes =
            serde_json::to_vec(credential).map_err(|e| Error::internal("sealing a credential", e))?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(defect)?;
        let nonce = key.seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut bytes).map_err(defect)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&bytes);
        Ok(format!("{FORM}{}", STANDARD.encode(sealed)))
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    /// `Internal` if no key fits: the operator has to give back the one that it was sealed with, or the credential has to be set
    /// again.
    pub fn open(&self, sealed: &str, place: &str) -> Result<Credential> {
        let lost = || Error::Internal(format!("no key opens the credential of {place}"));
        let bytes = sealed.strip_prefix(FORM).and_then(|text| STANDARD.decode(text).ok()).ok_or_else(lost)?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or_else(lost)?;
        let opened = self.0.iter().find_map(|key| {
            let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let mut bytes = rest.to_vec();
            let plain = key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut bytes).ok()?;
            serde_json::from_slice(plain).ok()
        });
        opened.ok_or_else(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential() -> Credential {
        Credential::Password { username: "ci".into(), password: "s3cret-\u{e4}".into() }
    }

    #[test]
    fn what_is_sealed_is_opened_where_it_belongs_and_nowhere_else() {
        let keys = Keys::new(vec![[1; KEY]]);
        let sealed = keys.seal(&credential(), "repo/up").unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_eq!(keys.open(&sealed, "repo/up").unwrap(), credential());
        assert_ne!(sealed, keys.seal(&credential(), "repo/up").unwrap(), "each time with another nonce");
        assert!(keys.open(&sealed, "repo/other").is_err());
        assert!(Keys::new(vec![[2; KEY]]).open(&sealed, "repo/up").is_err());
        for broken in ["", "v1.", "v1.AAAA", &sealed[3..], &sealed[..sealed.len() - 4]] {
            assert!(keys.open(broken, "repo/up").is_err(), "{broken}");
        }
    }

    #[test]
    fn an_older_key_still_opens() {
        let sealed = Keys::new(vec![[1; KEY]]).seal(&credential(), "p").unwrap();
        let rotated = Keys::new(vec![[2; KEY], [1; KEY]]);
        assert_eq!(rotated.open(&sealed, "p").unwrap(), credential());
        let new = rotated.seal(&credential(), "p").unwrap();
        assert!(Keys::new(vec![[1; KEY]]).open(&new, "p").is_err());
    }

    #[test]
    fn keys_are_read_in_base64() {
        let one = STANDARD.encode([7; KEY]);
        assert!(Keys::parse(&one).is_ok() && Keys::parse(&format!("{one}, {one}")).is_ok());
        for bad in ["", "abc", &STANDARD.encode([7; 16]), &format!("{one},")] {
            assert!(Keys::parse(bad).is_err(), "{bad}");
        }
        let error = Keys::default().seal(&credential(), "p").unwrap_err();
        assert!(error.to_string().contains("GRANARY_SECRET_KEY"));
    }

    #[test]
    fn headers_are_as_registries_want_them_and_never_printed() {
        let token = Credential::Token { token: "abc".into() }.header().unwrap();
        assert_eq!(token, "Bearer abc");
        assert!(!format!("{token:?} {:?}", credential()).contains("abc"));
        let basic = Credential::Password { username: "a".into(), password: "b".into() }.header().unwrap();
        assert_eq!(basic, "Basic YTpi");
        assert!(Credential::Token { token: "a\nb".into() }.header().is_err());
    }
}
