//! How often the documents of a package that changes all the time are rendered ahead of its readers.
//!
//! Rendering takes as long as the package is large, and CI of a monorepo publishes many versions of one package within a
//! second. Nobody has to read the revisions in between, and whoever does renders what is missing. So after a rendering
//! the next one waits for some times as long as that took, and the changes until then share it.

use granary_model::Timestamp;
use granary_storage::PackageKey;
use quick_cache::sync::Cache;

/// The next rendering begins no earlier than after so many times what the last one took: rendering ahead takes at most a
/// tenth of a processor from those who publish.
const REST: i64 = 9;

/// Longest rest, in milliseconds. It ends before the sweep takes the event that waits for a lost one.
const LONGEST_REST: i64 = 15_000;

/// How many packages are remembered. One that is forgotten is rendered once more than it had to be.
const PACKAGES: usize = 1_024;

/// When to render the documents of a package for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Now,
    /// After so many milliseconds, for this event and those that come until then.
    After(i64),
    /// Not for this event: another one waits, and will find what this one is about.
    Shared,
}

/// What was rendered lately, by this process.
pub struct Pacing {
    packages: Cache<PackageKey, Pace>,
}

#[derive(Debug, Clone, Default)]
struct Pace {
    /// When the next rendering may begin, in milliseconds since 1970.
    due: i64,
    /// Id of the event that waits for it.
    waiting: Option<String>,
}

impl std::fmt::Debug for Pacing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pacing({} packages)", self.packages.len())
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self { packages: Cache::new(PACKAGES) }
    }
}

impl Pacing {
    /// Whether the package is to be rendered for the event of this id.
    ///
    /// An event that waits has to come again, also if this process should end: its row stays in the outbox. Nothing here
    /// is more than a saving, so a process that knows nothing says [`Turn::Now`].
    pub fn turn(&self, package: &PackageKey, event: &str, now: Timestamp) -> Turn {
        let Some(pace) = self.packages.get(package) else { return Turn::Now };
        // A clock that was set back must not hold anything for hours.
        let left = (pace.due - now.millis()).min(LONGEST_REST);
        if left <= 0 {
            self.packages.insert(package.clone(), Pace { waiting: None, ..pace });
            return Turn::Now;
        }
        if pace.waiting.as_deref().is_some_and(|waiting| waiting != event) {
            return Turn::Shared;
        }
        let due = now.millis() + left;
        self.packages.insert(package.clone(), Pace { due, waiting: Some(event.to_owned()) });
        Turn::After(left)
    }

    /// Remembers a rendering, whatever became of it: one that fails takes its time as well.
    pub fn rendered(&self, package: &PackageKey, began: Timestamp, ended: Timestamp) {
        let took = (ended.millis() - began.millis()).max(0);
        let due = ended.millis() + took.saturating_mul(REST).min(LONGEST_REST);
        self.packages.insert(package.clone(), Pace { due, waiting: None });
    }
}

#[cfg(test)]
mod tests {
    use granary_model::PackageType;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + millis)
    }

    fn package(name: &str) -> PackageKey {
        PackageKey { repo: "libs".parse().unwrap(), kind: PackageType::Npm, name: name.into() }
    }

    #[test]
    fn changes_after_a_long_rendering_share_the_next_one() {
        let (pacing, pad) = (Pacing::default(), package("pad"));
        assert_eq!(pacing.turn(&pad, "a", at(0)), Turn::Now);
        pacing.rendered(&pad, at(0), at(100));
        assert_eq!(pacing.turn(&pad, "b", at(200)), Turn::After(800));
        for other in ["c", "d"] {
            assert_eq!(pacing.turn(&pad, other, at(300)), Turn::Shared);
        }
        // The sweep may come to it before its message does.
        assert_eq!(pacing.turn(&pad, "b", at(900)), Turn::After(100));
        assert_eq!(pacing.turn(&package("other"), "e", at(900)), Turn::Now);
        assert_eq!(pacing.turn(&pad, "b", at(1_000)), Turn::Now);
        pacing.rendered(&pad, at(1_000), at(1_100));
        assert_eq!(pacing.turn(&pad, "f", at(1_100)), Turn::After(900), "nobody waits any more");
    }

    #[test]
    fn one_that_failed_is_tried_again_by_whoever_comes() {
        let (pacing, pad) = (Pacing::default(), package("pad"));
        pacing.rendered(&pad, at(0), at(100));
        assert_eq!(pacing.turn(&pad, "a", at(200)), Turn::After(800));
        assert_eq!(pacing.turn(&pad, "a", at(1_000)), Turn::Now);
        assert_eq!(pacing.turn(&pad, "b", at(1_001)), Turn::Now);
    }

    #[test]
    fn no_rest_is_longer_than_the_outbox_waits() {
        let (pacing, pad) = (Pacing::default(), package("pad"));
        pacing.rendered(&pad, at(0), at(60_000));
        assert_eq!(pacing.turn(&pad, "a", at(60_000)), Turn::After(LONGEST_REST));
        // The clock is set back.
        let back = |millis| at(millis - 3_600_000);
        assert_eq!(pacing.turn(&pad, "a", back(0)), Turn::After(LONGEST_REST));
        assert_eq!(pacing.turn(&pad, "a", back(LONGEST_REST)), Turn::Now);
        pacing.rendered(&pad, at(10), at(0));
        assert_eq!(pacing.turn(&pad, "a", at(0)), Turn::Now);
    }
}
