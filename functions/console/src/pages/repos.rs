//! `/ui/new` and `/ui/repos/{repo}`: a repository, and what those who administer it do with it.

mod creation;
mod form;
mod members;
mod packages;
mod records;
mod settings;
mod upstreams;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use granary_http::AppState;
use serde::Deserialize;

use crate::address::path;
use crate::back::Problem;
use crate::pages::leave;
use crate::visit::Visit;

pub(crate) use form::TYPES;
pub(crate) use members::ROLES;
pub(crate) use packages::{Filter, KINDS, Package};

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/ui/new", get(creation::show_form).post(creation::create))
        .route("/ui/repos/{repo}", get(packages::show_repo))
        .route("/ui/repos/{repo}/members", get(members::show_members).post(members::set_member))
        .route("/ui/repos/{repo}/members/remove", get(leave).post(members::remove_member))
        .route("/ui/repos/{repo}/tokens", get(records::show_tokens).post(records::create_token))
        .route("/ui/repos/{repo}/tokens/revoke", get(leave).post(records::revoke_token))
        .route("/ui/repos/{repo}/settings", get(settings::show_settings).post(settings::change))
        .route("/ui/repos/{repo}/delete", get(leave).post(settings::delete))
        .route("/ui/repos/{repo}/audit", get(records::show_audit))
        .merge(upstreams::router())
}

/// A repository as whoever looks may see it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Repo {
    /// Its name, which is its address.
    pub(crate) id: String,
    /// Free text.
    pub(crate) description: Option<String>,
    /// What it takes: `npm`, `maven`, `swift`, `raw`, `composer`, `kmp`.
    pub(crate) package_types: Vec<String>,
    /// `private` or `public`.
    pub(crate) visibility: String,
    /// How many packages there are.
    pub(crate) package_count: u64,
    /// How often something of it was downloaded.
    pub(crate) download_count: u64,
    /// Bytes that are kept of upstreams, if there are any.
    pub(crate) cached_bytes: Option<u64>,
    /// Versions of which something is kept.
    pub(crate) cached_versions: Option<u64>,
    /// Last change of the repository itself.
    pub(crate) updated_at: String,
    /// The organisation that it belongs to.
    pub(crate) org_slug: Option<String>,
    /// What the viewer may do, if they belong to it: `read`, `write`, `admin`, `owner`. Lists do not say it.
    pub(crate) role: Option<String>,
    /// Where Kotlin Multiplatform libraries come from.
    pub(crate) kmp_config: Option<KmpConfig>,
    /// How Maven artifacts are kept, if it differs from the default.
    pub(crate) maven_config: Option<MavenConfig>,
}

/// Where Kotlin Multiplatform libraries come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KmpConfig {
    /// `artifacts` or `external`.
    #[serde(rename = "sourceType")]
    pub(crate) kind: String,
    /// A Maven repository here.
    pub(crate) source_repo_id: Option<String>,
    /// The address of one elsewhere.
    pub(crate) source_url: Option<String>,
}

/// How Maven artifacts are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MavenConfig {
    /// Builds of a snapshot that are kept.
    pub(crate) keep_snapshot_builds: u32,
}

#[derive(Deserialize)]
struct Answer {
    repo: Repo,
}

impl Repo {
    /// Asks for a repository.
    ///
    /// # Errors
    /// Those of the interface: 404 for one that the viewer may not know of, 401 if they might once they have signed in.
    pub(crate) async fn read(visit: &Visit, id: &str) -> Result<Self, Problem> {
        Ok(visit.get::<Answer>(&path(&["api", "repos", id])).await?.repo)
    }

    /// Whether the viewer belongs to it.
    pub(crate) fn is_insider(&self) -> bool {
        self.role.is_some()
    }

    /// Whether the viewer may publish.
    pub(crate) fn is_writable(&self) -> bool {
        matches!(self.role.as_deref(), Some("write" | "admin" | "owner"))
    }

    /// Whether the viewer may change settings, members and tokens.
    pub(crate) fn is_administered(&self) -> bool {
        matches!(self.role.as_deref(), Some("admin" | "owner"))
    }

    /// Whether the viewer may delete it.
    pub(crate) fn is_owned(&self) -> bool {
        self.role.as_deref() == Some("owner")
    }

    /// Whether everybody may read it.
    pub(crate) fn is_public(&self) -> bool {
        self.visibility == "public"
    }

    /// Whether it takes a type.
    pub(crate) fn has(&self, kind: &str) -> bool {
        self.package_types.iter().any(|own| own == kind)
    }

    /// The types of the packages that it can hold.
    pub(crate) fn protocols(&self) -> Vec<&'static str> {
        let is_built = |kind: &str| self.has("kmp") && matches!(kind, "npm" | "swift");
        KINDS.into_iter().filter(|kind| self.has(kind) || is_built(kind)).collect()
    }

    /// The beginning of its description.
    pub(crate) fn summary(&self) -> Option<String> {
        packages::summary(self.description.as_deref())
    }

    /// Path of a page of it below the registry's address: `tokens`, or empty for the packages.
    pub(crate) fn page(&self, tab: &str) -> String {
        page_of(&self.id, tab)
    }
}

/// The same by the repository's name.
fn page_of(repo: &str, tab: &str) -> String {
    let repo = ["ui", "repos", repo];
    if tab.is_empty() { path(&repo) } else { path(&[repo.as_slice(), &[tab]].concat()) }
}

/// Path of the interface below a repository.
fn api_of(repo: &str, what: &str) -> String {
    path(&["api", "repos", repo, what])
}

/// The repository in the path of a page.
type RepoName = Path<String>;
