//! Of a POM.

use granary_model::maven::{Coordinates, MavenFile, split_key};
use granary_model::{Error, Result};
use granary_storage::rows::{StoredFileRow, VersionRow};
use granary_storage::{Key, ObjectKey, PackageKey, Storage};

use super::{Dependency, Details, dependency, text};
use crate::maven::dependencies::{PomDependency, read_dependencies};
use crate::maven::{MavenFacts, newest_file};

/// Largest POM that is read for its dependencies, in bytes.
pub const MAX_POM: u64 = 256 * 1024;

/// Files of a snapshot version that are looked at for its newest POM, the newest first.
const FILES: usize = 200;

pub(super) fn details(row: &VersionRow) -> Result<Details> {
    let facts = MavenFacts::from_row(&row.facts)?;
    let names: Vec<String> = facts.licenses.iter().filter_map(|license| license.name.clone()).collect();
    let only = facts.licenses.first().filter(|_| facts.licenses.len() == 1);
    Ok(Details {
        license: text(&names.join(", ")),
        license_url: only.and_then(|license| license.url.clone()),
        homepage: facts.url,
        ..Details::default()
    })
}

/// What the POM of a version says that it needs: of a snapshot that of its newest build. Nothing if there is no POM, or if
/// it is larger than [`MAX_POM`].
pub async fn dependencies(storage: &Storage, package: &PackageKey, version: &str) -> Result<Vec<Dependency>> {
    let (group, artifact) = split_key(&package.name)?;
    let coordinates = Coordinates { group, artifact, version: version.parse()? };
    let pom = pom_of(storage, package, &coordinates).await?;
    let Some(pom) = pom.filter(|row| row.is_live() && row.file.size <= MAX_POM) else {
        return Ok(Vec::new());
    };
    // Bytes that are gone were deleted a moment ago.
    let Some(bytes) = storage.get_object(&ObjectKey::Blob(pom.file.sha256)).await? else {
        return Ok(Vec::new());
    };
    let reading = tokio::task::spawn_blocking(move || read_dependencies(&coordinates, &bytes));
    let read = reading.await.map_err(|e| Error::internal("reading a POM", e))?;
    // It was read when it was published; if the rules have become stricter since, there is nothing to show.
    Ok(read.unwrap_or_default().iter().filter_map(shown).collect())
}

/// The row of the POM.
async fn pom_of(
    storage: &Storage,
    package: &PackageKey,
    coordinates: &Coordinates,
) -> Result<Option<StoredFileRow>> {
    let Coordinates { artifact, version, .. } = coordinates;
    let name = format!("{artifact}-{version}.pom");
    let key = |file: String| Key::File(package.clone(), version.to_string(), file);
    let Some(base) = version.snapshot_base() else { return storage.get(&key(name)).await };
    let stem = format!("{artifact}-{base}");
    let last = format!("{stem}\u{10ffff}");
    let rows: Vec<StoredFileRow> = storage.list_between(&key(stem), &key(last), FILES, true).await?;
    let wanted = MavenFile::new(coordinates.clone(), &name)?;
    let newest = wanted.artifact().and_then(|file| newest_file(coordinates, file, &rows));
    // Ivy and sbt publish the file under this very name.
    Ok(newest.or_else(|| rows.iter().find(|row| row.file.name == name)).cloned())
}

fn shown(read: &PomDependency) -> Option<Dependency> {
    let name = format!("{}:{}", read.group, read.artifact);
    let scope = read.scope.as_deref().unwrap_or("compile");
    let kind = if read.optional { "optional" } else { scope };
    dependency(&name, read.version.as_deref().unwrap_or_default(), kind)
}
