//! npm packages from other registries.

mod address;
mod advisories;
mod besides;
mod ingest;
mod packument;
mod refresh;
mod tarball;

pub use advisories::{Question, advisories};
pub use besides::{Hits, attestations, keys, search};
pub use packument::{Found, packument};
pub use refresh::{look_for_version, refresh, refresh_now};
pub use tarball::{Tarball, tarball};

use granary_model::PackageType;
use granary_model::npm::NpmName;
use granary_storage::PackageKey;
use granary_storage::rows::RepoRow;

/// The key of a package from an upstream: by its exact name, because there names may differ by case alone.
pub fn key(repo: &RepoRow, name: &NpmName) -> PackageKey {
    PackageKey { repo: repo.id.clone(), kind: PackageType::Npm, name: name.to_string() }
}
