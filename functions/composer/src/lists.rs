//! Looking for packages: `search.json` and `list.json`.

use axum::extract::Path;
use axum::http::HeaderMap;
use granary_http::permit::Fetch;
use granary_http::{AppState, Params, RepoAccess, reply};
use granary_model::composer::ComposerVersion;
use granary_model::{Error, PackageType, Result};
use granary_publish::composer::facts::ComposerFacts;
use granary_storage::Key;
use granary_storage::rows::{PackageEntry, VersionRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::authorize;
use crate::failure::ComposerResult;
use crate::packages::find;

/// Most packages that are looked at. A repository with more is searched as far as that.
const MAX_LOOKED_AT: usize = 50_000;

/// Most hits of a search: as many rows as are read in one call, where their types are wanted.
const MAX_HITS: usize = 100;

/// Longest text to look for, in bytes.
const MAX_QUERY: usize = 250;

/// What a package is that does not say it.
const DEFAULT_TYPE: &str = "library";

/// What to search for.
#[derive(Debug, Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// `GET search.json?q=&type=`: packages that have all of the words in their name, description or keywords.
pub(crate) async fn search(
    state: AppState,
    Path(repo): Path<String>,
    params: Result<Params<Search>, granary_http::ApiError>,
    headers: HeaderMap,
) -> ComposerResult {
    let access = authorize(&state, &headers, &repo).await?;
    let Params(search) = params.map_err(|error| error.0)?;
    check_length("q", &search.q)?;
    let words: Vec<String> = search.q.split_whitespace().map(str::to_lowercase).collect();
    let found = find(&state, &access, MAX_LOOKED_AT).await?;
    let mut hits: Vec<(u8, PackageEntry)> =
        found.packages.into_iter().filter_map(|entry| Some((score(&entry, &words)?, entry))).collect();
    hits.sort_by(|(a, left), (b, right)| b.cmp(a).then_with(|| left.name.cmp(&right.name)));
    let mut total = hits.len();
    hits.truncate(MAX_HITS);
    let mut entries: Vec<PackageEntry> = hits.into_iter().map(|(_, entry)| entry).collect();
    if !search.kind.is_empty() {
        entries = of_type(&state, &access, entries, &search.kind).await?;
        total = entries.len();
    }
    let results: Vec<Value> = entries.iter().map(result).collect();
    Ok(reply(axum::http::StatusCode::OK, &json!({ "results": results, "total": total })))
}

fn result(entry: &PackageEntry) -> Value {
    json!({ "name": entry.name, "description": entry.description.as_deref().unwrap_or("") })
}

/// How well a package fits; `None` if it does not.
fn score(entry: &PackageEntry, words: &[String]) -> Option<u8> {
    let description = entry.description.as_deref().unwrap_or("").to_lowercase();
    let keywords: Vec<String> = entry.keywords.iter().map(|word| word.to_lowercase()).collect();
    let of_word = |word: &String| {
        if entry.name.contains(word.as_str()) {
            Some(2)
        } else if description.contains(word.as_str())
            || keywords.iter().any(|keyword| keyword.contains(word.as_str()))
        {
            Some(1)
        } else {
            None
        }
    };
    words.iter().try_fold(0_u8, |sum, word| Some(sum.saturating_add(of_word(word)?)))
}

/// Those whose latest version, as the caller sees it, is of a type.
async fn of_type(
    state: &AppState,
    access: &RepoAccess<Fetch>,
    entries: Vec<PackageEntry>,
    wanted: &str,
) -> Result<Vec<PackageEntry>> {
    let (entries, keys): (Vec<PackageEntry>, Vec<Key>) = entries
        .into_iter()
        .filter_map(|entry| {
            let latest: ComposerVersion = entry.latest.as_deref()?.parse().ok()?;
            let package = access.package_key(PackageType::Composer, &entry.name);
            Some((entry, Key::Version(package, latest.normalized().to_owned())))
        })
        .unzip();
    let rows: Vec<Option<VersionRow>> = state.storage().batch_get(&keys).await?;
    let mut fitting = Vec::new();
    for (entry, row) in entries.into_iter().zip(rows) {
        let Some(row) = row.filter(VersionRow::is_live) else { continue };
        let facts = ComposerFacts::from_row(&row.facts)?;
        if facts.manifest.get("type").and_then(Value::as_str).unwrap_or(DEFAULT_TYPE) == wanted {
            fitting.push(entry);
        }
    }
    Ok(fitting)
}

/// What to list.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    vendor: String,
}

/// `GET list.json?filter=acme/*&vendor=acme`: names of packages.
pub(crate) async fn list(
    state: AppState,
    Path(repo): Path<String>,
    params: Result<Params<Filter>, granary_http::ApiError>,
    headers: HeaderMap,
) -> ComposerResult {
    let access = authorize(&state, &headers, &repo).await?;
    let Params(filter) = params.map_err(|error| error.0)?;
    check_length("filter", &filter.filter)?;
    check_length("vendor", &filter.vendor)?;
    let found = find(&state, &access, MAX_LOOKED_AT).await?;
    let names = found.packages.into_iter().map(|entry| entry.name);
    let names: Vec<String> = names.filter(|name| filter.fits(name)).collect();
    Ok(reply(axum::http::StatusCode::OK, &json!({ "packageNames": names })))
}

impl Filter {
    fn fits(&self, name: &str) -> bool {
        let vendor = self.vendor.to_ascii_lowercase();
        let of_vendor = vendor.is_empty() || name.split_once('/').is_some_and(|(of, _)| of == vendor);
        of_vendor && (self.filter.is_empty() || matches(&self.filter.to_ascii_lowercase(), name))
    }
}

/// Whether a name fits a pattern in which `*` stands for anything. Each piece is looked for once, from where the one
/// before it was found.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn check_length(name: &str, text: &str) -> Result<()> {
    if text.len() > MAX_QUERY {
        return Err(Error::BadRequest(format!("{name}: at most {MAX_QUERY} bytes")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for pattern in
            ["acme/tool", "acme/*", "*", "*/tool", "a*e/t*l", "acme/tool*", "*acme/tool", "**", "acme**tool"]
        {
            assert!(matches(pattern, "acme/tool"), "{pattern}");
        }
        for pattern in
            ["acme", "acme/", "tool", "acme/*x", "x*", "acme/tool/*", "*acme/tool/", "acme/tool*l", "*oo*oo*"]
        {
            assert!(!matches(pattern, "acme/tool"), "{pattern}");
        }
        assert!(!matches(&"*a".repeat(120), "aaaa/aaaa"));
    }
}
