//! What is asked of an npm registry besides packages: keys of its signatures, attestations, search.

use std::time::Duration;

use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, PackageType, Result};
use granary_publish::Source;
use granary_publish::npm::foreign::{ForeignIndex, stored};
use granary_storage::ObjectKey;
use granary_storage::rows::{RepoRow, UpstreamRow};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderValue;
use serde_json::Value;
use url::Url;

use super::address;
use crate::address::below;
use crate::net::{Answer, Failure, Fetched, Validators};
use crate::wanted::Wanted;
use crate::{Asker, Work, origin};

/// Largest answer, in bytes.
const LIMIT: usize = 8 * 1024 * 1024;

/// How long keys are kept, in milliseconds.
const KEYS_KEPT: i64 = 3_600_000;

/// How long an upstream may take to search: whoever searches is shown what is here all the same.
const SEARCH: Duration = Duration::from_secs(5);

/// Hits of an upstream.
#[derive(Debug, Default)]
pub struct Hits {
    /// Those of the page, in npm's form.
    pub objects: Vec<Value>,
    /// How many there are.
    pub total: u64,
}

/// JSON at an address of an upstream.
async fn json(
    work: &Work<'_>,
    url: Url,
    authorization: Option<&HeaderValue>,
    patience: Duration,
) -> Result<Answer<Value>> {
    let ask = address::ask(url, authorization, patience);
    Ok(match work.upstreams.net()?.document(&ask, &Validators::default(), LIMIT, work.now).await {
        Answer::Found(fetched) => value(&fetched).map_or_else(Answer::Failed, Answer::Found),
        Answer::Unchanged => Answer::Unchanged,
        Answer::Missing => Answer::Missing,
        Answer::Failed(failure) => Answer::Failed(failure),
    })
}

/// A document that is JSON.
pub(super) fn value(fetched: &Fetched) -> Result<Value, Failure> {
    let wrong = || Failure::Wrong("what it sent is no JSON".into());
    let plain = fetched.plain(LIMIT * 8).map_err(|_| wrong())?;
    if plain.len() > LIMIT * 8 {
        return Err(Failure::Wrong("what it sent is too large".into()));
    }
    serde_json::from_slice(&plain).map_err(|_| wrong())
}

/// The upstreams of a repository for npm that are elsewhere.
pub(super) fn remote(repo: &RepoRow) -> impl Iterator<Item = &UpstreamRow> {
    repo.upstreams.iter().filter(|row| row.kind == PackageType::Npm && row.url().is_some())
}

/// Keys of the signatures of all upstreams, which clients verify packages with. Of an upstream that has none, or fails, there
/// are none.
///
/// # Errors
/// Those of the stores.
pub async fn keys(work: &Work<'_>, repo: &RepoRow) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for row in remote(repo) {
        let name = format!("npm-keys/{}/{}", row.uid, work.now.millis().div_euclid(KEYS_KEPT));
        let load = async {
            let keys = keys_of(work, repo, row).await?;
            let bytes = 200 + keys.len() * 1000;
            Ok((keys, bytes))
        };
        match work.documents.loaded(name, load).await {
            Ok(keys) => all.extend(keys.iter().cloned()),
            Err(error) => tracing::warn!(%error, upstream = %row.name, "keys could not be had"),
        }
    }
    Ok(all)
}

async fn keys_of(work: &Work<'_>, repo: &RepoRow, row: &UpstreamRow) -> Result<Vec<Value>> {
    let authorization = work.authorization(repo, row)?;
    let failed = |failure: Failure| failure.error(row.name.as_str());
    let url = below(row, "-/npm/v1/keys").map_err(failed)?;
    let answer = json(work, url, authorization.as_ref(), work.upstreams.settings.patience).await?;
    match answer {
        Answer::Found(Value::Object(mut object)) => match object.remove("keys") {
            Some(Value::Array(keys)) => Ok(keys),
            _ => Ok(Vec::new()),
        },
        Answer::Found(_) | Answer::Missing | Answer::Unchanged => Ok(Vec::new()),
        Answer::Failed(failure) => Err(failed(failure)),
    }
}

/// The attestations of a version as its upstream has them; kept once they were fetched. `None` if it has none.
///
/// # Errors
/// `Refused` if nobody gets the version for now, `Unauthorized` if only those who sign in may have something fetched;
/// `Unavailable` and `BadGateway` if the upstream fails.
pub async fn attestations(
    work: &Work<'_>,
    repo: &RepoRow,
    source: &Source,
    (name, version): (&NpmName, &NpmVersion),
    asker: &Asker,
) -> Result<Option<Value>> {
    let Some(row) = origin(repo, PackageType::Npm, &source.package.name, &source.head) else {
        return Ok(None);
    };
    let index = stored::index(work.documents, work.storage, source).await?;
    refuse_kept(&index, source, (name, version))?;
    if !index.get(version.as_str()).is_some_and(|one| one.attested) {
        return Ok(None);
    }
    let key = ObjectKey::Fetched {
        package: source.package.clone(),
        repo_uid: source.repo_uid.clone(),
        id: format!("attestations-{}-{version}", row.uid),
    };
    if let Some(here) = kept_attestations(work, &key).await? {
        return Ok(Some(here));
    }
    let what = format!("attestations/{name}@{version}");
    let wanted = Wanted::new(repo, &format!("npm-attestations/{name}/{version}"), &what, vec![row]);
    let Some(seat) = work.board(&wanted, asker).await? else { return Ok(None) };
    if seat.waited
        && let Some(here) = kept_attestations(work, &key).await?
    {
        return Ok(Some(here));
    }
    work.require_open(row)?;
    let authorization = work.authorization(repo, row)?;
    let url =
        address::attestations(row, name, version).map_err(|failure| failure.error(row.name.as_str()))?;
    let answer = json(work, url, authorization.as_ref(), work.upstreams.settings.patience).await?;
    let failure = match answer {
        Answer::Found(value) if value.get("attestations").is_some_and(Value::is_array) => {
            work.upstreams.memory.answered(&row.uid);
            work.storage.put_document(&key, value.to_string().into()).await?;
            return Ok(Some(value));
        }
        Answer::Missing | Answer::Unchanged => {
            work.upstreams.memory.answered(&row.uid);
            work.is_missing(wanted);
            return Ok(None);
        }
        Answer::Found(_) => Failure::Wrong("what it sent are no attestations".into()),
        Answer::Failed(failure) => failure,
    };
    Err(work.could_not(wanted, row, &failure))
}

/// Refuses what belongs to a version that nobody gets for now, in the words in which its manifest is refused.
fn refuse_kept(
    index: &ForeignIndex,
    source: &Source,
    (name, version): (&NpmName, &NpmVersion),
) -> Result<()> {
    let policy = source.policy.as_deref();
    let policy = policy.ok_or_else(|| Error::internal("reading attestations", "no rules"))?;
    let seen = index.seen(&source.head, policy);
    match seen.kept.iter().find(|(one, _)| one.version.as_str() == version.as_str()) {
        Some((_, kept)) => Err(kept.error(&format!("{name}@{version}"))),
        None => Ok(()),
    }
}

/// What is kept of the attestations of a version.
async fn kept_attestations(work: &Work<'_>, key: &ObjectKey) -> Result<Option<Value>> {
    let Some(bytes) = work.storage.get_object(key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| Error::internal("reading attestations", e))
}

/// What the upstream finds that may be asked when somebody searches, without packages that it is not asked for. Whatever goes
/// wrong, it has found nothing, and it is asked for packages all the same.
pub async fn search(work: &Work<'_>, repo: &RepoRow, text: &str, (from, size): (usize, usize)) -> Hits {
    let Some(row) = remote(repo).find(|row| row.search) else { return Hits::default() };
    if work.require_open(row).is_err() {
        return Hits::default();
    }
    let found = async {
        let authorization = work.authorization(repo, row)?;
        let text = utf8_percent_encode(text, NON_ALPHANUMERIC);
        let url = below(row, &format!("-/v1/search?text={text}&from={from}&size={size}"));
        let url = url.map_err(|failure| failure.error(row.name.as_str()))?;
        let patience = SEARCH.min(work.upstreams.settings.patience);
        json(work, url, authorization.as_ref(), patience).await
    };
    match found.await {
        Ok(Answer::Found(value)) => hits(row, &value),
        Ok(Answer::Failed(failure)) => {
            tracing::debug!(why = failure.words(), upstream = %row.name, "an upstream could not be searched");
            Hits::default()
        }
        Ok(_) => Hits::default(),
        Err(error) => {
            tracing::warn!(%error, upstream = %row.name, "an upstream could not be searched");
            Hits::default()
        }
    }
}

fn hits(row: &UpstreamRow, value: &Value) -> Hits {
    let objects = value.get("objects").and_then(Value::as_array).into_iter().flatten();
    let may_have = |hit: &&Value| {
        let name = hit.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        name.is_some_and(|name| row.may_have(PackageType::Npm, name))
    };
    let objects: Vec<Value> = objects.filter(may_have).take(250).cloned().collect();
    let total = value.get("total").and_then(Value::as_u64).unwrap_or(objects.len() as u64);
    Hits { objects, total }
}
