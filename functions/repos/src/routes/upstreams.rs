//! Upstreams of a repository: where packages come from that are not published in it.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::permit::{Admin, Read};
use granary_http::{ApiResult, AppState, Fields, Json, Repo, RepoAccess, done, reply, shown};
use granary_model::upstream::{MAX_UPSTREAMS, UpstreamName};
use granary_model::{Error, PackageType, Result};
use granary_storage::rows::{Event, RepoRow, UpstreamPlace, UpstreamRow};
use serde_json::{Value, json};

use crate::edit::{Deed, Draft, edit_repo};
use crate::upstreams::{Input, fit_into_row};

/// `GET /api/repos/{repo}/upstreams`: in the order in which they are asked, for whoever belongs to the repository.
pub(crate) async fn list_upstreams(state: AppState, Repo(access): Repo<Read>) -> ApiResult<Response> {
    access.require_insider(&state).await?;
    let upstreams: Vec<Value> = access.repo.upstreams.iter().map(view).collect();
    Ok(reply(StatusCode::OK, &json!({ "upstreams": upstreams })))
}

/// `GET /api/repos/{repo}/upstreams/{name}`.
pub(crate) async fn show_upstream(
    state: AppState,
    Path((repo, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let access = RepoAccess::<Read>::authorize(&state, &headers, &repo, None).await?;
    access.require_insider(&state).await?;
    let row = find(&access.repo, &name)?;
    Ok(reply(StatusCode::OK, &json!({ "upstream": view(row) })))
}

/// `POST /api/repos/{repo}/upstreams`: another one, behind the others unless `position` says otherwise.
pub(crate) async fn create_upstream(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&Input::FIELDS)?;
    let input = Input::read(&state, &headers, &access.repo, &fields).await?;
    let name = Fields::required("name", input.name.clone())?;
    let kind = Fields::required("packageType", input.kind)?;
    if kind == PackageType::Kmp {
        return Err(Error::BadRequest(
            "packageType: what repositories of type kmp build are packages of npm and swift; name one of those".into(),
        )
        .into());
    }
    let place = input.place().cloned();
    let place = place.ok_or_else(|| {
        Error::BadRequest(
            "an upstream needs a url (a registry elsewhere) or a repoId (a repository here)".into(),
        )
    })?;
    let now = state.now();
    let new = UpstreamRow::new(name.clone(), state.next_id(), kind, place, now);
    let deed = Deed { action: "upstream.create", target: format!("{}/upstreams/{name}", access.repo.id) };
    let row = edit_repo(&state, &headers, access, deed, |_, draft| {
        if !draft.row.package_types.contains(&kind) {
            return Err(Error::BadRequest(format!(
                "packageType: the repository does not hold {kind} packages; add '{kind}' to its packageTypes first"
            )));
        }
        if draft.row.upstreams.len() >= MAX_UPSTREAMS {
            return Err(Error::Conflict(format!("a repository has at most {MAX_UPSTREAMS} upstreams")));
        }
        if draft.row.upstreams.iter().any(|row| row.name == name) {
            return Err(Error::Conflict(format!("there is an upstream '{name}' already")));
        }
        let mut row = new.clone();
        input.apply(&state, &draft.row, &mut row)?;
        let at = input.position.unwrap_or(usize::MAX).min(draft.row.upstreams.len());
        draft.row.upstreams.insert(at, row);
        fit_into_row(&draft.row.upstreams)
    })
    .await?;
    Ok(reply(StatusCode::CREATED, &json!({ "upstream": view(find(&row, name.as_str())?) })))
}

/// `PATCH /api/repos/{repo}/upstreams/{name}`: changes what it names. Another address makes it another upstream: nothing of what
/// came from the one before is served any more.
pub(crate) async fn update_upstream(
    state: AppState,
    Path((repo, name)): Path<(String, String)>,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let access = RepoAccess::<Admin>::authorize(&state, &headers, &repo, None).await?;
    fields.only(&Input::FIELDS)?;
    let input = Input::read(&state, &headers, &access.repo, &fields).await?;
    let before = find(&access.repo, &name)?.name.clone();
    let uid = state.next_id();
    let deed = Deed { action: "upstream.update", target: format!("{}/upstreams/{before}", access.repo.id) };
    let after = input.name.clone().unwrap_or_else(|| before.clone());
    let row = edit_repo(&state, &headers, access, deed, |_, draft| {
        let at = position(&draft.row, &before)?;
        let mut row = draft.row.upstreams.remove(at);
        if input.kind.is_some_and(|kind| kind != row.kind) {
            return Err(Error::BadRequest("packageType: it cannot be changed; make another upstream".into()));
        }
        if draft.row.upstreams.iter().any(|row| row.name == after) {
            return Err(Error::Conflict(format!("there is an upstream '{after}' already")));
        }
        if input.moves(&row) {
            draft.event = Some(removed(&draft.row, &row));
            row.uid.clone_from(&uid);
        }
        row.updated_at = state.now();
        input.apply(&state, &draft.row, &mut row)?;
        let at = input.position.unwrap_or(at).min(draft.row.upstreams.len());
        draft.row.upstreams.insert(at, row);
        fit_into_row(&draft.row.upstreams)
    })
    .await?;
    Ok(reply(StatusCode::OK, &json!({ "upstream": view(find(&row, after.as_str())?) })))
}

/// `PUT /api/repos/{repo}/upstreams`: the order in which they are asked, as the names of all of them.
pub(crate) async fn order_upstreams(
    state: AppState,
    headers: HeaderMap,
    Repo(access): Repo<Admin>,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    fields.only(&["order"])?;
    let order: Vec<UpstreamName> = Fields::required("order", fields.list("order")?)?;
    let deed = Deed { action: "upstream.order", target: format!("{}/upstreams", access.repo.id) };
    let row = edit_repo(&state, &headers, access, deed, |_, draft| reorder(draft, &order)).await?;
    let upstreams: Vec<Value> = row.upstreams.iter().map(view).collect();
    Ok(reply(StatusCode::OK, &json!({ "upstreams": upstreams })))
}

fn reorder(draft: &mut Draft, order: &[UpstreamName]) -> Result<()> {
    let mut left = std::mem::take(&mut draft.row.upstreams);
    for name in order {
        let at = left.iter().position(|row| row.name == *name);
        let at = at.ok_or_else(|| {
            Error::BadRequest(format!("order: there is no upstream '{name}', or it stands there twice"))
        })?;
        draft.row.upstreams.push(left.remove(at));
    }
    match left.first() {
        None => Ok(()),
        Some(row) => Err(Error::BadRequest(format!("order: '{}' is missing; name all upstreams", row.name))),
    }
}

/// `DELETE /api/repos/{repo}/upstreams/{name}`: from that moment nothing that came from it is served. What is kept of it goes.
pub(crate) async fn delete_upstream(
    state: AppState,
    Path((repo, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let access = RepoAccess::<Admin>::authorize(&state, &headers, &repo, None).await?;
    let name = find(&access.repo, &name)?.name.clone();
    let deed = Deed { action: "upstream.delete", target: format!("{}/upstreams/{name}", access.repo.id) };
    edit_repo(&state, &headers, access, deed, |_, draft| {
        let at = position(&draft.row, &name)?;
        let row = draft.row.upstreams.remove(at);
        draft.event = Some(removed(&draft.row, &row));
        Ok(())
    })
    .await?;
    Ok(done())
}

fn removed(repo: &RepoRow, row: &UpstreamRow) -> Event {
    Event::UpstreamRemoved { repo: repo.id.clone(), repo_uid: repo.uid.clone(), upstream: row.uid.clone() }
}

fn position(repo: &RepoRow, name: &UpstreamName) -> Result<usize> {
    repo.upstreams.iter().position(|row| row.name == *name).ok_or_else(|| unknown(name.as_str()))
}

fn find<'a>(repo: &'a RepoRow, name: &str) -> Result<&'a UpstreamRow> {
    repo.upstreams.iter().find(|row| row.name.as_str() == name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    Error::NotFound(format!("upstream '{}' not found", shown(name)))
}

/// An upstream as those see it who belong to the repository. Of its credential only that there is one.
fn view(row: &UpstreamRow) -> Value {
    let mut view = json!({
        "name": row.name,
        "packageType": row.kind,
        "hasCredential": row.credential.is_some(),
        "names": row.names,
        "owned": row.owned,
        "freshSeconds": row.fresh_seconds,
        "cooldownDays": row.cooldown_days,
        "cooldownExcept": row.cooldown_except,
        "files": row.files,
        "removed": row.removed,
        "fileHosts": row.file_hosts,
        "anonymous": row.anonymous,
        "search": row.search,
        "createdAt": row.created_at.to_string(),
        "updatedAt": row.updated_at.to_string(),
    });
    let place = match &row.place {
        UpstreamPlace::Remote { url } => ("url", json!(url)),
        UpstreamPlace::Repo { repo, .. } => ("repoId", json!(repo)),
    };
    if let Some(view) = view.as_object_mut() {
        view.insert(place.0.into(), place.1);
    }
    view
}
