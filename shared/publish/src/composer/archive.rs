//! Archives of packages: where `composer.json` is in them.
//!
//! Composer unpacks with `unzip`, `7z` or PHP's own reader, whichever there is, and these do different things with a
//! symlink. So there are none in an archive. What any zip has to be like is in `zip_archive`.

use std::io::{Read, Seek};

use granary_model::Result;

use crate::zip_archive::directory::Entry;
use crate::zip_archive::kind::Kind;
use crate::zip_archive::names::folded;
use crate::zip_archive::source::Source;
use crate::zip_archive::{ArchiveLimits, Directory, refuse, refuse_entry, shown};

/// Name of the manifest.
const MANIFEST: &str = "composer.json";

/// What Composer overlooks when it looks for a single top-level folder.
const OVERLOOKED: &str = ".DS_Store";

/// What an archive may cost.
pub type PackageLimits = ArchiveLimits;

/// An archive that every client unpacks in the same way.
#[derive(Debug)]
pub struct PackageArchive {
    /// Its `composer.json`, each byte as it is in the archive.
    pub manifest: Vec<u8>,
}

impl PackageArchive {
    /// Reads an archive once, from its first byte to its last, after a look at its end. All data are inflated and
    /// compared with their checksums. Memory is needed for the directory and `composer.json`, not for the data.
    ///
    /// # Errors
    /// `Unprocessable` that names the entry and says what to do, or that the reader failed.
    pub fn read<R: Read + Seek>(reader: &mut R, limits: &PackageLimits) -> Result<Self> {
        let mut source = Source::open(reader)?;
        let mut directory = Directory::read(&mut source, limits)?;
        if let Some(link) = directory.entries.iter().find(|entry| entry.kind == Kind::Link) {
            return Err(refuse_entry(
                &link.name,
                "that is a symlink, which programs unpack differently; replace it by what it leads to",
            ));
        }
        let place = find(&directory.entries, limits)?;
        let kept = directory.read_data(&mut source, |index, _| index == place)?;
        let manifest = kept.into_iter().next().map(|(_, content)| content).unwrap_or_default();
        Ok(Self { manifest })
    }
}

/// Position of `composer.json`: at the root, else in the only top-level folder, which Composer takes off.
fn find(entries: &[Entry], limits: &PackageLimits) -> Result<usize> {
    let is_bare = entries.iter().any(|entry| entry.name == MANIFEST);
    let wanted = if is_bare { MANIFEST.to_owned() } else { format!("{}/{MANIFEST}", only_folder(entries)?) };
    let mut alike = entries.iter().enumerate().filter(|(_, entry)| folded(entry.path()) == folded(&wanted));
    let found = alike.find(|(_, entry)| entry.name == wanted && entry.kind == Kind::File);
    let Some((place, entry)) = found else { return Err(missing(&wanted)) };
    let mut alike = entries.iter().filter(|entry| folded(entry.path()) == folded(&wanted));
    if let Some(other) = alike.find(|other| other.name != wanted) {
        return Err(refuse_entry(&other.name, "that some systems take for composer.json; rename it"));
    }
    if entry.size > limits.manifest_bytes {
        let why = format!("that has more than {} bytes; shorten it", limits.manifest_bytes);
        return Err(refuse_entry(&entry.name, &why));
    }
    Ok(place)
}

/// The one top-level folder, if there is nothing beside it.
fn only_folder(entries: &[Entry]) -> Result<&str> {
    let mut tops = entries.iter().map(|entry| entry.name.split_once('/').unwrap_or((&entry.name, "")).0);
    let mut tops = tops.by_ref().filter(|top| *top != OVERLOOKED);
    let first = tops.next().unwrap_or_default();
    if let Some(other) = tops.find(|top| *top != first) {
        return Err(refuse(&format!(
            "has no composer.json at its root, and more than one top-level entry ('{}', '{}'), so that Composer would \
             not look into a folder; put composer.json at the root, or everything into one folder as \
             `git archive --format=zip --prefix=folder/ HEAD` does",
            shown(first),
            shown(other)
        )));
    }
    Ok(first)
}

fn missing(wanted: &str) -> granary_model::Error {
    refuse(&format!("has no file {}, where Composer expects composer.json; put it there", shown(wanted)))
}

#[cfg(test)]
mod tests;
