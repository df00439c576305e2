//! From method and resource to handler.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use granary_http::permit::Fetch;
use granary_http::{ApiError, AppState};
use granary_model::npm::NpmRoute;
use granary_model::{Error, Result};
use http_body::Body as _;

use crate::call::Call;
use crate::{access, audit, login, members, package, read, search, tags, tokens, unpublish};

/// `GET /api/npm/{repo}`: what an address bar shows. Tells that the registry is there, to those who may
/// know.
pub(crate) async fn answer_root(state: AppState, Path(repo): Path<String>, request: Request) -> Response {
    let call = Call::new(state, repo, request);
    let access = call.repo::<Fetch>().await;
    match access {
        Ok(access) => axum::Json(serde_json::json!({ "db_name": access.repo.id })).into_response(),
        Err(error) => ApiError(error).into_response(),
    }
}

/// Everything below `/api/npm/{repo}/`.
pub(crate) async fn answer(
    state: AppState,
    Path((repo, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    let path = request.uri().path().to_owned();
    let relative = path.splitn(5, '/').nth(4).unwrap_or("").to_owned();
    let mut call = Call::new(state, repo, request);
    let is_head = call.is_head();
    let result = match NpmRoute::parse(&relative) {
        Ok(route) => Box::pin(handle(&mut call, route)).await,
        // Whoever may not see the repository learns nothing about its paths either.
        Err(error) => match call.repo::<Fetch>().await {
            Ok(_) => Err(error),
            Err(denied) => Err(denied),
        },
    };
    if result.is_err() {
        call.drain().await;
    }
    let response = result.unwrap_or_else(|error| ApiError(error).into_response());
    if is_head { without_body(response) } else { response }
}

/// The answer to `HEAD`: the headers of `GET`, its length included.
fn without_body(mut response: Response) -> Response {
    if !response.headers().contains_key(header::CONTENT_LENGTH)
        && let Some(length) = response.body().size_hint().exact()
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // Where `GET` does not say how long it is, neither must this: an empty body of known length would.
    *response.body_mut() = if response.headers().contains_key(header::CONTENT_LENGTH) {
        Body::empty()
    } else {
        Body::from_stream(futures::stream::empty::<std::result::Result<Bytes, Infallible>>())
    };
    response
}

async fn handle(call: &mut Call, route: NpmRoute) -> Result<Response> {
    let method = call.method.clone();
    let read = method == Method::GET || method == Method::HEAD;
    let (put, post, delete) = (method == Method::PUT, method == Method::POST, method == Method::DELETE);
    match route {
        NpmRoute::Package(name) if read => read::show_packument(call, &name).await,
        NpmRoute::Package(name) if put => Box::pin(package::put_package(call, name)).await,
        NpmRoute::PackageRevision(name, rev) if put => package::put_revision(call, name, &rev).await,
        NpmRoute::PackageRevision(name, rev) if delete => unpublish::delete_package(call, &name, &rev).await,
        NpmRoute::Manifest(name, selector) if read => read::show_manifest(call, &name, &selector).await,
        NpmRoute::Tarball(name, version) if read => read::download_tarball(call, &name, &version).await,
        NpmRoute::TarballRevision(name, version, _) if delete => {
            unpublish::delete_version(call, &name, &version).await
        }
        NpmRoute::DistTags(name) if read => tags::list_tags(call, &name).await,
        NpmRoute::DistTag(name, tag) if put || post => tags::set_tag(call, &name, tag).await,
        NpmRoute::DistTag(name, tag) if delete => tags::remove_tag(call, &name, tag).await,
        NpmRoute::Visibility(name) if read => access::show_visibility(call, &name).await,
        NpmRoute::Access(name) if post => access::set_access(call, &name).await,
        NpmRoute::Collaborators(name) if read => access::list_collaborators(call, &name).await,
        NpmRoute::Ping if read => Ok(axum::Json(serde_json::json!({})).into_response()),
        NpmRoute::Whoami if read => login::whoami(call).await,
        NpmRoute::Profile if read => login::show_profile(call).await,
        NpmRoute::Search if read => search::search(call).await,
        NpmRoute::WebLogin if post => login::begin_web_login(call).await,
        NpmRoute::WebLoginDone(session) if read => login::poll_web_login(call, &session).await,
        NpmRoute::CouchUser(name) if put => login::password_login(call, &name).await,
        NpmRoute::CouchUser(name) if read => login::show_user(call, &name).await,
        NpmRoute::Logout(token) if delete => login::logout(call, &token).await,
        NpmRoute::Tokens if read => tokens::list_tokens(call).await,
        NpmRoute::Tokens if post => tokens::create_token(call).await,
        NpmRoute::Token(key) if delete => tokens::revoke_token(call, &key).await,
        NpmRoute::UserPackages(user) if read => access::list_user_packages(call, &user).await,
        NpmRoute::OrgPackages(org) if read => access::list_org_packages(call, &org).await,
        NpmRoute::OrgMembers(org) if read => members::list_members(call, &org).await,
        NpmRoute::OrgMembers(org) if put => members::set_member(call, &org).await,
        NpmRoute::OrgMembers(org) if delete => members::remove_member(call, &org).await,
        NpmRoute::Keys if read => audit::show_keys(call).await,
        NpmRoute::Attestations(name, version) if read => read::show_attestations(call, &name, &version).await,
        NpmRoute::AuditBulk if post => audit::bulk(call).await,
        NpmRoute::AuditQuick if post => audit::quick(call).await,
        NpmRoute::Unknown => {
            call.repo::<Fetch>().await?;
            Err(Error::NotSupported("this registry does not offer that part of the npm protocol".into()))
        }
        _ => {
            call.repo::<Fetch>().await?;
            let error = Error::BadRequest("the path exists, but not with this method".into());
            let mut response = ApiError(error).into_response();
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            Ok(response)
        }
    }
}
