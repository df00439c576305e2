//! Where packages come from that are not published here: names of upstreams, which packages they may be asked for, and
//! what becomes of what they answer.

mod pattern;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::name::{refuse, text_newtype};

pub use pattern::NamePattern;

text_newtype! {
    /// Name of an upstream within its repository: 1 to 64 lower-case letters, digits, `-`, `.` and `_`, the first a letter
    /// or digit.
    UpstreamName
}

impl FromStr for UpstreamName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins = text.bytes().next().is_some_and(is_plain);
        if begins && text.len() <= 64 && text.bytes().all(|byte| is_plain(byte) || b"-._".contains(&byte)) {
            return Ok(Self(text.into()));
        }
        Err(refuse(
            "name of an upstream",
            text,
            "1 to 64 lower-case letters, digits, '-', '.' and '_', the first a letter or digit",
        ))
    }
}

/// What becomes of the files of an upstream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilePolicy {
    /// They are fetched, verified and kept here when they are first asked for.
    #[default]
    Store,
    /// Clients are sent to the upstream, and nothing is kept. Clients verify by what the document says. Only for upstreams
    /// that everybody may read.
    Redirect,
}

/// What becomes of files kept here of versions that the upstream has removed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemovedPolicy {
    /// They are refused: what is taken down upstream is mostly malware.
    #[default]
    Refuse,
    /// Whoever asks for exactly that version, as a lock file does, still gets it. It is listed nowhere.
    Keep,
}

/// Longest cooldown, in days.
pub const MAX_COOLDOWN: u16 = 365;

/// How long documents of an upstream may be fresh, in seconds.
pub const FRESH: std::ops::RangeInclusive<u32> = 0..=86_400;

/// How long they are if nothing is said, in seconds.
pub const DEFAULT_FRESH: u32 = 300;

/// Most upstreams of a repository.
pub const MAX_UPSTREAMS: usize = 20;

/// Most patterns in one list of an upstream.
pub const MAX_PATTERNS: usize = 100;

/// Most rules of a repository about versions that are blocked.
pub const MAX_BLOCKS: usize = 200;

/// Longest text that says why something is blocked or quarantined, in characters.
pub const MAX_REASON: usize = 500;

impl fmt::Display for FilePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store => "store",
            Self::Redirect => "redirect",
        })
    }
}

impl FromStr for FilePolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "store" => Ok(Self::Store),
            "redirect" => Ok(Self::Redirect),
            _ => Err(refuse("file policy", text, "it is 'store' or 'redirect'")),
        }
    }
}

impl fmt::Display for RemovedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::Keep => "keep",
        })
    }
}

impl FromStr for RemovedPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "keep" => Ok(Self::Keep),
            _ => Err(refuse("policy for removed versions", text, "it is 'refuse' or 'keep'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["npmjs", "0", "a-b.c_d", &"a".repeat(64)] {
            assert_eq!(good.parse::<UpstreamName>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "A", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<UpstreamName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn policies_are_read_as_they_are_written() {
        for policy in [FilePolicy::Store, FilePolicy::Redirect] {
            assert_eq!(policy.to_string().parse::<FilePolicy>().unwrap(), policy);
        }
        for policy in [RemovedPolicy::Refuse, RemovedPolicy::Keep] {
            assert_eq!(policy.to_string().parse::<RemovedPolicy>().unwrap(), policy);
        }
        assert!("Store".parse::<FilePolicy>().is_err() && "".parse::<RemovedPolicy>().is_err());
    }
}
