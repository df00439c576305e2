//! The builds of a snapshot version, from the rows of its files.

use std::collections::{BTreeMap, BTreeSet};

use granary_model::maven::{ArtifactFile, Build, Coordinates, MavenFile, SnapshotBuild};
use granary_storage::rows::StoredFileRow;

/// The live timestamped files of a snapshot version.
pub(super) struct Builds<'a> {
    files: Vec<(SnapshotBuild, ArtifactFile, &'a StoredFileRow)>,
    /// Builds whose POM is there. What has none yet is being deployed, and nobody is sent to it.
    whole: BTreeSet<SnapshotBuild>,
}

/// What tells the files of one build apart.
pub(super) type Part = (Option<String>, String);

impl<'a> Builds<'a> {
    pub(super) fn new(coordinates: &Coordinates, rows: impl IntoIterator<Item = &'a StoredFileRow>) -> Self {
        let mut files = Vec::new();
        for row in rows.into_iter().filter(|row| row.is_live()) {
            let Ok(file) = MavenFile::new(coordinates.clone(), &row.file.name) else { continue };
            if let (Some(artifact), Build::Timestamped(build)) = (file.artifact(), file.build()) {
                files.push((build, artifact.clone(), row));
            }
        }
        let whole = files.iter().filter(|(_, file, _)| file.is_pom()).map(|(build, ..)| *build).collect();
        Self { files, whole }
    }

    /// Whether a build can be offered: it is whole, or none is.
    fn counts(&self, build: SnapshotBuild) -> bool {
        self.whole.is_empty() || self.whole.contains(&build)
    }

    /// The newest file of each part.
    pub(super) fn newest(&self) -> BTreeMap<Part, (SnapshotBuild, &'a StoredFileRow)> {
        let mut newest: BTreeMap<Part, (SnapshotBuild, &StoredFileRow)> = BTreeMap::new();
        for (build, file, row) in self.files.iter().filter(|(build, ..)| self.counts(*build)) {
            let part = (file.classifier.clone(), file.extension.clone());
            let known = newest.entry(part).or_insert((*build, row));
            if known.0 < *build {
                *known = (*build, row);
            }
        }
        newest
    }

    /// The build that stands for the version. Gradle takes every file from it, so its main file must be there
    /// if there is any at all.
    pub(super) fn summary(&self) -> Option<SnapshotBuild> {
        let with_main: BTreeSet<SnapshotBuild> =
            self.files.iter().filter(|(_, file, _)| file.is_main()).map(|(build, ..)| *build).collect();
        let both = self.whole.intersection(&with_main).last();
        both.or_else(|| self.whole.last())
            .copied()
            .or_else(|| self.files.iter().map(|(build, ..)| *build).max())
    }

    /// The files of all builds that are older than the newest `keep` whole ones.
    pub(super) fn beyond(&self, keep: usize) -> Vec<&'a StoredFileRow> {
        let Some(oldest) = self.whole.iter().rev().nth(keep.saturating_sub(1)) else { return Vec::new() };
        self.files.iter().filter(|(build, ..)| build < oldest).map(|(_, _, row)| *row).collect()
    }
}

/// The file that the name with `-SNAPSHOT` stands for: that of the newest build which has it.
pub fn newest_file<'a>(
    coordinates: &Coordinates,
    wanted: &ArtifactFile,
    rows: impl IntoIterator<Item = &'a StoredFileRow>,
) -> Option<&'a StoredFileRow> {
    let part = (wanted.classifier.clone(), wanted.extension.clone());
    Builds::new(coordinates, rows).newest().remove(&part).map(|(_, row)| row)
}
