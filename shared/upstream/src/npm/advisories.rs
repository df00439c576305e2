//! `npm audit`: what is known against versions of packages from upstreams. Nobody is asked about anything else.

use std::collections::BTreeMap;

use granary_model::npm::NpmName;
use granary_model::{PackageType, Result};
use granary_storage::Key;
use granary_storage::rows::{HeadRow, RepoRow, UpstreamRow};
use serde_json::{Map, Value};

use super::besides::{remote, value};
use super::{address, key};
use crate::Work;
use crate::address::below;
use crate::net::{Answer, Failure};

/// Largest answer, in bytes.
const LIMIT: usize = 16 * 1024 * 1024;

/// Most packages that one question is about.
const PACKAGES: usize = 20_000;

/// Packages with the versions that are asked about.
pub type Question = BTreeMap<String, Vec<String>>;

/// What the upstreams know against these versions, in npm's form: by package, a list of advisories.
///
/// Only names of packages that have come from an upstream are sent there, each to its own: what is published here, and what nobody
/// knows here, is a private name.
///
/// # Errors
/// If an upstream fails that answers such questions: an empty answer would mean that nothing is known against anything.
pub async fn advisories(work: &Work<'_>, repo: &RepoRow, question: &Question) -> Result<Map<String, Value>> {
    let mut found = Map::new();
    let rows: Vec<&UpstreamRow> = remote(repo).collect();
    if rows.is_empty() || question.is_empty() {
        return Ok(found);
    }
    let names: Vec<NpmName> = question.keys().take(PACKAGES).filter_map(|name| name.parse().ok()).collect();
    let keys = names.iter().map(|name| Key::Head(key(repo, name))).collect();
    let heads = work.storage.shared_rows::<HeadRow>(keys).await?;
    for row in rows {
        let its = names.iter().zip(&heads).filter(|(name, head)| {
            let upstream = head.as_ref().filter(|head| head.repo_uid == repo.uid);
            let upstream = upstream.and_then(|head| head.upstream.as_deref());
            upstream.is_some_and(|upstream| upstream.uid == row.uid)
                && row.may_have(PackageType::Npm, name.as_str())
        });
        let asked: BTreeMap<&str, &Vec<String>> =
            its.filter_map(|(name, _)| Some((name.as_str(), question.get(name.as_str())?))).collect();
        if !asked.is_empty() {
            found.extend(ask(work, repo, row, &asked).await?);
        }
    }
    Ok(found)
}

async fn ask(
    work: &Work<'_>,
    repo: &RepoRow,
    row: &UpstreamRow,
    asked: &BTreeMap<&str, &Vec<String>>,
) -> Result<Map<String, Value>> {
    let failed = |failure: Failure| failure.error(row.name.as_str());
    // Apart from packages: a registry whose audits hang would have each install wait for one, and has its packages all the same.
    let (memory, place) = (&work.upstreams.memory, format!("{}/audits", row.uid));
    work.require_open(row)?;
    if let Some(failure) = memory.closed(&place, work.now) {
        return Err(failed(failure));
    }
    let authorization = work.authorization(repo, row)?;
    let url = below(row, "-/npm/v1/security/advisories/bulk").map_err(failed)?;
    let ask = address::ask(url, authorization.as_ref(), work.upstreams.settings.patience);
    let body = serde_json::json!(asked).to_string().into_bytes();
    let answer = work.upstreams.net()?.question(&ask, body, LIMIT, work.now).await;
    match &answer {
        Answer::Failed(failure) => memory.failed(&place, failure, work.now),
        _ => memory.answered(&place),
    }
    match answer {
        Answer::Found(fetched) => match value(&fetched) {
            Ok(Value::Object(mut answer)) => {
                // What was not asked is not answered.
                answer.retain(|name, list| asked.contains_key(name.as_str()) && list.is_array());
                Ok(answer)
            }
            Ok(_) => Err(failed(Failure::Wrong("what it sent are no advisories".into()))),
            Err(failure) => Err(failed(failure)),
        },
        // A registry that knows no advisories.
        Answer::Missing | Answer::Unchanged => Ok(Map::new()),
        Answer::Failed(failure) => Err(failed(failure)),
    }
}
