//! What is inside an npm tarball, found out without unpacking it.
//!
//! Clients read tar files in different ways where the format leaves room: the last of two equal names or
//! the first, a size in the header or in its extension, a path before or after its dots are resolved. A
//! tarball that two clients could read differently is refused here, so that what this registry says about
//! a version is what every client finds in it.

mod archive;
mod extensions;
mod gunzip;
mod names;
mod readme;
#[cfg(test)]
mod tests;

use std::io::Read;

use granary_model::{Error, Result};
use serde_json::{Map, Value};

use crate::json_guard::{JsonLimits, parse_json};
use crate::npm::manifest::bin_directory_of;
use crate::spool::Spool;
use archive::{Archive, Entry};
use names::Names;
use readme::Readme;

/// What a tarball may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TarballLimits {
    /// Number of files and directories. Default 100,000.
    pub entries: usize,
    /// Bytes of the tar file once decompressed. Default 4 GiB.
    pub unpacked: u64,
    /// Unpacked bytes per compressed byte, once over `ratio_from`. Default 1000.
    pub ratio: u64,
    /// Unpacked bytes below which the ratio does not matter. Default 64 MiB.
    pub ratio_from: u64,
    /// Bytes of `package.json`. Default 1 MiB.
    pub manifest: usize,
}

impl Default for TarballLimits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            unpacked: 4 * 1024 * 1024 * 1024,
            ratio: 1000,
            ratio_from: 64 * 1024 * 1024,
            manifest: 1024 * 1024,
        }
    }
}

/// What a tarball says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct TarballFacts {
    /// Its `package.json`, as it stands in the tarball. Has a `name` and a `version`, both strings.
    pub manifest: Map<String, Value>,
    /// The readme at the package root: at most 64 KiB of it, with replacement characters where it is not
    /// UTF-8. A Markdown file is preferred over other ones.
    pub readme: Option<String>,
    /// Name of the file the readme came from.
    pub readme_filename: Option<String>,
    /// Number of files, as `dist.fileCount`.
    pub file_count: u64,
    /// Bytes of all files together, as `dist.unpackedSize`.
    pub unpacked_size: u64,
    /// Whether there is an `npm-shrinkwrap.json` at the package root.
    pub has_shrinkwrap: bool,
    /// Whether there is a `binding.gyp` at the package root, in any case: npm asks the file system, which
    /// may not care for case.
    pub has_binding_gyp: bool,
    /// Files below the manifest's `directories.bin`, relative to the package root, sorted. Empty if it
    /// names no directory.
    pub bin_files: Vec<String>,
    /// The one top-level folder. npm writes `package`; clients strip whatever it is.
    pub root: String,
}

/// Reads a spooled tarball within the usual limits. Decompressing takes a while, so it is not done on a thread
/// that serves other requests.
pub async fn inspect_spool(spool: Spool) -> Result<(TarballFacts, Spool)> {
    let looked = tokio::task::spawn_blocking(move || {
        let facts = inspect(spool.reader(), TarballLimits::default());
        (facts, spool)
    });
    let (facts, spool) = looked.await.map_err(|e| Error::internal("reading the tarball", e))?;
    Ok((facts?, spool))
}

/// Reads a tarball once, from its first byte to its last.
///
/// Everything that is refused is an [`Error::BadRequest`] that begins with `the tarball` and names the
/// entry; a reader that fails is an [`Error::Internal`].
pub fn inspect(reader: impl Read, limits: TarballLimits) -> Result<TarballFacts> {
    let mut archive = Archive::new(reader, limits)?;
    let mut names = Names::default();
    let mut manifest = None;
    let mut readme = Readme::default();
    let mut facts = Facts::default();
    while let Some(entry) = archive.next_entry()? {
        let path = names.add(&entry.path, entry.is_directory)?;
        if entry.is_directory {
            continue;
        }
        facts.file_count += 1;
        facts.unpacked_size = facts.unpacked_size.saturating_add(entry.size);
        match path {
            "package.json" if manifest.is_some() => return Err(refuse("has two package.json")),
            "package.json" => manifest = Some(read_manifest(&mut archive, &entry, limits.manifest)?),
            _ if names::passes_for_manifest(path) => {
                return Err(refuse(&format!(
                    "has a file '{path}', which some systems take for its package.json"
                )));
            }
            "npm-shrinkwrap.json" => facts.has_shrinkwrap = true,
            _ if path.eq_ignore_ascii_case("binding.gyp") => facts.has_binding_gyp = true,
            _ if readme.wants(path) => {
                readme.set(path, &archive.content(&entry, readme::KEEP)?);
                continue;
            }
            _ => {}
        }
        if path != "package.json" {
            archive.content(&entry, 0)?;
        }
    }
    let manifest = manifest.ok_or_else(|| refuse("has no package.json in its top-level folder"))?;
    let listing = names.finish()?;
    let bin_files = listing.below(bin_directory_of(&manifest).as_deref());
    let (readme, readme_filename) = readme.finish();
    Ok(TarballFacts {
        manifest,
        readme,
        readme_filename,
        file_count: facts.file_count,
        unpacked_size: facts.unpacked_size,
        has_shrinkwrap: facts.has_shrinkwrap,
        has_binding_gyp: facts.has_binding_gyp,
        bin_files,
        root: listing.root,
    })
}

/// What is counted and noticed on the way.
#[derive(Default)]
struct Facts {
    file_count: u64,
    unpacked_size: u64,
    has_shrinkwrap: bool,
    has_binding_gyp: bool,
}

fn read_manifest<R: Read>(
    archive: &mut Archive<R>,
    entry: &Entry,
    limit: usize,
) -> Result<Map<String, Value>> {
    if entry.size > limit as u64 {
        return Err(refuse(&format!("has a package.json over the limit of {limit} bytes")));
    }
    let bytes = archive.content(entry, limit)?;
    // npm forgives the byte order mark that some editors on Windows write.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let value = parse_json(bytes, JsonLimits { bytes: limit, ..JsonLimits::default() })
        .map_err(|error| refuse(&format!("has an unusable package.json: {error}")))?;
    let Value::Object(manifest) = value else {
        return Err(refuse("has an unusable package.json: it must be a JSON object"));
    };
    for field in ["name", "version"] {
        if !manifest.get(field).is_some_and(Value::is_string) {
            return Err(refuse(&format!("has an unusable package.json: '{field}' must be a string")));
        }
    }
    Ok(manifest)
}

/// The error for a tarball that cannot be taken.
fn refuse(why: &str) -> Error {
    Error::BadRequest(format!("the tarball {why}"))
}
