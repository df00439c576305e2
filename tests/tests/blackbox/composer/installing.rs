//! What customers do with what they have bought.

use anyhow::{Result, ensure};
use granary_tests::composer::library::Library;
use granary_tests::composer::{lock, locked};

use super::Stage;

/// Adding a package, updating it a moment after something newer was published, and installing it on another machine
/// from the lock file. The newest is large: the store itself serves it.
#[tokio::test]
async fn required_updated_and_installed_from_the_lock_file() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["1.0.0", "1.1.0"]).await?;
    let composer = stage.composer(&stage.consumer(&[(package, "1.*")]).await?)?;
    let project = composer.project("app", &[])?;
    composer.require(&project, "acme/hello").await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "1.1.0")).await?;

    for newer in [Library::new("acme/hello", "1.2.0"), Library::new("acme/hello", "1.3.0").sized(600_000)] {
        stage.seller.publish(package, &newer).await?;
        composer.update(&project).await?.success()?;
        ensure!(locked(&project)? == [format!("acme/hello {}", newer.version)], "{:?}", locked(&project)?);
        composer.check_installed(&project, &newer).await?;
    }

    stage.seller.publish(package, &Library::new("acme/hello", "1.4.0")).await?;
    composer.forget(&project)?;
    composer.install(&project).await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "1.3.0").sized(600_000)).await?;
    composer.run(&project, &["validate", "--no-check-publish"]).await?.success()?;

    // Lock files are kept for years, so the address must be one that stays.
    let lock = lock(&project)?;
    let dist = &lock["packages"][0]["dist"];
    let address = dist["url"].as_str().unwrap_or_default();
    ensure!(address.starts_with(&stage.url()) && !address.contains('?'), "{dist}");
    ensure!(dist["type"] == "zip" && dist["shasum"].as_str().is_some_and(|sum| sum.len() == 40), "{dist}");
    Ok(())
}

/// A package that requires another one: both must be permitted.
#[tokio::test]
async fn dependencies_are_sold_too() -> Result<()> {
    let stage = Stage::new().await?;
    let base = stage.package("acme/base", &["1.0.0", "1.5.0", "2.0.0"]).await?;
    let app = stage.package("acme/app", &[]).await?;
    let library = Library::new("acme/app", "3.0.0").requiring("acme/base", "^1.0");
    stage.seller.publish(app, &library).await?;

    let consumer = stage.consumer(&[(app, "*")]).await?;
    let composer = stage.composer(&consumer)?;
    let project = composer.project("app", &[("acme/app", "*")])?;
    composer.update(&project).await?.failure(&["acme/base"])?;
    stage.seller.permit(&consumer, base, "*").await?;
    composer.update(&project).await?.success()?;
    ensure!(locked(&project)? == ["acme/app 3.0.0", "acme/base 1.5.0"], "{:?}", locked(&project)?);
    composer.check_installed(&project, &library).await?;
    composer.check_installed(&project, &Library::new("acme/base", "1.5.0")).await?;
    Ok(())
}

/// A branch is had by those who ask for it and may have it, and never instead of a release.
#[tokio::test]
async fn branches() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["1.0.0", "dev-main", "dev-feature/log-in"]).await?;
    let composer = stage.composer(&stage.consumer(&[(package, "*")]).await?)?;
    let stable = composer.project("stable", &[("acme/hello", "*")])?;
    composer.update(&stable).await?.success()?;
    ensure!(locked(&stable)? == ["acme/hello 1.0.0"], "{:?}", locked(&stable)?);
    for name in ["dev-main", "dev-feature/log-in"] {
        let branch = composer.unstable_project(&name.replace('/', "-"), "dev", &[("acme/hello", name)])?;
        composer.update(&branch).await?.success()?;
        ensure!(locked(&branch)? == [format!("acme/hello {name}")], "{:?}", locked(&branch)?);
        composer.check_installed(&branch, &Library::new("acme/hello", name)).await?;
    }

    let other = stage.composer(&stage.consumer(&[(package, "1.*")]).await?)?;
    let branch = other.unstable_project("branch", "dev", &[("acme/hello", "dev-main")])?;
    other.update(&branch).await?.failure(&["acme/hello"])?;
    Ok(())
}
