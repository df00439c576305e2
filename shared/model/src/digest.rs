//! Digests as values of fixed length.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Makes a digest newtype that prints as lower-case hexadecimal.
macro_rules! digest_newtype {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $len]);

        impl $name {
            /// From the bytes of the digest.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes of the digest.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Standard base64 with padding, as integrity strings and `Digest` headers use it.
            pub fn base64(&self) -> String {
                STANDARD.encode(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; 2 * $len];
                hex::encode_to_slice(self.0, &mut text).map_err(|_| fmt::Error)?;
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                let mut bytes = [0_u8; $len];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| {
                    Error::BadRequest(format!(
                        concat!("a ", stringify!($name), " digest has {} hexadecimal digits"),
                        $len * 2
                    ))
                })?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }
    };
}

digest_newtype! {
    /// SHA-256, the address of every stored blob.
    Sha256, 32
}
digest_newtype! {
    /// SHA-1, npm's `shasum`.
    Sha1, 20
}
digest_newtype! {
    /// SHA-512, npm's `integrity`.
    Sha512, 64
}
digest_newtype! {
    /// MD5, for Maven's `.md5` and S3's `ETag`. Never trusted for anything.
    Md5, 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_length_is_checked() {
        let digest = Sha1::from_bytes([7; 20]);
        assert_eq!(digest.to_string().parse::<Sha1>().unwrap(), digest);
        assert!("07".parse::<Sha1>().is_err());
        assert!("zz".repeat(32).parse::<Sha256>().is_err());
        assert_eq!(Sha256::from_bytes([0; 32]).base64().len(), 44);
    }
}
