//! What clients show of public packages, and what they are refused.

use anyhow::{Context, Result, ensure};
use granary_tests::package::Package;
use granary_tests::tool::{Manager, Tool};
use serde_json::{Value, json};

use super::{Stage, check_version, public};
use crate::scenarios::write;

/// A package with a version that came out a moment ago.
fn young() -> Result<Value> {
    let now = std::process::Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.000Z"]).output()?;
    let mut package = public("public-young", &["1.0.0", "2.0.0"], &json!({}));
    package["versions"][1]["released"] = String::from_utf8(now.stdout)?.trim().into();
    Ok(json!({"packages": [package], "advisories": []}))
}

fn some() -> Value {
    json!({
        "packages": [
            public("public-one", &["1.0.0", "1.1.0"], &json!({})),
            public("public-two", &["1.0.0"], &json!({})),
        ],
        "advisories": [],
    })
}

/// Facts and tags of a public package are shown. A search finds packages of both, if the repository lets searches out.
pub(crate) async fn facts_tags_and_search(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, &some(), json!({"search": true})).await?;
    stage.publish(&Package::new("our-public-helper", "1.0.0")).await?;
    let client = stage.client()?;
    let folder = client.consumer("elsewhere", &[])?;

    let shown = client.view(&folder, "public-one").await?.success()?.json()?;
    let facts = shown.get(0).unwrap_or(&shown);
    ensure!(facts["name"] == "public-one" && facts["version"] == "1.1.0", "{shown}");
    ensure!(facts["versions"] == json!(["1.0.0", "1.1.0"]), "{shown}");
    let tarball = facts["dist"]["tarball"].as_str().context("no tarball")?;
    ensure!(tarball.starts_with(stage.registry.url()), "{tarball} is elsewhere");

    client.list_tags(&folder, "public-one").await?.success()?.says("latest: 1.1.0")?;

    let found = client.run(&folder, &["search", "public", "--json"]).await?.success()?.json()?;
    let mut names: Vec<&str> =
        found.as_array().context("no list")?.iter().filter_map(|hit| hit["name"].as_str()).collect();
    names.sort_unstable();
    ensure!(names == ["our-public-helper", "public-one", "public-two"], "{found}");
    Ok(())
}

/// A name that came from the public registry cannot be published, and whoever tries reads why and what can be done.
pub(crate) async fn public_names_cannot_be_published(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, &some(), json!({})).await?;
    let before = stage.registry.packument("public-one").await?;
    let client = stage.client()?;
    let folder = write(&client, &Package::new("public-one", "9.0.0"))?;
    let refused = client.publish(&folder, &[]).await?.failure(&["409", "conflict"])?;
    // pnpm 12 breaks lines.
    refused.says("comes from the upstream 'public'")?.says("repos/mixed/origins/npm/public-one")?;
    ensure!(stage.registry.packument("public-one").await? == before, "the refused publish left a trace");
    Ok(())
}

/// Who wants a version in its cooldown by its number reads why not, and who does not gets an older one.
pub(crate) async fn young_versions_are_refused_with_the_reason(tool: Tool) -> Result<()> {
    ensure!(tool.manager == Manager::Npm, "only npm knows of reasons");
    let stage = Stage::new(tool, &young()?, json!({"cooldownDays": 3})).await?;
    let client = stage.client()?;
    let wanting = client.consumer("wanting", &[("public-young", "2.0.0")])?;
    let refused = client.install(&wanting).await?.failure(&["E403"])?;
    refused.says("public-young@2.0.0 is younger than the 3 days")?.says("cooldownExcept")?;
    let content = client.consumer("content", &[("public-young", ">=1")])?;
    client.install(&content).await?.success()?;
    check_version(&content, "public-young", "1.0.0")
}
