//! npm dist-tags.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::text_newtype;

text_newtype! {
    /// A dist-tag: a name for a version, such as `latest`.
    ///
    /// At most 64 characters out of letters, digits and `. _ - ~ +`; never something that reads as a
    /// version range, or `npm install name@tag` could not tell the two apart.
    DistTag
}

impl DistTag {
    /// The tag that an install without a version follows.
    pub fn latest() -> Self {
        Self("latest".into())
    }

    /// Whether this is `latest`, which a package with versions always has.
    pub fn is_latest(&self) -> bool {
        self.0 == "latest"
    }
}

impl FromStr for DistTag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-~+".contains(&b))
            && !text.starts_with('.')
            && !matches!(text, "__proto__" | "constructor" | "prototype");
        if !fits {
            return Err(Error::BadRequest(
                "a dist-tag has 1 to 64 characters out of letters, digits and . _ - ~ + and does not begin with '.'".into(),
            ));
        }
        if nodejs_semver::Range::parse(text).is_ok() {
            return Err(Error::BadRequest(format!(
                "the dist-tag '{text}' reads as a version range; choose a name such as 'beta' or 'stable-{text}'"
            )));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_no_tags() {
        for bad in [
            "1.0.0",
            "1.x",
            "x",
            "X",
            "v1",
            "1",
            "~1",
            "1.2",
            "1.0.0-beta",
            "",
            "*",
            "a b",
            "a/b",
            ".a",
            "__proto__",
        ] {
            assert!(bad.parse::<DistTag>().is_err(), "{bad}");
        }
        for good in ["latest", "beta", "next-11", "release-1.x", "rc", "canary_2"] {
            assert_eq!(good.parse::<DistTag>().unwrap().as_str(), good);
        }
    }
}
