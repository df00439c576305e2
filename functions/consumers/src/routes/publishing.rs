//! Publishing the file of a version: sent here at once, or to the bucket and then confirmed.

use axum::extract::{FromRequest as _, Path, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use granary_http::seller::Seller;
use granary_http::{ApiResult, AppState, Fields, Json, Received, receive, reply, took_long};
use granary_model::composer::ComposerVersion;
use granary_model::{Error, Result};
use granary_publish::composer::publish::ComposerPublish;
use granary_publish::digests::{DigestWriter, Digests};
use granary_publish::spool::Spool;
use granary_storage::rows::{PublishedFile, SoldVersionRow};

use crate::input::{self, documented};
use crate::routes::versions::update_version;
use crate::staging;
use crate::version::{Numbered, VersionRows, load_version};
use crate::view::VersionView;

/// Media types of an archive.
const ARCHIVES: [&str; 4] =
    ["application/zip", "application/x-zip", "application/x-zip-compressed", "application/octet-stream"];

/// What to do with a file that is too large for a request.
const WAY_OUT: &str = "say its size and sha256 with PATCH of this version, PUT it to the upload_url that this gives, and \
                       POST to the confirm_url";

/// `PUT /versions/{id}`: the file itself if that is what comes, else as `PATCH`.
pub(crate) async fn put_version(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<Response> {
    if !is_archive(&headers) {
        let fields = Json::<Fields>::from_request(request, &state).await?;
        return update_version(state, seller, headers, Path(id), fields).await;
    }
    let id = input::id(&id)?;
    // Whoever may not publish it sends nothing in vain.
    let mut numbered = Numbered::find(&state, &headers, &seller, id).await?;
    let Received { spool, digests, slow } = receive(&state, &headers, request.into_body(), WAY_OUT).await?;
    let seller = if slow { Seller::authorize(&state, &headers).await? } else { seller };
    if slow {
        numbered = Numbered::find(&state, &headers, &seller, id).await?;
    }
    let row = Box::pin(publish(&state, &seller, numbered, spool, digests)).await?;
    Ok(reply(StatusCode::OK, &VersionView::new(row, None)))
}

fn is_archive(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    ARCHIVES.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

/// `POST /versions/{id}/confirm`: publishes what has been sent to the `upload_url`. Doing it twice is harmless.
pub(crate) async fn confirm_version(
    state: AppState,
    seller: Seller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let (began, id) = (state.now(), input::id(&id)?);
    let mut numbered = Numbered::find(&state, &headers, &seller, id).await?;
    if numbered.row.published.is_some() {
        return Ok(reply(StatusCode::OK, &VersionView::new(numbered.row, None)));
    }
    let (spool, digests) = match staged(&state, &numbered.row).await {
        Ok(read) => read,
        Err(error) => {
            // Perhaps it is gone because another confirmation has published it meanwhile.
            let current = load_version(&state, &seller.tenant, id).await?;
            if current.published.is_some() {
                return Ok(reply(StatusCode::OK, &VersionView::new(current, None)));
            }
            return Err(error.into());
        }
    };
    let mut seller = seller;
    if took_long(&state, began) {
        seller = Seller::authorize(&state, &headers).await?;
        // The right anew; the version stays the one whose file was read.
        numbered.sold = Numbered::find(&state, &headers, &seller, id).await?.sold;
    }
    let row = Box::pin(publish(&state, &seller, numbered, spool, digests)).await?;
    Ok(reply(StatusCode::OK, &VersionView::new(row, None)))
}

/// Reads what has been staged for a version, once.
async fn staged(state: &AppState, row: &SoldVersionRow) -> Result<(Spool, Digests)> {
    let missing = || {
        Error::BadRequest(format!(
            "the file of version {} has not arrived; GET the version for a fresh upload_url and PUT the file there",
            row.id
        ))
    };
    let place = row.staged.as_ref().ok_or_else(missing)?;
    let mut object = state.storage().open_object(&staging::path(place)).await?.ok_or_else(missing)?;
    let (mut spool, mut writer) = (Spool::new(state.config().max_file), DigestWriter::new());
    while let Some(bytes) = object.next().await? {
        writer.update(&bytes);
        spool.write(&bytes)?;
    }
    let digests = writer.finish();
    if place.size != digests.size {
        return Err(Error::BadRequest(format!(
            "size: {} bytes have arrived, not as many as announced",
            digests.size
        )));
    }
    if place.sha256 != digests.sha256 {
        return Err(Error::BadRequest(format!("sha256: the file that has arrived has {}", digests.sha256)));
    }
    Ok((spool, digests))
}

/// Publishes the file of a version. The same file again is no matter.
async fn publish(
    state: &AppState,
    seller: &Seller,
    numbered: Numbered,
    spool: Spool,
    digests: Digests,
) -> Result<SoldVersionRow> {
    let Numbered { row, sold } = numbered;
    let sha256 = digests.sha256;
    if row.published.is_some() {
        return same_file(row, &digests);
    }
    sold.require_composer()?;
    sold.require_numbered(&seller.tenant)?;
    let (name, version): (_, ComposerVersion) = (sold.row.name.parse()?, row.name.parse()?);
    let file = PublishedFile { size: digests.size, sha256 };
    let checked = ComposerPublish::of_spool(name, version, spool, digests).await.map_err(documented)?;
    let now = state.now();
    let after = SoldVersionRow {
        published: Some(file),
        staged: None,
        updated_at: now.max(row.updated_at),
        rev: row.rev + 1,
        ..row.clone()
    };
    let mut rows = VersionRows::new(&seller.tenant, &row, Some(&after));
    let quota = state.config().repo_quota;
    let outcome = checked.commit(sold.target(state), now, quota, !row.enabled, Some(&mut rows)).await;
    if rows.moved {
        // Perhaps by another request that published the same file.
        let current = load_version(state, &seller.tenant, row.id).await?;
        if current.published.as_ref().is_some_and(|published| published.sha256 == sha256) {
            return Ok(current);
        }
    }
    outcome.map_err(documented)?;
    staging::remove(state, &row).await;
    Ok(after)
}

fn same_file(row: SoldVersionRow, digests: &Digests) -> Result<SoldVersionRow> {
    if row.published.as_ref().is_some_and(|published| published.sha256 == digests.sha256) {
        return Ok(row);
    }
    Err(Error::BadRequest(format!(
        "version {} is published with another file, and a file never changes; make a new version",
        row.name
    )))
}
