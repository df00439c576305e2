//! Metadata of snapshots: which builds there are. Those who ask want the newest, so what is old is asked for again while they
//! wait, and only served if that fails.

use bytes::Bytes;
use granary_model::maven::Coordinates;
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::maven::metadata::Metadata;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};
use granary_storage::{ObjectKey, PackageKey};
use serde::{Deserialize, Serialize};

use super::{address, candidates};
use crate::net::{Answer, Failure, Validators};
use crate::wanted::Wanted;
use crate::{Asker, Work};

/// Largest document, in bytes.
const LIMIT: usize = 1024 * 1024;

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    checked_at: Timestamp,
    etag: Option<String>,
    last_modified: Option<String>,
    xml: String,
}

/// What an upstream says of the builds of a snapshot, as it says it. `None`: no upstream that may be asked has it.
///
/// # Errors
/// `Unauthorized` if only those who sign in may have something fetched; `Unavailable` and `BadGateway` if an upstream fails and
/// nothing is kept.
pub async fn snapshot(
    work: &Work<'_>,
    repo: &RepoRow,
    head: Option<&HeadRow>,
    coordinates: &Coordinates,
    asker: &Asker,
) -> Result<Option<Metadata>> {
    let name = coordinates.key();
    let (rows, what) = (candidates(repo, &name, head), coordinates.to_string());
    let wanted = Wanted::new(repo, &format!("maven/{what}"), &what, rows);
    let object = |row: &UpstreamRow| ObjectKey::Fetched {
        package: PackageKey { repo: repo.id.clone(), kind: PackageType::Maven, name: name.clone() },
        repo_uid: repo.uid.clone(),
        id: format!("snapshot-{}-{}", row.uid, coordinates.version),
    };
    let _seat = match work.board(&wanted, asker).await {
        Ok(Some(seat)) => seat,
        Ok(None) => return Ok(None),
        Err(error @ Error::Unauthorized(_)) => {
            // Whoever may not have it asked for gets what is here, however old it is.
            let Some(row) = wanted.rows.first() else { return Err(error) };
            let kept = kept(work, &object(row)).await?.ok_or(error)?;
            return Ok(Some(Metadata::new(kept.xml)));
        }
        Err(error) => return Err(error),
    };
    for &row in &wanted.rows {
        let object = object(row);
        let kept = kept(work, &object).await?;
        let fresh_until =
            kept.as_ref().map(|kept| kept.checked_at.plus_millis(i64::from(row.fresh_seconds) * 1000));
        if let Some(kept) = kept.as_ref().filter(|_| fresh_until.is_some_and(|until| until > work.now)) {
            return Ok(Some(Metadata::new(kept.xml.clone())));
        }
        match again(work, (repo, row), coordinates, kept.as_ref()).await? {
            Answer::Found(new) => {
                let json = serde_json::to_vec(&new).map_err(|e| Error::internal("keeping metadata", e))?;
                work.storage.put_document(&object, Bytes::from(json)).await?;
                return Ok(Some(Metadata::new(new.xml)));
            }
            Answer::Missing | Answer::Unchanged => {}
            Answer::Failed(failure) => {
                let Some(kept) = kept else { return Err(work.could_not(wanted, row, &failure)) };
                work.failed(row, &failure);
                return Ok(Some(Metadata::new(kept.xml)));
            }
        }
    }
    work.is_missing(wanted);
    Ok(None)
}

/// What is kept of an upstream. What cannot be read any more is fetched again.
async fn kept(work: &Work<'_>, object: &ObjectKey) -> Result<Option<Kept>> {
    let stored = work.storage.get_object(object).await?;
    Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

async fn again(
    work: &Work<'_>,
    (repo, row): (&RepoRow, &UpstreamRow),
    coordinates: &Coordinates,
    kept: Option<&Kept>,
) -> Result<Answer<Kept>> {
    if let Some(failure) = work.upstreams.memory.closed(&row.uid, work.now) {
        return Ok(Answer::Failed(failure));
    }
    let known =
        kept.map(|kept| Validators { etag: kept.etag.clone(), last_modified: kept.last_modified.clone() });
    let place = (address::snapshot(row, coordinates), "*/*");
    let answer = work.document((repo, row), place, &known.unwrap_or_default(), LIMIT).await?;
    let fetched = match (answer, kept) {
        (Answer::Found(fetched), _) => fetched,
        (Answer::Unchanged, Some(kept)) => {
            return Ok(Answer::Found(Kept {
                checked_at: work.now,
                etag: kept.etag.clone(),
                last_modified: kept.last_modified.clone(),
                xml: kept.xml.clone(),
            }));
        }
        (Answer::Unchanged | Answer::Missing, _) => return Ok(Answer::Missing),
        (Answer::Failed(failure), _) => return Ok(Answer::Failed(failure)),
    };
    work.upstreams.memory.answered(&row.uid);
    let xml = fetched.plain(LIMIT).ok().and_then(|plain| String::from_utf8(plain.into()).ok());
    // Well-formed, and what it is said to be.
    let is_metadata = |xml: &String| granary_publish::maven::listing::read_versions(xml.as_bytes()).is_ok();
    Ok(match xml.filter(is_metadata) {
        Some(xml) => Answer::Found(Kept {
            checked_at: work.now,
            etag: fetched.validators.etag,
            last_modified: fetched.validators.last_modified,
            xml,
        }),
        None => Answer::Failed(Failure::Wrong("what it sent is no maven-metadata.xml".into())),
    })
}
