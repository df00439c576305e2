//! Reading a publish body and committing the version.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use granary_http::permit::Write;
use granary_http::{RepoAccess, body_error};
use granary_model::Result;
use granary_model::npm::NpmName;
use granary_publish::npm::body::{BodyLimits, PublishBody, PublishBodyParser};
use granary_publish::npm::publish::NpmPublish;
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::call::Call;

/// Reads the body as it arrives: the tarball goes to a spool, everything else stays small.
pub(crate) async fn read_body(call: &mut Call) -> Result<PublishBody> {
    call.check_length()?;
    let limits = BodyLimits { tarball: call.state.config().max_file, ..BodyLimits::default() };
    let limit = call.state.config().max_body.unwrap_or(u64::MAX);
    let mut parser = PublishBodyParser::new(limits);
    let mut seen: u64 = 0;
    let mut body = call.take_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| body_error(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len() as u64;
        let fed = if seen > limit { Err(call.too_long(limit)) } else { parser.feed(&data) };
        if let Err(error) = fed {
            // The rest is read by whoever answers, or the client would not see the answer.
            call.put_back(body);
            return Err(error);
        }
    }
    parser.finish()
}

/// Publishes a version. The same bytes again are a success: clients repeat a PUT whose answer they missed.
pub(crate) async fn publish(
    call: &Call,
    access: &RepoAccess<Write>,
    name: NpmName,
    body: PublishBody,
) -> Result<Response> {
    let publish = NpmPublish::check(name.clone(), body).await?;
    publish.commit(call.target(access, &name), call.state.now(), call.state.config().repo_quota).await?;
    Ok(done())
}

/// The answer to every change that worked.
pub(crate) fn done() -> Response {
    (StatusCode::CREATED, axum::Json(json!({ "ok": true, "success": true }))).into_response()
}
