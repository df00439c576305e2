//! One build of a snapshot.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Most digits of a build number.
const MAX_NUMBER: usize = 9;

/// Time and number of one build, as they stand in file names: `20261122.025620-1`.
///
/// Ordered by time and then by number. The time is that of the machine that built; two builds that were
/// started at once have the same number, so the number cannot come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotBuild {
    /// `yyyyMMdd`.
    day: u32,
    /// `HHmmss`.
    time: u32,
    number: u32,
}

impl SnapshotBuild {
    /// The time as `yyyyMMdd.HHmmss`, in UTC.
    pub fn timestamp(&self) -> String {
        format!("{:08}.{:06}", self.day, self.time)
    }

    /// The build number, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Takes a build off the front of a text: the build and what follows it.
    pub(super) fn split(text: &str) -> Option<(Self, &str)> {
        let (stamp, rest) = text.split_at_checked(16)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let (day, time) = stamp.strip_suffix('-')?.split_once('.')?;
        let build = Self {
            day: digits_of(day, 8)?,
            time: digits_of(time, 6)?,
            number: digits_of(number, number.len().min(MAX_NUMBER))?,
        };
        // A day that no calendar has would be newer than every real build for ever.
        let in_range = |value: u32, from: u32, to: u32| (from..=to).contains(&value);
        let is_date = in_range(build.day / 100 % 100, 1, 12) && in_range(build.day % 100, 1, 31);
        let is_time = build.time / 10_000 < 24 && build.time / 100 % 100 < 60 && build.time % 100 < 60;
        if !(is_date && is_time) {
            return None;
        }
        // One build has one name, or two files could be the same one.
        (build.to_string().len() == 16 + number.len()).then_some((build, rest))
    }
}

/// A number of exactly this many digits.
fn digits_of(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

impl fmt::Display for SnapshotBuild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.timestamp(), self.number)
    }
}

impl FromStr for SnapshotBuild {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::split(text) {
            Some((build, "")) => Ok(build),
            _ => Err(Error::BadRequest("a snapshot build has the form yyyyMMdd.HHmmss-number".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_read_and_ordered() {
        let build = |text: &str| text.parse::<SnapshotBuild>().unwrap();
        let one = build("20261122.025620-1");
        assert_eq!((one.timestamp().as_str(), one.number()), ("20261122.025620", 1));
        assert_eq!(one.to_string(), "20261122.025620-1");
        assert!(one < build("20261122.025620-2"));
        assert!(build("20261122.025620-10") > build("20261122.025620-2"));
        assert!(build("20261122.025620-10") < build("20261122.025621-1"));
        assert!(build("20261122.235959-1") < build("20261123.000000-1"));
        assert_eq!(build("20261122.000001-3").to_string(), "20261122.000001-3");
    }

    #[test]
    fn anything_else_is_no_build() {
        for bad in [
            "",
            "20261122.025620",
            "20261122.025620-",
            "20261122.025620-01",
            "20261122-025620-1",
            "2026112.025620-1",
            "20261122.02562-1",
            "20261122.025620-x",
            "20261122.025620-1-x",
            "20261122.025620-1234567890",
            "+0261122.025620-1",
            "é0261122.02562-1",
        ] {
            assert!(bad.parse::<SnapshotBuild>().is_err(), "{bad}");
        }
    }
}
