//! Secrets that sellers hand to their customers: licence keys, and the halves of a consumer's pair.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::ids::Ids;
use crate::token::{RawToken, TokenHash, letters};

/// Shortest key, in characters: what is shorter can be guessed.
pub const MIN_CUSTOMER_KEY: usize = 10;

/// Longest key, in characters.
pub const MAX_CUSTOMER_KEY: usize = 200;

/// Length of each half of a consumer's pair.
const HALF: usize = 60;

/// What the groups of a generated licence key are made of.
const CAPITALS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What the halves of a pair are made of.
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A licence key, or one half of a consumer's key pair, as its holder types it: 10 to 200 printable ASCII characters
/// without spaces and colons (a colon ends the user name of Basic credentials).
///
/// Nothing that could be taken for a token of the registry or for an ID token is a customer key. `Debug` shows the first
/// four characters; there is no `Display`, because sellers may read keys but logs must not.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CustomerKey(String);

impl CustomerKey {
    /// A new licence key: three groups of five digits and capitals, such as `7KD2Q-0ZP4R-XN81C` (77 random bits).
    pub fn generate_licence(ids: &dyn Ids) -> Self {
        let text = letters(15, CAPITALS, ids);
        let mut key = String::with_capacity(17);
        for (index, letter) in text.chars().enumerate() {
            if index > 0 && index % 5 == 0 {
                key.push('-');
            }
            key.push(letter);
        }
        Self(key)
    }

    /// A new half of a consumer's pair: 60 letters and digits.
    pub fn generate_half(ids: &dyn Ids) -> Self {
        loop {
            let text = letters(HALF, ALPHANUMERIC, ids);
            // One in a quarter of a million begins like an ID token, and would be taken for one.
            if !RawToken::is_reserved(&text) {
                return Self(text);
            }
        }
    }

    /// The key itself, for its holder and its seller.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Where the licence of this key is found.
    pub fn licence_hash(&self) -> TokenHash {
        TokenHash::of("granary-licence", &self.0)
    }

    /// Where the consumer with this public key is found.
    pub fn consumer_hash(&self) -> TokenHash {
        TokenHash::of("granary-consumer", &self.0)
    }

    /// Whether it is the other key, compared in a time that does not tell how far they agree.
    pub fn is(&self, other: &Self) -> bool {
        TokenHash::of("granary-compare", &self.0) == TokenHash::of("granary-compare", &other.0)
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomerKey({}...)", self.0.chars().take(4).collect::<String>())
    }
}

impl FromStr for CustomerKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if !(MIN_CUSTOMER_KEY..=MAX_CUSTOMER_KEY).contains(&text.len()) {
            return Err(Error::BadRequest(format!(
                "a key has {MIN_CUSTOMER_KEY} to {MAX_CUSTOMER_KEY} characters, not {}",
                text.chars().count()
            )));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(Error::BadRequest(
                "a key consists of printable ASCII characters without spaces and colons".into(),
            ));
        }
        if RawToken::is_reserved(text) {
            return Err(Error::BadRequest(
                "a key must not begin like a token of this registry (art_, org_, rep_, bld_) or like an ID token (eyJ)"
                    .into(),
            ));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for CustomerKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<CustomerKey> for String {
    fn from(key: CustomerKey) -> Self {
        key.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RandomIds;
    use crate::token::TokenKind;

    #[test]
    fn generated_keys_have_their_shape() {
        let key = CustomerKey::generate_licence(&RandomIds);
        let groups: Vec<&str> = key.expose().split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [5, 5, 5], "{}", key.expose());
        assert!(key.expose().bytes().all(|byte| byte == b'-' || CAPITALS.contains(&byte)));
        assert_ne!(key, CustomerKey::generate_licence(&RandomIds));
        let half = CustomerKey::generate_half(&RandomIds);
        assert_eq!(half.expose().len(), 60);
        for key in [key, half] {
            assert_eq!(key.expose().parse::<CustomerKey>().unwrap(), key);
            assert!(key.is(&key.clone()) && !key.is(&CustomerKey::generate_half(&RandomIds)));
        }
    }

    /// Bytes that make `eyJ...` the first time, and other letters later.
    struct Unlucky(std::sync::atomic::AtomicUsize);

    impl Ids for Unlucky {
        fn next(&self, _: crate::clock::Timestamp) -> String {
            String::new()
        }

        fn fill(&self, buffer: &mut [u8]) {
            let round = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let letters = if round == 0 { b"eyJ" } else { b"abc" };
            for (byte, letter) in buffer.iter_mut().zip(letters.iter().cycle()) {
                *byte = ALPHANUMERIC.iter().position(|other| other == letter).unwrap().try_into().unwrap();
            }
        }
    }

    #[test]
    fn no_half_begins_like_a_token() {
        let half = CustomerKey::generate_half(&Unlucky(std::sync::atomic::AtomicUsize::new(0)));
        assert!(half.expose().starts_with("abc"), "{}", half.expose());
        assert_eq!(half.expose().parse::<CustomerKey>().unwrap(), half);
    }

    #[test]
    fn bad_keys_are_refused_with_the_reason() {
        let token = RawToken::generate(TokenKind::Org, &RandomIds);
        let long = "a".repeat(201);
        for (text, reason) in [
            ("", "10 to 200"),
            ("123456789", "10 to 200"),
            (long.as_str(), "10 to 200"),
            ("with space 1", "spaces"),
            ("with:colon:1", "colons"),
            ("nön-ascii-key", "ASCII"),
            ("line\nfeed-key", "ASCII"),
            (token.expose(), "token of this registry"),
            ("art_customers", "token of this registry"),
            ("eyJhbGciOiJIUzI1NiJ9", "ID token"),
        ] {
            let error = text.parse::<CustomerKey>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!("1234567890".parse::<CustomerKey>().is_ok());
    }

    #[test]
    fn the_hashes_of_one_text_differ_by_use_and_debug_hides_it() {
        let key: CustomerKey = "12345-12345-ABCDE".parse().unwrap();
        assert_ne!(key.licence_hash(), key.consumer_hash());
        assert_eq!(format!("{key:?}"), "CustomerKey(1234...)");
    }
}
