//! What a key opens, as the interface says it.

use serde::Deserialize;

use super::Selling;
use crate::address::with_query;
use crate::page::PageError;
use crate::visit::Visit;

/// Packages on one page.
const PAGE: &str = "25";

/// Packages of a letter.
const MOST: &str = "50";

/// Versions that are named on a page.
const VERSIONS: usize = 5;

/// A package that a key is for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VisiblePackage {
    pub(crate) repo_id: String,
    pub(crate) package_type: String,
    pub(crate) name: String,
    /// Newest first.
    pub(crate) versions: Vec<String>,
    pub(crate) versions_total: usize,
    pub(crate) why: Option<String>,
}

impl VisiblePackage {
    /// The newest versions, and how many there are besides.
    pub(crate) fn newest(&self) -> (String, usize) {
        let shown: Vec<&str> = self.versions.iter().take(VERSIONS).map(String::as_str).collect();
        (shown.join(", "), self.versions_total.saturating_sub(shown.len()))
    }

    /// Path of the package's page.
    pub(crate) fn page(&self) -> String {
        let Self { repo_id, package_type, name, .. } = self;
        format!(
            "{}/{}",
            crate::address::path(&["ui", "repos", repo_id, package_type]),
            crate::address::tail(name)
        )
    }
}

#[derive(Deserialize)]
struct Answer {
    packages: Vec<VisiblePackage>,
    blocked: Option<String>,
    next: Option<String>,
}

/// A page of what a key opens.
pub(crate) struct Visible {
    /// The packages.
    pub(crate) packages: Vec<VisiblePackage>,
    /// Why there are none.
    pub(crate) blocked: Option<String>,
    /// Path of the page with more.
    pub(crate) next: Option<String>,
    /// Whether there are packages before these.
    pub(crate) is_continued: bool,
}

impl Visible {
    /// Reads the part that the query of the page names. `api` is where the interface has it, and `segments` are the page.
    pub(super) async fn read(
        visit: &Visit,
        selling: &Selling,
        api: &str,
        segments: &[&str],
    ) -> Result<Self, PageError> {
        let cursor = visit.query("cursor");
        let api = with_query(api, &[("limit", Some(PAGE)), ("cursor", cursor.as_deref())]);
        let answer: Answer = selling.get(visit, &api).await?;
        let next = answer.next.map(|next| selling.with(segments, &[("cursor", Some(&next))]));
        let (packages, blocked) = (answer.packages, answer.blocked);
        Ok(Self { packages, blocked, next, is_continued: cursor.is_some() })
    }

    /// Reads what a letter to the customer is about: the packages of which there is a version, and whether there are more.
    pub(super) async fn installable(
        visit: &Visit,
        selling: &Selling,
        api: &str,
    ) -> Result<(Vec<VisiblePackage>, bool), PageError> {
        let answer: Answer = selling.get(visit, &with_query(api, &[("limit", Some(MOST))])).await?;
        let mut packages = answer.packages;
        packages.retain(|package| !package.versions.is_empty());
        Ok((packages, answer.next.is_some()))
    }
}
