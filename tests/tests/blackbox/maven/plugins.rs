//! Plugins of Maven in the repository.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::Version;
use granary_tests::maven::repository::texts;

use super::Stage;

/// A plugin is deployed twice and then used by its prefix, without a version: the newest one is run.
pub(crate) async fn found_by_prefix(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.maven(version)?;
    for number in ["1.1", "1.0"] {
        let plugin = author.plugin(&format!("plugin-{number}"), number)?;
        author.deploy(&plugin).await?.success()?;
    }
    let metadata = stage.repo.metadata("com/example").await?;
    ensure!(texts(&metadata, "prefix") == ["greet"], "{metadata}");
    ensure!(texts(&metadata, "artifactId") == ["greet-maven-plugin"], "{metadata}");

    let user = stage.maven(version)?;
    let project = user.consumer("consumer", &[])?;
    // The one deployed last is not the newest.
    user.run(&project, &["greet:hello"]).await?.success()?.says("greetings from 1.1")?;
    Ok(())
}
