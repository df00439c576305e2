//! `/ui/repos/{repo}/files/{type}/{name}?version=&file=`: a file, for whoever is signed in by browser. The addresses of the
//! protocols do not know their session.

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, Method, header};

use crate::address::{path, tail, with_query};
use crate::page::PageResult;
use crate::visit::Visit;

/// The address of a file's download, below the registry's own.
pub(super) fn address(repo: &str, kind: &str, name: &str, version: &str, file: &str) -> String {
    let package = format!("{}/{}", path(&["ui", "repos", repo, "files", kind]), tail(name));
    with_query(&package, &[("version", Some(version)), ("file", Some(file))])
}

/// The bytes, or a redirect to the storage, to be saved. Should a browser show them all the same, nothing in them runs.
pub(super) async fn download(
    visit: Visit,
    method: Method,
    Path((repo, kind, name)): Path<(String, String, String)>,
) -> PageResult {
    let (version, file) = (visit.query("version"), visit.query("file"));
    let package = format!("{}/{}", path(&["api", "repos", &repo, "files", &kind]), tail(&name));
    let (version, file) = (version.unwrap_or_default(), file.unwrap_or_default());
    let asked = with_query(&package, &[("version", Some(&version)), ("file", Some(&file))]);
    let mut response = visit.fetch(method, &asked).await.map_err(|problem| visit.failed(problem))?;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_the_query() {
        assert_eq!(
            address("libs", "npm", "@acme/app", "1.0.0", "a b&c.tgz"),
            "/ui/repos/libs/files/npm/@acme/app?version=1.0.0&file=a+b%26c.tgz"
        );
    }
}
