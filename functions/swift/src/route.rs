//! Paths below a repository.

use granary_model::swift::{ManifestName, SwiftIdentity, SwiftVersion};
use granary_model::{Error, Result};

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The registry itself.
    Base,
    /// The sign-in check.
    Login,
    /// Whether the registry is up.
    Availability,
    /// Packages by the address of their source.
    Identifiers,
    /// A package.
    Package(SwiftIdentity),
    /// A release: its metadata, its archive, and where it is published.
    Release(SwiftIdentity, Named),
    /// The manifest of a release.
    Manifest(SwiftIdentity, SwiftVersion),
}

/// The last segment of a release's path. What it means can depend on which release there is: with the release
/// `1.0.0+linux.zip` that is its metadata, with the release `1.0.0+linux` its archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The version, if the whole segment is one.
    pub(crate) exact: Option<SwiftVersion>,
    /// The version whose archive it names, if it can.
    pub(crate) archive: Option<SwiftVersion>,
    /// The version whose metadata it names with the suffix `.json`, if it can.
    pub(crate) json: Option<SwiftVersion>,
}

impl Named {
    fn parse(segment: &str) -> Result<Self> {
        let stem = |suffix: &str| {
            let at = segment.len().checked_sub(suffix.len())?;
            let (stem, end) = (segment.get(..at)?, segment.get(at..)?);
            if end.eq_ignore_ascii_case(suffix) { stem.parse::<SwiftVersion>().ok() } else { None }
        };
        let (archive, json) = (stem(".zip"), stem(".json"));
        match segment.parse::<SwiftVersion>() {
            Ok(version) => Ok(Self { exact: Some(version), archive, json }),
            Err(error) if archive.is_none() && json.is_none() => Err(error),
            Err(_) => Ok(Self { exact: None, archive, json }),
        }
    }

    /// The key that all of them share: they differ only in build metadata.
    pub(crate) fn key(&self) -> String {
        self.exact
            .as_ref()
            .or(self.archive.as_ref())
            .or(self.json.as_ref())
            .map_or_else(String::new, SwiftVersion::key)
    }
}

impl Route {
    /// Reads a path without its leading slash.
    ///
    /// # Errors
    /// `BadRequest` for names and versions that cannot be, `NotFound` for everything else.
    pub(crate) fn parse(path: &str) -> Result<Self> {
        let segments: Vec<&str> = path.split('/').collect();
        let identity = |scope: &str, name: &str| -> Result<SwiftIdentity> {
            Ok(SwiftIdentity { scope: scope.parse()?, name: name.parse()? })
        };
        match segments.as_slice() {
            [""] => Ok(Self::Base),
            ["login"] => Ok(Self::Login),
            ["availability"] => Ok(Self::Availability),
            ["identifiers"] => Ok(Self::Identifiers),
            [scope, name] => {
                // A name has no dot, so this is never part of one.
                let name = name
                    .rsplit_once('.')
                    .filter(|(_, end)| end.eq_ignore_ascii_case("json"))
                    .map_or(*name, |(name, _)| name);
                Ok(Self::Package(identity(scope, name)?))
            }
            [scope, name, version] => Ok(Self::Release(identity(scope, name)?, Named::parse(version)?)),
            [scope, name, version, ManifestName::MAIN] => {
                Ok(Self::Manifest(identity(scope, name)?, version.parse()?))
            }
            _ => Err(Error::NotFound("a Swift registry has nothing at this path".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> Named {
        match Route::parse(path).unwrap() {
            Route::Release(_, named) => named,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn suffixes_are_no_part_of_a_version_unless_they_have_to_be() {
        let version = |text: &str| Some(text.parse::<SwiftVersion>().unwrap());
        let none = None;
        for (segment, exact, archive, json) in [
            ("1.0.0", version("1.0.0"), none.clone(), none.clone()),
            ("1.0.0.zip", none.clone(), version("1.0.0"), none.clone()),
            ("1.0.0.json", none.clone(), none.clone(), version("1.0.0")),
            ("1.0.0-beta.1.zip", none.clone(), version("1.0.0-beta.1"), none.clone()),
            ("1.0.0+linux.zip", version("1.0.0+linux.zip"), version("1.0.0+linux"), none.clone()),
            ("1.0.0+linux.json", version("1.0.0+linux.json"), none.clone(), version("1.0.0+linux")),
            ("1.0.0+a.zip.zip", version("1.0.0+a.zip.zip"), version("1.0.0+a.zip"), none.clone()),
        ] {
            let named = named(&format!("mona/list/{segment}"));
            assert_eq!(
                (named.exact.clone(), named.archive.clone(), named.json.clone()),
                (exact, archive, json),
                "{segment}"
            );
            assert!(named.key().starts_with("1.0.0") && !named.key().contains('+'), "{segment}");
        }
    }

    #[test]
    fn paths_name_one_thing_each() {
        let identity: SwiftIdentity = "mona.list".parse().unwrap();
        assert_eq!(Route::parse("").unwrap(), Route::Base);
        assert_eq!(Route::parse("identifiers").unwrap(), Route::Identifiers);
        for path in ["mona/list", "mona/list.json", "mona/list.JSON"] {
            assert_eq!(Route::parse(path).unwrap(), Route::Package(identity.clone()), "{path}");
        }
        let manifest = Route::Manifest(identity, "1.0.0+linux.zip".parse().unwrap());
        assert_eq!(Route::parse("mona/list/1.0.0+linux.zip/Package.swift").unwrap(), manifest);
        for path in [
            "_x/list",
            "mona/pack~age",
            "mona/list/1_0.0",
            "mona/list/x.zip",
            "mona/-x/1.0.0",
            "mona/list/1.0.0.tar",
        ] {
            assert!(matches!(Route::parse(path), Err(Error::BadRequest(_))), "{path}");
        }
        for path in ["x", "a/b/1.0.0/package.swift", "a/b/1.0.0/Package.swift/x"] {
            assert!(matches!(Route::parse(path), Err(Error::NotFound(_))), "{path}");
        }
    }
}
