//! Who may do what, as the client's user gets to read it.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::Package;
use granary_tests::tool::{Manager, Tool};
use reqwest::StatusCode;

use super::{Stage, write};

/// What each client prints when the registry wants to know who asks.
fn login_hint(tool: Tool) -> &'static [&'static str] {
    match tool.manager {
        Manager::Npm => &["npm login"],
        Manager::Pnpm => &["401", "Unauthorized", "authoriz"],
        // It shows our own words.
        Manager::YarnClassic => &["token", "authentication", "log in"],
        Manager::YarnModern => &["Invalid authentication", "No authentication", "401"],
        Manager::Bun => &["401"],
    }
}

/// Without a token a private repository asks for a login; a public one does not.
pub(crate) async fn private_needs_a_token(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let package = Package::new("plain-secret", "1.0.0");
    stage.registry.publish(&package, &["latest"]).await?.accepted()?;
    let stranger = stage.other(None)?;
    let project = stranger.consumer("consumer", &[("plain-secret", "1.0.0")])?;
    stranger.install(&project).await?.failure(login_hint(tool))?;
    ensure!(package.check_installed(&project).is_err());

    let open = stage.admin.create_repo(&stage.instance.name("open"), Visibility::Public).await?;
    open.publish(&package, &["latest"]).await?.accepted()?;
    stranger.configure(open.url(), None)?;
    stranger.forget_downloads(&project)?;
    stranger.install(&project).await?.success()?;
    package.check_installed(&project)
}

/// A token that never was is as good as none.
pub(crate) async fn wrong_token_is_refused(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let package = Package::new("plain-secret", "1.0.0");
    stage.registry.publish(&package, &["latest"]).await?.accepted()?;
    let stranger = stage.other(Some("art_000000000000000000000000000000000000"))?;
    let project = stranger.consumer("consumer", &[("plain-secret", "1.0.0")])?;
    stranger.install(&project).await?.failure(login_hint(tool))?;

    let folder = write(&stranger, &Package::new("plain-intruder", "1.0.0"))?;
    let outcome = stranger.publish(&folder, &[]).await?;
    ensure!(outcome.code != Some(0), "published with a wrong token:\n{outcome}");
    ensure!(stage.registry.read("plain-intruder").await?.status == StatusCode::NOT_FOUND);
    Ok(())
}

/// A token that may only read installs, and is told so when it publishes.
pub(crate) async fn read_token_cannot_publish(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let package = Package::new("plain-readable", "1.0.0");
    stage.registry.publish(&package, &["latest"]).await?.accepted()?;
    let token = stage.admin.sign_in("admin").await?.repo_token(&stage.repo, &["read"]).await?;
    let reader = stage.other(Some(&token))?;
    let project = reader.consumer("consumer", &[("plain-readable", "1.0.0")])?;
    reader.install(&project).await?.success()?;
    package.check_installed(&project)?;

    let folder = write(&reader, &Package::new("plain-denied", "1.0.0"))?;
    reader.publish(&folder, &[]).await?.failure(&["403", "Forbidden", "does not allow", "may only read"])?;
    ensure!(stage.registry.read("plain-denied").await?.status == StatusCode::NOT_FOUND);
    Ok(())
}

/// `npm access` and `npm owner` tell the truth.
pub(crate) async fn visibility_and_owners(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let name = "@acme/owned";
    stage.publish(&Package::new(name, "1.0.0")).await?;
    let client = &stage.client;
    let folder = client.consumer("elsewhere", &[])?;
    client.run(&folder, &["access", "get", "status", name]).await?.success()?.says("private")?;
    client.run(&folder, &["access", "list", "collaborators", name]).await?.success()?.says("admin")?;
    client.run(&folder, &["owner", "ls", name]).await?.success()?.says("admin")?;
    Ok(())
}
