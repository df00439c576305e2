//! E-mail addresses as names of users.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::{refuse, text_newtype};

/// Longest address, in bytes: what SMTP can deliver to.
const MAX_LENGTH: usize = 254;

text_newtype! {
    /// An e-mail address in the form in which addresses are compared: without space around it, ASCII letters in lower
    /// case.
    ///
    /// Other letters stay as they are. Lower case of all of Unicode would make two mailboxes one: the Kelvin sign becomes
    /// a `k`, and whoever has such an address would be taken for somebody else.
    EmailAddress
}

impl FromStr for EmailAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let address = text.trim();
        let is_whole =
            address.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        let fits = address.len() <= MAX_LENGTH
            && is_whole
            && !address.contains(|c: char| c.is_whitespace() || c.is_control());
        if fits {
            return Ok(Self(address.to_ascii_lowercase()));
        }
        Err(refuse("e-mail address", text, "it is name@host of at most 254 characters without spaces"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> String {
        text.parse::<EmailAddress>().unwrap().to_string()
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(form(" Ann.Lee@Example.COM "), "ann.lee@example.com");
        assert_eq!(form("a@b"), "a@b");
        for bad in [
            "",
            "@",
            "ann",
            "ann@",
            "@host",
            "a b@host",
            "a\n@host",
            "a\0@host",
            &format!("{}@b", "a".repeat(253)),
        ] {
            assert!(matches!(bad.parse::<EmailAddress>(), Err(Error::BadRequest(_))), "{bad}");
        }
    }

    #[test]
    fn no_letter_turns_into_another_one() {
        // The Kelvin sign, a capital dotted I, a long s, and a letter of another alphabet.
        for (lookalike, address) in [
            ("\u{212a}ate@example.com", "kate@example.com"),
            ("\u{130}da@example.com", "ida@example.com"),
            ("\u{17f}am@example.com", "sam@example.com"),
            ("\u{430}nn@example.com", "ann@example.com"),
        ] {
            assert_ne!(form(lookalike), form(address));
        }
    }
}
