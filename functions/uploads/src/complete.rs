//! Publishing what has arrived.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_http::{ApiResult, AppState, read_limited, reply};
use granary_model::{Error, PackageType, Result};
use granary_publish::upload::finish::publish_upload;
use granary_publish::upload::parts::{Arrival, arrivals};
use granary_publish::upload::state::{Worker, announce_again, begin, settle};
use granary_publish::{JsonLimits, parse_json};
use granary_storage::Key;
use granary_storage::rows::{UploadOrigin, UploadRow, UploadStatus};
use granary_storage::staging::StagedPart;
use serde::Deserialize;

use crate::session::{Session, target};
use crate::view::upload_view;

/// Most bytes that are verified while the client waits.
const AT_ONCE: u64 = 64 * 1024 * 1024;

/// Largest body: the parts of 25 files of 5 GB.
const MAX_BODY: u64 = 1024 * 1024;

/// How often it looks again because somebody else completed the session at the same time.
const ATTEMPTS: u32 = 3;

/// What a client may say of the parts it has sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sent {
    files: Vec<SentFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentFile {
    name: String,
    #[serde(default)]
    parts: Vec<SentPart>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentPart {
    number: i32,
    etag: String,
}

/// `POST /api/uploads/{upload}/complete`. Doing it twice is harmless.
pub(crate) async fn complete_upload(
    state: AppState,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response> {
    let mut session = Session::find(&state, &headers, &id).await?;
    session.require_own()?;
    let sent = read_sent(body).await?;
    for _ in 0..ATTEMPTS {
        match session.row.status {
            UploadStatus::Completed => return answer(&state, StatusCode::CREATED, &session.row).await,
            UploadStatus::Processing => return answer(&state, StatusCode::ACCEPTED, &session.row).await,
            UploadStatus::Failed => {
                let why = session.row.error.as_deref().unwrap_or("it could not be published");
                return Err(Error::Conflict(format!("this upload has failed: {why}; begin a new one")).into());
            }
            UploadStatus::Open => {}
        }
        if let Some(response) = Box::pin(complete(&state, &mut session, &sent)).await? {
            return Ok(response);
        }
        session = Session::find(&state, &headers, &id).await?;
    }
    Err(Error::Unavailable("the upload is being changed by somebody else; try again".into()).into())
}

async fn read_sent(body: Body) -> Result<Sent> {
    let bytes = read_limited(body, MAX_BODY).await?;
    if bytes.is_empty() {
        return Ok(Sent::default());
    }
    let value = parse_json(&bytes, JsonLimits::default())?;
    if !value.is_object() {
        return Err(Error::BadRequest("the JSON body has to be an object".into()));
    }
    serde_json::from_value(value).map_err(|e| Error::BadRequest(format!("the JSON body cannot be used: {e}")))
}

/// `None`: somebody else was faster.
async fn complete(state: &AppState, session: &mut Session, sent: &Sent) -> ApiResult<Option<Response>> {
    let Session { row, access } = session;
    access.require_uploads(row.subject.kind())?;
    let arrived = arrivals(state.storage(), row).await?;
    check_arrived(row, &arrived, sent)?;
    let worker = worker(row);
    let caller = access.caller().reference();
    let caller = caller.ok_or_else(|| Error::internal("completing an upload", "nobody completes it"))?;
    let by = (&access.principal, caller);
    let begun = begin(state.storage(), state.ids(), state.now(), row, by, worker).await?;
    let Some(event) = begun else { return Ok(None) };
    if worker == Worker::Events {
        return Ok(Some(answer(state, StatusCode::ACCEPTED, row).await?));
    }
    let target = target(state, access, &row.subject);
    let publishing = publish_upload(target, state.now(), state.config().repo_quota, row);
    let outcome = Box::pin(publishing).await;
    let settled = settle(state.storage(), row, outcome).await;
    if settled.is_err() {
        // Given back, so somebody else may finish it before the client asks again, or the sweep comes by.
        announce_again(state.storage(), &event).await;
    }
    let outcome = settled?;
    // Nobody has to finish it any more. Should this fail, the sweep finds that out.
    let key = Key::Outbox(event.shard, event.id);
    if let Err(error) = state.storage().delete(&key).await {
        tracing::warn!(%error, "an event of a finished upload waits for the sweep");
    }
    outcome?;
    Ok(Some(answer(state, StatusCode::CREATED, row).await?))
}

/// Who is going to verify it.
fn worker(row: &UploadRow) -> Worker {
    let is_read_whole =
        matches!(row.subject.kind(), PackageType::Composer | PackageType::Npm | PackageType::Swift);
    let mut bytes: u64 = 0;
    for file in &row.files {
        match file.origin {
            UploadOrigin::Multipart { .. } => return Worker::Events,
            UploadOrigin::Single => bytes = bytes.saturating_add(file.size),
            // A tarball or archive is read to its end wherever its bytes are.
            UploadOrigin::Stored { .. } if is_read_whole => bytes = bytes.saturating_add(file.size),
            UploadOrigin::Published | UploadOrigin::Stored { .. } => {}
        }
    }
    if bytes > AT_ONCE { Worker::Events } else { Worker::Request }
}

/// Refuses to complete what is not all there.
fn check_arrived(row: &UploadRow, arrived: &[(Arrival, Vec<StagedPart>)], sent: &Sent) -> Result<()> {
    let missing: Vec<&str> = row
        .files
        .iter()
        .zip(arrived)
        .filter(|(_, (arrival, _))| !arrival.is_whole())
        .map(|(file, _)| file.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(Error::BadRequest(format!(
            "these files have not arrived whole yet: {}; GET the upload for what is missing",
            missing.join(", ")
        )));
    }
    for said in &sent.files {
        let place = row.files.iter().position(|file| file.name == said.name);
        let Some((_, parts)) = place.and_then(|index| arrived.get(index)) else {
            return Err(Error::BadRequest(format!("files: there is no file '{}' in this upload", said.name)));
        };
        // Joined already: a repeated request.
        if parts.is_empty() {
            continue;
        }
        for part in &said.parts {
            let there = parts.iter().find(|there| there.number == part.number);
            let other = |there: &StagedPart| there.etag.trim_matches('"') != part.etag.trim_matches('"');
            if there.is_none_or(other) {
                return Err(Error::BadRequest(format!(
                    "part {} of '{}' is not the one that has arrived; send it again",
                    part.number, said.name
                )));
            }
        }
    }
    Ok(())
}

async fn answer(state: &AppState, status: StatusCode, row: &UploadRow) -> ApiResult<Response> {
    Ok(reply(status, &upload_view(state, row, &[]).await?))
}

#[cfg(test)]
mod tests {
    use granary_model::swift::SwiftIdentity;
    use serde_json::{Value, json};

    use super::*;

    fn row(subject: &Value, size: u64) -> UploadRow {
        let origin = json!({
            "from": "stored", "sha1": "00".repeat(20), "sha512": "00".repeat(64), "md5": "00".repeat(16),
        });
        let row = json!({
            "expires_at": 0, "id": "u", "rev": 0, "repo": "files", "repo_uid": "r", "subject": subject,
            "files": [{ "name": "f", "size": size, "sha256": "00".repeat(32), "origin": origin }],
            "status": "open", "created_at": 0,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn what_is_read_whole_counts_though_nobody_sends_it() {
        let raw = json!({ "type": "raw", "name": "tool", "version": "1.0" });
        let composer = json!({ "type": "composer" });
        let npm = json!({ "type": "npm", "tag": "latest" });
        let identity: SwiftIdentity = "acme.tool".parse().unwrap();
        let swift = json!({ "type": "swift", "identity": identity, "version": "1.0.0" });
        assert_eq!(worker(&row(&raw, AT_ONCE + 1)), Worker::Request);
        for subject in [composer, npm, swift] {
            assert_eq!(worker(&row(&subject, AT_ONCE)), Worker::Request, "{subject}");
            assert_eq!(worker(&row(&subject, AT_ONCE + 1)), Worker::Events, "{subject}");
        }
    }
}
