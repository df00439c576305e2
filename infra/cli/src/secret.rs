//! A token that cannot be printed by accident.

use std::fmt;

/// A token. `Debug` hides it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A token from text, without the white space around it that a pasted line or a pipe carries.
    ///
    /// `None` for what cannot be a token: nothing at all, white space or control characters inside, or
    /// characters outside ASCII. Such text would break the header or the configuration line it is put into.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The token itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_trimmed_checked_and_hidden() {
        let secret = Secret::new(" art_abc\r\n").unwrap();
        assert_eq!(secret.expose(), "art_abc");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for bad in ["", " \n", "a b", "a\nb", "a\u{0}", "ä"] {
            assert!(Secret::new(bad).is_none(), "{bad:?}");
        }
    }
}
