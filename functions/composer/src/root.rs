//! The root of the repository: `packages.json`.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;
use granary_auth::Principal;
use granary_http::documents::REVALIDATE;
use granary_http::permit::Fetch;
use granary_http::{AppState, RepoAccess};
use granary_model::RepoId;
use granary_storage::rows::{LicenceConstraint, OnExpiry};
use serde_json::{Value, json};

use crate::call::authorize;
use crate::failure::ComposerResult;
use crate::packages::find;

/// Most names that are listed here. Every client reads them each time; without them it asks for each package that it
/// looks for, which is no harm.
const MAX_NAMES: usize = 1000;

/// `GET`: where everything is, and what there is for the caller. It is made of many rows, so it has no date: clients get
/// it anew each time.
pub(crate) async fn show_root(
    state: AppState,
    Path(repo): Path<String>,
    headers: HeaderMap,
) -> ComposerResult {
    let access = authorize(&state, &headers, &repo).await?;
    let base = base_path(&state.config().public_url, &access.repo.id);
    let mut root = json!({
        "packages": {},
        "metadata-url": format!("{base}/p2/%package%.json"),
        "notify-batch": format!("{base}/downloads"),
        "search": format!("{base}/search.json?q=%query%&type=%type%"),
        "list": format!("{base}/list.json"),
    });
    let found = find(&state, &access, MAX_NAMES).await?;
    if let Some(root) = root.as_object_mut() {
        if found.is_all {
            let names: Vec<String> = found.packages.into_iter().map(|entry| entry.name).collect();
            root.insert("available-packages".into(), names.into());
        }
        if let Some(message) = licence_message(&access) {
            root.insert("infos".into(), json!([{ "message": message, "versions": "*" }]));
        }
    }
    let headers = [(header::CACHE_CONTROL, REVALIDATE), (header::VARY, "Authorization")];
    Ok((StatusCode::OK, headers, axum::Json::<Value>(root)).into_response())
}

/// The path of the repository. Composer adds scheme and host to what begins with a slash, and takes anything else for a
/// whole address.
fn base_path(public_url: &str, repo: &RepoId) -> String {
    let behind_scheme = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    let prefix = behind_scheme.split_once('/').map_or("", |(_, path)| path).trim_end_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    format!("{slash}{prefix}/composer/{repo}")
}

/// When a licence ends, in words: Composer prints it.
fn licence_message(access: &RepoAccess<Fetch>) -> Option<String> {
    let Principal::Licence(licence) = &access.principal else { return None };
    let LicenceConstraint::Date(until) = licence.constraint else { return None };
    if !access.is_gated() {
        return None;
    }
    let date = until.to_string();
    let day = date.get(..10).unwrap_or(&date);
    match licence.on_expiry {
        OnExpiry::Revoke => Some(format!("the licence for {} is valid until {day}", access.repo.id)),
        OnExpiry::Restrict | OnExpiry::Maintain => {
            Some(format!("the licence for {} covers what is published until {day}", access.repo.id))
        }
        OnExpiry::Allow => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_where_the_host_ends() {
        let path = |url: &str| base_path(url, &"shop".parse().unwrap());
        assert_eq!(path("https://example.org"), "/composer/shop");
        assert_eq!(path("http://localhost:8080"), "/composer/shop");
        assert_eq!(path("https://example.org/registry"), "/registry/composer/shop");
        assert_eq!(path("https://example.org/a/b/"), "/a/b/composer/shop");
    }
}
