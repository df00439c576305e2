//! Packages and files larger than memory should be spent on.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::{Package, noise};
use granary_tests::sandbox::Sandbox;
use granary_tests::server::Server;
use granary_tests::tool;

use crate::raw::Stage;
use crate::scenarios::write;

/// Bytes of the package; its publish document is a third larger.
const SIZE: usize = 60 * 1024 * 1024;

/// Bytes of the file.
const LARGE: usize = 150_000_000;

/// Most that the server may have had in memory: two thirds of what the tarball takes, so a server that holds the
/// tarball, let alone the document, does not pass.
const MOST_MEMORY: u64 = 40 * 1024 * 1024;

/// A 60 MB tarball goes through `npm publish` and comes back, and the server streams it both ways.
#[tokio::test]
async fn sixty_megabytes_are_streamed() -> Result<()> {
    let server = Server::start().await?;
    let registry = server.admin()?.create_repo("large", Visibility::Private).await?;
    let client = Sandbox::configured(tool::NPM_11, registry.url(), registry.token())?;
    let package = Package::sized("@acme/large", "1.0.0", "", SIZE);
    client.publish(&write(&client, &package)?, &[]).await?.success()?;
    let published = server.peak_memory()?;
    let project = client.consumer("consumer", &[("@acme/large", "1.0.0")])?;
    client.install(&project).await?.success()?;
    package.check_installed(&project)?;
    let installed = server.peak_memory()?;
    ensure!(
        installed < MOST_MEMORY,
        "the server had {published} bytes in memory after the publish and {installed} after the install"
    );
    Ok(())
}

/// A file of 150 MB goes up and comes down again, and the server never holds more than a part of it.
#[tokio::test]
async fn a_large_file_is_streamed() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let bytes = noise("large", LARGE);
    stage.upload("large.bin", &bytes).await?;
    let file = "\"$BASE/api/raw/my-raw-repo/my-tool/1.0.0/large.bin\" -H \"Authorization: Bearer $TOKEN\"";
    ensure!(stage.status(&format!("-L {file}")).await? == "200");
    ensure!(stage.curl.read("answer")? == bytes, "other bytes came back");
    let peak = stage.instance.server()?.peak_memory()?;
    ensure!(peak < MOST_MEMORY, "the server had {peak} bytes in memory");
    Ok(())
}
