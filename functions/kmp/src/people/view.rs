//! Watched libraries and builds as clients see them.

use granary_model::kmp::{AppleTarget, BuildStatus};
use granary_model::maven::{ArtifactId, GroupId, MavenVersion};
use granary_model::npm::NpmName;
use granary_model::swift::{SwiftName, SwiftScope};
use granary_model::{RepoId, Timestamp};
use granary_storage::rows::{BuildRow, WatchedRow};
use serde::Serialize;

/// A watched library.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WatchedView {
    id: String,
    repo_id: RepoId,
    group_id: GroupId,
    artifact_id: ArtifactId,
    npm_package_name: Option<NpmName>,
    swift_scope: Option<SwiftScope>,
    swift_name: Option<SwiftName>,
    enable_npm: bool,
    enable_swift: bool,
    apple_targets: Vec<AppleTarget>,
    /// When its source was last asked.
    last_polled_at: Option<String>,
    /// What was wrong with that.
    last_poll_error: Option<String>,
    created_at: String,
    updated_at: String,
}

impl WatchedView {
    pub(super) fn new(row: WatchedRow) -> Self {
        let (swift_scope, swift_name) =
            row.outputs.swift.map(|identity| (identity.scope, identity.name)).unzip();
        let polled = Some(row.poll.checked_at).filter(|millis| *millis > 0);
        Self {
            id: row.id,
            repo_id: row.repo,
            group_id: row.group,
            artifact_id: row.artifact,
            npm_package_name: row.outputs.npm,
            swift_scope,
            swift_name,
            enable_npm: row.outputs.enable_npm,
            enable_swift: row.outputs.enable_swift,
            apple_targets: row.outputs.apple_targets,
            last_polled_at: polled.map(|millis| Timestamp::from_millis(millis).to_string()),
            last_poll_error: row.poll.error,
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }
}

/// A build.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildView {
    id: String,
    repo_id: RepoId,
    watched_package_id: String,
    group_id: GroupId,
    artifact_id: ArtifactId,
    version: MavenVersion,
    is_stable: bool,
    status: BuildStatus,
    github_run_id: Option<u64>,
    github_run_url: Option<String>,
    npm_published: bool,
    swift_published: bool,
    error: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
    created_at: String,
    updated_at: String,
}

impl BuildView {
    pub(super) fn new(row: BuildRow) -> Self {
        let text = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
        Self {
            id: row.id,
            repo_id: row.repo,
            watched_package_id: row.watched,
            group_id: row.group,
            artifact_id: row.artifact,
            version: row.version,
            is_stable: row.is_stable,
            status: row.status,
            github_run_id: row.run_id,
            github_run_url: row.run_url,
            npm_published: row.npm_published,
            swift_published: row.swift_published,
            error: row.error,
            started_at: text(row.started_at),
            completed_at: text(row.completed_at),
            created_at: row.created_at.to_string(),
            updated_at: row.updated_at.to_string(),
        }
    }
}
