//! Where things are at a Maven repository.

use granary_model::maven::{ArtifactId, Coordinates, GroupId, MavenFile};
use granary_storage::rows::UpstreamRow;
use url::Url;

use crate::address::below;
use crate::net::Failure;

/// The metadata of an artifact, and of the group with the same directory.
pub(super) fn metadata(
    row: &UpstreamRow,
    (group, artifact): (&GroupId, &ArtifactId),
) -> Result<Url, Failure> {
    below(row, &format!("{}/{artifact}/maven-metadata.xml", group.directory()))
}

/// The metadata of a snapshot.
pub(super) fn snapshot(row: &UpstreamRow, coordinates: &Coordinates) -> Result<Url, Failure> {
    below(row, &format!("{}/maven-metadata.xml", coordinates.directory()))
}

/// A file, or one of its checksums.
pub(super) fn file(row: &UpstreamRow, file: &MavenFile, extension: &str) -> Result<Url, Failure> {
    below(row, &format!("{}/{}{extension}", file.coordinates().directory(), file.name()))
}

#[cfg(test)]
mod tests {
    use granary_model::maven::MavenPath;
    use granary_model::{PackageType, Timestamp};
    use granary_storage::rows::UpstreamPlace;

    use super::*;

    #[test]
    fn addresses_follow_coordinates() {
        let place = UpstreamPlace::Remote { url: "https://repo.example.com/maven2/".into() };
        let now = Timestamp::from_millis(0);
        let row = UpstreamRow::new("up".parse().unwrap(), "u".into(), PackageType::Maven, place, now);
        let path = "com/example/lib/1.0+b/lib-1.0+b.jar";
        let Ok(MavenPath::File(parsed, None)) = MavenPath::parse(path) else { panic!() };
        let url = file(&row, &parsed, ".sha1").unwrap();
        assert_eq!(url.as_str(), format!("https://repo.example.com/maven2/{path}.sha1"));
        let artifact = ("com.example".parse().unwrap(), "lib".parse().unwrap());
        let url = metadata(&row, (&artifact.0, &artifact.1)).unwrap();
        assert_eq!(url.path(), "/maven2/com/example/lib/maven-metadata.xml");
        let coordinates = parsed.coordinates();
        let url = snapshot(&row, coordinates).unwrap();
        assert_eq!(url.path(), "/maven2/com/example/lib/1.0+b/maven-metadata.xml");
    }
}
