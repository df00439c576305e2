//! What a head says of its upstream: that it fails, what it has removed, that it has the package no more.

use granary_model::Result;
use granary_storage::PackageKey;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamFailure, UpstreamHead};

use crate::Work;
use crate::net::Failure;

/// How long an upstream is not asked again about a package after it has failed, in milliseconds.
const FAILED_REST: i64 = 30_000;

/// Most versions of a package of which is remembered that they were removed.
const REMOVED: usize = 2_000;

/// Changes what a head says of its upstream, if it has one.
pub(crate) fn note(head: &mut HeadRow, change: impl FnOnce(&mut UpstreamHead)) {
    if let Some(upstream) = head.upstream.as_deref_mut() {
        change(upstream);
    }
}

/// Remembers versions that are not there any more, as long as there is room, and forgets those that are back.
pub(crate) fn note_removed(
    upstream: &mut UpstreamHead,
    removed: impl IntoIterator<Item = String>,
    is_there: impl Fn(&str) -> bool,
) {
    upstream.removed.retain(|version| !is_there(version));
    let room = REMOVED.saturating_sub(upstream.removed.len());
    upstream.removed.extend(removed.into_iter().take(room));
}

impl Work<'_> {
    /// Makes a head the next revision of itself: what it says has changed.
    pub(crate) fn advance(&self, head: &mut HeadRow) {
        head.rev += 1;
        head.modified_at = self.now.millis().max(head.modified_at + 1);
    }

    /// Writes down that an upstream does not answer as it should: what is here goes on being served, and readers are told.
    pub(crate) async fn note_failing(
        &self,
        repo: &RepoRow,
        package: &PackageKey,
        before: &HeadRow,
        failure: &Failure,
    ) -> Result<()> {
        let now = self.now.millis();
        let until = match failure {
            Failure::Busy(Some(until), _) => until.millis().max(now + FAILED_REST),
            _ => now + FAILED_REST,
        };
        let mut head = before.clone();
        note(&mut head, |upstream| {
            let since = upstream.failing.as_ref().map_or(now, |failing| failing.since);
            upstream.failing =
                Some(UpstreamFailure { since, at: now, until, why: failure.words().to_owned() });
        });
        self.write_head(repo, package, (Some(before), &head), &[]).await?;
        Ok(())
    }

    /// Writes down that an upstream has no document of a package any more. If it `had` one, the package is gone, and nobody
    /// gets anything of it until it is back.
    pub(crate) async fn note_vanished(
        &self,
        repo: &RepoRow,
        package: &PackageKey,
        before: &HeadRow,
        had: bool,
    ) -> Result<HeadRow> {
        let mut head = before.clone();
        note(&mut head, |upstream| {
            (upstream.checked_at, upstream.failing, upstream.gone) = (self.now.millis(), None, had);
        });
        if had && before.upstream.as_ref().is_some_and(|upstream| !upstream.gone) {
            self.advance(&mut head);
            (head.versions, head.complete) = (0, 0);
            head.tags.clear();
        }
        self.write_head(repo, package, (Some(before), &head), &[]).await?;
        Ok(head)
    }
}
