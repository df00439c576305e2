//! Plans of local Maven repositories.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::api::{Api, segment};
use crate::arguments::MavenArguments;
use crate::failure::{Failure, Result};
use crate::maven_metadata::{self, Build, newest_build, second_after};
use crate::plan::maven_layout::{Role, build, role, suffix};
use crate::plan::{LeftOut, LocalFile, Plan, PlannedFile, PlannedVersion};
use crate::wire::{Coordinates, PackageType};

/// Deeper folders are not looked into; a group of 60 words is none.
const DEEPEST: usize = 64;

/// Finds the versions below a folder.
pub(super) fn plan(arguments: &MavenArguments) -> Result<Plan> {
    let mut plan = Plan::default();
    let mut seen = 0;
    let mut folders = vec![(arguments.folder.clone(), Vec::new())];
    while let Some((folder, names)) = folders.pop() {
        let (files, below) = list(&folder, &names)?;
        folders.extend(below);
        let Some(coordinates) = coordinates(&names) else { continue };
        let (Some(artifact), Some(version)) = (&coordinates.artifact_id, &coordinates.version) else {
            continue;
        };
        let (mut planned, mut left_out) = (Vec::new(), Vec::new());
        for (name, path) in files {
            match role(artifact, version, &name) {
                Role::Artifact => planned.push(PlannedFile { name, path }),
                Role::LeftOut(why) => left_out.push(LeftOut { path, why }),
            }
        }
        if planned.is_empty() {
            // A folder above the versions, with metadata of its own, or an attempt to download that failed.
            continue;
        }
        seen += 1;
        if arguments.filter.as_ref().is_none_or(|prefix| label(&coordinates).starts_with(prefix.as_str())) {
            plan.versions.push(PlannedVersion { coordinates, files: planned });
            plan.left_out.extend(left_out);
        }
    }
    if plan.versions.is_empty() {
        let folder = arguments.folder.display();
        return Err(match &arguments.filter {
            Some(prefix) if seen > 0 => {
                Failure::usage(format!("none of the {seen} versions in {folder} begins with '{prefix}'"))
                    .next("--filter is the beginning of group:artifact:version, as in com.example:lib:1.")
            }
            _ => Failure::usage(format!("there is no version in {folder}"))
                .next("Name the folder in which the groups begin, as ~/.m2/repository is one"),
        });
    }
    plan.versions.sort_by_key(|version| label(&version.coordinates));
    Ok(plan)
}

type Files = Vec<(String, PathBuf)>;
type Folders = Vec<(PathBuf, Vec<String>)>;

/// Files and folders of a folder, both sorted. Links to folders are not followed: they can lead round in
/// circles.
fn list(folder: &Path, names: &[String]) -> Result<(Files, Folders)> {
    let explain = |error: std::io::Error| Failure::file("read", folder, &error);
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(explain)? {
        let entry = entry.map_err(explain)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().map_err(explain)?;
        let path = entry.path();
        if kind.is_dir() {
            if !name.starts_with('.') && names.len() < DEEPEST {
                let mut below = names.to_vec();
                below.push(name);
                folders.push((path, below));
            }
        } else if fs::metadata(&path).is_ok_and(|known| known.is_file()) {
            files.push((name, path));
        }
    }
    files.sort();
    folders.sort();
    Ok((files, folders))
}

/// Coordinates of a folder that could be a version's: at least one word of group, an artifact, a version.
fn coordinates(names: &[String]) -> Option<Coordinates> {
    let [group @ .., artifact, version] = names else { return None };
    if group.is_empty() {
        return None;
    }
    Some(Coordinates {
        group_id: Some(group.join(".")),
        artifact_id: Some(artifact.clone()),
        version: Some(version.clone()),
        ..Coordinates::of(PackageType::Maven)
    })
}

fn label(coordinates: &Coordinates) -> String {
    let package = coordinates.package().unwrap_or_default();
    format!("{package}:{}", coordinates.version.as_deref().unwrap_or_default())
}

/// What becomes of a version's files.
#[derive(Debug)]
pub(super) enum Numbered {
    /// The newest build on the server has the same bytes.
    AlreadyThere(Vec<LocalFile>),
    /// To be sent, under these names.
    Send(Vec<LocalFile>),
}

/// Gives files named after a SNAPSHOT version the name of a build: number and time, as `mvn deploy` does.
///
/// The number is the next one after the registry's. The time is when the newest of the files was written, or a
/// second after the registry's newest build if that is later; so the same files give the same names when an
/// interrupted push is repeated, and builds sort by time as they do by number.
///
/// # Errors
/// When the registry cannot be asked.
pub(super) async fn number_snapshots(
    api: &Api,
    repo: &str,
    coordinates: &Coordinates,
    files: Vec<LocalFile>,
) -> Result<Numbered> {
    let (Some(group), Some(artifact), Some(version)) =
        (&coordinates.group_id, &coordinates.artifact_id, &coordinates.version)
    else {
        return Ok(Numbered::Send(files));
    };
    let (mut literal, mut numbered): (Vec<LocalFile>, Vec<LocalFile>) = files
        .into_iter()
        .partition(|file| version.ends_with("SNAPSHOT") && is_literal(artifact, version, &file.name));
    // A resolver keeps the file it downloaded, and a copy under the plain name.
    literal.retain(|file| !numbered.iter().any(|other| is_copy(artifact, version, file, other)));
    if literal.is_empty() {
        return Ok(Numbered::Send(numbered));
    }
    let folder = group.split('.').chain([artifact.as_str(), version.as_str()]);
    let folder = folder.map(|name| segment(name).to_string()).collect::<Vec<_>>().join("/");
    let metadata = api.maven_text(repo, &format!("{folder}/maven-metadata.xml")).await?;
    let known = metadata.as_deref().and_then(newest_build);
    if known.is_some() && numbered.is_empty() && newest_is(api, repo, &folder, &literal).await? {
        return Ok(Numbered::AlreadyThere(literal));
    }
    let next = next_build(known, artifact, version, &literal, &numbered)?;
    let base = version.strip_suffix("SNAPSHOT").unwrap_or(version);
    for mut file in literal {
        let suffix = suffix(artifact, version, &file.name).unwrap_or_default();
        file.name = format!("{artifact}-{base}{}-{}{suffix}", next.timestamp, next.number);
        numbered.push(file);
    }
    Ok(Numbered::Send(numbered))
}

fn is_literal(artifact: &str, version: &str, name: &str) -> bool {
    build(artifact, version, name).is_none() && suffix(artifact, version, name).is_some()
}

fn is_copy(artifact: &str, version: &str, literal: &LocalFile, other: &LocalFile) -> bool {
    literal.measured == other.measured
        && suffix(artifact, version, &literal.name) == suffix(artifact, version, &other.name)
}

/// Whether the registry answers the plain names with exactly these bytes: its newest build is this one.
async fn newest_is(api: &Api, repo: &str, folder: &str, files: &[LocalFile]) -> Result<bool> {
    for file in files {
        let sum = api.maven_text(repo, &format!("{folder}/{}.sha256", segment(&file.name))).await?;
        if sum.is_none_or(|sum| sum.trim() != file.measured.sha256) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn next_build(
    known: Option<Build>,
    artifact: &str,
    version: &str,
    literal: &[LocalFile],
    numbered: &[LocalFile],
) -> Result<Build> {
    let local = numbered.iter().filter_map(|file| build(artifact, version, &file.name));
    let local = local.map(|(timestamp, number)| Build { timestamp, number });
    let others: BTreeMap<u64, String> =
        known.into_iter().chain(local).map(|build| (build.number, build.timestamp)).collect();
    let written = literal.iter().filter_map(|file| written(&file.path)).max();
    let written = written.ok_or_else(|| {
        Failure::failed(format!("the files of {artifact} {version} have no time at which they were written"))
    })?;
    let mut timestamp = maven_metadata::timestamp(written);
    if let Some(newest) = others.values().max()
        && timestamp <= *newest
    {
        timestamp = second_after(newest).unwrap_or(timestamp);
    }
    let number = others.last_key_value().map_or(1, |(number, _)| number.saturating_add(1));
    Ok(Build { timestamp, number })
}

fn written(path: &Path) -> Option<jiff::Timestamp> {
    fs::metadata(path).ok()?.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::PushOptions;
    use crate::arguments::ServerArgument;

    fn arguments(folder: &Path, filter: Option<&str>) -> MavenArguments {
        let server = ServerArgument { server: None };
        let options = PushOptions { repo: "r".into(), server, jobs: 1, json: false, quiet: false };
        MavenArguments { folder: folder.to_owned(), filter: filter.map(str::to_owned), options }
    }

    fn write(folder: &Path, names: &[&str]) {
        for name in names {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
    }

    #[test]
    fn versions_are_found_and_filtered() {
        let folder = tempfile::tempdir().unwrap();
        write(
            folder.path(),
            &[
                "com/example/lib/1.0/lib-1.0.jar",
                "com/example/lib/1.0/lib-1.0.pom",
                "com/example/lib/1.0/lib-1.0.jar.sha1",
                "com/example/lib/1.0/_remote.repositories",
                "com/example/lib/2.0/lib-2.0.pom",
                "com/example/lib/3.0/lib-3.0.pom.lastUpdated",
                "com/example/lib/maven-metadata-local.xml",
                "com/example/other/1.0/other-1.0.pom",
                ".cache/x/y/1/y-1.pom",
                "top.txt",
            ],
        );
        let found = plan(&arguments(folder.path(), None)).unwrap();
        let labels: Vec<String> = found.versions.iter().map(|version| label(&version.coordinates)).collect();
        assert_eq!(labels, ["com.example:lib:1.0", "com.example:lib:2.0", "com.example:other:1.0"]);
        assert_eq!(found.left_out.len(), 2);
        let found = plan(&arguments(folder.path(), Some("com.example:lib:2"))).unwrap();
        assert_eq!(found.versions.len(), 1);
        let failure = plan(&arguments(folder.path(), Some("org"))).unwrap_err();
        assert!(failure.message.contains("none of the 3 versions"), "{failure}");
        let failure = plan(&arguments(&folder.path().join(".cache"), None)).map(|_| ());
        assert!(failure.is_ok(), "a folder that is named is looked into");
        assert!(plan(&arguments(&folder.path().join("com/example/lib"), None)).is_err());
    }

    fn file(folder: &Path, name: &str) -> LocalFile {
        write(folder, &[name]);
        let path = folder.join(name);
        let measured = crate::digest::measure(&path, &crate::progress::Progress::hidden()).unwrap();
        LocalFile { name: name.into(), path, measured }
    }

    #[test]
    fn the_next_build_comes_after_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let literal = [file(folder.path(), "lib-1-SNAPSHOT.jar")];
        let first = next_build(None, "lib", "1-SNAPSHOT", &literal, &[]).unwrap();
        assert_eq!(first.number, 1);
        assert_eq!(next_build(None, "lib", "1-SNAPSHOT", &literal, &[]).unwrap(), first, "repeatable");
        let known = Some(Build { timestamp: "20991231.235959".into(), number: 7 });
        let local = [file(folder.path(), "lib-1-20300101.000000-9.jar")];
        let next = next_build(known, "lib", "1-SNAPSHOT", &literal, &local).unwrap();
        assert_eq!(next, Build { timestamp: "21000101.000000".into(), number: 10 });
    }
}
