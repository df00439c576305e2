//! Source archives: the zip of a release, found out about without unpacking it.
//!
//! SwiftPM unpacks with Info-ZIP's `unzip`, on Windows with bsdtar, and takes the one folder it finds for the
//! package. What any zip has to be like is in `zip_archive`; here is what a release has to be like besides.
//!
//! What remains is up to the file system: files whose names differ in case only, or in the normal form of Unicode, are
//! two on Linux and one on a Mac or on Windows. As they are in many repositories of Git, they are taken, except where
//! one of them is a manifest or a symlink.

mod layout;
mod links;
mod spelling;
#[cfg(test)]
mod tests;
mod wrap;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

use granary_model::{Error, Result};

use crate::zip_archive::directory::Entry;
use crate::zip_archive::kind::Kind;
use crate::zip_archive::source::Source;
use crate::zip_archive::{Directory, refuse, refuse_entry};
use links::Link;

pub use crate::zip_archive::ArchiveLimits;

/// Where in an archive the package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// In the one top-level folder, of this name. Files beside it, which SwiftPM tolerates, are no manifests.
    Folder(String),
    /// At the root, where SwiftPM cannot unpack it.
    Bare,
}

/// A manifest of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its file name, such as `Package.swift` or `Package@swift-5.9.swift`.
    pub name: String,
    /// Its content, with each byte as it is in the archive; neither empty nor over
    /// [`ArchiveLimits::manifest_bytes`].
    pub text: String,
}

/// An archive that every client unpacks in the same way.
#[derive(Debug)]
pub struct SourceArchive {
    /// Where the package is.
    pub layout: Layout,
    /// Its manifests: `Package.swift`, then the ones for versions of Swift in order of their names.
    pub manifests: Vec<Manifest>,
    /// In the order in which they lie in the archive.
    entries: Vec<Entry>,
    limits: ArchiveLimits,
}

impl SourceArchive {
    /// Reads an archive once, from its first byte to its last, after a look at its end. All data are inflated and
    /// compared with their checksums.
    ///
    /// Memory is needed for the directory, manifests and targets of symlinks, not for the data.
    ///
    /// # Errors
    /// `Unprocessable` that names the entry and says what to do, or that the reader failed.
    pub fn read<R: Read + Seek>(reader: &mut R, limits: &ArchiveLimits) -> Result<Self> {
        let mut source = Source::open(reader)?;
        let mut directory = Directory::read(&mut source, limits)?;
        check_links_cost(&directory.entries, limits)?;
        let package = layout::find(&directory.entries, limits)?;
        let floor = usize::from(package.layout != Layout::Bare);
        spelling::check(&directory.entries, floor)?;
        let wanted: HashSet<usize> = package.manifests.iter().copied().collect();
        let kept = directory
            .read_data(&mut source, |index, entry| entry.kind == Kind::Link || wanted.contains(&index))?;
        let entries = directory.entries;
        let mut kept: HashMap<usize, Vec<u8>> = kept.into_iter().collect();
        let manifests = package
            .manifests
            .iter()
            .map(|index| manifest(&entries, *index, &mut kept))
            .collect::<Result<_>>()?;
        check_links(&entries, kept, floor)?;
        Ok(Self { layout: package.layout, manifests, entries, limits: *limits })
    }

    /// Writes the same archive with everything below a folder, to `out` in pieces. It is read like this one, within
    /// the same limits, with [`Layout::Folder`].
    ///
    /// Data, modes and times stay; comments and extra fields are left out, and an entry without a mode gets the usual
    /// one. The bytes depend on nothing but those of the archive and the name.
    ///
    /// # Errors
    /// `Unprocessable` if a name gets too long, the folder cannot be named so, or the reader fails;
    /// `Internal` if the package is in a folder already; what `out` answers.
    pub fn wrap<R: Read + Seek>(
        &self,
        reader: &mut R,
        folder: &str,
        out: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.layout != Layout::Bare {
            return Err(Error::internal("wrapping an archive", "it has a top-level folder"));
        }
        wrap::write(&self.entries, &mut Source::open(reader)?, folder, &self.limits, out)
    }
}

/// Checks what can be told of symlinks from the directory, before anything is inflated.
fn check_links_cost(entries: &[Entry], limits: &ArchiveLimits) -> Result<()> {
    let links = || entries.iter().filter(|entry| entry.kind == Kind::Link);
    if links().fold(0, |sum: u64, link| sum.saturating_add(link.size)) > limits.all_link_bytes {
        return Err(refuse("has too many symlinks; leave some out"));
    }
    if let Some(link) = links().find(|link| link.size > limits.link_bytes) {
        return Err(refuse_entry(&link.name, "that is a symlink with too long a target; shorten it"));
    }
    Ok(())
}

fn manifest(entries: &[Entry], index: usize, kept: &mut HashMap<usize, Vec<u8>>) -> Result<Manifest> {
    let name = entries.get(index).map_or("", Entry::path);
    let text = String::from_utf8(kept.remove(&index).unwrap_or_default())
        .map_err(|_| refuse_entry(name, "that is a manifest which is not UTF-8; save it as UTF-8"))?;
    Ok(Manifest { name: name.rsplit('/').next().unwrap_or(name).to_owned(), text })
}

fn check_links(entries: &[Entry], mut kept: HashMap<usize, Vec<u8>>, floor: usize) -> Result<()> {
    let links: Vec<Link<'_>> = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some(Link::new(&entry.name, kept.remove(&index)?)))
        .collect::<Result<_>>()?;
    links::check(&links, floor)
}
