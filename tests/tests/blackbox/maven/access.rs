//! Who may do what, as Maven's user gets to read it.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::{Maven, Version};
use reqwest::StatusCode;

use super::{Stage, WRONG_TOKEN, jar, path, read};

/// What each Maven prints when the repository wants to know who asks.
const WHO: &[&str] = &["401", "unauthorized", "not authorized", "too many authentication attempts"];

/// Without a token a public repository can be read and a private one cannot.
pub(crate) async fn public_needs_no_token(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Public).await?;
    let bytes = stage.deploy("open", "1.0").await?;
    let stranger = Maven::new(version, stage.repo.url(), None)?;
    check_resolves(&stranger, "open", &bytes).await?;
    check_cannot_deploy(&stage, &stranger, WHO).await?;

    let hidden = stage.admin.create_maven_repo(&stage.instance.name("hidden"), Visibility::Private).await?;
    hidden.deploy(&format!("{}.jar", path("open", "1.0")), &bytes).await?;
    let stranger = Maven::new(version, hidden.url(), None)?;
    let project = stranger.consumer("consumer", &["com.example:open:1.0"])?;
    stranger.resolve(&project, false).await?.failure(WHO)?;
    Ok(())
}

/// A token that never was is as good as none.
pub(crate) async fn wrong_token_is_refused(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.deploy("secret", "1.0").await?;
    let stranger = Maven::new(version, stage.repo.url(), Some(WRONG_TOKEN))?;
    let project = stranger.consumer("consumer", &["com.example:secret:1.0"])?;
    stranger.resolve(&project, false).await?.failure(WHO)?;
    ensure!(!stranger.local(&format!("{}.jar", path("secret", "1.0"))).exists());
    check_cannot_deploy(&stage, &stranger, WHO).await
}

/// A token that may only read resolves, and is told so when it deploys.
pub(crate) async fn read_token_resolves_and_does_not_deploy(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let bytes = stage.deploy("secret", "1.0").await?;
    let reader = Maven::new(version, stage.repo.url(), Some(&stage.read_token().await?))?;
    check_resolves(&reader, "secret", &bytes).await?;
    check_cannot_deploy(&stage, &reader, &["403", "forbidden"]).await
}

async fn check_resolves(client: &Maven, artifact: &str, bytes: &[u8]) -> Result<()> {
    let project = client.consumer("consumer", &[&format!("com.example:{artifact}:1.0")])?;
    client.resolve(&project, false).await?.success()?;
    ensure!(read(&client.local(&format!("{}.jar", path(artifact, "1.0"))))? == bytes);
    Ok(())
}

/// A deploy fails with one of `words`, and leaves nothing.
async fn check_cannot_deploy(stage: &Stage, client: &Maven, words: &[&str]) -> Result<()> {
    let project = client.consumer("deploying", &[])?;
    let file = project.join("intruder.jar");
    std::fs::write(&file, jar("intruder", "1.0"))?;
    client.deploy_file(&project, &file, "com.example:intruder:1.0:jar", &[]).await?.failure(words)?;
    for name in ["1.0/intruder-1.0.jar", "1.0/intruder-1.0.pom", "maven-metadata.xml"] {
        let status = stage.repo.status(&format!("com/example/intruder/{name}")).await?;
        ensure!(status == StatusCode::NOT_FOUND, "{name}: {status}");
    }
    Ok(())
}
