//! The key of a licence as a password of Composer.

use anyhow::{Result, ensure};
use granary_tests::composer::library::Library;
use granary_tests::composer::{Composer, locked};
use serde_json::json;

use super::Stage;

/// A licence opens what it covers, whatever the user is called, and as a token; when it is suspended, Composer prints that with the
/// next command, also for one who has everything in a cache.
#[tokio::test]
async fn suspended_and_resumed() -> Result<()> {
    let stage = Stage::new().await?;
    stage.package("acme/hello", &["1.0.0", "1.9.0", "2.0.0"]).await?;
    let limit = json!({"constraint": {"type": "version", "value": "<2.0"}});
    let licence = stage.seller.licence(&["acme/hello"], limit).await?;
    let composer = Composer::new(&stage.url(), Some(("anybody", &licence.key)))?;
    let project = composer.project("app", &[("acme/hello", "*")])?;
    composer.update(&project).await?.success()?;
    ensure!(locked(&project)? == ["acme/hello 1.9.0"], "{:?}", locked(&project)?);
    composer.check_installed(&project, &Library::new("acme/hello", "1.9.0")).await?;

    composer.bear(&licence.key)?;
    composer.forget(&project)?;
    composer.install(&project).await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "1.9.0")).await?;

    stage.seller.change_licence(&licence, json!({"suspended": true})).await?;
    composer.update(&project).await?.says("the licence is suspended")?;
    composer.forget(&project)?;
    composer.update(&project).await?.failure(&["403"])?.says("the licence is suspended")?;
    composer.install(&project).await?.failure(&["403"])?.says("the licence is suspended")?;

    stage.seller.change_licence(&licence, json!({"suspended": false})).await?;
    composer.install(&project).await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "1.9.0")).await?;
    Ok(())
}

/// A licence that has ended: by default it opens nothing more; if it was sold that way, what was there before then
/// stays.
#[tokio::test]
async fn ended() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["1.0.0"]).await?;
    let licence = stage.seller.licence(&["acme/hello"], json!({})).await?;
    let end = stage.seller.created_at(&licence).await?;
    stage.seller.publish(package, &Library::new("acme/hello", "2.0.0")).await?;
    let composer = Composer::new(&stage.url(), Some(("anybody", &licence.key)))?;
    let project = composer.project("app", &[("acme/hello", "*")])?;
    composer.update(&project).await?.success()?;
    ensure!(locked(&project)? == ["acme/hello 2.0.0"], "{:?}", locked(&project)?);

    let day = 24 * 60 * 60 * 1000;
    let change = json!({"constraint": {"type": "date", "value": end + day}});
    stage.seller.change_licence(&licence, change).await?;
    composer.update(&project).await?.success()?.says("is valid until")?;

    let constraint = json!({"type": "date", "value": end});
    let change = json!({"constraint": constraint, "onExpiry": "restrict"});
    stage.seller.change_licence(&licence, change).await?;
    composer.forget(&project)?;
    composer.install(&project).await?.failure(&["403"])?.says("renew the licence")?;
    composer.update(&project).await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "1.0.0")).await?;

    stage.seller.change_licence(&licence, json!({"onExpiry": "revoke"})).await?;
    composer.forget(&project)?;
    composer.install(&project).await?.failure(&["403"])?.says("the licence has expired")?;
    composer.update(&project).await?.failure(&["403"])?.says("the licence has expired")?;
    Ok(())
}
