//! The package that a path names.

use std::sync::Arc;

use axum::http::HeaderMap;
use granary_http::permit::Read;
use granary_http::{AppState, RepoAccess, shown};
use granary_model::composer::{ComposerName, ComposerVersion};
use granary_model::maven::{MavenVersion, split_key};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::raw::{RawName, RawVersion};
use granary_model::swift::{SwiftIdentity, SwiftVersion};
use granary_model::{Error, PackageType, Result};
use granary_storage::PackageKey;
use granary_storage::rows::HeadRow;

/// A package that a caller may read as a whole.
#[derive(Debug)]
pub(crate) struct Named {
    /// The right, with the version that was asked for.
    pub(crate) access: RepoAccess<Read>,
    /// The package.
    pub(crate) package: PackageKey,
    /// Its head.
    pub(crate) head: Arc<HeadRow>,
}

impl Named {
    /// Authorises a request for a package, and reads the package and one version of it in the same call. A package of an
    /// upstream whose name is not in lower case takes another one.
    ///
    /// # Errors
    /// `NotFound` for a package without live versions, and for a name that no package of the protocol can have. Of a package
    /// from an upstream those who belong to the repository see also that no version of it can be had.
    pub(crate) async fn authorize(
        state: &AppState,
        headers: &HeaderMap,
        (repo, kind, name): (&str, &str, &str),
        version: Option<&str>,
    ) -> Result<Self> {
        let parsed: Option<PackageType> = kind.parse().ok();
        let keys = parsed.map(|kind| any_key(kind, name)).unwrap_or_default();
        let version = parsed.and_then(|kind| version_key(kind, version?));
        let mut keys = keys.iter().map(String::as_str);
        let mut key = keys.next();
        let read = async |key: Option<&str>| {
            let about = parsed.zip(key);
            RepoAccess::<Read>::authorize_version(state, headers, repo, about, version.as_deref()).await
        };
        let mut access = read(key).await?;
        // At an upstream names may differ by case alone. Unless the name, in any case, is that of a package here.
        let is_owned = access.head.as_ref().is_some_and(|head| head.is_owned());
        if let Some(exact) = keys.next().filter(|_| !is_owned && !access.repo.upstreams.is_empty()) {
            key = Some(exact);
            access = read(key).await?;
        }
        let mut head = access.head.clone();
        if let Some(found) = head.as_ref().filter(|head| head.versions == 0) {
            // What is left of a package whose versions are all deleted is nobody's business.
            let is_shown = found.upstream.is_some() && access.is_insider(state).await?;
            head = head.filter(|_| is_shown);
        }
        let (Some((kind, name)), Some(head)) = (parsed.zip(key), head) else {
            return Err(Error::NotFound(format!(
                "package '{}' of type '{}' not found in repository '{}'",
                shown(name),
                shown(kind),
                access.repo.id
            )));
        };
        Ok(Self { package: access.package_key(kind, name), access, head })
    }
}

/// The name that rows of a package are kept under; `None` for what cannot be the name of one.
fn key_of(kind: PackageType, name: &str) -> Option<String> {
    match kind {
        PackageType::Npm => name.parse().ok().map(|name: NpmName| name.key()),
        PackageType::Maven => split_key(name).ok().map(|(group, artifact)| format!("{group}:{artifact}")),
        PackageType::Swift => name.parse().ok().map(|name: SwiftIdentity| name.key()),
        PackageType::Composer => name.parse().ok().map(|name: ComposerName| name.to_string()),
        PackageType::Raw => name.parse().ok().map(|name: RawName| name.to_string()),
        PackageType::Kmp => None,
    }
}

/// The names that rows of a package may be kept under: the normalised one, and for a package of npm's from an upstream its exact
/// one. None for what cannot be the name of one.
pub(crate) fn any_key(kind: PackageType, name: &str) -> Vec<String> {
    let Some(key) = key_of(kind, name) else { return Vec::new() };
    let exact = Some(name.to_owned()).filter(|name| kind == PackageType::Npm && *name != key);
    [Some(key), exact].into_iter().flatten().collect()
}

/// What a version is kept under in keys; `None` for what cannot be one.
pub(crate) fn version_key(kind: PackageType, version: &str) -> Option<String> {
    match kind {
        PackageType::Npm => version.parse().ok().map(|version: NpmVersion| version.to_string()),
        PackageType::Maven => version.parse().ok().map(|version: MavenVersion| version.to_string()),
        PackageType::Swift => version.parse().ok().map(|version: SwiftVersion| version.key()),
        PackageType::Composer => {
            version.parse().ok().map(|version: ComposerVersion| version.normalized().to_owned())
        }
        PackageType::Raw => version.parse().ok().map(|version: RawVersion| version.to_string()),
        PackageType::Kmp => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_as_keys_have_them() {
        for (kind, name, key) in [
            (PackageType::Npm, "@Scope/Name", Some("@scope/name")),
            (PackageType::Npm, "a/b", None),
            (PackageType::Maven, "com.example:lib", Some("com.example:lib")),
            (PackageType::Maven, "com.example", None),
            (PackageType::Swift, "Mona.LinkedList", Some("mona.linkedlist")),
            (PackageType::Swift, "mona/LinkedList", None),
            (PackageType::Composer, "Acme/Tool", Some("acme/tool")),
            (PackageType::Raw, "Tool", Some("Tool")),
            (PackageType::Raw, "a/b", None),
            (PackageType::Kmp, "a", None),
        ] {
            assert_eq!(key_of(kind, name).as_deref(), key, "{kind} {name}");
        }
        for (kind, version, key) in [
            (PackageType::Npm, "1.0.0+build", Some("1.0.0")),
            (PackageType::Npm, "latest", None),
            (PackageType::Maven, "1.0-SNAPSHOT", Some("1.0-SNAPSHOT")),
            (PackageType::Maven, "a/b", None),
            (PackageType::Swift, "1.0.0-RC.1+b", Some("1.0.0-rc.1")),
            (PackageType::Composer, "v1.2", Some("1.2.0.0")),
            (PackageType::Raw, "today", Some("today")),
            (PackageType::Raw, "", None),
            (PackageType::Kmp, "1", None),
        ] {
            assert_eq!(version_key(kind, version).as_deref(), key, "{kind} {version}");
        }
    }
}
