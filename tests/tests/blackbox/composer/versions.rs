//! Which versions customers get.

use anyhow::{Result, ensure};
use granary_tests::composer::library::Library;
use granary_tests::composer::locked;

use super::Stage;

/// Of several permissions for one package any one is enough; what none of them names is as if it had never been
/// published.
#[tokio::test]
async fn several_permissions_at_once() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["4.0.9", "5.1.0", "6.0.0", "8.7.2"]).await?;
    let composer = stage.composer(&stage.consumer(&[(package, "5.*"), (package, "4.*")]).await?)?;
    let project = composer.project("app", &[])?;
    let available = composer.available(&project, "acme/hello").await?;
    ensure!(available == ["5.1.0", "4.0.9"], "{available:?}");
    composer.require(&project, "acme/hello").await?.success()?;
    ensure!(locked(&project)? == ["acme/hello 5.1.0"], "{:?}", locked(&project)?);
    composer.require(&project, "acme/hello:4.*").await?.success()?;
    composer.check_installed(&project, &Library::new("acme/hello", "4.0.9")).await?;

    for (kept_from_them, absent) in [("6.0.0", "7.0.0"), ("^8.7", "^9.7")] {
        let refused = composer.require(&project, &format!("acme/hello:{kept_from_them}")).await?;
        let unknown = composer.require(&project, &format!("acme/hello:{absent}")).await?;
        refused.same_failure(kept_from_them, &unknown, absent)?;
    }
    Ok(())
}

/// A version that is switched off is not chosen, and not downloaded by who had chosen it; so with a whole package.
#[tokio::test]
async fn switched_off() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.package("acme/hello", &["1.0.0"]).await?;
    let newer = Library::new("acme/hello", "1.1.0");
    let version = stage.seller.publish(package, &newer).await?;
    let composer = stage.composer(&stage.consumer(&[(package, "1.*")]).await?)?;
    let (early, late) = (
        composer.project("early", &[("acme/hello", "*")])?,
        composer.project("late", &[("acme/hello", "*")])?,
    );
    composer.update(&early).await?.success()?;
    ensure!(locked(&early)? == ["acme/hello 1.1.0"], "{:?}", locked(&early)?);

    stage.seller.switch("versions", version, 0).await?;
    composer.update(&late).await?.success()?;
    ensure!(locked(&late)? == ["acme/hello 1.0.0"], "{:?}", locked(&late)?);
    composer.forget(&early)?;
    composer.install(&early).await?.failure(&["404", "could not be downloaded"])?;
    stage.seller.switch("versions", version, 1).await?;
    composer.install(&early).await?.success()?;
    composer.check_installed(&early, &newer).await?;

    stage.seller.switch("packages", package, 0).await?;
    composer.forget(&early)?;
    composer.install(&early).await?.failure(&["404", "could not be downloaded"])?;
    let other = composer.project("other", &[])?;
    let hidden = composer.require(&other, "acme/hello").await?;
    let absent = composer.require(&other, "acme/never").await?;
    hidden.same_failure("acme/hello", &absent, "acme/never")?;
    stage.seller.switch("packages", package, 1).await?;
    composer.require(&other, "acme/hello").await?.success()?;
    composer.check_installed(&other, &newer).await?;
    Ok(())
}
