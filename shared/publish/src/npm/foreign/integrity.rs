//! What a tarball must hash to.

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
        } else if !self.sha1.is_empty() {
            ("sha1", self.sha1.as_slice(), sha1.base64())
        } else {
            ("sha1", self.shasum.as_slice(), sha1.base64())
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

    /// Whether two documents speak of the same bytes, as far as they can be compared. One that says more than the other does
    /// not say something else.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let overlap = |ours: &[String], theirs: &[String]| {
            ours.is_empty() || theirs.is_empty() || ours.iter().any(|value| theirs.contains(value))
        };
        overlap(&self.sha512, &other.sha512)
            && overlap(&self.sha256, &other.sha256)
            && overlap(&self.sha1, &other.sha1)
            && overlap(self.shasum.as_slice(), other.shasum.as_slice())
    }
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
        assert!(read("sha1-a").agrees_with(&read("sha512-b")));
        assert!(!read("sha512-a").agrees_with(&read("sha512-b")));
        let old = |integrity: Option<&str>, byte: &str| Expected::read(integrity, Some(&byte.repeat(20)));
        assert!(old(None, "aa").agrees_with(&old(Some("sha512-b"), "aa")));
        assert!(!old(None, "aa").agrees_with(&old(Some("sha512-b"), "bb")));
    }
}
