//! Metadata of snapshots: which builds there are. Those who ask want the newest, so what is old is asked for again while they
//! wait, and only served if that fails.

use bytes::Bytes;
use granary_model::maven::Coordinates;
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::maven::metadata::Metadata;
use granary_publish::npm::foreign::stored::unpack;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};
use granary_storage::{ObjectKey, PackageKey};
use serde::{Deserialize, Serialize};

use super::{address, candidates};
use crate::net::{Answer, Ask, Failure, Validators};
use crate::{Asker, Work, origin, sign_in};

/// Largest document, in bytes.
const LIMIT: usize = 1024 * 1024;

/// How long at most it is taken for true that there is no such document, in seconds.
const MISSING: u32 = 60;

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
    let rows: Vec<&UpstreamRow> = match head {
        Some(head) => origin(repo, PackageType::Maven, &name, head).into_iter().collect(),
        None => candidates(repo, &name).collect(),
    };
    let Some(first) = rows.first() else { return Ok(None) };
    let flight = format!("maven/{}/{}/{coordinates}", repo.uid, repo.rev);
    let memory = &work.upstreams.memory;
    if let Some(outcome) = memory.outcome(&flight, false, work.now) {
        return outcome.error().map_or(Ok(None), Err);
    }
    if asker.anonymous && !rows.iter().all(|row| row.anonymous) {
        return Err(sign_in(&coordinates.to_string(), &first.name));
    }
    let seat = work.upstreams.flights.board(&flight).await;
    if let Some(outcome) = memory.outcome(&flight, seat.waited, work.now) {
        return outcome.error().map_or(Ok(None), Err);
    }
    for row in &rows {
        let object = ObjectKey::Fetched {
            package: PackageKey { repo: repo.id.clone(), kind: PackageType::Maven, name: name.clone() },
            repo_uid: repo.uid.clone(),
            id: format!("snapshot-{}-{}", row.uid, coordinates.version),
        };
        let kept: Option<Kept> =
            work.storage.get_object(&object).await?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
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
                let error = work.failed(row, &failure);
                if let Some(kept) = kept {
                    return Ok(Some(Metadata::new(kept.xml)));
                }
                memory.could_not(flight, row.name.as_str(), failure, work.now);
                return Err(error);
            }
        }
    }
    let seconds = rows.iter().map(|row| row.fresh_seconds).min().unwrap_or_default().min(MISSING);
    memory.is_missing(flight, seconds, work.now);
    Ok(None)
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
    let authorization = work.authorization(repo, row)?;
    let url = match address::snapshot(row, coordinates) {
        Ok(url) => url,
        Err(failure) => return Ok(Answer::Failed(failure)),
    };
    let known =
        kept.map(|kept| Validators { etag: kept.etag.clone(), last_modified: kept.last_modified.clone() });
    let patience = work.upstreams.settings.patience;
    let ask = Ask { url, authorization: authorization.as_ref(), accept: "*/*", patience };
    let answer = work.upstreams.net()?.document(&ask, &known.unwrap_or_default(), LIMIT, work.now).await;
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
    let plain = if fetched.gzip { unpack(&fetched.bytes).ok() } else { Some(fetched.bytes.to_vec()) };
    let xml = plain.and_then(|plain| String::from_utf8(plain).ok());
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
