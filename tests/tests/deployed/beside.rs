//! `granary serve --aws`: what is too large for a function goes into the same stores.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::beside::Beside;
use granary_tests::instance::Instance;
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool;
use serde_json::json;

/// Bytes of a package that is larger than what a function takes.
const SIZE: usize = 8_000_000;

/// `npm publish` is refused by the function with the advice what to do, goes through the process, and npm installs
/// from the function.
#[tokio::test]
async fn a_large_package_is_published() -> Result<()> {
    let instance = Instance::new().await?;
    let name = instance.name("large");
    let registry = instance.admin()?.create_repo(&name, Visibility::Private).await?;
    let client = Sandbox::configured(tool::NPM_11, registry.url(), registry.token())?;
    let package = Package::sized("@acme/large", "1.0.0", "", SIZE);
    let folder = client.project("large", &json!({}))?;
    package.write_to(&folder)?;
    client.publish(&folder, &[]).await?.failure(&["413"])?.says("granary push")?;

    let beside = Beside::start().await?;
    client.configure(&format!("{}/api/npm/{name}/", beside.url()), registry.token())?;
    client.publish(&folder, &[]).await?.success()?;

    client.configure(registry.url(), registry.token())?;
    let project = client.consumer("consumer", &[("@acme/large", "1.0.0")])?;
    client.install(&project).await?.success()?;
    package.check_installed(&project)?;
    // What the process answers names the deployment, so that lock files hold wherever they were made.
    let packument = registry.packument("@acme/large").await?;
    let address = packument["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap_or_default();
    ensure!(address.starts_with(instance.url()), "{packument}");
    registry.tarball(&packument, "1.0.0").await?;
    Ok(())
}
