//! Changing what is published: tags, deprecation, unpublishing.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::Package;
use granary_tests::registry::Registry;
use granary_tests::tool::{Manager, Tool};
use reqwest::StatusCode;
use serde_json::Value;

use super::Stage;

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Tags are published, listed, added, moved and removed.
pub(crate) async fn tags(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let name = "@acme/tagged";
    stage.publish(&Package::new(name, "1.0.0")).await?;
    let next = stage.folder(&Package::new(name, "1.1.0"))?;
    stage.client.publish(&next, &["--tag", "beta"]).await?.success()?;
    ensure!(stage.registry.tags(name).await? == set(&["latest=1.0.0", "beta=1.1.0"]));

    let client = &stage.client;
    client.list_tags(&next, name).await?.success()?.says("beta")?.says("latest")?;
    client.add_tag(&next, name, "1.0.0", "stable").await?.success()?;
    client.add_tag(&next, name, "1.1.0", "latest").await?.success()?;
    ensure!(stage.registry.tags(name).await? == set(&["latest=1.1.0", "beta=1.1.0", "stable=1.0.0"]));
    client.remove_tag(&next, name, "beta").await?.success()?;
    ensure!(stage.registry.tags(name).await? == set(&["latest=1.1.0", "stable=1.0.0"]));

    // Refused: a tag that reads as a version range. Some clients refuse it themselves, some leave it to us.
    ensure!(client.add_tag(&next, name, "1.0.0", "1.x").await?.code != Some(0), "1.x became a tag");
    ensure!(stage.registry.tags(name).await? == set(&["latest=1.1.0", "stable=1.0.0"]));
    Ok(())
}

/// Versions are deprecated, one and several, and undeprecated.
pub(crate) async fn deprecation(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let name = "plain-old";
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        stage.publish(&Package::new(name, version)).await?;
    }
    let folder = stage.client.consumer("elsewhere", &[])?;
    let client = &stage.client;
    client.run(&folder, &["deprecate", "plain-old@1.0.0", "too old"]).await?.success()?;
    ensure!(deprecated(&stage.registry, name).await? == set(&["1.0.0=too old"]));
    client.run(&folder, &["deprecate", "plain-old@1.x", "use 2"]).await?.success()?;
    ensure!(deprecated(&stage.registry, name).await? == set(&["1.0.0=use 2", "1.1.0=use 2"]));

    let project = client.consumer("consumer", &[(name, "1.0.0")])?;
    client.install(&project).await?.success()?.says("deprecated")?;

    let undeprecate = tool.major() >= if tool.manager == Manager::Pnpm { 11 } else { 12 };
    let words: &[&str] =
        if undeprecate { &["undeprecate", "plain-old@1.1.0"] } else { &["deprecate", "plain-old@1.1.0", ""] };
    client.run(&folder, words).await?.success()?;
    ensure!(deprecated(&stage.registry, name).await? == set(&["1.0.0=use 2"]));
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        let packument = stage.registry.packument(name).await?;
        stage.registry.tarball(&packument, version).await?;
    }
    Ok(())
}

/// What is deprecated according to both packuments, which must agree.
async fn deprecated(registry: &Registry, name: &str) -> Result<BTreeSet<String>> {
    let full = deprecations(&registry.packument(name).await?);
    let abbreviated = deprecations(&registry.abbreviated(name).await?);
    ensure!(full == abbreviated, "the full document says {full:?}, the short one {abbreviated:?}");
    Ok(full)
}

fn deprecations(packument: &Value) -> BTreeSet<String> {
    let versions = packument["versions"].as_object().into_iter().flatten();
    versions
        .filter_map(|(version, facts)| Some(format!("{version}={}", facts.get("deprecated")?.as_str()?)))
        .collect()
}

/// One version, then the whole package disappears; what was used once cannot be published again.
pub(crate) async fn unpublishing(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let name = "@acme/gone";
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        stage.publish(&Package::new(name, version)).await?;
    }
    let folder = stage.client.consumer("elsewhere", &[])?;
    let before = stage.registry.packument(name).await?;
    stage.client.run(&folder, &["unpublish", "@acme/gone@1.2.0", "--force"]).await?.success()?;
    ensure!(stage.registry.versions(name).await? == set(&["1.0.0", "1.1.0"]));
    ensure!(stage.registry.tags(name).await? == set(&["latest=1.1.0"]));
    ensure!(stage.registry.tarball(&before, "1.2.0").await.is_err(), "the tarball is still served");
    let again = stage.registry.publish(&Package::salted(name, "1.2.0", "again"), &["latest"]).await?;
    ensure!(again.status.is_client_error(), "1.2.0 came back: {} {}", again.status, again.body);

    stage.client.run(&folder, &["unpublish", name, "--force"]).await?.success()?;
    ensure!(stage.registry.read(name).await?.status == StatusCode::NOT_FOUND);
    let again = stage.registry.publish(&Package::new(name, "1.0.0"), &["latest"]).await?;
    ensure!(again.status.is_client_error(), "1.0.0 came back: {} {}", again.status, again.body);
    stage.registry.publish(&Package::new(name, "2.0.0"), &["latest"]).await?.accepted()?;
    ensure!(stage.registry.versions(name).await? == set(&["2.0.0"]));
    Ok(())
}
