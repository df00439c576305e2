//! How fresh something is that came from an upstream, for the request that reads it.

use granary_model::Timestamp;
use granary_publish::policy::Policy;
use granary_storage::rows::{UpstreamHead, UpstreamRow};

/// How fresh what is kept of an upstream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// Name of the upstream.
    pub upstream: String,
    /// For how many seconds it is fresh; if negative, for how many it has not been.
    pub ttl: i64,
    /// Whether the upstream is to be asked again.
    pub is_due: bool,
    /// What is wrong with the upstream, if it does not answer as it should.
    pub failing: Option<String>,
    /// Whether this very request has fetched it.
    pub was_fetched: bool,
}

impl Freshness {
    /// Of what a head knows.
    pub fn of(row: &UpstreamRow, head: &UpstreamHead, policy: &Policy, now: Timestamp) -> Self {
        let fresh_until = head.checked_at + i64::from(row.fresh_seconds) * 1000;
        let has_changed =
            head.next_at.is_some_and(|at| at <= now.millis()) || head.policy != policy.fingerprint();
        let may_ask = head.failing.as_ref().is_none_or(|failing| failing.until <= now.millis());
        Self {
            upstream: row.name.to_string(),
            ttl: (fresh_until - now.millis()).div_euclid(1000),
            is_due: may_ask && (fresh_until <= now.millis() || has_changed),
            failing: head.failing.as_ref().map(|failing| failing.why.clone()),
            was_fetched: false,
        }
    }

    /// The value of `Cache-Status` (RFC 9211): where the answer came from, and whether it may be out of date.
    pub fn cache_status(&self) -> String {
        let how = if self.was_fetched { "fwd=uri-miss; stored" } else { "hit" };
        let mut text = format!("granary; {how}; ttl={}; detail=\"upstream {}", self.ttl, self.upstream);
        if let Some(why) = &self.failing {
            // What a quoted string cannot hold.
            text.push_str(" failing: ");
            text.extend(why.chars().filter(|c| (' '..='~').contains(c) && !matches!(c, '"' | '\\')));
        }
        text.push('"');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_an_answer_came_from() {
        let fresh = Freshness {
            upstream: "npmjs".into(),
            ttl: 120,
            is_due: false,
            failing: None,
            was_fetched: false,
        };
        assert_eq!(fresh.cache_status(), "granary; hit; ttl=120; detail=\"upstream npmjs\"");
        let stale = Freshness { ttl: -5, failing: Some("it \"answered\" 500\u{e4}".into()), ..fresh.clone() };
        assert_eq!(
            stale.cache_status(),
            "granary; hit; ttl=-5; detail=\"upstream npmjs failing: it answered 500\""
        );
        let new = Freshness { was_fetched: true, ..fresh };
        assert!(new.cache_status().starts_with("granary; fwd=uri-miss; stored; ttl=120"));
    }
}
