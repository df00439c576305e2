//! Search within a repository.

use std::collections::HashSet;

use axum::response::{IntoResponse as _, Response};
use granary_http::RepoAccess;
use granary_http::permit::Fetch;
use granary_model::{Error, PackageType, RepoId, Result};
use granary_storage::rows::PackageEntry;
use granary_storage::{Key, PackageKey};
use serde_json::{Value, json};

use granary_upstream::npm as upstream;

use crate::call::Call;
use crate::sold;

/// Most hits on one page.
const MAX_SIZE: usize = 250;

/// Most packages that one search looks at. A repository with more is searched as far as that.
const MAX_LOOKED_AT: usize = 50_000;

/// What a search is for.
struct Query {
    words: Vec<String>,
    scope: Option<String>,
    keywords: Vec<String>,
    publisher: Option<String>,
}

impl Query {
    /// Reads words and npm's qualifiers (`scope:`, `keywords:`, `author:`, `maintainer:`).
    fn parse(text: &str) -> Self {
        let mut query = Self { words: Vec::new(), scope: None, keywords: Vec::new(), publisher: None };
        for word in text.split_whitespace().map(str::to_lowercase) {
            match word.split_once(':') {
                Some(("scope", value)) => query.scope = Some(value.trim_start_matches('@').to_owned()),
                Some(("keywords", value)) => query.keywords.extend(value.split(',').map(str::to_owned)),
                Some(("author" | "maintainer" | "publisher", value)) => {
                    query.publisher = Some(value.to_owned());
                }
                Some(("is" | "not" | "boost-exact", _)) => {}
                _ => query.words.push(word),
            }
        }
        query
    }

    /// The packages that fit and have versions, each with how well.
    fn matches(&self, entries: Vec<PackageEntry>) -> impl Iterator<Item = (f64, PackageEntry)> {
        let live = entries.into_iter().filter(|entry| entry.versions > 0);
        live.filter_map(|entry| self.score(&entry).map(|score| (score, entry)))
    }

    /// How well a package fits; `None` if it does not. Every word must be found somewhere.
    fn score(&self, entry: &PackageEntry) -> Option<f64> {
        let name = entry.name.to_lowercase();
        let description = entry.description.as_deref().unwrap_or("").to_lowercase();
        let keywords: Vec<String> = entry.keywords.iter().map(|word| word.to_lowercase()).collect();
        let in_scope = |scope: &String| {
            name.strip_prefix('@').and_then(|rest| rest.split_once('/')).is_some_and(|(s, _)| s == scope)
        };
        let fits = self.scope.as_ref().is_none_or(in_scope)
            && self.keywords.iter().all(|word| keywords.contains(word))
            && self
                .publisher
                .as_ref()
                .is_none_or(|publisher| entry.publisher.eq_ignore_ascii_case(publisher));
        if !fits {
            return None;
        }
        let mut total = 0.0;
        for word in &self.words {
            let base = name.rsplit('/').next().unwrap_or(&name);
            total += if name == *word || base == word {
                1.0
            } else if name.starts_with(word) || base.starts_with(word) {
                0.8
            } else if name.contains(word) {
                0.6
            } else if keywords.iter().any(|keyword| keyword.contains(word)) {
                0.4
            } else if description.contains(word) {
                0.2
            } else {
                return None;
            };
        }
        let words = f64::from(u32::try_from(self.words.len().max(1)).unwrap_or(1));
        Some(total / words)
    }
}

/// `GET /-/v1/search?text=&size=&from=`: only packages of this repository that the caller may read anyway.
pub(crate) async fn search(call: &Call) -> Result<Response> {
    let access = call.repo::<Fetch>().await?;
    let text =
        call.param("text").ok_or_else(|| Error::BadRequest("say what to look for with ?text=".into()))?;
    if text.len() > 250 {
        return Err(Error::BadRequest("the search text has more than 250 bytes".into()));
    }
    let number = |name: &str, default: usize| match call.param(name) {
        None => Ok(default),
        Some(value) => value.parse().map_err(|_| Error::BadRequest(format!("'{name}' must be a number"))),
    };
    let (size, from) = (number("size", 20)?.min(MAX_SIZE), number("from", 0)?);
    let query = Query::parse(&text);
    let mut hits = if access.is_gated() {
        query.matches(sold::entries(call, &access).await?).collect()
    } else {
        all_hits(call, &access, &query).await?
    };
    // Ties in the order of names, so that pages neither overlap nor leave gaps.
    hits.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let here = hits.len();
    let names: Vec<String> = hits.iter().map(|(_, entry)| entry.name.clone()).collect();
    let mut objects: Vec<Value> =
        hits.into_iter().skip(from).take(size).map(|(score, entry)| hit(score, &entry)).collect();
    let mut total = here as u64;
    if !access.is_gated() && access.repo.upstreams.iter().any(|row| row.search) {
        // What is here comes first. One hit at least is asked for, because the answer says how many there are.
        let place = (from.saturating_sub(here), (size - objects.len()).max(1));
        let found = upstream::search(&call.state.upstream_work(), &access.repo, &text, place).await;
        let room = size - objects.len();
        let is_new = |hit: &Value| {
            let name = hit.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
            name.is_some_and(|name| !names.iter().any(|known| known.eq_ignore_ascii_case(name)))
        };
        objects.extend(found.objects.into_iter().filter(is_new).take(room));
        total += found.total;
    }
    let body = json!({ "objects": objects, "total": total, "time": call.state.now().to_string() });
    Ok(([("cache-control", "private, no-cache")], axum::Json(body)).into_response())
}

/// What fits of all packages of the repository.
async fn all_hits(
    call: &Call,
    access: &RepoAccess<Fetch>,
    query: &Query,
) -> Result<Vec<(f64, PackageEntry)>> {
    let mut hits = hits_of(call, &access.repo.id, query).await?;
    for member in access.member_repos(&call.state, PackageType::Npm).await? {
        let found = hits_of(call, &member.id, query).await?;
        let known: HashSet<String> = hits.iter().map(|(_, entry)| entry.name.to_lowercase()).collect();
        hits.extend(found.into_iter().filter(|(_, entry)| {
            access.reads_from(&member, PackageType::Npm, &entry.name)
                && !known.contains(&entry.name.to_lowercase())
        }));
    }
    Ok(hits)
}

/// What fits of all packages of one repository.
async fn hits_of(call: &Call, repo: &RepoId, query: &Query) -> Result<Vec<(f64, PackageEntry)>> {
    let first =
        Key::PackageOf(PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: String::new() });
    let (mut hits, mut looked_at, mut after) = (Vec::new(), 0, None::<String>);
    while looked_at < MAX_LOOKED_AT {
        let page =
            call.state.storage().list::<PackageEntry>(&first, "PKG#npm#", after.as_deref(), 1000).await?;
        looked_at += page.rows.len();
        hits.extend(query.matches(page.rows));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(hits)
}

fn hit(score: f64, entry: &PackageEntry) -> Value {
    let scope = entry
        .name
        .strip_prefix('@')
        .and_then(|rest| rest.split_once('/'))
        .map_or("unscoped", |(scope, _)| scope);
    json!({
        "package": {
            "name": entry.name,
            "scope": scope,
            "version": entry.latest,
            "description": entry.description,
            "keywords": entry.keywords,
            "date": entry.updated_at.to_string(),
            "links": {},
            "publisher": { "username": entry.publisher },
            "maintainers": [{ "username": entry.publisher }],
        },
        "score": { "final": score, "detail": { "quality": score, "popularity": 0.0, "maintenance": 0.0 } },
        "searchScore": score,
    })
}

#[cfg(test)]
mod tests {
    use granary_model::Timestamp;

    use super::*;

    fn entry(name: &str, description: &str, keywords: &[&str]) -> PackageEntry {
        PackageEntry {
            name: name.into(),
            latest: Some("1.0.0".into()),
            description: Some(description.into()),
            keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
            versions: 1,
            updated_at: Timestamp::from_millis(0),
            publisher: "ann".into(),
        }
    }

    #[test]
    fn words_are_found_in_name_keywords_and_description() {
        let package = entry("@acme/left-pad", "Pads strings", &["format"]);
        let score = |text: &str| Query::parse(text).score(&package);
        assert!(score("left-pad") > score("left"));
        assert!(score("left") > score("format"));
        assert!(score("format") > score("strings"));
        assert!(score("LEFT strings").is_some());
        assert!(score("left nothing").is_none());
        assert!(score("scope:acme left").is_some() && score("scope:other left").is_none());
        assert!(score("keywords:format").is_some() && score("keywords:other").is_none());
        assert!(score("author:ann").is_some() && score("author:bob").is_none());
        assert!(score("").is_some());
    }
}
