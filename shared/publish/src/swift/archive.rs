//! Source archives: the zip of a release, found out about without unpacking it.
//!
//! SwiftPM unpacks with Info-ZIP's `unzip`, on Windows with bsdtar, and takes the one folder it finds for the
//! package. A zip says most things twice, and readers differ in which of both they believe: which end record
//! counts, the header of an entry or the directory, the mode or the name. An archive that two of them could unpack
//! in different ways is refused here, and so is one that would write outside of its folder.
//!
//! What remains is up to the file system: files whose names differ in case only, or in the normal form of Unicode, are
//! two on Linux and one on a Mac or on Windows. As they are in many repositories of Git, they are taken, except where
//! one of them is a manifest or a symlink.

mod directory;
mod ending;
mod extra;
mod format;
mod inflate;
mod kind;
mod layout;
mod links;
mod members;
mod names;
mod source;
mod spelling;
#[cfg(test)]
mod tests;
mod tree;
mod wrap;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

use granary_model::{Error, Result};

use directory::Entry;
use kind::Kind;
use links::Link;
use source::Source;

/// What an archive may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Number of files, folders and symlinks. Default 100,000.
    pub entries: usize,
    /// Bytes of the central directory, which is held in memory. Default 16 MiB.
    pub directory_bytes: u64,
    /// Bytes of all files together once inflated. Default 4 GiB.
    pub inflated_bytes: u64,
    /// Inflated bytes per byte of the archive, once over `ratio_from`. Default 100.
    pub ratio: u64,
    /// Inflated bytes up to which the ratio does not matter. Default 256 MiB.
    pub ratio_from: u64,
    /// Bytes of one manifest. Default 1 MiB.
    pub manifest_bytes: u64,
    /// Number of manifests. Default 16.
    pub manifests: usize,
    /// Bytes of the target of one symlink. Default 4,096.
    pub link_bytes: u64,
    /// Bytes of the targets of all symlinks together, which are held in memory. Default 4 MiB.
    pub all_link_bytes: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            directory_bytes: 16 * 1024 * 1024,
            inflated_bytes: 4 * 1024 * 1024 * 1024,
            ratio: 100,
            ratio_from: 256 * 1024 * 1024,
            manifest_bytes: 1024 * 1024,
            manifests: 16,
            link_bytes: 4096,
            all_link_bytes: 4 * 1024 * 1024,
        }
    }
}

impl ArchiveLimits {
    fn check_inflated(&self, inflated: u64, archive: u64) -> Result<()> {
        if inflated > self.inflated_bytes {
            return Err(refuse(&format!(
                "unpacks to more than {} bytes; leave files out",
                self.inflated_bytes
            )));
        }
        if inflated > self.ratio_from && inflated > archive.saturating_mul(self.ratio) {
            return Err(refuse(&format!(
                "unpacks to more than {} times its size; leave files out",
                self.ratio
            )));
        }
        Ok(())
    }
}

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
        let location = ending::find(&mut source)?;
        let mut entries = directory::read(&mut source, location, limits)?;
        check_costs(&entries, source.length(), limits)?;
        tree::check(&entries)?;
        let package = layout::find(&entries, limits)?;
        let floor = usize::from(package.layout != Layout::Bare);
        spelling::check(&entries, floor)?;
        let wanted: HashSet<usize> = package.manifests.iter().copied().collect();
        let kept = members::read(&mut source, &mut entries, location.offset, |index, entry| {
            entry.kind == Kind::Link || wanted.contains(&index)
        })?;
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

/// Checks what can be told from the directory, before anything is inflated. Nothing inflates to more than it says.
fn check_costs(entries: &[Entry], archive: u64, limits: &ArchiveLimits) -> Result<()> {
    let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0, u64::saturating_add);
    limits.check_inflated(sum(&mut entries.iter().map(|entry| entry.size)), archive)?;
    let links = || entries.iter().filter(|entry| entry.kind == Kind::Link);
    if sum(&mut links().map(|link| link.size)) > limits.all_link_bytes {
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

/// The error for an archive that cannot be taken; the text goes on after `the archive`.
fn refuse(why: &str) -> Error {
    Error::Unprocessable(format!("the archive {why}"))
}

/// The error for an archive with an entry that cannot be taken; the text goes on after the name.
fn refuse_entry(name: &str, why: &str) -> Error {
    refuse(&format!("has an entry '{}' {why}", shown(name)))
}

/// A name as a message may show it: one line, escaped, at most 80 characters of it.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(80).collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("{}{dots}", short.escape_debug())
}
