//! From method and path to handler.

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use granary_http::permit::{Admin, Fetch, Write};
use granary_http::{AppState, head_of, refuse_body};
use granary_model::Result;
use granary_model::maven::MavenPath;

use crate::call::Call;
use crate::failure::{failed, not_allowed, plain};
use crate::{metadata, publish, read, removal, sums};

/// `/api/maven/{repo}`: what an address bar shows. Tells that the repository is there, to those who may know.
pub(crate) async fn answer_root(state: AppState, Path(repo): Path<String>, request: Request) -> Response {
    respond(state, repo, String::new(), request).await
}

/// Everything below `/api/maven/{repo}/`.
pub(crate) async fn answer(
    state: AppState,
    Path((repo, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    respond(state, repo, path, request).await
}

async fn respond(state: AppState, repo: String, path: String, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let call = Call { state, repo, path, headers: parts.headers, is_head };
    let mut body = Some(body);
    let result = match parts.method {
        Method::GET | Method::HEAD => Box::pin(show(&call)).await,
        Method::PUT => put(&call, &mut body).await,
        Method::DELETE => delete(&call).await,
        _ => call
            .repo::<Fetch>()
            .await
            .map(|_| not_allowed("a Maven repository has GET, HEAD, PUT and DELETE")),
    };
    if let Some(body) = body.filter(|_| result.is_err()) {
        refuse_body(&call.headers, body).await;
    }
    let response = result.unwrap_or_else(failed);
    if is_head { head_of(response) } else { response }
}

async fn show(call: &Call) -> Result<Response> {
    if call.path.is_empty() {
        let access = call.repo::<Fetch>().await?;
        return Ok(plain(StatusCode::OK, &format!("Maven repository '{}'", access.repo.id)));
    }
    match MavenPath::parse(&call.path) {
        Ok(MavenPath::File(file, None)) => read::show_file(call, &file).await,
        Ok(MavenPath::File(file, Some(kind))) => read::show_sum(call, &file, kind).await,
        Ok(MavenPath::Metadata(directory, sum)) => Box::pin(metadata::show(call, &directory, sum)).await,
        // Clients look for files that no repository here has, such as `.meta/prefixes.txt`.
        Ok(MavenPath::Directory { .. }) => call.repo::<Fetch>().await.and_then(|_| Err(call.not_found())),
        Err(error) => call.repo::<Fetch>().await.and_then(|_| Err(error)),
    }
}

async fn put(call: &Call, body: &mut Option<Body>) -> Result<Response> {
    match MavenPath::parse(&call.path) {
        Ok(MavenPath::File(file, None)) => publish::put_file(call, &file, body).await,
        Ok(MavenPath::File(file, Some(kind))) => sums::put_sum(call, &file, kind, body).await,
        Ok(MavenPath::Metadata(directory, _)) => metadata::ignore(call, &directory, body).await,
        Ok(MavenPath::Directory { reason, .. }) => {
            call.repo::<Write>().await.and_then(|_| Err(granary_model::Error::BadRequest(reason)))
        }
        Err(error) => call.repo::<Write>().await.and_then(|_| Err(error)),
    }
}

async fn delete(call: &Call) -> Result<Response> {
    match MavenPath::parse(&call.path) {
        Ok(MavenPath::Directory { directory, .. }) => {
            match directory.as_ref().and_then(|directory| directory.version()) {
                Some(coordinates) => removal::delete_version(call, coordinates).await,
                None => call.repo::<Admin>().await.and_then(|_| Err(call.not_found())),
            }
        }
        Ok(MavenPath::File(file, _)) => call.repo::<Admin>().await.map(|_| {
            not_allowed(&format!(
                "single files are not deleted, because builds rely on them; delete the version with DELETE {}",
                file.coordinates().directory()
            ))
        }),
        Ok(MavenPath::Metadata(..)) => call.repo::<Admin>().await.map(|_| {
            not_allowed("metadata is made from what is there; delete a version and its metadata follows")
        }),
        Err(error) => call.repo::<Admin>().await.and_then(|_| Err(error)),
    }
}
