//! Putting versions of a package aside, whoever published them.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::Admin;
use granary_http::{ApiResult, AppState, Fields, Json, Params, RepoAccess, reply, shown};
use granary_model::{Error, PackageType, Result};
use granary_publish::quarantine::Quarantine;
use granary_publish::{Applied, edit_head};
use granary_storage::rows::{ALL_VERSIONS, HeadRow, QuarantineRow};
use serde::Deserialize;
use serde_json::{Value, json};

use super::blocks::reason;
use crate::named::{any_key, version_key};

type Address = Path<(String, String, String)>;

/// The query of a release.
#[derive(Debug, Deserialize)]
pub(crate) struct Query {
    /// One version; without it the package as a whole.
    version: Option<String>,
}

/// `PUT /api/repos/{repo}/quarantine/{kind}/{name}`: nobody gets a version, or any, from that moment on: neither in documents nor
/// as files.
pub(crate) async fn put_aside(
    state: AppState,
    Path((repo, kind, name)): Address,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["version", "reason"])?;
    let row = QuarantineRow { reason: reason(&fields)?, by: String::new(), at: state.now() };
    let target = Target::authorize(&state, &headers, (&repo, &kind, &name)).await?;
    let row = QuarantineRow { by: target.access.principal.actor(), ..row };
    target.edit(&state, fields.text("version")?, Some(row)).await
}

/// `DELETE /api/repos/{repo}/quarantine/{kind}/{name}?version=`: it can be had again.
pub(crate) async fn let_go(
    state: AppState,
    Path((repo, kind, name)): Address,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> ApiResult<Response> {
    let target = Target::authorize(&state, &headers, (&repo, &kind, &name)).await?;
    target.edit(&state, query.version.as_deref(), None).await
}

/// A package that an administrator changes.
struct Target {
    access: RepoAccess<Admin>,
    kind: PackageType,
    key: String,
    head: HeadRow,
}

impl Target {
    async fn authorize(
        state: &AppState,
        headers: &HeaderMap,
        (repo, kind, name): (&str, &str, &str),
    ) -> Result<Self> {
        let parsed: Option<PackageType> = kind.parse().ok();
        for key in parsed.map(|kind| any_key(kind, name)).unwrap_or_default() {
            let about = parsed.map(|kind| (kind, key.as_str()));
            let access = RepoAccess::<Admin>::authorize(state, headers, repo, about).await?;
            if let (Some(head), Some(kind)) = (access.head.as_deref().cloned(), parsed) {
                return Ok(Self { access, kind, key, head });
            }
        }
        let access = RepoAccess::<Admin>::authorize(state, headers, repo, None).await?;
        Err(Error::NotFound(format!(
            "package '{}' of type '{}' not found in repository '{}'",
            shown(name),
            shown(kind),
            access.repo.id
        )))
    }

    /// The version in the form of keys; all of them if none is named.
    fn version(&self, text: Option<&str>) -> Result<String> {
        let Some(text) = text else { return Ok(ALL_VERSIONS.to_owned()) };
        version_key(self.kind, text)
            .ok_or_else(|| Error::BadRequest(format!("version: '{}' is none of {}", shown(text), self.kind)))
    }

    /// Puts a version aside, or lets it go, and answers with all that is put aside then.
    async fn edit(
        &self,
        state: &AppState,
        version: Option<&str>,
        row: Option<QuarantineRow>,
    ) -> ApiResult<Response> {
        let mut edit = Quarantine { version: self.version(version)?, row };
        let target = self.access.target(state, self.kind, &self.key);
        let head = match edit_head(target, state.now(), &mut edit).await? {
            Applied::Changed(head) => head,
            Applied::Unchanged => self.head.clone(),
        };
        Ok(reply(StatusCode::OK, &json!({ "quarantine": view(&head) })))
    }
}

/// What is put aside of a package.
pub(super) fn view(head: &HeadRow) -> Vec<Value> {
    let rows = head.quarantine.iter().map(|(version, row)| {
        json!({
            "version": if version == ALL_VERSIONS { Value::Null } else { version.as_str().into() },
            "reason": row.reason,
            "by": row.by,
            "at": row.at.to_string(),
        })
    });
    rows.collect()
}
