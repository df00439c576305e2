//! Files of a local Maven repository: which belong to a version, and which the client made for itself.

use crate::maven_metadata::is_timestamp;

/// What a file in a version's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Belongs to the version.
    Artifact,
    /// Is left out, for this reason.
    LeftOut(&'static str),
}

/// Endings of checksum files.
const SUMS: [&str; 4] = ["md5", "sha1", "sha256", "sha512"];

/// Endings of what resolvers leave while and after they download.
const TRACES: [&str; 5] = ["lastUpdated", "part", "lock", "tmp", "repositories"];

/// What the file `name` in the folder of `artifact` and `version` is.
pub(super) fn role(artifact: &str, version: &str, name: &str) -> Role {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if SUMS.contains(&ending) {
        return Role::LeftOut("checksums are made by the registry");
    }
    if name.starts_with("maven-metadata") {
        return Role::LeftOut("metadata is made by the registry");
    }
    let note = ["resolver-status.properties", "m2e-lastUpdated.properties"].contains(&name);
    if note || name.starts_with('.') || name.starts_with("_remote") || TRACES.contains(&ending) {
        return Role::LeftOut("a note of a Maven client");
    }
    if suffix(artifact, version, name).is_some() || is_ivy_file(version, name) {
        return Role::Artifact;
    }
    Role::LeftOut("not named after artifact and version")
}

/// What follows artifact and version in a file name: classifier and ending, as in `-sources.jar` or `.pom`. In
/// a snapshot version also after a timestamp and a build number.
pub(super) fn suffix<'a>(artifact: &str, version: &str, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(artifact)?.strip_prefix('-')?;
    let found = match rest.strip_prefix(version) {
        Some(suffix) => suffix,
        None => split_build(version, rest)?.2,
    };
    (found.starts_with('.') || found.starts_with('-')).then_some(found)
}

/// Timestamp and build number in the name of a snapshot's file, if it has them.
pub(super) fn build(artifact: &str, version: &str, name: &str) -> Option<(String, u64)> {
    let rest = name.strip_prefix(artifact)?.strip_prefix('-')?;
    let (timestamp, number, _) = split_build(version, rest)?;
    Some((timestamp.to_owned(), number))
}

fn split_build<'a>(version: &str, rest: &'a str) -> Option<(&'a str, u64, &'a str)> {
    let base = version.strip_suffix("SNAPSHOT")?;
    let rest = rest.strip_prefix(base)?;
    let (timestamp, rest) = rest.split_at_checked(15)?;
    let rest = rest.strip_prefix('-').filter(|_| is_timestamp(timestamp))?;
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = rest.split_at_checked(end)?;
    Some((timestamp, number.parse().ok()?, suffix))
}

/// Ivy keeps its own description of a module beside the POM.
fn is_ivy_file(version: &str, name: &str) -> bool {
    name.strip_prefix("ivy-")
        .and_then(|rest| rest.strip_prefix(version))
        .is_some_and(|rest| rest == ".xml" || rest == ".xml.asc")
}

/// Whether a file is a POM or the signature of one.
pub(super) fn is_pom(name: &str) -> bool {
    // Maven knows the ending in lower case only.
    let name = name.strip_suffix(".asc").unwrap_or(name);
    name.rsplit_once('.').is_some_and(|(_, ending)| ending == "pom")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_version_and_others() {
        for name in [
            "lib-1.0.jar",
            "lib-1.0.pom",
            "lib-1.0-sources.jar",
            "lib-1.0.pom.asc",
            "lib-1.0.module",
            "lib-1.0.tar.gz",
            "ivy-1.0.xml",
        ] {
            assert_eq!(role("lib", "1.0", name), Role::Artifact, "{name}");
        }
        for name in [
            "lib-1.0.jar.sha1",
            "lib-1.0.pom.asc.md5",
            "lib-1.0.jar.sha512",
            "_remote.repositories",
            "_maven.repositories",
            "resolver-status.properties",
            "m2e-lastUpdated.properties",
            "maven-metadata-local.xml",
            "maven-metadata.xml",
            "lib-1.0.jar.lastUpdated",
            "lib-1.0.jar.part",
            ".lib-1.0.jar",
            "lib-1.01.jar",
            "lib-1.0",
            "other-1.0.jar",
            "lib1.0.jar",
            "readme.txt",
        ] {
            assert!(matches!(role("lib", "1.0", name), Role::LeftOut(_)), "{name}");
        }
    }

    #[test]
    fn snapshots_have_two_forms() {
        let version = "1.0-SNAPSHOT";
        assert_eq!(suffix("lib", version, "lib-1.0-SNAPSHOT-sources.jar"), Some("-sources.jar"));
        assert_eq!(suffix("lib", version, "lib-1.0-20260102.030405-12-sources.jar"), Some("-sources.jar"));
        assert_eq!(build("lib", version, "lib-1.0-SNAPSHOT.jar"), None);
        let found = build("lib", version, "lib-1.0-20260102.030405-12.jar");
        assert_eq!(found, Some(("20260102.030405".to_owned(), 12)));
        for name in
            ["lib-1.0-2026.jar", "lib-1.0-20260102.030405-.jar", "lib-1.0.jar", "lib-1.0-20260102.0304é"]
        {
            assert_eq!(suffix("lib", version, name), None, "{name}");
        }
    }

    #[test]
    fn poms_and_their_signatures() {
        assert!(is_pom("a-1.pom") && is_pom("a-1.pom.asc") && !is_pom("a-1.jar") && !is_pom("a-1.jar.asc"));
    }
}
