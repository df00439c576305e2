//! Which of the versions that a source lists are new, and which of them build by themselves.

use granary_model::kmp::{BuildStatus, is_pre_release, semantic_version};
use granary_model::maven::MavenVersion;
use granary_storage::rows::{BuildRow, Dispatch, KmpMarker, WatchedRow};

use super::{BTreeSet, Change, Commit, Key, PollOutcome, Result, Transaction, Work};
use crate::store;

/// Most versions that are looked at, the newest ones: a source may list anything.
const MOST: usize = 2_000;

/// What a source lists, newest first.
pub(super) struct Found {
    versions: Vec<MavenVersion>,
    /// Whether there were more than are looked at.
    pub(super) was_cut: bool,
}

impl Found {
    /// In Maven's order. Snapshots are none: what they name changes.
    pub(super) fn of(listed: &[MavenVersion]) -> Self {
        let mut versions: Vec<MavenVersion> =
            listed.iter().filter(|version| !version.is_snapshot()).cloned().collect();
        versions.sort_by_cached_key(|version| std::cmp::Reverse(version.comparable()));
        let was_cut = versions.len() > MOST;
        versions.truncate(MOST);
        Self { versions, was_cut }
    }

    /// The only version that may build by itself.
    pub(super) fn newest_stable(&self) -> Option<&MavenVersion> {
        self.versions.iter().find(|version| !is_pre_release(version.as_str()))
    }
}

/// Makes builds of the versions that have none yet. `held_back` waits for another time.
pub(super) async fn record(
    work: &Work<'_>,
    watched: &WatchedRow,
    found: &Found,
    held_back: Option<&MavenVersion>,
    outcome: &mut PollOutcome,
) -> Result<()> {
    let key =
        |version: &MavenVersion| Key::BuildOf(watched.repo.clone(), watched.id.clone(), version.to_string());
    let keys: Vec<Key> = found.versions.iter().map(key).collect();
    let markers: Vec<Option<KmpMarker>> = work.storage.read_all(&keys).await?;
    let known: BTreeSet<&str> = found
        .versions
        .iter()
        .zip(&markers)
        .filter(|(_, marker)| marker.is_some())
        .map(|(version, _)| version.as_str())
        .collect();
    let newest = found.newest_stable();
    // The oldest first, so that the list of builds is in the order of the versions.
    for (at, version) in found.versions.iter().rev().enumerate() {
        if known.contains(version.as_str()) || held_back == Some(version) {
            continue;
        }
        let begins = newest == Some(version);
        if make(work, watched, version, begins, at).await? {
            let list = if begins { &mut outcome.new_versions } else { &mut outcome.discovered_versions };
            list.push(version.to_string());
            outcome.builds_triggered += usize::from(begins);
        }
    }
    // People read the newest first.
    outcome.discovered_versions.reverse();
    Ok(())
}

/// A build of a version that has none, as it begins.
pub fn new_build(
    work: &Work<'_>,
    watched: &WatchedRow,
    version: &MavenVersion,
    status: BuildStatus,
) -> BuildRow {
    BuildRow {
        id: work.ids.next(work.now),
        repo: watched.repo.clone(),
        repo_uid: watched.repo_uid.clone(),
        watched: watched.id.clone(),
        group: watched.group.clone(),
        artifact: watched.artifact.clone(),
        version: version.clone(),
        package_version: semantic_version(version).ok(),
        is_stable: !is_pre_release(version.as_str()),
        status,
        attempt: u32::from(status.is_under_way()),
        rev: 1,
        outputs: watched.outputs.clone(),
        dispatch: Dispatch::None,
        run_id: None,
        run_url: None,
        claimed_by: None,
        results: None,
        npm_published: false,
        swift_published: false,
        error: None,
        deadline_at: 0,
        look_at: 0,
        started_at: None,
        completed_at: None,
        created_at: work.now,
        updated_at: work.now,
    }
}

/// Makes a build. `false`: the version has one, or nobody watches the library any more.
///
/// `at` is its place among those that are made with the same look: ids of one millisecond have no order.
async fn make(
    work: &Work<'_>,
    watched: &WatchedRow,
    version: &MavenVersion,
    begins: bool,
    at: usize,
) -> Result<bool> {
    let status = if begins { BuildStatus::Pending } else { BuildStatus::Discovered };
    let moment = work.now.plus_millis(i64::try_from(at).unwrap_or(0));
    let row = BuildRow { id: work.ids.next(moment), ..new_build(work, watched, version, status) };
    let change = Change::by_system(work.ids, work.now);
    let mut transaction = Transaction::new();
    store::add(&mut transaction, &row)?;
    transaction.require("watched", Key::Watched(watched.repo.clone(), watched.id.clone()));
    transaction.require_repo("repo", &watched.repo, &watched.repo_uid);
    let target = format!("{}/kmp/{}:{}:{version}", watched.repo, watched.group, watched.artifact);
    change.audit(&mut transaction, &format!("repo:{}", watched.repo), "kmp.discover", &target)?;
    if let Commit::Refused(_) = work.storage.commit(transaction).await? {
        return Ok(false);
    }
    if begins {
        store::tell(work, &row).await;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(versions: &[&str]) -> Found {
        let versions: Vec<MavenVersion> = versions.iter().map(|text| text.parse().unwrap()).collect();
        Found::of(&versions)
    }

    #[test]
    fn the_newest_stable_version_is_so_in_mavens_order() {
        for (versions, newest) in [
            (&["1.0.0", "2.0.0-rc1", "1.9.0", "1.10.0"][..], Some("1.10.0")),
            (&["2.0.0", "1.0.9"], Some("2.0.0")),
            (&["1.0-SNAPSHOT", "1.0.0-alpha01"], None),
            (&["1.0-jre", "1.0-android", "0.9"], Some("1.0-jre")),
            (&[], None),
        ] {
            assert_eq!(found(versions).newest_stable().map(MavenVersion::as_str), newest, "{versions:?}");
        }
    }

    #[test]
    fn a_list_without_end_is_cut_to_the_newest() {
        let many: Vec<String> = (0..MOST + 10).map(|number| format!("1.{number}.0")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let found = found(&many);
        assert!(found.was_cut);
        assert_eq!(found.versions.len(), MOST);
        assert_eq!(found.newest_stable().unwrap().as_str(), format!("1.{}.0", MOST + 9));
    }
}
