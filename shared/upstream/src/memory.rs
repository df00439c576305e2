//! What this process remembers for a while: what an upstream does not have, that it has failed, what has been announced.
//!
//! Only ever asked about what is not here, so nothing in it hides a package of the repository.

use granary_model::{Error, Timestamp};
use quick_cache::sync::Cache;

use crate::net::Failure;

/// How many things of a kind are remembered.
const ENTRIES: usize = 20_000;

/// After so many failures in a row an upstream is left alone for a while.
const FAILURES: u32 = 3;

/// For how long at first, in milliseconds; twice as long after each failure more.
const FIRST_REST: i64 = 5_000;

/// For how long at most, in milliseconds.
const LONGEST_REST: i64 = 60_000;

/// How long an upstream is left alone that wants to be and does not say for how long, in milliseconds.
const BUSY_REST: i64 = 10_000;

/// How long it is remembered that something could not be had, in milliseconds, for those who have waited for the same: they get
/// the same answer. Whoever comes later tries anew.
const FAILED_REST: i64 = 3_000;

/// How long an announcement is not made again, in milliseconds.
const ANNOUNCED: i64 = 15_000;

/// What is remembered.
pub(crate) struct Memory {
    /// Of something that was asked for: until when it is known that it cannot be had, and why.
    outcomes: Cache<String, (i64, Outcome)>,
    /// Of an upstream: failures in a row, until when it is left alone, and why.
    upstreams: Cache<String, (u32, i64, Failure)>,
    announced: Cache<String, i64>,
}

/// Why something cannot be had.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// There is no such thing.
    Missing,
    /// The upstream of this name failed.
    Failed(String, Failure),
}

impl Outcome {
    /// As an error; `None` for what is not there.
    pub(crate) fn error(&self) -> Option<Error> {
        match self {
            Self::Missing => None,
            Self::Failed(upstream, failure) => Some(failure.error(upstream)),
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory")
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { outcomes: Cache::new(ENTRIES), upstreams: Cache::new(ENTRIES), announced: Cache::new(ENTRIES) }
    }
}

impl Memory {
    /// Why something cannot be had for now, if that is known. That somebody else has failed concerns only those who have
    /// `waited` for it.
    pub(crate) fn outcome(&self, name: &str, waited: bool, now: Timestamp) -> Option<Outcome> {
        let (until, outcome) = self.outcomes.get(name)?;
        let concerns = waited || matches!(outcome, Outcome::Missing);
        (concerns && until > now.millis()).then_some(outcome)
    }

    /// Remembers that something is not there, for so many seconds.
    pub(crate) fn is_missing(&self, name: String, seconds: u32, now: Timestamp) {
        self.outcomes.insert(name, (now.millis() + i64::from(seconds) * 1000, Outcome::Missing));
    }

    /// Remembers that something could not be had just now.
    pub(crate) fn could_not(&self, name: String, upstream: &str, failure: Failure, now: Timestamp) {
        let outcome = Outcome::Failed(upstream.to_owned(), failure);
        self.outcomes.insert(name, (now.millis() + FAILED_REST, outcome));
    }

    /// Remembers that an upstream has failed. One that answers what cannot be used is there all the same.
    pub(crate) fn failed(&self, uid: &str, failure: &Failure, now: Timestamp) {
        let before = self.upstreams.get(uid).map_or(0, |(failures, ..)| failures);
        let failures = before.saturating_add(1);
        let rest = match failure {
            Failure::Down(_) if failures >= FAILURES => {
                (FIRST_REST << (failures - FAILURES).min(10)).min(LONGEST_REST)
            }
            Failure::Down(_) => 0,
            Failure::Busy(until, _) => until.map_or(BUSY_REST, |until| until.millis() - now.millis()),
            Failure::Denied(_) | Failure::Wrong(_) => return,
        };
        self.upstreams.insert(uid.to_owned(), (failures, now.millis() + rest, failure.clone()));
    }

    /// Remembers that an upstream has answered.
    pub(crate) fn answered(&self, uid: &str) {
        self.upstreams.remove(uid);
    }

    /// Why an upstream is left alone for now, if it is.
    pub(crate) fn closed(&self, uid: &str, now: Timestamp) -> Option<Failure> {
        let (_, until, failure) = self.upstreams.get(uid)?;
        (until > now.millis()).then_some(failure)
    }

    /// Whether something is to be announced, which it then is not again for a while.
    pub(crate) fn announces(&self, name: &str, now: Timestamp) -> bool {
        if self.announced.get(name).is_some_and(|until| until > now.millis()) {
            return false;
        }
        self.announced.insert(name.to_owned(), now.millis() + ANNOUNCED);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_is_missing_is_missing_for_a_while() {
        let memory = Memory::default();
        memory.is_missing("a".into(), 30, at(0));
        let outcome = |name: &str, waited, now| memory.outcome(name, waited, at(now));
        assert!(matches!(outcome("a", false, 29_999), Some(Outcome::Missing)));
        assert!(outcome("a", false, 30_000).is_none() && outcome("b", false, 0).is_none());
        memory.could_not("c".into(), "up", Failure::Down("x".into()), at(0));
        assert!(outcome("c", true, 0).is_some_and(|outcome| outcome.error().is_some()));
        assert!(outcome("c", false, 0).is_none(), "whoever comes later tries anew");
    }

    #[test]
    fn an_upstream_that_is_down_is_left_alone_longer_and_longer() {
        let (memory, down) = (Memory::default(), Failure::Down("x".into()));
        for _ in 0..2 {
            memory.failed("u", &down, at(0));
            assert_eq!(memory.closed("u", at(0)), None);
        }
        for rest in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000] {
            memory.failed("u", &down, at(0));
            assert!(memory.closed("u", at(rest - 1)).is_some() && memory.closed("u", at(rest)).is_none());
        }
        memory.answered("u");
        memory.failed("u", &down, at(0));
        assert_eq!(memory.closed("u", at(0)), None, "it begins anew");
    }

    #[test]
    fn an_upstream_that_wants_to_be_left_alone_is() {
        let memory = Memory::default();
        memory.failed("u", &Failure::Busy(Some(at(120_000)), "x".into()), at(0));
        assert!(memory.closed("u", at(119_999)).is_some() && memory.closed("u", at(120_000)).is_none());
        memory.failed("v", &Failure::Busy(None, "x".into()), at(0));
        assert!(memory.closed("v", at(9_999)).is_some());
        for there in [Failure::Wrong("x".into()), Failure::Denied("x".into())] {
            memory.failed("w", &there, at(0));
            assert_eq!(memory.closed("w", at(0)), None);
        }
    }

    #[test]
    fn announcements_are_made_once() {
        let memory = Memory::default();
        assert!(memory.announces("a", at(0)) && !memory.announces("a", at(14_999)));
        assert!(memory.announces("a", at(15_000)) && memory.announces("b", at(0)));
    }
}
