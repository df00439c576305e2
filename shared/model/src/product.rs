//! Build artifacts: names of products and versions, tokens of the product API, and what a token may do with a product.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::digest::Sha256;
use crate::error::Error;
use crate::ids::Ids;
use crate::name::text_newtype;

/// Longest name of a product or a version, in characters. The documents have no limit; keys have.
const MAX_NAME: usize = 200;

text_newtype! {
    /// Name of a product, unique among its tenant's.
    ///
    /// 1 to 200 characters out of letters, digits and `. - _`, beginning with a letter or digit. Case counts. It does not end
    /// with a dot, with which no path could name it.
    ProductName
}

text_newtype! {
    /// A version of a product: the same grammar as [`ProductName`]. Nothing is assumed about the order of versions.
    ProductVersion
}

/// The words are those of the documented interface.
fn check(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::BadRequest("name is required".into()));
    }
    let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits && text.len() <= MAX_NAME {
        return Ok(());
    }
    let shown: String = text.chars().take(80).collect();
    Err(Error::BadRequest(format!(
        "invalid name \"{}\": must start with alphanumeric and contain only letters, digits, '.', '-', '_', at most \
         {MAX_NAME} of them, and not end with '.'",
        shown.escape_debug()
    )))
}

impl FromStr for ProductName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check(text).map(|()| Self(text.into()))
    }
}

impl FromStr for ProductVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        check(text).map(|()| Self(text.into()))
    }
}

/// What a token may do with one product. The four do not imply each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the documented interface has these four")]
pub struct ProductFlags {
    /// Change which tokens have access, remove versions, delete the product.
    #[serde(default)]
    pub maintainer: bool,
    /// Download versions.
    #[serde(default)]
    pub download: bool,
    /// Upload versions.
    #[serde(default)]
    pub upload: bool,
    /// Delete versions.
    #[serde(default)]
    pub delete: bool,
}

impl ProductFlags {
    /// All four, as whoever makes a product has them.
    pub const ALL: Self = Self { maintainer: true, download: true, upload: true, delete: true };
}

/// A token of the product API as its holder has it: a UUID in text form. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProductToken(String);

impl ProductToken {
    /// A new token of 122 random bits.
    pub fn generate(ids: &dyn Ids) -> Self {
        let mut bytes = [0_u8; 16];
        ids.fill(&mut bytes);
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
    }

    /// The text to hand to the holder, once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The form in which it is stored, looked up and shown.
    pub fn hash(&self) -> Sha256 {
        product_token_hash(&self.0)
    }
}

impl fmt::Debug for ProductToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProductToken(..)")
    }
}

impl FromStr for ProductToken {
    type Err = Error;

    /// Accepts only text that `generate` could have made, so that nothing is looked up for anything else.
    fn from_str(text: &str) -> Result<Self, Error> {
        let canonical = uuid::Uuid::try_parse(text).is_ok_and(|uuid| uuid.to_string() == text);
        if canonical {
            return Ok(Self(text.into()));
        }
        Err(Error::Unauthorized("Invalid api token".into()))
    }
}

/// What a product's map of tokens has for a credential: the SHA-256 of its text.
///
/// The documented interface shows it, so it is not separated by a label as other hashes are; the credentials have 122 random
/// bits and more.
pub fn product_token_hash(text: &str) -> Sha256 {
    Sha256::from_bytes(sha2::Sha256::digest(text.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RandomIds;

    #[test]
    fn names_keep_their_grammar() {
        let long = "a".repeat(MAX_NAME);
        for good in ["a", "9", "my-lib", "My_Lib.2", "v1.0.0", "1..2", long.as_str()] {
            assert_eq!(good.parse::<ProductName>().unwrap().as_str(), good);
            assert_eq!(good.parse::<ProductVersion>().unwrap().as_str(), good);
        }
        let longer = "a".repeat(MAX_NAME + 1);
        for bad in [
            "",
            ".",
            "..",
            "a.",
            "-a",
            "_a",
            "a/b",
            "a b",
            "a\\b",
            "ä",
            "a\n",
            "a%2e",
            "../x",
            longer.as_str(),
        ] {
            assert!(matches!(bad.parse::<ProductName>(), Err(Error::BadRequest(_))), "{bad}");
            assert!(matches!(bad.parse::<ProductVersion>(), Err(Error::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn tokens_are_uuids_and_hide_themselves() {
        let token = ProductToken::generate(&RandomIds);
        assert_eq!(token.expose().parse::<ProductToken>().unwrap(), token);
        assert_eq!(token.expose().as_bytes().get(14), Some(&b'4'), "version 4: {}", token.expose());
        assert!(!format!("{token:?}").contains(token.expose()));
        assert_eq!(token.hash().to_string().len(), 64);
        for bad in ["", "x", "0192a1b2000070008000000000000000", "0192A1B2-0000-7000-8000-000000000000"] {
            bad.parse::<ProductToken>().unwrap_err();
        }
        // As `printf abc | sha256sum` prints it.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(product_token_hash("abc").to_string(), expected);
    }

    #[test]
    fn flags_are_independent_and_absent_ones_are_off() {
        let flags: ProductFlags = serde_json::from_str(r#"{"upload":true}"#).unwrap();
        assert_eq!(flags, ProductFlags { upload: true, ..ProductFlags::default() });
    }
}
