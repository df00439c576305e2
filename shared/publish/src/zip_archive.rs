//! Zips, found out about without unpacking them.
//!
//! A zip says most things twice, and readers differ in which of both they believe: which end record counts, the header
//! of an entry or the directory, the mode or the name. An archive that two of them could unpack in different ways is
//! refused here, and so is one that would write outside of its folder.

pub(crate) mod directory;
pub(crate) mod ending;
pub(crate) mod extra;
pub(crate) mod format;
pub(crate) mod inflate;
pub(crate) mod kind;
pub(crate) mod members;
pub(crate) mod names;
pub(crate) mod source;
pub(crate) mod tree;

use std::io::{Read, Seek};

use granary_model::{Error, Result};

use directory::Entry;
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
    /// Bytes of one manifest, such as `Package.swift` or `composer.json`. Default 1 MiB.
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
    pub(crate) fn check_inflated(&self, inflated: u64, archive: u64) -> Result<()> {
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

/// The directory of an archive that says the same to everybody, as far as that can be told without its data.
#[derive(Debug)]
pub(crate) struct Directory {
    /// In the order in which they lie in the archive.
    pub(crate) entries: Vec<Entry>,
    /// Where the directory begins, and the data end.
    pub(crate) offset: u64,
}

impl Directory {
    /// Reads the directory, and checks names and what it would cost to unpack them. Nothing is inflated; nothing inflates
    /// to more than it says.
    pub(crate) fn read<R: Read + Seek>(source: &mut Source<'_, R>, limits: &ArchiveLimits) -> Result<Self> {
        let location = ending::find(source)?;
        let entries = directory::read(source, location, limits)?;
        let inflated = entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.size));
        limits.check_inflated(inflated, source.length())?;
        tree::check(&entries)?;
        Ok(Self { entries, offset: location.offset })
    }

    /// Reads all data once from front to back and compares them with their checksums. Gives the content of the entries
    /// that `keep` picks, by their positions.
    pub(crate) fn read_data<R: Read + Seek>(
        &mut self,
        source: &mut Source<'_, R>,
        keep: impl Fn(usize, &Entry) -> bool,
    ) -> Result<Vec<(usize, Vec<u8>)>> {
        members::read(source, &mut self.entries, self.offset, keep)
    }
}

/// The error for an archive that cannot be taken; the text goes on after `the archive`.
pub(crate) fn refuse(why: &str) -> Error {
    Error::Unprocessable(format!("the archive {why}"))
}

/// The error for an archive with an entry that cannot be taken; the text goes on after the name.
pub(crate) fn refuse_entry(name: &str, why: &str) -> Error {
    refuse(&format!("has an entry '{}' {why}", shown(name)))
}

/// A name as a message may show it: one line, escaped, at most 80 characters of it.
pub(crate) fn shown(name: &str) -> String {
    let short: String = name.chars().take(80).collect();
    let dots = if short.len() < name.len() { "..." } else { "" };
    format!("{}{dots}", short.escape_debug())
}
