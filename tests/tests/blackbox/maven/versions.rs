//! Versions that the client looks for in the metadata.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::Version;

use super::{Stage, jar, read};

/// In no order that means anything.
const VERSIONS: [&str; 6] = ["1.10", "2.0", "1.0", "2.0-beta-1", "1.9-rc1", "1.2"];

/// A range, the newest release and the newest of all are found, whatever was deployed last.
pub(crate) async fn range_release_and_latest(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let wanted =
        [("ranged", "[1.0,1.99]", "1.10"), ("released", "RELEASE", "2.0"), ("newest", "LATEST", "2.0")];
    for (artifact, ..) in wanted {
        for number in VERSIONS {
            stage.deploy(artifact, number).await?;
        }
        let versions = stage.repo.versions(&format!("com/example/{artifact}")).await?;
        ensure!(versions == ["1.0", "1.2", "1.9-rc1", "1.10", "2.0-beta-1", "2.0"], "{versions:?}");
    }
    let user = stage.maven(version)?;
    let coordinates = wanted.map(|(artifact, range, _)| format!("com.example:{artifact}:{range}"));
    let coordinates: Vec<&str> = coordinates.iter().map(String::as_str).collect();
    let project = user.consumer("consumer", &coordinates)?;
    user.resolve(&project, false).await?.success()?;
    for (artifact, _, found) in wanted {
        let copied = read(&project.join(format!("target/dependency/{artifact}-{found}.jar")))?;
        ensure!(copied == jar(artifact, found), "{artifact} {found} has other bytes");
    }
    Ok(())
}
