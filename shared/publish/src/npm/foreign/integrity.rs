//! What a tarball must hash to.

use std::collections::HashSet;

use granary_model::{Md5, Sha1, Sha256, Sha512};
use granary_storage::rows::FileRow;

use crate::digests::Digests;

/// What a document says that a tarball hashes to: the strongest digests of those that it names.
///
/// `integrity` is a list in the form of Subresource Integrity; of one algorithm any of the digests will do. Of an algorithm
/// that is not known here nothing can be said. `shasum` counts where there is nothing better, as it does for clients.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    sha512: Vec<String>,
    sha256: Vec<String>,
    sha1: Vec<String>,
    /// `shasum`, in base64 as the others.
    shasum: Option<String>,
}

/// Why a tarball is not the one that a document speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The document has no digest that could be compared.
    Unknown,
    /// It hashes to something else.
    Different {
        /// What the document says.
        expected: String,
        /// What arrived.
        actual: String,
    },
}

impl Expected {
    /// Of `dist.integrity` and `dist.shasum`.
    pub(crate) fn read(integrity: Option<&str>, shasum: Option<&str>) -> Self {
        let shasum = shasum.and_then(|text| text.to_ascii_lowercase().parse::<Sha1>().ok());
        let mut expected = Self { shasum: shasum.map(|digest| digest.base64()), ..Self::default() };
        for hash in integrity.unwrap_or_default().split_ascii_whitespace() {
            let (algorithm, value) = hash.split_once('-').unwrap_or((hash, ""));
            // What follows a question mark are options.
            let value = value.split('?').next().unwrap_or_default().to_owned();
            match algorithm {
                "sha512" => expected.sha512.push(value),
                "sha256" => expected.sha256.push(value),
                "sha1" => expected.sha1.push(value),
                _ => {}
            }
        }
        expected
    }

    /// Compares with what arrived.
    ///
    /// # Errors
    /// Why it is not the same.
    pub fn check(&self, digests: &Digests) -> Result<(), Mismatch> {
        let (sha512, sha256, sha1): (Sha512, Sha256, Sha1) = (digests.sha512, digests.sha256, digests.sha1);
        let (name, values, actual) = if !self.sha512.is_empty() {
            ("sha512", self.sha512.as_slice(), sha512.base64())
        } else if !self.sha256.is_empty() {
            ("sha256", self.sha256.as_slice(), sha256.base64())
        } else {
            ("sha1", self.any_sha1(), sha1.base64())
        };
        if values.is_empty() {
            return Err(Mismatch::Unknown);
        }
        if values.contains(&actual) {
            return Ok(());
        }
        let expected = values.iter().map(|value| format!("{name}-{value}")).collect::<Vec<_>>().join(" ");
        Err(Mismatch::Different { expected, actual: format!("{name}-{actual}") })
    }

    /// Whether a file that is kept is what the document speaks of.
    pub fn is_met_by(&self, file: &FileRow) -> bool {
        let (sha256, sha1, sha512) = (file.sha256, file.sha1, file.sha512);
        let md5 = file.md5.unwrap_or(Md5::from_bytes([0; 16]));
        self.check(&Digests { sha256, sha1, sha512, md5, size: file.size }).is_ok()
    }

    /// Whether a newer document speaks of the same bytes.
    ///
    /// One that says more does not say something else; one that does not name the strongest algorithm that was named before may
    /// speak of other bytes, at once or when it says more the next time. Where nothing was said, anything may be.
    pub(crate) fn agrees_with(&self, newer: &Self) -> bool {
        let both = [
            (self.sha512.as_slice(), newer.sha512.as_slice()),
            (self.sha256.as_slice(), newer.sha256.as_slice()),
            (self.any_sha1(), newer.any_sha1()),
        ];
        let strongest = both.iter().find(|(before, _)| !before.is_empty());
        let Some((_, again)) = strongest else { return true };
        let is_same_sum = self.shasum.is_none() || newer.shasum.is_none() || self.shasum == newer.shasum;
        let mut compared = both.iter().filter(|(before, after)| !before.is_empty() && !after.is_empty());
        is_same_sum && !again.is_empty() && compared.all(|(before, after)| overlap(before, after))
    }

    /// The digests of SHA-1 that count: `shasum` is one where `integrity` has none.
    fn any_sha1(&self) -> &[String] {
        if self.sha1.is_empty() { self.shasum.as_slice() } else { &self.sha1 }
    }
}

/// Whether two lists have something in common. Somebody else says how long they are.
fn overlap(before: &[String], after: &[String]) -> bool {
    let before: HashSet<&str> = before.iter().map(String::as_str).collect();
    after.iter().any(|value| before.contains(value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_digest_counts() {
        let digests = Digests::of(b"abc");
        let sha512 = digests.integrity();
        let sha1 = format!("sha1-{}", digests.sha1.base64());
        let check =
            |integrity: &str, shasum: &str| Expected::read(Some(integrity), Some(shasum)).check(&digests);
        let ours = digests.sha1.to_string();
        assert_eq!(check(&sha512, "0000"), Ok(()));
        assert_eq!(check(&format!("sha512-xx {sha512}?opt"), &ours), Ok(()));
        assert!(check(&format!("{sha1} sha512-xx"), &ours).is_err(), "a weaker one makes up for nothing");
        assert_eq!(check("", &ours.to_uppercase()), Ok(()));
        assert_eq!(check(&sha1, ""), Ok(()));
        for nothing in ["", "md5-xx", "sha384-xx"] {
            assert_eq!(Expected::read(Some(nothing), Some("zz")).check(&digests), Err(Mismatch::Unknown));
        }
        assert_eq!(Expected::read(None, None).check(&digests), Err(Mismatch::Unknown));
    }

    #[test]
    fn saying_more_is_not_saying_something_else() {
        let read = |integrity: &str| Expected::read(Some(integrity), None);
        assert!(read("sha1-a").agrees_with(&read("sha1-a sha512-b")));
        assert!(!read("sha1-a sha512-c").agrees_with(&read("sha1-a sha512-b")));
        assert!(!read("sha512-a").agrees_with(&read("sha512-b")));
        let old = |integrity: Option<&str>, byte: &str| Expected::read(integrity, Some(&byte.repeat(20)));
        assert!(old(None, "aa").agrees_with(&old(Some("sha512-b"), "aa")));
        assert!(!old(None, "aa").agrees_with(&old(Some("sha512-b"), "bb")));
    }

    #[test]
    fn a_promise_is_not_changed_by_naming_another_algorithm() {
        let read = |integrity: &str, shasum: Option<&str>| Expected::read(Some(integrity), shasum);
        let sum = "aa".repeat(20);
        let sum = sum.as_str();
        let sha1 = format!("sha1-{}", sum.parse::<Sha1>().unwrap().base64());
        for (before, after) in
            [("sha1-a", "sha512-b"), ("sha512-a", "sha256-b"), ("sha512-a sha1-b", "sha256-c")]
        {
            assert!(!read(before, None).agrees_with(&read(after, None)), "{before} {after}");
        }
        let first = read("sha512-a", Some(sum));
        assert!(!first.agrees_with(&read("sha256-b", None)));
        assert!(!first.agrees_with(&read("", None)), "nothing is not what was said");
        assert!(!first.agrees_with(&read("sha384-b", None)), "nor is what nobody knows");
        assert!(first.agrees_with(&read("sha512-a sha256-b", None)));
        assert!(!first.agrees_with(&read(&sha1, None)), "a weaker one makes up for nothing");
        // Both are digests of one algorithm.
        assert!(!first.agrees_with(&read("sha1-b", None)));
        assert!(read(&sha1, None).agrees_with(&read("", Some(sum))));
        let (before, after) = (read("", Some(sum)), read("sha1-b", Some(sum)));
        assert!(!before.agrees_with(&after), "the one in `integrity` counts");
        // Where nothing was said, anything may be.
        for nothing in ["", "sha384-a"] {
            assert!(read(nothing, None).agrees_with(&read("sha512-b", Some(sum))));
            assert!(read(nothing, None).agrees_with(&read("", None)));
        }
    }
}
