//! Where a package and its versions come from, and whether anybody gets them.

use granary_model::{RepoId, Timestamp, Visibility};
use granary_publish::policy::Kept;
use granary_storage::rows::{UpstreamHead, VersionRow};
use serde::Serialize;

use super::view::Seen;

/// Where a package comes from that was not published in the repository.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PackageOrigin {
    /// A registry elsewhere.
    Upstream(UpstreamOrigin),
    /// Another repository here.
    Member {
        /// Its name; `None` for whoever may not know it.
        repository: Option<RepoId>,
    },
}

/// A registry elsewhere, as far as it has to do with one package.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpstreamOrigin {
    upstream: String,
    fetched_at: String,
    checked_at: String,
    failing: Option<Failing>,
    gone: bool,
}

#[derive(Debug, Serialize)]
struct Failing {
    since: String,
    why: String,
}

impl PackageOrigin {
    /// Of the package that somebody looks at; `None` if it was published in this repository.
    pub(super) fn of(seen: Seen<'_>) -> Option<Self> {
        let access = &seen.named.access;
        if let Some(home) = &access.home {
            // Whoever only reads this repository need not know what else its owner has.
            let shown = seen.insider || home.visibility == Visibility::Public;
            return Some(Self::Member { repository: shown.then(|| home.id.clone()) });
        }
        seen.named.head.upstream.as_deref().map(|upstream| Self::Upstream(UpstreamOrigin::of(upstream)))
    }
}

impl UpstreamOrigin {
    fn of(head: &UpstreamHead) -> Self {
        let text = |millis| Timestamp::from_millis(millis).to_string();
        Self {
            upstream: head.name.to_string(),
            fetched_at: text(head.fetched_at),
            checked_at: text(head.checked_at),
            failing: head
                .failing
                .as_ref()
                .map(|failing| Failing { since: text(failing.since), why: failing.why.clone() }),
            gone: head.gone,
        }
    }
}

/// Where a version comes from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionOrigin {
    upstream: String,
    /// When its bytes were fetched; `None` until somebody wants them.
    fetched_at: Option<String>,
}

/// How things stand with a version.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    origin: Option<VersionOrigin>,
}

impl Standing {
    /// Of a version that was published here. `kept` is why nobody gets it, `what` names it.
    pub(super) fn local(row: &VersionRow, kept: Option<&Kept>, what: &str) -> Self {
        let live = if row.is_live() { "live" } else { "withdrawn" };
        Self::new(live, kept.filter(|_| row.is_live()), what, None)
    }

    /// Of a version that comes from an upstream, with its row if its bytes are here.
    pub(super) fn foreign(
        head: &UpstreamHead,
        row: Option<&VersionRow>,
        kept: Option<&Kept>,
        what: &str,
    ) -> Self {
        let fetched = row.and_then(|row| row.fetched.as_ref());
        let origin = VersionOrigin {
            upstream: head.name.to_string(),
            fetched_at: fetched.map(|fetched| fetched.at.to_string()),
        };
        Self::new("live", kept, what, Some(origin))
    }

    fn new(live: &'static str, kept: Option<&Kept>, what: &str, origin: Option<VersionOrigin>) -> Self {
        let status = kept.map_or(live, |kept| match kept {
            Kept::Cooldown { .. } => "cooldown",
            Kept::Blocked(_) => "blocked",
            Kept::Quarantined(_) => "quarantined",
            Kept::Removed(_) => "removed",
        });
        Self { status, reason: kept.map(|kept| kept.words(what)), origin }
    }
}
