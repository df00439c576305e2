//! Verifying the bytes of a session and publishing them, by the same code as the protocols.

use granary_model::composer::ComposerVersion;
use granary_model::maven::{Coordinates, MavenFile};
use granary_model::npm::{DistTag, NpmName, NpmVersion};
use granary_model::swift::{SwiftIdentity, SwiftVersion};
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_storage::rows::{SoldVersionRow, UploadFile, UploadOrigin, UploadRow, UploadSubject};
use granary_storage::staging::{ObjectStream, staging_path};
use granary_storage::{Key, ObjectKey, PackageKey, Storage};

use super::parts::{gone, join};
use super::verify::{Announced, BlobReader, ChunkReader, adopt, read_announced};
use crate::composer::publish::ComposerPublish;
use crate::digests::Digests;
use crate::files::{Added, Known, NewFile, VersionRules, add_files, is_published};
use crate::head_edit::{Target, current_head};
use crate::maven::MavenRules;
use crate::npm::publish::{NpmPublish, Published};
use crate::npm::tarball::{TarballLimits, inspect};
use crate::raw::{RawRules, content_type};
use crate::swift::prepare::{Prepared, prepare};
use crate::swift::publish::{Archive, SwiftPublish, SwiftPublished, described};

/// Verifies and publishes a session's files, all of them or none.
///
/// `target` says by whose right; its package and head do not matter. What was not known before (an npm package's
/// name and version) is put into the row. Safe to repeat: what is published already counts as done.
///
/// # Errors
/// `Unavailable` and `Internal` mean that it may be tried again; all others that the session has failed.
pub async fn publish_upload(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    row: &mut UploadRow,
) -> Result<()> {
    join_all(target.storage, row).await?;
    match row.subject.clone() {
        UploadSubject::Npm { name, version, tag } => {
            let tags = vec![tag.clone()];
            let publish = check_npm(target.storage, now, row, (name, version), tags).await?;
            let (name, version): (_, NpmVersion) = (publish.name().clone(), publish.version().clone());
            publish_npm(target, now, quota, publish).await?;
            row.subject = UploadSubject::Npm { name: Some(name), version: Some(version), tag };
            Ok(())
        }
        UploadSubject::Maven { coordinates } => publish_maven(target, now, quota, row, coordinates).await,
        UploadSubject::Raw { name, version, description } => {
            let rules = RawRules::new(name, version, description)?;
            check_published(&target, row, &rules).await?;
            let mut files = Vec::new();
            for (index, file) in unpublished(row) {
                let digests = verify_digests(target.storage, now, &row.id, index, file).await?;
                let content_type = content_type(&file.name);
                files.push(NewFile { name: file.name.clone(), digests, content_type });
            }
            publish_raw(target, now, quota, &rules, &files).await.map(|_| ())
        }
        UploadSubject::Swift { identity, version, description } => {
            let publish = check_swift(target.storage, now, row, (identity, version), description).await?;
            publish_swift(target, now, quota, publish).await.map(|_| ())
        }
        UploadSubject::Composer { name, version } => {
            let file = row.files.first().ok_or_else(|| Error::internal("publishing", "no file"))?;
            let version = version.map(|version| version.parse()).transpose()?;
            let digests = verify_digests(target.storage, now, &row.id, 0, file).await?;
            let read = look_into(target.storage, digests, move |reader| {
                ComposerPublish::of_stored_as(name, version, reader, digests)
            });
            let publish = read.await??;
            row.subject = UploadSubject::Composer {
                name: Some(publish.name().clone()),
                version: Some(publish.version().pretty().to_owned()),
            };
            publish_composer(target, now, quota, publish).await
        }
    }
}

/// Verifies a session's tarball without publishing it. Where name and version are given, they have to be those in the
/// tarball. What was sent in parts must have been joined.
async fn check_npm(
    storage: &Storage,
    now: Timestamp,
    row: &UploadRow,
    (name, version): (Option<NpmName>, Option<NpmVersion>),
    tags: Vec<DistTag>,
) -> Result<NpmPublish> {
    let file = row.files.first().ok_or_else(|| Error::internal("publishing", "no file"))?;
    let look = |reader: &mut ChunkReader| inspect(reader, TarballLimits::default());
    let (digests, facts) = verify(storage, now, &row.id, 0, file, look).await?;
    NpmPublish::of_tarball(&facts?, digests, name, version, tags)
}

/// Verifies a session's source archive without publishing it.
async fn check_swift(
    storage: &Storage,
    now: Timestamp,
    row: &UploadRow,
    (identity, version): (SwiftIdentity, SwiftVersion),
    description: Option<String>,
) -> Result<SwiftPublish> {
    let file = row.files.first().ok_or_else(|| Error::internal("publishing", "no file"))?;
    let digests = verify_digests(storage, now, &row.id, 0, file).await?;
    let named = identity.clone();
    let prepared = look_into(storage, digests, move |reader| prepare(reader, &named, false));
    let Prepared { manifests, wrapped } = prepared.await??;
    let sent = wrapped.as_ref().map(|_| digests.sha256);
    let (digests, bytes) = match wrapped {
        Some((spool, digests)) => (digests, Some(spool)),
        None => (digests, None),
    };
    let archive = Archive { digests, bytes, manifests, sent };
    SwiftPublish::new(identity, version, archive, described(description)?)
}

/// Verifies the tarball of a session, to be published with something else ([`crate::joint`]).
///
/// It has to be of this version of this package. Its bytes are in their place afterwards, and claimed. `tag` is to name it
/// unless that names a higher one when it is published ([`NpmPublish::forward_only`]).
///
/// # Errors
/// As [`publish_upload`].
pub async fn verified_npm(
    storage: &Storage,
    now: Timestamp,
    row: &UploadRow,
    (name, version): (NpmName, NpmVersion),
    tag: DistTag,
) -> Result<NpmPublish> {
    join_all(storage, row).await?;
    let publish = check_npm(storage, now, row, (Some(name), Some(version)), vec![tag]).await?;
    Ok(publish.forward_only())
}

/// The same for the archive of a release.
///
/// # Errors
/// As [`publish_upload`].
pub async fn verified_swift(
    storage: &Storage,
    now: Timestamp,
    row: &UploadRow,
    release: (SwiftIdentity, SwiftVersion),
    description: Option<String>,
) -> Result<SwiftPublish> {
    join_all(storage, row).await?;
    check_swift(storage, now, row, release, description).await
}

async fn join_all(storage: &Storage, row: &UploadRow) -> Result<()> {
    for (index, file) in row.files.iter().enumerate() {
        join(storage, &row.id, index, file).await?;
    }
    Ok(())
}

/// Publishes a version of a Composer package. It gets no number at its seller here; if it has one already, it is as visible
/// as its seller has said.
pub async fn publish_composer(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    publish: ComposerPublish,
) -> Result<()> {
    let target = aimed(target, PackageType::Composer, publish.name().to_string()).await?;
    let hidden = is_switched_off(&target, publish.version()).await?;
    publish.commit(target, now, quota, hidden, None).await.map(|_| ())
}

/// Whether the seller of a package has switched off a version before it was published.
async fn is_switched_off(target: &Target<'_>, version: &ComposerVersion) -> Result<bool> {
    let Some(sold) = target.head.as_ref().and_then(|head| head.sold_as.as_ref()) else { return Ok(false) };
    let key = |id| Key::SoldVersionOf(sold.tenant.clone(), sold.id, id);
    let rows: Vec<SoldVersionRow> =
        target.storage.list_between(&key(0), &key(u64::MAX), usize::MAX, false).await?;
    Ok(rows.iter().any(|row| row.key == version.normalized() && !row.enabled))
}

/// Publishes a release of a Swift package.
pub async fn publish_swift(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    publish: SwiftPublish,
) -> Result<SwiftPublished> {
    let target = aimed(target, PackageType::Swift, publish.identity().key()).await?;
    publish.commit(target, now, quota).await
}

/// Publishes an npm version whose bytes are stored.
pub async fn publish_npm(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    publish: NpmPublish,
) -> Result<Published> {
    let target = aimed(target, PackageType::Npm, publish.name().key()).await?;
    publish.commit(target, now, quota).await
}

/// Publishes plain files whose bytes are stored.
pub async fn publish_raw(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    rules: &RawRules,
    files: &[NewFile],
) -> Result<Added> {
    let subject = (PackageType::Raw, rules.name().to_string(), rules.version().as_str());
    publish_files(target, now, quota, subject, files, rules).await
}

/// Publishes files of a version whose bytes are stored.
pub async fn publish_files<R: VersionRules>(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    (kind, name, version): (PackageType, String, &str),
    files: &[NewFile],
    rules: &R,
) -> Result<Added> {
    if files.is_empty() {
        return Ok(Added::Again);
    }
    let target = aimed(target, kind, name).await?;
    let names = files.iter().map(|file| file.name.clone());
    let known = Known::read(target.storage, &target.package, version, names).await?;
    add_files(target, now, quota, version, files, known, rules).await
}

async fn publish_maven(
    target: Target<'_>,
    now: Timestamp,
    quota: Option<u64>,
    row: &UploadRow,
    coordinates: Coordinates,
) -> Result<()> {
    let mut rules = MavenRules::new(coordinates.clone(), target.repo);
    check_published(&target, row, &rules).await?;
    let mut files = Vec::new();
    for (index, file) in unpublished(row) {
        let digests = verify_digests(target.storage, now, &row.id, index, file).await?;
        let named = MavenFile::new(coordinates.clone(), &file.name)?;
        files.push(NewFile { name: file.name.clone(), digests, content_type: named.media_type().to_owned() });
        let looked = look_into(target.storage, digests, move |reader| {
            let result = rules.inspect(&named, reader);
            (result, rules)
        });
        let (result, inspected) = looked.await?;
        rules = inspected;
        result?;
    }
    let version = coordinates.version.to_string();
    let subject = (PackageType::Maven, coordinates.key(), version.as_str());
    publish_files(target, now, quota, subject, &files, &rules).await.map(|_| ())
}

/// Reads a stored file here and there, on a thread that may wait.
///
/// # Errors
/// If its bytes could not be read: an archive that broke off is not one without anything in it.
async fn look_into<T, F>(storage: &Storage, digests: Digests, look: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce(&mut BlobReader) -> T + Send + 'static,
{
    let mut reader = BlobReader::new(storage, ObjectKey::Blob(digests.sha256).path(), digests.size);
    let looked = tokio::task::spawn_blocking(move || {
        let seen = look(&mut reader);
        (reader.failure(), seen)
    });
    let (failure, seen) = looked.await.map_err(|e| Error::internal("looking into a file", e))?;
    failure.map(|()| seen)
}

/// Looks again at the files that the version had when the session began: one that was deleted or replaced since
/// would be missing from what is said to be published.
async fn check_published<R: VersionRules>(target: &Target<'_>, row: &UploadRow, rules: &R) -> Result<()> {
    let known_then = || row.files.iter().filter(|file| file.origin == UploadOrigin::Published);
    let (Some(name), Some(version)) = (row.subject.package(), row.subject.version()) else { return Ok(()) };
    if known_then().next().is_none() {
        return Ok(());
    }
    let package = PackageKey { repo: target.repo.id.clone(), kind: row.subject.kind(), name };
    let names = known_then().map(|file| file.name.clone());
    let known = Known::read(target.storage, &package, version, names).await?;
    for file in known_then() {
        if !is_published(version, &file.name, file.sha256, &known, rules)? {
            return Err(Error::Conflict(format!(
                "{} of version {version} was there when this upload began, and is not any more; begin a new one",
                file.name
            )));
        }
    }
    Ok(())
}

/// The files of a session that its version does not have yet, with their positions.
fn unpublished(row: &UploadRow) -> impl Iterator<Item = (usize, &UploadFile)> {
    row.files.iter().enumerate().filter(|(_, file)| file.origin != UploadOrigin::Published)
}

/// The target with its package, and the head as it is now.
async fn aimed(target: Target<'_>, kind: PackageType, name: String) -> Result<Target<'_>> {
    let package = PackageKey { repo: target.repo.id.clone(), kind, name };
    let head = current_head(target.storage, &package, target.repo).await?;
    Ok(Target { package, head, ..target })
}

/// The digests of a file whose bytes are in their place afterwards. Bytes that the owner has already have been
/// read before, so their digests are known.
async fn verify_digests(
    storage: &Storage,
    now: Timestamp,
    session: &str,
    index: usize,
    file: &UploadFile,
) -> Result<Digests> {
    if let UploadOrigin::Stored { sha1, sha512, md5 } = file.origin {
        storage.claim_blob(file.sha256, now).await?;
        if storage.blob_size(file.sha256).await? != Some(file.size) {
            return Err(gone(file));
        }
        return Ok(Digests { sha256: file.sha256, sha1, sha512, md5, size: file.size });
    }
    Ok(verify(storage, now, session, index, file, |_| ()).await?.0)
}

/// Reads the bytes of a file once, compares them with what was announced, and puts them in their place. Gives
/// their digests and what `look` made of them.
async fn verify<T, F>(
    storage: &Storage,
    now: Timestamp,
    session: &str,
    index: usize,
    file: &UploadFile,
    look: F,
) -> Result<(Digests, T)>
where
    T: Send + 'static,
    F: FnOnce(&mut ChunkReader) -> T + Send + 'static,
{
    let blob = ObjectKey::Blob(file.sha256).path();
    let (path, is_staged) = match file.origin {
        UploadOrigin::Published | UploadOrigin::Stored { .. } => (blob, false),
        UploadOrigin::Single | UploadOrigin::Multipart { .. } => (staging_path(session, index), true),
    };
    let object: ObjectStream = storage.open_object(&path).await?.ok_or_else(|| gone(file))?;
    let announced = Announced { name: &file.name, size: file.size, sha256: Some(file.sha256) };
    let (etag, digests, seen) = read_announced(object, announced, look).await?;
    // Only now: whoever has not got the bytes must neither keep them alive nor learn that they are being removed.
    storage.claim_blob(file.sha256, now).await?;
    if !is_staged {
        // Bytes that are there already are never written again: somebody may be reading them.
        let is_there = storage.blob_size(file.sha256).await? == Some(file.size);
        return if is_there { Ok((digests, seen)) } else { Err(gone(file)) };
    }
    adopt(storage, (&path, &etag), &file.name, &digests).await?;
    Ok((digests, seen))
}
