//! Versions from upstreams that nobody gets: rules by name and range.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::{Admin, Read};
use granary_http::{ApiResult, AppState, Fields, Json, Repo, RepoAccess, done, reply, shown};
use granary_model::range::Range;
use granary_model::upstream::{MAX_BLOCKS, MAX_REASON, NamePattern};
use granary_model::{Error, PackageType, Result};
use granary_storage::rows::BlockRow;
use serde_json::{Value, json};

use crate::edit::{Deed, edit_repo};

/// `GET /api/repos/{repo}/blocks`: for whoever belongs to the repository.
pub(crate) async fn list_blocks(state: AppState, Repo(access): Repo<Read>) -> ApiResult<Response> {
    access.require_insider(&state).await?;
    let blocks: Vec<Value> = access.repo.blocks.iter().map(view).collect();
    Ok(reply(StatusCode::OK, &json!({ "blocks": blocks })))
}

/// `POST /api/repos/{repo}/blocks`: from that moment nobody gets these versions.
pub(crate) async fn create_block(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["packageType", "name", "versions", "reason"])?;
    let kind: PackageType = Fields::required("packageType", fields.parsed("packageType")?)?;
    if !matches!(kind, PackageType::Npm | PackageType::Maven) {
        return Err(Error::BadRequest(
            "packageType: a rule concerns what comes from registries elsewhere, which are those of npm and maven; versions that were \
             published here are put in quarantine"
                .into(),
        )
        .into());
    }
    let name: NamePattern = Fields::required("name", fields.parsed("name")?)?;
    let versions = versions(kind, fields.text("versions")?.unwrap_or("*"))?;
    let block = BlockRow {
        id: state.next_id(),
        kind,
        name,
        versions,
        reason: reason(&fields)?,
        by: access.principal.actor(),
        at: state.now(),
    };
    let target = format!("{}/blocks/{kind}/{}@{}", access.repo.id, block.name, block.versions);
    let deed = Deed { action: "block.create", target };
    edit_repo(&state, &headers, access, deed, |_, draft| {
        if draft.row.blocks.len() >= MAX_BLOCKS {
            return Err(Error::Conflict(format!(
                "a repository has at most {MAX_BLOCKS} rules; delete some first"
            )));
        }
        draft.row.blocks.push(block.clone());
        Ok(())
    })
    .await?;
    Ok(reply(StatusCode::CREATED, &json!({ "block": view(&block) })))
}

/// `DELETE /api/repos/{repo}/blocks/{id}`: they can be had again.
pub(crate) async fn delete_block(
    state: AppState,
    Path((repo, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let access = RepoAccess::<Admin>::authorize(&state, &headers, &repo, None).await?;
    let unknown = || Error::NotFound(format!("rule '{}' not found", shown(&id)));
    let rule = access.repo.blocks.iter().find(|rule| rule.id == id).ok_or_else(unknown)?;
    let target = format!("{}/blocks/{}/{}@{}", access.repo.id, rule.kind, rule.name, rule.versions);
    let deed = Deed { action: "block.delete", target };
    edit_repo(&state, &headers, access, deed, |_, draft| {
        let before = draft.row.blocks.len();
        draft.row.blocks.retain(|rule| rule.id != id);
        if draft.row.blocks.len() == before { Err(unknown()) } else { Ok(()) }
    })
    .await?;
    Ok(done())
}

/// A range in the grammar of the protocol; `*` is everything, pre-releases among it.
fn versions(kind: PackageType, text: &str) -> Result<String> {
    if text.trim() == "*" {
        return Ok("*".into());
    }
    let range = Range::parse(kind, text).map_err(|error| match error {
        Error::BadRequest(why) => Error::BadRequest(format!("versions: {why}")),
        other => other,
    })?;
    Ok(range.as_str().to_owned())
}

/// Why; it is shown to whoever meets the rule.
pub(super) fn reason(fields: &Fields) -> Result<String> {
    let text = Fields::required("reason", fields.text("reason")?)?.trim();
    if text.is_empty() || text.chars().count() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(Error::BadRequest(format!(
            "reason: 1 to {MAX_REASON} characters of one line; it is shown to whoever asks for the version"
        )));
    }
    Ok(text.to_owned())
}

fn view(rule: &BlockRow) -> Value {
    json!({
        "id": rule.id,
        "packageType": rule.kind,
        "name": rule.name,
        "versions": rule.versions,
        "reason": rule.reason,
        "createdBy": rule.by,
        "createdAt": rule.at.to_string(),
    })
}
