//! Publishing files.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use granary_http::permit::Write;
use granary_http::{Received, receive};
use granary_model::maven::MavenFile;
use granary_model::{Error, PackageType, Result};
use granary_publish::files::{Added, Known, NewFile, add_files, check_files, store_bytes};
use granary_publish::head_edit::foreign;
use granary_publish::maven::MavenRules;

use crate::call::Call;
use crate::failure::plain;
use crate::sums::{Claims, check_expected};

/// `PUT` of a file: 201 if it is new or replaces a literal snapshot, 200 if the same bytes are there already,
/// because clients repeat a `PUT` whose answer they missed.
pub(crate) async fn put_file(call: &Call, file: &MavenFile, body: &mut Option<Body>) -> Result<Response> {
    let mut access = call.file::<Write>(file, true).await?;
    // Artifactory's clients offer a file by its checksum first, with no body, and send it when they get this.
    if call
        .headers
        .get("x-checksum-deploy")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
    {
        return Err(Error::NotFound("files are not taken by checksum alone; send the bytes".into()));
    }
    let claims = Claims::of(&call.headers)?;
    let body = body.take().unwrap_or_default();
    let Received { spool, digests, slow } =
        receive(&call.state, &call.headers, body, &way_out(call, file)).await?;
    if slow {
        access = call.file::<Write>(file, true).await?;
    }
    claims.check(file, &digests)?;
    if let Some(expected) = &access.expectation {
        check_expected(file, expected, &digests)?;
    }
    if let Some(upstream) = access.head.as_deref().and_then(|head| head.upstream.as_deref()) {
        let package = access.package_key(PackageType::Maven, &file.coordinates().key());
        return Err(foreign(&package, &upstream.name));
    }
    let rules = MavenRules::new(file.coordinates().clone(), &access.repo);
    let (rules, spool) = rules.inspect_spool(file.clone(), spool).await?;
    let version = file.coordinates().version.as_str();
    let new = NewFile { name: file.name().to_owned(), digests, content_type: file.media_type().to_owned() };
    let known = Known {
        version: access.version.as_deref().cloned(),
        files: access.file.as_deref().cloned().into_iter().collect(),
    };
    let files = [new];
    if check_files(version, &files, &known, &rules)? == Added::Again {
        return Ok(unchanged());
    }
    let now = call.state.now();
    store_bytes(call.state.storage(), &spool, digests.sha256, now).await?;
    let target = call.target(&access, file.coordinates());
    let quota = call.state.config().repo_quota;
    match add_files(target, now, quota, version, &files, known, &rules).await? {
        Added::New => Ok(plain(StatusCode::CREATED, "published")),
        Added::Again => Ok(unchanged()),
    }
}

fn unchanged() -> Response {
    plain(StatusCode::OK, "the same bytes are there already")
}

/// How to publish a file that is too large for a request.
fn way_out(call: &Call, file: &MavenFile) -> String {
    format!(
        "send it with `granary push maven ~/.m2/repository --filter {} --repo {}`, which has no such limit",
        file.coordinates(),
        call.repo
    )
}
