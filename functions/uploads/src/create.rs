//! Beginning an upload.

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use granary_auth::Principal;
use granary_http::permit::Upload;
use granary_http::{ApiResult, AppState, Fields, Json, RepoAccess, new_secret, reply};
use granary_model::composer::ComposerVersion;
use granary_model::{Error, Result};
use granary_publish::files::{Known, is_published, over_quota};
use granary_publish::head_edit::{current_head, foreign};
use granary_publish::maven::MavenRules;
use granary_publish::raw::RawRules;
use granary_publish::swift::publish::{self as release, check_free};
use granary_publish::upload::state::{LIFETIME_MILLIS, replace};
use granary_storage::Key;
use granary_storage::rows::{
    UploadFile, UploadOrigin, UploadRow, UploadStatus, UploadSubject, UsageRow, VersionRow,
};
use granary_storage::staging::staging_path;
use serde::Deserialize;

use crate::announce::{AnnouncedFile, Named, check_files};
use crate::holders::stored_origin;
use crate::view::{fresh_origin, upload_view};

/// The list of files in a request.
#[derive(Debug, Deserialize)]
struct Files(Vec<AnnouncedFile>);

/// `POST /api/uploads`.
pub(crate) async fn create_upload(
    state: AppState,
    headers: HeaderMap,
    Json(fields): Json<Fields>,
) -> ApiResult<Response> {
    let repo = Fields::required("repoId", fields.text("repoId")?)?.to_owned();
    // Whoever may not write there learns nothing from what is wrong with the rest.
    let access = RepoAccess::<Upload>::authorize(&state, &headers, &repo, None).await;
    let subject = read_subject(&fields);
    let access = match (access, &subject) {
        (Err(Error::Forbidden(denied)), Ok(subject)) => {
            // The right may be one to the package alone.
            let package = subject.package().ok_or(Error::Forbidden(denied))?;
            RepoAccess::authorize(&state, &headers, &repo, Some((subject.kind(), &package))).await?
        }
        (access, _) => access?,
    };
    let subject = subject?;
    access.require_uploads(subject.kind())?;
    access.permit_upload(subject.kind(), subject.package().as_deref(), subject.version())?;
    let files = announced(&fields)?;
    check_files(&subject, &files, state.config().max_file)?;
    let known = published(&state, &access, &subject, &files).await?;
    let mut row = UploadRow {
        expires_at: state.now().plus_millis(LIFETIME_MILLIS).seconds(),
        id: String::new(),
        rev: 1,
        repo: access.repo.id.clone(),
        repo_uid: access.repo.uid.clone(),
        subject,
        files: Vec::new(),
        status: UploadStatus::Open,
        created_at: state.now(),
        caller: None,
        worked_until: 0,
        error: None,
        build: match &access.principal {
            Principal::Build { scope, .. } => Some((scope.build.clone(), scope.attempt)),
            _ => None,
        },
    };
    let origins = files.iter().zip(known).map(async |(file, is_known)| {
        if is_known {
            return Ok(UploadOrigin::Published);
        }
        let stored = stored_origin(&state, &headers, &access.repo, file.sha256, file.size).await?;
        Ok::<_, Error>(stored.unwrap_or_else(|| fresh_origin(file.size)))
    });
    let origins = futures::future::try_join_all(origins).await?;
    for (file, origin) in files.into_iter().zip(origins) {
        row.files.push(UploadFile { name: file.name, size: file.size, sha256: file.sha256, origin });
    }
    if row.files.iter().all(|file| file.origin == UploadOrigin::Published) {
        row.status = UploadStatus::Completed;
        return Ok(reply(StatusCode::OK, &upload_view(&state, &row, &[]).await?));
    }
    check_quota(&state, &row).await?;
    store(&state, &mut row).await?;
    Ok(reply(StatusCode::CREATED, &upload_view(&state, &row, &[]).await?))
}

fn read_subject(fields: &Fields) -> Result<UploadSubject> {
    let known: Vec<&str> = Named::FIELDS.into_iter().chain(["repoId", "files"]).collect();
    fields.only(&known)?;
    Named::of_fields(fields)?.subject()
}

fn announced(fields: &Fields) -> Result<Vec<AnnouncedFile>> {
    let files = fields.json::<Files>("files")?;
    Ok(Fields::required("files", files)?.0)
}

/// Stores a session, and begins the multipart uploads it needs. The row comes first: what is staged without
/// one is removed by the next sweep.
async fn store(state: &AppState, row: &mut UploadRow) -> Result<()> {
    row.id = new_secret(state.ids());
    let key = Key::Upload(row.id.clone());
    // Nobody has this id, which is a new secret of 240 bits. With a condition, a call that is made again
    // because its answer was lost would refuse what it has written itself.
    state.storage().put(&key, row).await?;
    let mut begun = false;
    for (index, file) in row.files.iter_mut().enumerate() {
        if let UploadOrigin::Multipart { upload } = &mut file.origin {
            *upload = Some(state.storage().create_multipart(&staging_path(&row.id, index)).await?);
            begun = true;
        }
    }
    if begun && !replace(state.storage(), row).await? {
        return Err(Error::internal("beginning an upload", "somebody else has changed it"));
    }
    Ok(())
}

/// Which of the files the version has already, byte for byte.
///
/// # Errors
/// `Conflict` for what cannot be published any more: nobody should send gigabytes to learn that.
async fn published(
    state: &AppState,
    access: &RepoAccess<Upload>,
    subject: &UploadSubject,
    files: &[AnnouncedFile],
) -> Result<Vec<bool>> {
    let version = subject.version().unwrap_or_default();
    let known = async |name: String| {
        let package = access.package_key(subject.kind(), &name);
        let names = files.iter().map(|file| file.name.clone());
        let known = Known::read(state.storage(), &package, version, names).await?;
        if known.version.as_ref().is_some_and(|row| row.fetched.is_some()) {
            let head = current_head(state.storage(), &package, &access.repo).await?;
            if let Some(upstream) = head.as_ref().and_then(|head| head.upstream.as_deref()) {
                return Err(foreign(&package, &upstream.name));
            }
        }
        Ok(known)
    };
    match subject {
        UploadSubject::Npm { name: Some(name), version: Some(version), .. } => {
            let package = access.package_key(subject.kind(), &name.key());
            let row: Option<VersionRow> =
                state.storage().get(&Key::Version(package, version.to_string())).await?;
            let Some(row) = row else { return Ok(vec![false]) };
            let (stored, announced) = (row.files.first(), files.first());
            if row.is_live() && stored.map(|file| file.sha256) == announced.map(|file| file.sha256) {
                return Ok(vec![true]);
            }
            Err(Error::Conflict(format!(
                "You cannot publish over the previously published versions: {version}. Choose a new version of {name}."
            )))
        }
        UploadSubject::Swift { identity, version, .. } => {
            let package = access.package_key(subject.kind(), &identity.key());
            let row: Option<VersionRow> = state.storage().get(&Key::Version(package, version.key())).await?;
            if let (Some(row), Some(file)) = (&row, files.first())
                && release::is_published(row, version, file.sha256)?
            {
                return Ok(vec![true]);
            }
            check_free(row.as_ref(), identity, version).map(|()| vec![false])
        }
        UploadSubject::Composer { name: Some(name), version: Some(version) } => {
            let version: ComposerVersion = version.parse()?;
            let package = access.package_key(subject.kind(), name.as_str());
            let row: Option<VersionRow> =
                state.storage().get(&Key::Version(package, version.normalized().to_owned())).await?;
            let Some(row) = row else { return Ok(vec![false]) };
            let (stored, announced) = (row.files.first(), files.first());
            if row.is_live() && stored.map(|file| file.sha256) == announced.map(|file| file.sha256) {
                return Ok(vec![true]);
            }
            Err(Error::Conflict(format!(
                "version {} of {name} has been published, and a version never changes; choose a new one",
                version.pretty()
            )))
        }
        UploadSubject::Npm { .. } | UploadSubject::Composer { .. } => Ok(vec![false; files.len()]),
        UploadSubject::Maven { coordinates } => {
            let rules = MavenRules::new(coordinates.clone(), &access.repo);
            let known = known(coordinates.key()).await?;
            files.iter().map(|file| is_published(version, &file.name, file.sha256, &known, &rules)).collect()
        }
        UploadSubject::Raw { name, version: parsed, description } => {
            let rules = RawRules::new(name.clone(), parsed.clone(), description.clone())?;
            let known = known(name.to_string()).await?;
            files.iter().map(|file| is_published(version, &file.name, file.sha256, &known, &rules)).collect()
        }
    }
}

/// Refuses what cannot fit before it is sent. Whether it does is decided when it is published.
async fn check_quota(state: &AppState, row: &UploadRow) -> Result<()> {
    let Some(quota) = state.config().repo_quota else { return Ok(()) };
    let usage: Option<UsageRow> = state.storage().get(&Key::Usage(row.repo.clone())).await?;
    let new = row.files.iter().filter(|file| file.origin != UploadOrigin::Published);
    let wanted: u64 = new.map(|file| file.size).fold(0, u64::saturating_add);
    if usage.unwrap_or_default().bytes.saturating_add(wanted) > quota {
        return Err(over_quota(&row.repo, quota));
    }
    Ok(())
}
