//! Checking credentials.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use granary_auth::{Action, Decision, Denial, decide};
use granary_http::permit::Fetch;
use granary_http::{AppState, Caller, denied, done, refuse_body};
use granary_model::Error;

use crate::call::{Answer, Call, Refused};
use crate::dispatch::versioned;

/// `POST` to the registry's address or `login` below it: 200 if the credentials are good for this registry.
/// SwiftPM sends an empty body and waits for 5 seconds.
pub(crate) async fn login(call: &Call) -> Answer {
    Caller::of_request(&call.state, &call.headers).await?;
    call.repo::<Fetch>().await?;
    Ok(done())
}

/// `POST /login`: what SwiftPM calls when the address of the registry has no path.
pub(crate) async fn answer_at_root(state: AppState, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        if parts.method != Method::POST {
            let error = Error::BadRequest("log in with POST".into());
            return Err(Refused::with(StatusCode::METHOD_NOT_ALLOWED, error));
        }
        check_scheme(&parts.headers)?;
        let caller = Caller::of_request(&state, &parts.headers).await?;
        // The key of a licence that is suspended is good for no repository at all.
        match decide(&caller.principal, Action::Fetch, None) {
            Decision::Deny(denial @ Denial::Suspended) => Err(denied(denial, "the registry").into()),
            _ => Ok(done()),
        }
    };
    let answer: Answer = answer.await;
    refuse_body(&parts.headers, body).await;
    versioned(answer.unwrap_or_else(Refused::response))
}

/// Refuses credentials of a kind that is not understood, instead of taking their bearer for nobody.
pub(crate) fn check_scheme(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(()) };
    let scheme = value.to_str().unwrap_or_default().split(' ').next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("basic") || scheme.eq_ignore_ascii_case("bearer") {
        return Ok(());
    }
    Err(Refused::with(
        StatusCode::NOT_IMPLEMENTED,
        Error::NotSupported(
            "this kind of Authorization is not supported; send a token as Bearer or as Basic".into(),
        ),
    ))
}
