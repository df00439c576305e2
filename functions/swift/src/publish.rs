//! Publishing a release.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use granary_http::permit::Write;
use granary_http::reply;
use granary_model::swift::{SwiftIdentity, SwiftVersion};
use granary_model::{Error, PackageType};
use granary_publish::swift::prepare::prepare_spool;
use granary_publish::swift::publish::{SwiftPublish, check_free};
use serde_json::json;

use crate::call::{Answer, Call};
use crate::parts::{Sent, receive_parts};
use crate::route::Named;

/// `PUT {scope}/{name}/{version}`.
///
/// 201 when it is published, never 202: SwiftPM takes that for a success and does not ask again. A release that
/// exists is 409 even if the bytes are the same, as the specification has it; that is known before the client
/// sends them, because it waits for `100 Continue`.
pub(crate) async fn publish(
    call: &Call,
    identity: &SwiftIdentity,
    named: Named,
    body: &mut Option<Body>,
) -> Answer {
    let key = named.key();
    let mut access = call.release::<Write>(identity, &key).await?;
    access.require_uploads(PackageType::Swift)?;
    call.accepts("application/json")?;
    let version: SwiftVersion = named.exact.ok_or_else(|| {
        Error::BadRequest(
            "a release is published at its version, such as 1.0.0, without .zip or .json".into(),
        )
    })?;
    check_free(access.version.as_deref(), identity, &version)?;
    let way_out = format!(
        "send it with `granary push swift {}.zip --repo {} --id {identity} --version {version}`, which has no such limit",
        identity.name, call.repo
    );
    let Sent { archive: (spool, digests), accompanying, slow } = receive_parts(call, body, &way_out).await?;
    if slow {
        access = call.release::<Write>(identity, &key).await?;
        check_free(access.version.as_deref(), identity, &version)?;
    }
    let is_signed = accompanying.signature.is_some();
    let archive = Box::pin(prepare_spool(identity, spool, digests, is_signed)).await?;
    let publish = SwiftPublish::new(identity.clone(), version.clone(), archive, accompanying)?;
    let checksum = publish.checksum();
    let target = access.target(&call.state, PackageType::Swift, &identity.key());
    let quota = call.state.config().repo_quota;
    let published = Box::pin(publish.commit(target, call.state.now(), quota)).await?;
    if !published.is_new {
        return Err(Error::Conflict(format!("release {version} of {identity} was published just now")).into());
    }
    let url = call.state.releases().release_url(&access.repo.id, &published.identity, &version);
    let location = HeaderValue::from_str(&url).map_err(|e| Error::internal("naming a release", e))?;
    let body =
        json!({ "id": published.identity.to_string(), "version": version, "url": url, "checksum": checksum });
    let mut response = reply(StatusCode::CREATED, &body);
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
