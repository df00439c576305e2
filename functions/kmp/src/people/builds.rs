//! Builds, to be looked at.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::permit::{Read, RepoAction};
use granary_http::{ApiResult, AppState, Params, Repo, RepoAccess, reply, shown};
use granary_kmp::builds::{Filter, Found, list};
use granary_kmp::store;
use granary_model::kmp::BuildStatus;
use granary_model::{Error, Result};
use granary_storage::rows::BuildRow;
use serde::Deserialize;
use serde_json::json;

use super::source;
use super::view::BuildView;

/// Builds in one answer, unless the caller wants another number, and the most there are.
const LIMIT: (usize, usize) = (200, 500);

/// Query of the list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Query {
    status: Option<String>,
    #[serde(rename = "stableOnly")]
    stable_only: Option<String>,
    limit: Option<usize>,
    counts: Option<String>,
}

impl Query {
    fn filter(&self) -> Result<Filter> {
        Ok(Filter {
            statuses: self.status.as_deref().map(statuses).transpose()?.filter(|set| !set.is_empty()),
            stable_only: flag("stableOnly", self.stable_only.as_deref())?,
            limit: self.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1),
            counts: flag("counts", self.counts.as_deref())?,
        })
    }
}

fn statuses(text: &str) -> Result<BTreeSet<BuildStatus>> {
    text.split(',').map(str::trim).filter(|status| !status.is_empty()).map(str::parse).collect()
}

fn flag(name: &str, text: Option<&str>) -> Result<bool> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(text) => Err(Error::BadRequest(format!("{name}: 'true' or 'false', not '{}'", shown(text)))),
    }
}

/// `GET /api/repos/{repo}/kmp/builds`: newest first.
pub(super) async fn list_builds(
    state: AppState,
    Repo(access): Repo<Read>,
    Params(query): Params<Query>,
) -> ApiResult<Response> {
    source(&access)?;
    let Found { builds, counts } = list(state.storage(), &access.repo.id, &query.filter()?).await?;
    let views: Vec<BuildView> = builds.into_iter().map(BuildView::new).collect();
    Ok(match counts {
        Some(counts) => reply(StatusCode::OK, &json!({ "builds": views, "statusCounts": counts })),
        None => reply(StatusCode::OK, &json!({ "builds": views })),
    })
}

/// `GET /api/repos/{repo}/kmp/builds/{id}`.
pub(super) async fn show_build(
    state: AppState,
    Repo(access): Repo<Read>,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let build = find(&state, &access, &id).await?;
    Ok(reply(StatusCode::OK, &json!({ "build": BuildView::new(build) })))
}

/// A build of the repository.
pub(super) async fn find(
    state: &AppState,
    access: &RepoAccess<impl RepoAction>,
    id: &str,
) -> Result<BuildRow> {
    source(access)?;
    let build = store::load(&state.kmp_work(), &access.repo.id, id).await?;
    build.ok_or_else(|| Error::NotFound(format!("build '{}' not found", shown(id))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        let filter = |query: Query| query.filter();
        let plain = filter(Query::default()).unwrap();
        assert_eq!((plain.statuses, plain.stable_only, plain.limit, plain.counts), (None, false, 200, false));
        let limit = |limit| filter(Query { limit: Some(limit), ..Query::default() }).unwrap().limit;
        assert_eq!([limit(0), limit(7), limit(500), limit(9_999)], [1, 7, 500, 500]);
        let status = |text: &str| filter(Query { status: Some(text.into()), ..Query::default() });
        assert_eq!(status("").unwrap().statuses, None);
        let two = BTreeSet::from([BuildStatus::Pending, BuildStatus::Failed]);
        assert_eq!(status("failed, pending,").unwrap().statuses, Some(two));
        assert!(status("failed,done").is_err());
        assert!(filter(Query { counts: Some("yes".into()), ..Query::default() }).is_err());
        assert!(filter(Query { stable_only: Some("1".into()), ..Query::default() }).is_err());
    }
}
