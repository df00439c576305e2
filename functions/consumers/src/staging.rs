//! Where the file of a version is sent before it is published.

use std::collections::BTreeMap;

use granary_http::{AppState, Fields, new_secret};
use granary_model::{Error, Result, Sha256};
use granary_publish::upload::state::LIFETIME_MILLIS;
use granary_storage::rows::{
    HandoverFile, HandoverPurpose, HandoverRow, SoldVersionRow, StagedFile, UploadStatus,
};
use granary_storage::staging::staging_path;
use granary_storage::{Key, Tenant};

use crate::input;
use crate::view::Addresses;

/// Path of the object that a version is staged as.
pub(crate) fn path(staged: &StagedFile) -> String {
    staging_path(&staged.session, 0)
}

/// What a request says of the file that is to come: `size` and `sha256`, both or neither.
pub(crate) fn announced(state: &AppState, fields: &Fields) -> Result<Option<(u64, Sha256)>> {
    let (size, sha256) = (input::number(fields, "size")?, fields.parsed::<Sha256>("sha256")?);
    match (size, sha256) {
        (None, None) => Ok(None),
        (Some(size), Some(sha256)) => {
            let limit = state.config().max_file;
            if size == 0 || size > limit {
                return Err(Error::BadRequest(format!("size: 1 to {limit} bytes")));
            }
            Ok(Some((size, sha256)))
        }
        (Some(_), None) => Err(Error::BadRequest("sha256: it is required with 'size'".into())),
        (None, Some(_)) => Err(Error::BadRequest("size: it is required with 'sha256'".into())),
    }
}

/// A place for a file that was announced.
pub(crate) fn place(state: &AppState, (size, sha256): (u64, Sha256)) -> StagedFile {
    StagedFile { session: new_secret(state.ids()), size, sha256 }
}

/// Addresses for the file of a version, fresh ones each time; none if it is published.
///
/// What was announced goes to the bucket, which takes exactly those bytes. What was not is sent to the registry itself,
/// with the seller's credentials and as large as a request may be.
pub(crate) async fn addresses(
    state: &AppState,
    tenant: &Tenant,
    row: &SoldVersionRow,
) -> Result<Option<Addresses>> {
    if row.published.is_some() {
        return Ok(None);
    }
    let own = format!("{}/versions/{}", state.config().public_url, row.id);
    let confirm_url = format!("{own}/confirm");
    let Some(staged) = &row.staged else {
        let upload_headers = BTreeMap::from([("content-type".into(), "application/zip".into())]);
        return Ok(Some(Addresses { upload_url: own, upload_headers, confirm_url }));
    };
    keep(state, tenant, row, staged).await?;
    let signed = state.storage().presign_upload(&path(staged), staged.size, staged.sha256).await?;
    Ok(Some(Addresses {
        upload_url: signed.url,
        upload_headers: signed.headers.into_iter().collect(),
        confirm_url,
    }))
}

/// Keeps what is staged for 24 hours from now: the sweep goes by handovers. Its row says where the file belongs, and the
/// version's own row all else; nobody else confirms it.
async fn keep(state: &AppState, tenant: &Tenant, row: &SoldVersionRow, staged: &StagedFile) -> Result<()> {
    let now = state.now();
    let file =
        HandoverFile { name: row.filename.clone(), size: Some(staged.size), sha256: Some(staged.sha256) };
    let handover = HandoverRow {
        expires_at: now.plus_millis(LIFETIME_MILLIS).seconds(),
        id: staged.session.clone(),
        rev: 1,
        purpose: HandoverPurpose::Sold { tenant: tenant.clone(), version: row.id },
        files: vec![file],
        status: UploadStatus::Open,
        created_at: now,
        caller: None,
        worked_until: 0,
        error: None,
    };
    state.storage().put(&Key::Handover(staged.session.clone()), &handover).await
}

/// Removes what was staged, as far as that works: the sweep removes what is left.
pub(crate) async fn remove(state: &AppState, row: &SoldVersionRow) {
    let Some(staged) = &row.staged else { return };
    let removed = async {
        state.storage().delete(&Key::Handover(staged.session.clone())).await?;
        state.storage().delete_object(&path(staged)).await
    };
    if let Err(error) = removed.await {
        tracing::warn!(%error, version.id = row.id, "what was staged for a version waits for the sweep");
    }
}
