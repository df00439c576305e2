//! Where in an archive the package is, and its manifests.

use std::collections::{BTreeSet, HashSet};

use granary_model::swift::ManifestName;
use granary_model::{Error, Result};

use super::Layout;
use crate::zip_archive::directory::Entry;
use crate::zip_archive::kind::Kind;
use crate::zip_archive::names::folded;
use crate::zip_archive::{ArchiveLimits, refuse, refuse_entry, shown};

/// Folder in which tools of macOS put resource forks.
const RESOURCE_FORKS: &str = "__MACOSX";

/// The package of an archive.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) layout: Layout,
    /// Positions of its manifests, `Package.swift` first, the others in order of their names.
    pub(super) manifests: Vec<usize>,
}

/// Finds the package: at the root if `Package.swift` is there, else in the only folder.
pub(super) fn find(entries: &[Entry], limits: &ArchiveLimits) -> Result<Package> {
    let is_bare = entries.iter().any(|entry| entry.name == ManifestName::MAIN);
    let layout = if is_bare { Layout::Bare } else { Layout::Folder(only_folder(entries)?.to_owned()) };
    if let Layout::Folder(folder) = &layout {
        check_beside(entries, folder)?;
    }
    let manifests = manifests(entries, &layout, limits)?;
    Ok(Package { layout, manifests })
}

/// The top-level folder. SwiftPM unpacks an archive only if it has exactly one.
fn only_folder(entries: &[Entry]) -> Result<&str> {
    let folders: BTreeSet<&str> =
        entries.iter().filter_map(|entry| entry.name.split_once('/')).map(|(folder, _)| folder).collect();
    let mut names = folders.iter().copied();
    match (names.next(), names.next()) {
        (None, _) => Err(refuse(
            "has no Package.swift, and no folder in which it could be; make it with `git archive` or `zip -r x.zip folder`",
        )),
        (Some(only), None) => Ok(only),
        (Some(first), Some(second)) => Err(several_folders(&folders, first, second)),
    }
}

fn several_folders(folders: &BTreeSet<&str>, first: &str, second: &str) -> Error {
    let more = if folders.len() > 2 { format!(" and {} more", folders.len() - 2) } else { String::new() };
    let what_to_do = if folders.contains(RESOURCE_FORKS) {
        "leave out __MACOSX, as `ditto -c -k --norsrc --keepParent folder x.zip` or `zip -r -X x.zip folder` does"
    } else {
        "put all into one, as `git archive --format=zip --prefix=folder/ HEAD` or `zip -r x.zip folder` does"
    };
    refuse(&format!(
        "has {} top-level folders ('{}', '{}'{more}), and SwiftPM unpacks an archive only if it has one; {what_to_do}",
        folders.len(),
        shown(first),
        shown(second),
    ))
}

/// Checks the files beside the top-level folder. SwiftPM leaves them where they are and moves what is in the folder
/// beside them, so they become part of the package.
fn check_beside(entries: &[Entry], folder: &str) -> Result<()> {
    let beside = || entries.iter().filter(|entry| !entry.name.contains('/'));
    if beside().next().is_none() {
        return Ok(());
    }
    let inside: HashSet<String> =
        entries.iter().filter_map(|entry| part_below(entry, folder)).map(|(part, _)| folded(part)).collect();
    for entry in beside() {
        let fault = if entry.kind == Kind::Link {
            "that is a symlink beside the top-level folder, where SwiftPM may take it for a second one; move it into the folder"
        } else if passes_for_manifest(&entry.name) {
            "that is a manifest beside the top-level folder; move it into the folder"
        } else if inside.contains(&folded(&entry.name)) {
            "both beside the top-level folder and in it, where SwiftPM moves one over the other; remove one of them"
        } else {
            continue;
        };
        return Err(refuse_entry(&entry.name, fault));
    }
    Ok(())
}

/// The part of a name directly below a folder, or at the root, and whether it is the whole rest.
fn part_below<'a>(entry: &'a Entry, folder: &str) -> Option<(&'a str, bool)> {
    let below = match folder {
        "" => &entry.name,
        _ => entry.name.strip_prefix(folder)?.strip_prefix('/').filter(|below| !below.is_empty())?,
    };
    Some(below.split_once('/').map_or((below, true), |(part, _)| (part, false)))
}

/// Positions of all manifests.
fn manifests(entries: &[Entry], layout: &Layout, limits: &ArchiveLimits) -> Result<Vec<usize>> {
    let folder = match layout {
        Layout::Folder(folder) => folder.as_str(),
        Layout::Bare => "",
    };
    let mut found = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some((part, is_whole)) = part_below(entry, folder) else { continue };
        if !passes_for_manifest(part) {
            continue;
        }
        if !is_manifest(part) {
            return Err(refuse_entry(
                &entry.name,
                "whose name some systems take for that of a manifest; write it as Package.swift or Package@swift-5.9.swift",
            ));
        }
        if !is_whole || entry.kind != Kind::File {
            return Err(refuse_entry(
                &entry.name,
                "in place of a manifest, which must be a regular file; rename it",
            ));
        }
        check_size(entry, limits)?;
        found.push((part, index));
    }
    if found.len() > limits.manifests {
        return Err(refuse(&format!("has more than {} manifests; remove some", limits.manifests)));
    }
    // Package.swift comes first: the others have an '@' where it has the dot, which is before that.
    found.sort_unstable();
    if found.first().is_none_or(|(name, _)| *name != ManifestName::MAIN) {
        return Err(refuse(&format!(
            "has no Package.swift, neither at its root nor in its top-level folder '{}'; put it there",
            shown(folder)
        )));
    }
    Ok(found.into_iter().map(|(_, index)| index).collect())
}

fn check_size(entry: &Entry, limits: &ArchiveLimits) -> Result<()> {
    if entry.size == 0 {
        return Err(refuse_entry(&entry.name, "that is an empty manifest; write one or remove it"));
    }
    if entry.size > limits.manifest_bytes {
        let why = format!("that is a manifest of more than {} bytes; shorten it", limits.manifest_bytes);
        return Err(refuse_entry(&entry.name, &why));
    }
    Ok(())
}

/// Whether a file is a manifest of a package.
fn is_manifest(file: &str) -> bool {
    ManifestName::parse(file).is_some()
}

/// Whether a file is a manifest to some file system: of another case, with dots or blanks at its end (Windows),
/// or naming a stream of it (NTFS).
fn passes_for_manifest(file: &str) -> bool {
    let folded = folded(file);
    let name = folded.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    name.strip_prefix("package").is_some_and(|rest| is_manifest(&format!("Package{rest}")))
}
