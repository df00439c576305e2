//! A version in two steps, for files that are too large for a form: announced, sent to the bucket, confirmed.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::ProductAction;
use granary_http::editing::pause;
use granary_http::product::{ProductAccess, ProductCaller};
use granary_http::{ApiResult, AppState, Fields, new_secret, reply};
use granary_model::product::{ProductName, ProductVersion};
use granary_model::{Error, Result, Sha256, Timestamp};
use granary_publish::handover::{self, MAX_FILE, address};
use granary_publish::product::{ArtifactName, Candidate, Uploaded, check_upload, commit_handover};
use granary_publish::upload::state::{
    LIFETIME_MILLIS, Worker, announce_again, begin, keep, load_session, settle, take,
};
use granary_storage::Key;
use granary_storage::rows::{HandoverFile, HandoverPurpose, HandoverRow, ProductRow, UploadStatus};
use granary_storage::staging::UPLOAD_LIFETIME;
use serde::Serialize;
use serde_json::json;

use crate::input;

/// Most bytes that are verified while the client waits, where a request has a limit.
const AT_ONCE: u64 = 64 * 1024 * 1024;

/// How often it looks again because somebody else confirmed the upload at the same time.
const ATTEMPTS: u32 = 4;

/// Where to send the file, and the headers to send with it.
#[derive(Debug, Serialize)]
struct Address {
    upload_id: String,
    method: &'static str,
    url: String,
    headers: BTreeMap<String, String>,
    /// Until when the address works. The upload can be confirmed for 24 hours.
    expires_at: String,
}

/// `POST /api/product/upload-url`: announces a file and gives the address that takes exactly its bytes.
pub(crate) async fn begin_upload(state: AppState, headers: HeaderMap, body: Body) -> ApiResult<Response> {
    let caller = ProductCaller::of_request(&state, &headers).await?;
    let fields = input::fields(&headers, body).await?;
    fields.only(&["product", "version", "file_name", "size", "sha256"])?;
    let name: ProductName = Fields::required("product", fields.parsed("product")?)?;
    let version: ProductVersion = Fields::required("version", fields.parsed("version")?)?;
    let access = caller.authorize(&state, ProductAction::Upload, &name).await?;
    let file_name: ArtifactName = Fields::required("file_name", fields.parsed("file_name")?)?;
    let size = Fields::required("size", fields.json::<u64>("size")?)?;
    let sha256: Sha256 = Fields::required("sha256", fields.parsed("sha256")?)?;
    let most = MAX_FILE.min(state.config().max_file);
    if size == 0 || size > most {
        return Err(Error::BadRequest(format!("size: 1 to {most} bytes")).into());
    }
    let new = Candidate { version: &version, sha256, size };
    // Also for one that is there, as confirming it says then.
    check_upload(state.storage(), &access.product, new, state.config().repo_quota).await?;
    let now = state.now();
    let row = HandoverRow {
        expires_at: now.plus_millis(LIFETIME_MILLIS).seconds(),
        id: new_secret(state.ids()),
        rev: 1,
        purpose: HandoverPurpose::Product {
            tenant: access.product.tenant.clone(),
            product: name,
            uid: access.product.uid.clone(),
            version,
        },
        files: vec![HandoverFile { name: file_name.to_string(), size: Some(size), sha256: Some(sha256) }],
        status: UploadStatus::Open,
        created_at: now,
        caller: None,
        worked_until: 0,
        error: None,
    };
    handover::begin(state.storage(), &row).await?;
    let signed = address(state.storage(), &row, 0).await?;
    let answer = Address {
        upload_id: row.id,
        method: "PUT",
        url: signed.url,
        headers: signed.headers.into_iter().collect(),
        expires_at: works_until(now).to_string(),
    };
    Ok(reply(StatusCode::OK, &answer))
}

fn works_until(now: Timestamp) -> Timestamp {
    now.plus_millis(i64::try_from(UPLOAD_LIFETIME.as_millis()).unwrap_or(0))
}

/// `POST /api/product/confirm`: makes the version of what has been sent. Doing it twice is harmless.
pub(crate) async fn confirm_upload(state: AppState, headers: HeaderMap, body: Body) -> ApiResult<Response> {
    let caller = ProductCaller::of_request(&state, &headers).await?;
    let fields = input::fields(&headers, body).await?;
    fields.only(&["upload_id"])?;
    let id = Fields::required("upload_id", fields.text("upload_id")?)?;
    for attempt in 0..ATTEMPTS {
        let (mut row, access) = find(&state, caller.clone(), id).await?;
        if let Some(response) = Box::pin(go_on(&state, &mut row, &access)).await? {
            return Ok(response);
        }
        pause(&state, attempt).await;
    }
    Err(Error::Unavailable("the upload is being confirmed by somebody else; try again".into()).into())
}

/// An upload that counts, and the right to the product that it is for. Unknown, expired and another tenant's read alike.
async fn find(state: &AppState, caller: ProductCaller, id: &str) -> Result<(HandoverRow, ProductAccess)> {
    let not_found = || Error::NotFound(format!("upload '{}' not found", granary_http::shown(id)));
    let row: HandoverRow = load_session(state.storage(), id, state.now()).await?.ok_or_else(not_found)?;
    let HandoverPurpose::Product { tenant, product, uid, .. } = &row.purpose else { return Err(not_found()) };
    if tenant != caller.tenant() {
        return Err(not_found());
    }
    let access = caller.authorize(state, ProductAction::Upload, product).await?;
    if access.product.uid != *uid {
        return Err(not_found());
    }
    Ok((row, access))
}

/// Takes an upload as far as it can be taken now. `None`: somebody else has changed it.
async fn go_on(state: &AppState, row: &mut HandoverRow, access: &ProductAccess) -> Result<Option<Response>> {
    let worker = worker(state, row);
    match row.status {
        UploadStatus::Completed => return Ok(Some(answer(row, Uploaded::Again))),
        UploadStatus::Failed => {
            let why = row.error.as_deref().unwrap_or("it could not be stored");
            return Err(Error::BadRequest(format!("this upload has failed: {why}; begin a new one")));
        }
        UploadStatus::Processing if worker == Worker::Events => return Ok(Some(processing())),
        UploadStatus::Processing => return work_again(state, row, access).await,
        UploadStatus::Open => {}
    }
    check_arrived(state, row).await?;
    let by = (access.caller.principal(), access.caller.reference());
    let begun = begin(state.storage(), state.ids(), state.now(), row, by, worker).await?;
    let Some(event) = begun else { return Ok(None) };
    if worker == Worker::Events {
        return Ok(Some(processing()));
    }
    let outcome = finish(state, row, access).await;
    if let Err(Error::Unavailable(_) | Error::Internal(_)) = &outcome {
        announce_again(state.storage(), &event).await;
    } else if let Err(error) = state.storage().delete(&Key::Outbox(event.shard, event.id)).await {
        // Nobody has to finish it any more; the sweep finds that out.
        tracing::warn!(%error, "an event of a finished upload waits for the sweep");
    }
    Ok(Some(answer(row, outcome?)))
}

/// Refuses to confirm what is not there yet; it can still be sent.
async fn check_arrived(state: &AppState, row: &HandoverRow) -> Result<()> {
    let announced = row.files.first();
    let arrived = handover::arrived(state.storage(), row, 0).await?;
    if arrived.is_some() && arrived == announced.and_then(|file| file.size) {
        return Ok(());
    }
    let name = announced.map_or("the file", |file| file.name.as_str());
    Err(Error::BadRequest(format!("'{name}' has not arrived whole; PUT it to its upload address first")))
}

/// Commits an upload that was taken, and ends it by what came of that.
async fn finish(state: &AppState, row: &mut HandoverRow, access: &ProductAccess) -> Result<Uploaded> {
    let confirmed = row.clone();
    let work = commit(state, &confirmed, access);
    // A large file takes longer than the lease.
    let Some(committed) = keep(state.storage(), || state.now(), row, work).await else {
        return Err(Error::Unavailable(
            "the upload was taken over by somebody else; confirm it again".into(),
        ));
    };
    let (uploaded, outcome) = match committed {
        Ok(uploaded) => (Some(uploaded), Ok(())),
        Err(error) => (None, Err(error)),
    };
    settle(state.storage(), row, outcome).await??;
    uploaded.ok_or_else(|| Error::internal("confirming an upload", "it has no outcome"))
}

async fn commit(state: &AppState, row: &HandoverRow, access: &ProductAccess) -> Result<Uploaded> {
    let permit = |product: &ProductRow| access.recheck(product);
    let hand = access.hand(state, &permit);
    commit_handover(&hand, access.product.clone(), state.config().repo_quota, row).await
}

/// An upload that another request is at work on, or was until it died. It is committed once, whoever comes first.
async fn work_again(
    state: &AppState,
    row: &mut HandoverRow,
    access: &ProductAccess,
) -> Result<Option<Response>> {
    if take(state.storage(), row, state.now()).await? {
        let uploaded = finish(state, row, access).await?;
        return Ok(Some(answer(row, uploaded)));
    }
    match commit(state, row, access).await {
        Ok(uploaded) => Ok(Some(answer(row, uploaded))),
        // Perhaps it has ended meanwhile, and says how.
        Err(Error::BadRequest(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who is going to verify it.
fn worker(state: &AppState, row: &HandoverRow) -> Worker {
    let size = row.files.first().and_then(|file| file.size).unwrap_or_default();
    if state.config().max_body.is_some() && size > AT_ONCE { Worker::Events } else { Worker::Request }
}

fn processing() -> Response {
    reply(StatusCode::ACCEPTED, &json!({ "status": "processing" }))
}

fn answer(row: &HandoverRow, uploaded: Uploaded) -> Response {
    let (status, word) = match uploaded {
        Uploaded::New => (StatusCode::CREATED, "created"),
        Uploaded::Again => (StatusCode::OK, "exists"),
    };
    let mut body = json!({ "status": word });
    if let (HandoverPurpose::Product { product, version, .. }, Some(object)) =
        (&row.purpose, body.as_object_mut())
    {
        object.insert("product".into(), product.as_str().into());
        object.insert("version".into(), version.as_str().into());
    }
    reply(status, &body)
}
