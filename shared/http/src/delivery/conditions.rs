//! Conditional requests and ranges, RFC 9110 sections 13 and 14.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::HeaderMap;
use axum::http::header::RANGE;
use granary_model::Timestamp;
use headers::{
    ETag, HeaderMapExt as _, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, LastModified,
};

/// What a request's conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The whole file.
    Whole,
    /// The bytes from the first position to the second, both included.
    Part(u64, u64),
    /// The client has it already.
    NotModified,
    /// The client wanted another state of it.
    Failed,
    /// The range that is asked for does not exist.
    Unsatisfiable,
}

/// Judges the conditions in the order of RFC 9110, section 13.2.2.
pub(super) fn judge(request: &HeaderMap, etag: &str, modified: Option<Timestamp>, size: u64) -> Verdict {
    let Ok(etag) = etag.parse::<ETag>() else { return Verdict::Whole };
    // Dates in headers have whole seconds.
    let at = modified.map(|at| UNIX_EPOCH + Duration::from_secs(u64::try_from(at.seconds()).unwrap_or(0)));
    match (request.typed_get::<IfMatch>(), request.typed_get::<IfUnmodifiedSince>(), at) {
        (Some(wanted), _, _) if !wanted.precondition_passes(&etag) => return Verdict::Failed,
        (None, Some(since), Some(at)) if !since.precondition_passes(at) => return Verdict::Failed,
        _ => {}
    }
    match (request.typed_get::<IfNoneMatch>(), request.typed_get::<IfModifiedSince>(), at) {
        (Some(known), _, _) if !known.precondition_passes(&etag) => return Verdict::NotModified,
        (None, Some(since), Some(at)) if !since.is_modified(at) => return Verdict::NotModified,
        _ => {}
    }
    let range = request.get(RANGE).and_then(|range| range.to_str().ok());
    let stale = request
        .typed_get::<IfRange>()
        .is_some_and(|known| known.is_modified(Some(&etag), at.map(LastModified::from).as_ref()));
    match range {
        Some(range) if !stale => part(range, size),
        _ => Verdict::Whole,
    }
}

/// One range of bytes. Several at once, other units, and what cannot be read are answered with the whole, as
/// RFC 9110, section 14.2 allows. (The header library takes `bytes=x` for a range and `bytes=-99` of ten bytes
/// for none.)
fn part(range: &str, size: u64) -> Verdict {
    let bounds = range.strip_prefix("bytes=").and_then(|bounds| bounds.trim().split_once('-'));
    let Some((from, to)) = bounds else { return Verdict::Whole };
    let last = size.saturating_sub(1);
    let (from, to) = match (from.parse::<u64>(), to.parse::<u64>()) {
        (Ok(from), Ok(to)) if from <= to => (from, to.min(last)),
        (Ok(from), Err(_)) if to.is_empty() => (from, last),
        (Err(_), Ok(0)) if from.is_empty() => return Verdict::Unsatisfiable,
        (Err(_), Ok(suffix)) if from.is_empty() => (size.saturating_sub(suffix), last),
        _ => return Verdict::Whole,
    };
    if size == 0 || from > to { Verdict::Unsatisfiable } else { Verdict::Part(from, to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &str = "\"aa\"";
    const AT: Timestamp = Timestamp::from_millis(1_790_000_000_500);

    fn verdict(headers: &[(&'static str, &str)]) -> Verdict {
        let map = headers
            .iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        judge(&map, ETAG, Some(AT), 10)
    }

    #[test]
    fn known_bytes_are_not_sent_again() {
        let same = AT.http_date();
        let before = Timestamp::from_millis(AT.millis() - 1_000).http_date();
        assert_eq!(verdict(&[("if-none-match", ETAG)]), Verdict::NotModified);
        assert_eq!(verdict(&[("if-none-match", "\"x\", W/\"aa\"")]), Verdict::NotModified);
        assert_eq!(verdict(&[("if-none-match", "\"x\"")]), Verdict::Whole);
        assert_eq!(verdict(&[("if-modified-since", &same)]), Verdict::NotModified);
        assert_eq!(verdict(&[("if-modified-since", &before)]), Verdict::Whole);
        assert_eq!(verdict(&[("if-none-match", "\"x\""), ("if-modified-since", &same)]), Verdict::Whole);
        assert_eq!(verdict(&[("if-match", "\"x\"")]), Verdict::Failed);
        assert_eq!(verdict(&[("if-match", ETAG)]), Verdict::Whole);
        assert_eq!(verdict(&[("if-unmodified-since", &before)]), Verdict::Failed);
        assert_eq!(verdict(&[("if-unmodified-since", &same)]), Verdict::Whole);
    }

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-3", Verdict::Part(0, 3)),
            ("bytes=4-", Verdict::Part(4, 9)),
            ("bytes=-3", Verdict::Part(7, 9)),
            ("bytes=0-99", Verdict::Part(0, 9)),
            ("bytes=-99", Verdict::Part(0, 9)),
            ("bytes=10-", Verdict::Unsatisfiable),
            ("bytes=0-1,3-4", Verdict::Whole),
            ("lines=1-2", Verdict::Whole),
            ("bytes=x", Verdict::Whole),
            ("bytes=5-4", Verdict::Whole),
            ("bytes=-0", Verdict::Unsatisfiable),
        ] {
            assert_eq!(verdict(&[("range", range)]), expected, "{range}");
        }
        assert_eq!(verdict(&[("range", "bytes=0-3"), ("if-range", "\"x\"")]), Verdict::Whole);
        assert_eq!(verdict(&[("range", "bytes=0-3"), ("if-range", ETAG)]), Verdict::Part(0, 3));
    }

    #[test]
    fn nothing_has_no_parts() {
        let map = HeaderMap::from_iter([(axum::http::header::RANGE, "bytes=0-".parse().unwrap())]);
        assert_eq!(judge(&map, ETAG, None, 0), Verdict::Unsatisfiable);
    }
}
