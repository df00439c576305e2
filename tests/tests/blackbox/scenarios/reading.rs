//! Asking the registry.

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::Package;
use granary_tests::tool::{Manager, Tool};

use super::Stage;

/// A package's facts are shown.
pub(crate) async fn shows_facts(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let package = Package::new("@acme/shown", "1.4.0");
    stage.publish(&package).await?;
    let folder = stage.client.consumer("elsewhere", &[])?;
    let shown = stage.client.view(&folder, &package.name).await?.success()?.json()?;
    // npm 12 answers with a list, Yarn 1 with a line that holds the document.
    let facts = shown.get(0).or_else(|| shown.get("data")).unwrap_or(&shown);
    ensure!(facts["name"] == "@acme/shown", "{shown}");
    ensure!(facts["description"] == "shown for the black-box suites", "{shown}");
    ensure!(facts["version"] == "1.4.0", "{shown}");
    Ok(())
}

/// A search finds by name and by scope, and nothing else.
pub(crate) async fn search(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    for name in ["plain-needle-one", "@acme/needle-two", "plain-hay"] {
        stage.registry.publish(&Package::new(name, "1.0.0"), &["latest"]).await?.accepted()?;
    }
    let folder = stage.client.consumer("elsewhere", &[])?;
    let found = stage.client.run(&folder, &["search", "needle", "--json"]).await?.success()?.json()?;
    let mut names: Vec<&str> =
        found.as_array().context("no list")?.iter().filter_map(|hit| hit["name"].as_str()).collect();
    names.sort_unstable();
    ensure!(names == ["@acme/needle-two", "plain-needle-one"], "{found}");
    Ok(())
}

/// The registry knows whose token it is.
pub(crate) async fn whoami(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let (user, token) = stage.member("ann", "read", "read").await?;
    let ann = stage.other(Some(&token))?;
    let folder = ann.consumer("elsewhere", &[])?;
    ann.whoami(&folder).await?.success()?.says(&user)?;
    Ok(())
}

/// The registry answers a ping.
pub(crate) async fn ping(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let folder = stage.client.consumer("elsewhere", &[])?;
    stage.client.run(&folder, &["ping"]).await?.success()?.says(stage.registry.url())?;
    Ok(())
}

/// An audit of a project with packages of ours is clean.
pub(crate) async fn audit(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    stage.publish(&Package::new("@acme/audited", "1.0.0")).await?;
    let project = stage.client.consumer("consumer", &[("@acme/audited", "1.0.0")])?;
    stage.client.install(&project).await?.success()?;
    let outcome = stage.client.audit(&project).await?.success()?;
    if matches!(tool.manager, Manager::Npm | Manager::Pnpm) {
        let report = outcome.json()?;
        let total = report["metadata"]["vulnerabilities"].as_object().context("no counts")?;
        ensure!(total.values().all(|count| *count == 0), "{report}");
    }
    Ok(())
}
