//! Ivy publishes and resolves: it sends credentials only when asked, and uploads no metadata.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::ivy::Ivy;
use granary_tests::maven::project::pom;
use reqwest::StatusCode;

use super::{Stage, WRONG_TOKEN, jar, path, read};

/// A private repository, there and back.
#[tokio::test]
async fn publishes_and_resolves() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = Ivy::new(stage.repo.url(), stage.repo.token())?;
    let (bytes, document) = (jar("brick", "1.0"), pom("brick", "1.0"));
    let module = author.module("brick", &bytes, document.as_bytes())?;
    author.publish(&module, "1.0", &[]).await?.success()?;
    stage.repo.check_serves(&format!("{}.jar", path("brick", "1.0")), &bytes).await?;
    stage.repo.check_serves(&format!("{}.pom", path("brick", "1.0")), document.as_bytes()).await?;
    ensure!(stage.repo.versions("com/example/brick").await? == ["1.0"]);

    let user = Ivy::new(stage.repo.url(), Some(&stage.read_token().await?))?;
    let folder = user.place().project("user")?;
    user.retrieve(&folder, "brick", "latest.release").await?.success()?;
    ensure!(read(&folder.join("retrieved/brick-1.0.jar"))? == bytes);

    stage
        .repo
        .check_serves("com/example/brick/1.0/ivy-1.0.xml", &read(&module.join("delivered-1.0.xml"))?)
        .await?;

    // Other bytes are refused, whatever the client is told.
    std::fs::write(module.join("brick.jar"), jar("brick", "changed"))?;
    author.publish(&module, "1.0", &["-overwrite"]).await?.failure(&["409", "Conflict"])?;
    stage.repo.check_serves(&format!("{}.jar", path("brick", "1.0")), &bytes).await
}

/// Who has no token, or a wrong one, neither publishes nor resolves.
#[tokio::test]
async fn strangers_get_nothing() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    stage.deploy("secret", "1.0").await?;
    for token in [None, Some(WRONG_TOKEN)] {
        let stranger = Ivy::new(stage.repo.url(), token)?;
        let folder = stranger.place().project("user")?;
        stranger.retrieve(&folder, "secret", "1.0").await?.failure(&["401", "not found"])?;
        ensure!(!folder.join("retrieved").exists());
        let module =
            stranger.module("intruder", &jar("intruder", "1.0"), pom("intruder", "1.0").as_bytes())?;
        stranger.publish(&module, "1.0", &[]).await?.failure(&["401", "unauthorized"])?;
        let status = stage.repo.status(&format!("{}.jar", path("intruder", "1.0"))).await?;
        ensure!(status == StatusCode::NOT_FOUND, "{status}");
    }
    Ok(())
}
