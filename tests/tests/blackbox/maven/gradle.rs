//! Gradle resolves, and publishes.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::gradle::Gradle;
use granary_tests::maven::project::pom;
use granary_tests::package::noise;
use reqwest::StatusCode;

use super::{Stage, WRONG_TOKEN, jar, path, read};

/// A release, a dynamic version and a snapshot, which changes; all from a private repository.
#[tokio::test]
async fn resolves_releases_dynamic_versions_and_snapshots() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let fixed = stage.deploy("fixed", "1.0").await?;
    for number in ["1.0", "2.0", "1.10", "1.9"] {
        stage.deploy("moving", number).await?;
    }
    let first = deploy_snapshot(&stage, "20260101.101010-1").await?;

    let gradle = Gradle::new(stage.repo.url(), stage.repo.token())?;
    let wanted = ["com.example:fixed:1.0", "com.example:moving:1.+", "com.example:changing:1.0-SNAPSHOT"];
    let project = gradle.consumer("consumer", &wanted)?;
    gradle.fetch(&project).await?.success()?;
    ensure!(read(&project.join("fetched/fixed-1.0.jar"))? == fixed);
    ensure!(read(&project.join("fetched/moving-1.10.jar"))? == jar("moving", "1.10"));
    ensure!(read(&project.join("fetched/changing-1.0-SNAPSHOT.jar"))? == first);

    // A newer one of what changes, a newer one in the range, and no news of the rest.
    let second = deploy_snapshot(&stage, "20260101.111111-2").await?;
    let moved = stage.deploy("moving", "1.11").await?;
    gradle.fetch(&project).await?.success()?;
    ensure!(read(&project.join("fetched/fixed-1.0.jar"))? == fixed);
    ensure!(read(&project.join("fetched/moving-1.11.jar"))? == moved);
    ensure!(read(&project.join("fetched/changing-1.0-SNAPSHOT.jar"))? == second, "the old snapshot is used");
    Ok(())
}

/// What one Gradle publishes, another one resolves; other bytes are refused, and who may only read is, too.
#[tokio::test]
async fn publishes() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = Gradle::new(stage.repo.url(), stage.repo.token())?;
    let (bytes, document) = (jar("brick", "1.0"), pom("brick", "1.0"));
    let library = author.library("brick", "1.0", &bytes, document.as_bytes())?;
    author.publish(&library).await?.success()?;
    stage.repo.check_serves(&format!("{}.jar", path("brick", "1.0")), &bytes).await?;
    stage.repo.check_serves(&format!("{}.pom", path("brick", "1.0")), document.as_bytes()).await?;
    ensure!(stage.repo.versions("com/example/brick").await? == ["1.0"]);

    let reader = Gradle::new(stage.repo.url(), Some(&stage.read_token().await?))?;
    let project = reader.consumer("consumer", &["com.example:brick:1.0"])?;
    reader.fetch(&project).await?.success()?;
    ensure!(read(&project.join("fetched/brick-1.0.jar"))? == bytes);

    std::fs::write(library.join("brick.jar"), jar("brick", "changed"))?;
    author.publish(&library).await?.failure(&["Received status code 409"])?;
    stage.repo.check_serves(&format!("{}.jar", path("brick", "1.0")), &bytes).await?;

    let library = reader.library("intruder", "1.0", &bytes, pom("intruder", "1.0").as_bytes())?;
    reader.publish(&library).await?.failure(&["Received status code 403"])?;
    let status = stage.repo.status(&format!("{}.jar", path("intruder", "1.0"))).await?;
    ensure!(status == StatusCode::NOT_FOUND, "{status}");
    Ok(())
}

/// A private repository tells a stranger nothing; a jar behind a redirect arrives whole.
#[tokio::test]
async fn needs_the_right_token_and_follows_redirects() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let large = noise("large", 1_000_000);
    stage.repo.deploy("com/example/large/1.0/large-1.0.jar", &large).await?;
    stage.repo.deploy("com/example/large/1.0/large-1.0.pom", pom("large", "1.0").as_bytes()).await?;
    for token in [None, Some(WRONG_TOKEN)] {
        let stranger = Gradle::new(stage.repo.url(), token)?;
        let project = stranger.consumer("consumer", &["com.example:large:1.0"])?;
        stranger.fetch(&project).await?.failure(&["401", "Unauthorized"])?;
    }
    let reader = Gradle::new(stage.repo.url(), Some(&stage.read_token().await?))?;
    let project = reader.consumer("consumer", &["com.example:large:1.0"])?;
    reader.fetch(&project).await?.success()?;
    ensure!(read(&project.join("fetched/large-1.0.jar"))? == large);
    Ok(())
}

/// Deploys a build of a snapshot and returns its jar.
async fn deploy_snapshot(stage: &Stage, build: &str) -> Result<Vec<u8>> {
    let path = format!("com/example/changing/1.0-SNAPSHOT/changing-1.0-{build}");
    let jar = noise(build, 5_000);
    stage.repo.deploy(&format!("{path}.jar"), &jar).await?;
    stage.repo.deploy(&format!("{path}.pom"), pom("changing", "1.0-SNAPSHOT").as_bytes()).await?;
    Ok(jar)
}
