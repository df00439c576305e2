//! What a push consists of: versions and their files, before anything is read or sent.

mod maven;
mod maven_layout;
mod single;

use std::path::{Path, PathBuf};

use crate::api::Api;
use crate::arguments::What;
use crate::digest::Measured;
use crate::failure::{Failure, Result};
use crate::wire::Coordinates;

/// The most files one upload may have.
pub(crate) const LARGEST_BATCH: usize = 25;

/// A file that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedFile {
    /// Name in the version.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
}

/// A version that is to be published.
#[derive(Debug)]
pub(crate) struct PlannedVersion {
    /// What it is called.
    pub(crate) coordinates: Coordinates,
    /// Its files, in the order in which they are sent.
    pub(crate) files: Vec<PlannedFile>,
}

/// Everything that is to be published.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The versions.
    pub(crate) versions: Vec<PlannedVersion>,
    /// Files that are left out on purpose, and why.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A file that is left out on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Why.
    pub(crate) why: &'static str,
}

/// A file whose size and digest are known.
#[derive(Debug, Clone)]
pub(crate) struct LocalFile {
    /// Name in the version.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Size and digest.
    pub(crate) measured: Measured,
}

/// A version whose files have been read.
#[derive(Debug)]
pub(crate) struct LocalVersion {
    /// What it is called.
    pub(crate) coordinates: Coordinates,
    /// Its files.
    pub(crate) files: Vec<LocalFile>,
}

/// Finds out what is to be published. Blocks.
///
/// # Errors
/// When a file is missing or of the wrong kind, or there is nothing to publish.
pub(crate) fn plan(what: &What) -> Result<Plan> {
    match what {
        What::Npm(npm) => single::npm(npm),
        What::Raw(raw) => single::raw(raw),
        What::Swift(swift) => single::swift(swift),
        What::Composer(composer) => single::composer(composer),
        What::Maven(maven) => maven::plan(maven),
    }
}

/// A version in uploads of at most 25 files, in the order in which they have to be completed.
#[derive(Debug)]
pub(crate) enum Batches {
    /// The registry has exactly these files already.
    AlreadyThere(Vec<LocalFile>),
    /// These are to be sent.
    Send(Vec<Vec<LocalFile>>),
}

/// Splits a version whose files have been read. For snapshot versions the registry is asked which build comes
/// next.
///
/// # Errors
/// When the registry cannot be asked.
pub(crate) async fn batches(api: &Api, repo: &str, version: &LocalVersion) -> Result<Batches> {
    let mut files = version.files.clone();
    if version.coordinates.group_id.is_some() {
        match maven::number_snapshots(api, repo, &version.coordinates, files).await? {
            maven::Numbered::AlreadyThere(files) => return Ok(Batches::AlreadyThere(files)),
            maven::Numbered::Send(numbered) => files = numbered,
        }
        // Stable: apart from that the order stays.
        files.sort_by_key(|file| maven_layout::is_pom(&file.name));
    }
    Ok(Batches::Send(split(files)))
}

/// Splits files into batches. The last batch is as large as it can be: for Maven it has the POM, and what the
/// POM announces is there with it or before it.
fn split(files: Vec<LocalFile>) -> Vec<Vec<LocalFile>> {
    let first = match files.len() % LARGEST_BATCH {
        0 => LARGEST_BATCH,
        rest => rest,
    };
    let mut batches = Vec::new();
    let mut files = files.into_iter();
    let mut next: Vec<LocalFile> = files.by_ref().take(first).collect();
    while !next.is_empty() {
        batches.push(next);
        next = files.by_ref().take(LARGEST_BATCH).collect();
    }
    batches
}

/// The name a file has on disk, for a version that names its files so.
fn own_name(path: &Path) -> Result<PlannedFile> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage(format!("{} has no usable file name", path.display())))?;
    let known = std::fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    if !known.is_file() {
        return Err(Failure::usage(format!("{} is no file", path.display())));
    }
    Ok(PlannedFile { name: name.to_owned(), path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(count: usize) -> Vec<LocalFile> {
        (0..count)
            .map(|number| LocalFile {
                name: number.to_string(),
                path: PathBuf::new(),
                measured: Measured { size: 0, sha256: String::new() },
            })
            .collect()
    }

    #[test]
    fn batches_keep_the_order_and_the_last_is_full() {
        for (count, sizes) in
            [(0, vec![]), (1, vec![1]), (25, vec![25]), (26, vec![1, 25]), (60, vec![10, 25, 25])]
        {
            let batches = split(files(count));
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{count}");
            let names: Vec<String> = batches.into_iter().flatten().map(|file| file.name).collect();
            assert_eq!(names, (0..count).map(|number| number.to_string()).collect::<Vec<_>>());
        }
    }
}
