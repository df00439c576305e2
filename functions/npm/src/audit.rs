//! `npm audit`, and the keys of registry signatures.

use std::collections::{BTreeMap, BTreeSet};

use axum::response::{IntoResponse as _, Response};
use granary_http::permit::Fetch;
use granary_model::range::Range;
use granary_model::{Error, PackageType, Result};
use granary_upstream::npm::{self as upstream, Question};
use serde_json::{Map, Value, json};

use crate::call::Call;

/// How deep the tree of an older question may be.
const DEPTH: usize = 64;

/// Names and versions of a tree, each once however often they stand in it.
type Names<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// What is asked. npm and Bun send it gzip'd as `application/json`, which an HTTP API takes for text and damages; then it
/// cannot be read (`None`).
async fn question(call: &mut Call) -> Result<Option<Value>> {
    if call.is_damaged {
        return Ok(None);
    }
    call.json().await.map(Some)
}

/// `POST /-/npm/v1/security/advisories/bulk`: what the upstreams of the repository know against packages that came from them.
/// This registry itself knows nothing against any.
///
/// An empty answer keeps `npm audit` working where there is no upstream; a 404 would make every audit command fail. Names of
/// packages that are not from an upstream are private and go nowhere.
pub(crate) async fn bulk(call: &mut Call) -> Result<Response> {
    let asked = match question(call).await? {
        Some(Value::Object(body)) => Some(bulk_question(&body)),
        Some(_) => {
            return Err(Error::BadRequest("the body must be an object of package names and versions".into()));
        }
        None => None,
    };
    Ok(axum::Json(advisories(call, asked.as_ref()).await?).into_response())
}

fn bulk_question(body: &Map<String, Value>) -> Question {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    body.iter().map(|(name, versions)| (name.clone(), texts(versions))).collect()
}

/// What is known. Whoever may not read the repository is answered as where there is no upstream.
async fn advisories(call: &Call, asked: Option<&Question>) -> Result<Map<String, Value>> {
    let Ok(access) = call.repo::<Fetch>().await else { return Ok(Map::new()) };
    if access.is_gated() || access.repo.upstreams.is_empty() {
        return Ok(Map::new());
    }
    let asked = asked.ok_or_else(|| {
        Error::BadGateway(
            "the gateway in front of this registry has damaged the question, which was sent gzip'd; ask the registry's operator for \
             its function URL, or audit with another client"
                .into(),
        )
    })?;
    upstream::advisories(&call.state.upstream_work(), &access.repo, asked).await
}

/// `POST /-/npm/v1/security/audits` and `.../quick`: the older form, which pnpm 10 falls back to. Its question is a whole tree,
/// of which upstreams see names and versions alone.
pub(crate) async fn quick(call: &mut Call) -> Result<Response> {
    let body = question(call).await?;
    let dependencies = body.as_ref().and_then(|body| body.get("dependencies")).and_then(Value::as_object);
    let mut names = Names::new();
    if let Some(dependencies) = dependencies {
        collect(dependencies, DEPTH, &mut names);
    }
    let asked: Question = names
        .into_iter()
        .map(|(name, versions)| (name.to_owned(), versions.into_iter().map(str::to_owned).collect()))
        .collect();
    let total = asked.values().map(Vec::len).sum::<usize>();
    let found = advisories(call, body.as_ref().map(|_| &asked)).await?;
    let mut vulnerabilities: Map<String, Value> = ["info", "low", "moderate", "high", "critical"]
        .map(|level| (level.to_owned(), json!(0)))
        .into_iter()
        .collect();
    let mut listed = Map::new();
    for (name, list) in &found {
        for advisory in list.as_array().into_iter().flatten() {
            let Some((id, entry)) = quick_advisory(name, advisory, &asked) else { continue };
            let level = advisory.get("severity").and_then(Value::as_str).unwrap_or("moderate");
            if let Some(count) = vulnerabilities.get_mut(level) {
                *count = json!(count.as_u64().unwrap_or_default() + 1);
            }
            listed.insert(id, entry);
        }
    }
    Ok(axum::Json(json!({
        "actions": [],
        "advisories": listed,
        "muted": [],
        "metadata": {
            "vulnerabilities": vulnerabilities,
            "dependencies": total,
            "devDependencies": 0,
            "optionalDependencies": 0,
            "totalDependencies": total,
        },
    }))
    .into_response())
}

/// Collects what a tree names.
fn collect<'a>(dependencies: &'a Map<String, Value>, depth: usize, asked: &mut Names<'a>) {
    for (name, one) in dependencies {
        if let Some(version) = one.get("version").and_then(Value::as_str) {
            asked.entry(name).or_default().insert(version);
        }
        if let (Some(below), Some(depth)) =
            (one.get("dependencies").and_then(Value::as_object), depth.checked_sub(1))
        {
            collect(below, depth, asked);
        }
    }
}

/// An advisory in the older form; `None` if it is about no version that was asked about.
fn quick_advisory(name: &str, advisory: &Value, asked: &Question) -> Option<(String, Value)> {
    let ranges = advisory.get("vulnerable_versions").and_then(Value::as_str).unwrap_or("*");
    let range = Range::parse(PackageType::Npm, ranges).ok();
    let concerns = |version: &&String| range.as_ref().is_none_or(|range| range.contains(version));
    let findings: Vec<Value> = asked
        .get(name)?
        .iter()
        .filter(concerns)
        .map(|version| json!({ "version": version, "paths": [name], "dev": false, "optional": false, "bundled": false }))
        .collect();
    let id = advisory.get("id").map(ToString::to_string)?;
    if findings.is_empty() {
        return None;
    }
    let mut entry = json!({
        "findings": findings,
        "module_name": name,
        "vulnerable_versions": ranges,
        "patched_versions": "<0.0.0",
        "recommendation": "see the advisory",
        "cves": [],
        "access": "public",
    });
    if let (Some(entry), Some(advisory)) = (entry.as_object_mut(), advisory.as_object()) {
        entry.extend(advisory.clone());
    }
    Some((id.trim_matches('"').to_owned(), entry))
}

/// `GET /-/npm/v1/keys`: this registry signs nothing itself; what comes from an upstream is signed there.
pub(crate) async fn show_keys(call: &Call) -> Result<Response> {
    let keys = match call.repo::<Fetch>().await {
        Ok(access) if !access.is_gated() => upstream::keys(&call.state.upstream_work(), &access.repo).await?,
        _ => Vec::new(),
    };
    Ok(axum::Json(json!({ "keys": keys })).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tree: &Value) -> Names<'_> {
        let mut names = Names::new();
        collect(tree.as_object().unwrap(), DEPTH, &mut names);
        names
    }

    #[test]
    fn each_version_of_a_tree_is_asked_about_once() {
        let pad = |version: &str| json!({ "pad": { "version": version } });
        let tree = json!({
            "b": { "version": "1.0.0", "dependencies": pad("2.0.0") },
            "a": { "version": "1.0.0", "dependencies": pad("1.0.0") },
            "pad": { "version": "2.0.0" },
            "odd": { "version": 7 },
        });
        let names = names(&tree).into_iter().map(|(name, versions)| (name, versions.into_iter().collect()));
        let names: Vec<(&str, Vec<&str>)> = names.collect();
        assert_eq!(names, [("a", vec!["1.0.0"]), ("b", vec!["1.0.0"]), ("pad", vec!["1.0.0", "2.0.0"])]);
    }

    #[test]
    fn a_tree_is_followed_as_deep_as_it_may_be() {
        let tree = (0..DEPTH + 2).fold(json!({}), |below, depth| {
            let name = format!("at{depth}");
            json!({ name: { "version": "1.0.0", "dependencies": below } })
        });
        assert_eq!(names(&tree).len(), DEPTH + 1);
    }

    /// Anybody may ask: looking through all versions of a name for each of them would take for ever.
    #[test]
    fn many_versions_of_one_name_are_looked_through_once() {
        const MANY: usize = 50_000;
        let tree: Map<String, Value> = (0..MANY)
            .map(|n| {
                let below = json!({ "pad": { "version": format!("1.0.{n}") } });
                (format!("in{n}"), json!({ "dependencies": below }))
            })
            .collect();
        let tree = Value::Object(tree);
        assert_eq!(names(&tree).get("pad").map(BTreeSet::len), Some(MANY));
    }
}
