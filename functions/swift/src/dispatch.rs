//! From method and path to handler.

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use granary_http::permit::{Fetch, Write};
use granary_http::{AppState, head_of, refuse_body, reply};
use granary_model::{Error, Result};
use serde_json::json;

use crate::call::{Answer, Call, Refused};
use crate::route::Route;
use crate::{files, lists, login, publish, release};

/// `/api/swift/{repo}`: where `swift package-registry login` sends its check.
pub(crate) async fn answer_root(state: AppState, Path(repo): Path<String>, request: Request) -> Response {
    respond(state, repo, String::new(), request).await
}

/// Everything below `/api/swift/{repo}/`.
pub(crate) async fn answer(
    state: AppState,
    Path((repo, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    respond(state, repo, path, request).await
}

async fn respond(state: AppState, repo: String, path: String, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let is_head = parts.method == Method::HEAD;
    let call = Call { state, repo, path, query, headers: parts.headers, is_head };
    let mut body = Some(body);
    let result = Box::pin(dispatch(&call, &parts.method, &mut body)).await;
    if let Some(body) = body.filter(|_| result.is_err()) {
        refuse_body(&call.headers, body).await;
    }
    let response = versioned(result.unwrap_or_else(Refused::response));
    if is_head { head_of(response) } else { response }
}

async fn dispatch(call: &Call, method: &Method, body: &mut Option<Body>) -> Answer {
    login::check_scheme(&call.headers)?;
    match *method {
        Method::GET | Method::HEAD => show(call).await,
        Method::POST => match Route::parse(&call.path) {
            Ok(Route::Base | Route::Login) => login::login(call).await,
            _ => not_allowed(call, "the only thing to POST to a Swift registry is a login").await,
        },
        Method::PUT => match Route::parse(&call.path) {
            Ok(Route::Release(identity, named)) => publish::publish(call, &identity, named, body).await,
            Err(error @ Error::BadRequest(_)) => refused_to_writers(call, error).await,
            _ => not_allowed(call, "only releases are published, at {scope}/{name}/{version}").await,
        },
        Method::DELETE => match Route::parse(&call.path) {
            Ok(Route::Release(identity, named)) => release::withdraw_release(call, &identity, named).await,
            _ => not_allowed(call, "only releases are withdrawn, at {scope}/{name}/{version}").await,
        },
        _ => not_allowed(call, "a Swift registry has GET, HEAD, PUT, POST for login, and DELETE").await,
    }
}

async fn show(call: &Call) -> Answer {
    match Route::parse(&call.path) {
        Ok(Route::Base) => {
            let access = call.repo::<Fetch>().await?;
            Ok(reply(StatusCode::OK, &json!({ "repository": access.repo.id, "contentVersion": 1 })))
        }
        Ok(Route::Availability) => {
            call.repo::<Fetch>().await?;
            Ok(reply(StatusCode::OK, &json!({ "status": "available" })))
        }
        Ok(Route::Login) => not_allowed(call, "log in with POST").await,
        Ok(Route::Identifiers) => lists::show_identifiers(call).await,
        Ok(Route::Package(identity)) => lists::show_releases(call, &identity).await,
        Ok(Route::Release(identity, named)) => release::show(call, &identity, named).await,
        Ok(Route::Manifest(identity, version)) => files::show_manifest(call, &identity, &version).await,
        // No package or release can have such a name.
        Err(_) => {
            call.repo::<Fetch>().await?;
            Err(call.not_found().into())
        }
    }
}

/// Refuses a name that cannot be published, to those who may publish.
async fn refused_to_writers(call: &Call, error: Error) -> Answer {
    call.repo::<Write>().await?;
    Err(error.into())
}

async fn not_allowed(call: &Call, why: &str) -> Answer {
    call.repo::<Fetch>().await?;
    let refused = Refused::with(StatusCode::METHOD_NOT_ALLOWED, Error::BadRequest(why.to_owned()));
    let mut response = refused.response();
    let allowed = HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE");
    response.headers_mut().insert(header::ALLOW, allowed);
    Ok(response)
}

/// Adds the header that every answer of the protocol has: without it SwiftPM reads none of them.
pub(crate) fn versioned(mut response: Response) -> Response {
    let name = HeaderName::from_static("content-version");
    response.headers_mut().insert(name, HeaderValue::from_static("1"));
    response
}

/// The parameter of this name, if the query has it once.
pub(crate) fn parameter(call: &Call, name: &str) -> Result<Option<String>> {
    // SwiftPM leaves a plus as it is, and means it.
    let query = call.query.replace('+', "%2B");
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut values = pairs.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Error::BadRequest(format!("the parameter '{name}' stands there twice"))),
    }
}
