//! `If-Match` and its relatives.

use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Result, s3_error};

use crate::engines::s3::object_file::Facts;
use crate::engines::s3::store::system_time;

/// What a write demands of the object that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteCondition {
    /// Nothing.
    Always,
    /// That there is none (`If-None-Match: *`).
    Absent,
    /// That there is one, with this `ETag` if one is given (`If-Match`).
    Matches(Option<String>),
}

impl WriteCondition {
    /// From the headers of a write. S3 knows no other `If-None-Match` than `*` here.
    pub(crate) fn new(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> S3Result<Self> {
        match (if_match, if_none_match) {
            (None, None) => Ok(Self::Always),
            (None, Some(ETagCondition::Any)) => Ok(Self::Absent),
            (Some(ETagCondition::Any), None) => Ok(Self::Matches(None)),
            (Some(ETagCondition::ETag(etag)), None) => Ok(Self::Matches(Some(etag.into_value()))),
            _ => Err(s3_error!(
                NotImplemented,
                "A header you provided implies functionality that is not implemented."
            )),
        }
    }

    /// Compares with the object that is there.
    pub(crate) fn check(&self, there: Option<&Facts>) -> S3Result<()> {
        match (self, there) {
            (Self::Always, _) | (Self::Absent, None) | (Self::Matches(None), Some(_)) => Ok(()),
            (Self::Matches(_), None) => Err(s3_error!(NoSuchKey)),
            (Self::Matches(Some(wanted)), Some(facts)) if *wanted == facts.etag => Ok(()),
            _ => Err(precondition_failed()),
        }
    }
}

pub(crate) fn precondition_failed() -> s3s::S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold.")
}

/// What a read demands of the object.
#[derive(Debug, Default)]
pub(crate) struct ReadConditions {
    /// `If-Match`.
    pub(crate) matches: Option<ETagCondition>,
    /// `If-None-Match`.
    pub(crate) none_matches: Option<ETagCondition>,
    /// `If-Modified-Since`.
    pub(crate) modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`.
    pub(crate) unmodified_since: Option<Timestamp>,
}

/// How a read ends whose conditions do not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

impl ReadConditions {
    /// Compares with the object, by the order of RFC 9110, section 13.2.2.
    pub(crate) fn check(&self, facts: &Facts) -> Result<(), Unmet> {
        // Dates of headers have whole seconds.
        let modified = Timestamp::from(system_time(facts.modified.div_euclid(1000).saturating_mul(1000)));
        let is_it = |condition: &ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(etag) => etag.value() == facts.etag,
        };
        match (&self.matches, &self.unmodified_since) {
            (Some(condition), _) if !is_it(condition) => return Err(Unmet::Failed),
            (None, Some(since)) if modified > *since => return Err(Unmet::Failed),
            _ => {}
        }
        match (&self.none_matches, &self.modified_since) {
            (Some(condition), _) if is_it(condition) => Err(Unmet::NotModified),
            (None, Some(since)) if modified <= *since => Err(Unmet::NotModified),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { etag: "abc".into(), modified: 5_500, ..Facts::default() }
    }

    fn etag(value: &str) -> ETagCondition {
        ETagCondition::ETag(s3s::dto::ETag::Strong(value.into()))
    }

    #[test]
    fn writes() {
        let some = |value| Some(etag(value));
        let check = |matches, none_matches, there: Option<&Facts>| {
            WriteCondition::new(matches, none_matches).unwrap().check(there).is_ok()
        };
        let there = facts();
        assert!(check(None, None, Some(&there)) && check(None, None, None));
        assert!(check(None, Some(ETagCondition::Any), None));
        assert!(!check(None, Some(ETagCondition::Any), Some(&there)));
        assert!(check(some("abc"), None, Some(&there)) && !check(some("abd"), None, Some(&there)));
        assert!(!check(some("abc"), None, None) && !check(Some(ETagCondition::Any), None, None));
        assert!(WriteCondition::new(None, some("abc")).is_err());
    }

    #[test]
    fn reads() {
        let some = |value| Some(etag(value));
        let at = |millis| Some(Timestamp::from(system_time(millis)));
        let check = |conditions: ReadConditions| conditions.check(&facts());
        assert_eq!(check(ReadConditions::default()), Ok(()));
        let conditions = || ReadConditions::default();
        assert_eq!(
            check(ReadConditions { none_matches: some("abc"), ..conditions() }),
            Err(Unmet::NotModified)
        );
        assert_eq!(check(ReadConditions { none_matches: some("x"), ..conditions() }), Ok(()));
        assert_eq!(check(ReadConditions { matches: some("x"), ..conditions() }), Err(Unmet::Failed));
        assert_eq!(
            check(ReadConditions { modified_since: at(5_000), ..conditions() }),
            Err(Unmet::NotModified)
        );
        assert_eq!(check(ReadConditions { modified_since: at(4_000), ..conditions() }), Ok(()));
        assert_eq!(check(ReadConditions { unmodified_since: at(4_000), ..conditions() }), Err(Unmet::Failed));
        let both = ReadConditions { matches: some("abc"), unmodified_since: at(4_000), ..conditions() };
        assert_eq!(check(both), Ok(()));
    }
}
