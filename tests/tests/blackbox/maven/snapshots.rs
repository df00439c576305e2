//! Snapshots.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::repository::texts;
use granary_tests::maven::{Maven, Version};

use super::{Stage, read};

/// Where the module's files are.
const DIRECTORY: &str = "com/example/demo-core/2.0-SNAPSHOT";

/// A snapshot is deployed twice; who looks for updates gets the second build, and the first one is kept.
pub(crate) async fn newest_is_resolved(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let (author, user) = (stage.maven(version)?, stage.maven(version)?);
    let library = author.library("library", "2.0-SNAPSHOT")?;
    let consumer = user
        .consumer("consumer", &["com.example:demo-app:2.0-SNAPSHOT", "com.example:demo-core:2.0-SNAPSHOT"])?;

    let first = deploy(&author, &library).await?;
    user.resolve(&consumer, false).await?.success()?;
    ensure!(read(&jar_of(&user))? == first, "the first build was resolved with other bytes");
    let first_build = build_in(&stage.repo.metadata(DIRECTORY).await?)?;

    let source = library.join("core/src/main/java/com/example/core/Core.java");
    fs::write(&source, fs::read_to_string(&source)?.replace("-SNAPSHOT\"", "-SNAPSHOT, changed\""))?;
    let second = deploy(&author, &library).await?;
    ensure!(first != second, "the change made no difference");
    user.resolve(&consumer, true).await?.success()?;
    ensure!(read(&jar_of(&user))? == second, "the second build was not resolved");

    let metadata = stage.repo.metadata(DIRECTORY).await?;
    ensure!(texts(&metadata, "buildNumber") == ["2"], "{metadata}");
    let second_build = build_in(&metadata)?;
    ensure!(first_build != second_build, "{metadata}");
    for (build, bytes) in [(first_build, &first), (second_build, &second)] {
        stage.repo.check_serves(&format!("{DIRECTORY}/demo-core-{build}.jar"), bytes).await?;
    }
    // For those who do not read the metadata.
    ensure!(stage.repo.bytes(&format!("{DIRECTORY}/demo-core-2.0-SNAPSHOT.jar")).await? == second);
    let versions = stage.repo.versions("com/example/demo-core").await?;
    ensure!(versions == ["2.0-SNAPSHOT"], "{versions:?}");
    Ok(())
}

/// The jar that a user was given, under the name it has whatever build it is.
fn jar_of(user: &Maven) -> PathBuf {
    user.local(&format!("{DIRECTORY}/demo-core-2.0-SNAPSHOT.jar"))
}

/// Deploys and returns the jar of one module.
async fn deploy(author: &Maven, library: &Path) -> Result<Vec<u8>> {
    author.run(library, &["deploy", "-Dmaven.javadoc.skip"]).await?.success()?;
    read(&library.join("core/target/demo-core-2.0-SNAPSHOT.jar"))
}

/// The version that the newest jar's file name has.
fn build_in(metadata: &str) -> Result<String> {
    let entry = texts(metadata, "snapshotVersion")
        .into_iter()
        .find(|entry| texts(entry, "extension") == ["jar"] && texts(entry, "classifier").is_empty());
    let value = texts(&entry.context("no jar in the metadata")?, "value");
    value.into_iter().next().context("a jar without a version")
}
