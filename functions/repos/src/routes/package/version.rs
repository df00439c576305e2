//! What is read besides for the version that is shown.

use granary_model::{Error, PackageType, Result};
use granary_publish::compress::gunzip;
use granary_publish::details::{Dependency, maven};
use granary_storage::rows::{FileRow, ReadmeRow, StoredFileRow};
use granary_storage::{Key, PackageKey, Storage};

/// Most files that are shown of a version.
pub(super) const FILES: usize = 100;

/// Most that is shown of a readme, in bytes.
pub(super) const MAX_README: usize = 512 * 1024;

/// How many pages of files are looked at, should many have been deleted.
const PAGES: usize = 5;

/// What has rows of its own.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// The readme, and whether it is cut.
    pub(super) readme: Option<(String, bool)>,
    /// The first live files by name, of a protocol whose files have rows of their own.
    pub(super) files: Option<Vec<FileRow>>,
    /// What the POM says that is needed.
    pub(super) dependencies: Vec<Dependency>,
}

impl Extras {
    /// Reads what the protocol has.
    pub(super) async fn read(storage: &Storage, package: &PackageKey, version: Option<&str>) -> Result<Self> {
        let Some(version) = version else { return Ok(Self::default()) };
        Ok(match package.kind {
            PackageType::Npm => {
                let key = Key::Readme(package.clone(), version.to_owned());
                let row: Option<ReadmeRow> = storage.get(&key).await?;
                Self { readme: row.map(|row| readme(&row)).transpose()?, ..Self::default() }
            }
            PackageType::Maven => {
                let files = files(storage, package, version);
                let dependencies = maven::dependencies(storage, package, version);
                let (files, dependencies) = tokio::try_join!(files, dependencies)?;
                Self { files: Some(files), dependencies, readme: None }
            }
            PackageType::Raw => {
                Self { files: Some(files(storage, package, version).await?), ..Self::default() }
            }
            PackageType::Swift | PackageType::Composer | PackageType::Kmp => Self::default(),
        })
    }
}

/// The first live files of a version, by name.
async fn files(storage: &Storage, package: &PackageKey, version: &str) -> Result<Vec<FileRow>> {
    let first = Key::File(package.clone(), version.to_owned(), String::new());
    let (prefix, mut after) = (Key::files_of(version), None);
    let mut files = Vec::new();
    for _ in 0..PAGES {
        let limit = i32::try_from(FILES).unwrap_or(i32::MAX);
        let page = storage.list::<StoredFileRow>(&first, &prefix, after.as_deref(), limit).await?;
        files.extend(page.rows.into_iter().filter(StoredFileRow::is_live).map(|row| row.file));
        after = page.next;
        if after.is_none() || files.len() >= FILES {
            break;
        }
    }
    files.truncate(FILES);
    Ok(files)
}

fn readme(row: &ReadmeRow) -> Result<(String, bool)> {
    let text = String::from_utf8(gunzip(&row.text)?).map_err(|e| Error::internal("reading a readme", e))?;
    Ok(beginning(text, MAX_README))
}

/// A text, cut between two characters if it is longer than so many bytes.
pub(super) fn beginning(mut text: String, most: usize) -> (String, bool) {
    let is_cut = text.len() > most;
    if is_cut {
        text.truncate(text.floor_char_boundary(most));
    }
    (text, is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readmes_are_cut_between_characters() {
        assert_eq!(beginning("äöü".into(), 6), ("äöü".into(), false));
        assert_eq!(beginning("äöü".into(), 5), ("äö".into(), true));
        assert_eq!(beginning("äöü".into(), 0), (String::new(), true));
    }
}
