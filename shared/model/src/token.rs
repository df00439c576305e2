//! API tokens: `art_`, `org_` or `rep_`, 30 random base62 characters and a checksum of 6.
//!
//! The checksum (CRC-32 over everything before it) lets mistyped and invented tokens be refused without
//! asking the table, and lets secret scanners tell a real token from noise.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::error::Error;
use crate::ids::Ids;
use crate::role::ladder_text;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BODY: usize = 30;
const CHECKSUM: usize = 6;
const LENGTH: usize = 4 + BODY + CHECKSUM;

/// Whom a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A user, within the user's roles.
    Account,
    /// An organisation: all of its repositories.
    Org,
    /// One repository.
    Repo,
    /// One build: it may upload the packages of that build, for as long as it is under way.
    Build,
    /// A user who signed in by browser: it stands in that browser's cookie, and is as good as an ID token.
    Session,
}

ladder_text!(TokenKind, "token type", Account => "account", Org => "org", Repo => "repo", Build => "build", Session => "session");

impl TokenKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Account, Self::Org, Self::Repo, Self::Build, Self::Session];

    /// The four characters every token of this kind begins with. NEVER CHANGE them: secret scanners and
    /// people's configuration files know them.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Account => "art_",
            Self::Org => "org_",
            Self::Repo => "rep_",
            Self::Build => "bld_",
            Self::Session => "ses_",
        }
    }
}

/// A whole token as its owner holds it. `Debug` never prints the secret; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct RawToken(String);

impl RawToken {
    /// Makes a new token.
    pub fn generate(kind: TokenKind, ids: &dyn Ids) -> Self {
        let mut text = kind.prefix().to_owned();
        text.push_str(&letters(BODY, ALPHABET, ids));
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Self(text)
    }

    /// The text to hand to the owner, once, and to compare nothing with.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Which kind the prefix says it is.
    pub fn kind(&self) -> TokenKind {
        let known = TokenKind::ALL.into_iter().find(|kind| self.0.starts_with(kind.prefix()));
        known.unwrap_or(TokenKind::Account)
    }

    /// The prefix and the first 8 characters: enough to tell tokens apart in a list, too little to use.
    pub fn display_prefix(&self) -> String {
        self.0.chars().take(12).collect()
    }

    /// The form in which it is stored and looked up.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of("granary-token", &self.0)
    }

    /// Whether a secret can be nothing but a token of the registry or an ID token, valid or not, by how it begins.
    pub fn is_reserved(text: &str) -> bool {
        text.starts_with("eyJ") || TokenKind::ALL.iter().any(|kind| text.starts_with(kind.prefix()))
    }
}

impl fmt::Debug for RawToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawToken({}...)", self.display_prefix())
    }
}

impl FromStr for RawToken {
    type Err = Error;

    /// Accepts only text that `generate` could have made, checksum included.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::Unauthorized("the token is not valid: check that it was copied whole".into());
        if text.len() != LENGTH || !text.is_ascii() {
            return Err(invalid());
        }
        let (head, tail) = text.split_at(LENGTH - CHECKSUM);
        let known = TokenKind::ALL.iter().any(|kind| head.starts_with(kind.prefix()));
        if !known || checksum(head) != tail {
            return Err(invalid());
        }
        Ok(Self(text.into()))
    }
}

/// SHA-256 of a secret in base64url, by which it is found. Of the registry's own tokens it is the only form that is
/// stored; they have 178 random bits, so neither salt nor a slow hash is needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash of a secret. The label separates it from every other SHA-256 in the system, and from the same secret in
    /// another use.
    pub(crate) fn of(label: &str, secret: &str) -> Self {
        let mut hasher = sha2::Sha256::new();
        hasher.update(label.as_bytes());
        hasher.update(b"\0");
        hasher.update(secret.as_bytes());
        Self(URL_SAFE_NO_PAD.encode(hasher.finalize()))
    }

    /// The text of the hash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Random letters of an alphabet of at most 64, each as likely as the others.
pub(crate) fn letters(count: usize, alphabet: &[u8], ids: &dyn Ids) -> String {
    let size = alphabet.len().clamp(1, 64);
    // Bytes from here on are dropped, or the first letters would come up more often.
    let fair = 256 - 256 % size;
    let mut text = String::with_capacity(count);
    let mut pool = [0_u8; 64];
    while text.len() < count {
        ids.fill(&mut pool);
        let drawn = pool.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        let drawn = drawn.filter_map(|byte| alphabet.get(byte % size));
        for letter in drawn.take(count - text.len()) {
            text.push(char::from(*letter));
        }
    }
    text
}

/// CRC-32 of the text in base62, padded to 6 characters.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut letters = [b'0'; CHECKSUM];
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RandomIds;

    #[test]
    fn generated_tokens_parse_and_know_their_kind() {
        for kind in TokenKind::ALL {
            let token = RawToken::generate(kind, &RandomIds);
            assert_eq!(token.expose().len(), 40);
            assert_eq!(token.expose().parse::<RawToken>().unwrap(), token);
            assert_eq!(token.kind(), kind);
            assert!(token.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let token = RawToken::generate(TokenKind::Org, &RandomIds);
        for position in 0..token.expose().len() {
            let mut bytes = token.expose().as_bytes().to_vec();
            bytes[position] = if bytes[position] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed.parse::<RawToken>().is_err(), "{position}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let token = RawToken::generate(TokenKind::Repo, &RandomIds);
        let printed = format!("{token:?}");
        assert!(!printed.contains(token.expose()), "{printed}");
        assert!(printed.contains(&token.display_prefix()), "{printed}");
    }

    #[test]
    fn hash_is_stable_and_separate() {
        let token: RawToken =
            format!("art_{}{}", "0".repeat(30), checksum(&format!("art_{}", "0".repeat(30))))
                .parse()
                .unwrap();
        assert_eq!(token.hash(), token.hash());
        let plain = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(token.expose()));
        assert_ne!(token.hash().as_str(), plain);
    }
}
