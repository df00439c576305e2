//! From a folder on one machine to `node_modules` on another.

use std::fs;

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool::{Manager, Tool};

use super::{Stage, write};

/// A package with a scope and one without are published to a private repository, installed on another
/// machine by name, and installed again from the lock file alone; the bytes are the published ones.
pub(crate) async fn publish_install_and_reinstall(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let plain = Package::new("plain-one", "1.2.3");
    let scoped = Package::new("@acme/two", "0.4.0");
    stage.publish(&plain).await?;
    stage.publish(&scoped).await?;
    for package in [&plain, &scoped] {
        let packument = stage.registry.packument(&package.name).await?;
        ensure!(packument["dist-tags"]["latest"] == package.version.as_str(), "{packument}");
        ensure!(packument["time"][&package.version].is_string(), "{packument}");
        stage.registry.tarball(&packument, &package.version).await?;
    }

    let reader = stage.admin.sign_in("admin").await?.account_token(&["read"]).await?;
    let other = stage.other(Some(&reader))?;
    let project = other.consumer("consumer", &[("plain-one", "^1.0.0"), ("@acme/two", "0.4.0")])?;
    other.install(&project).await?.success()?;
    plain.check_installed(&project)?;
    scoped.check_installed(&project)?;

    // A newer version must not get in by the lock file.
    stage.publish(&plain.bumped("1.3.0")).await?;
    other.forget_downloads(&project)?;
    other.install_locked(&project).await?.success()?;
    plain.check_installed(&project)?;
    scoped.check_installed(&project)?;
    Ok(())
}

/// The tarball that the client packed is, byte for byte, the one that is served.
pub(crate) async fn packed_bytes_are_served(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Public).await?;
    let package = Package::new("@acme/packed", "1.0.0");
    let folder = stage.folder(&package)?;
    let words: &[&str] = if tool.manager == Manager::Bun { &["pm", "pack"] } else { &["pack"] };
    stage.client.run(&folder, words).await?.success()?;
    let file = folder.join("acme-packed-1.0.0.tgz");
    let packed = fs::read(&file).with_context(|| format!("{} was not packed", file.display()))?;
    stage.client.publish(&folder, &["./acme-packed-1.0.0.tgz"]).await?.success()?;
    let packument = stage.registry.with_token(None).packument(&package.name).await?;
    let served = stage.registry.with_token(None).tarball(&packument, "1.0.0").await?;
    ensure!(served == packed, "{} bytes were packed, {} other ones are served", packed.len(), served.len());
    Ok(())
}

/// A version that exists cannot be published again with other bytes, and the client shows npmjs's words.
pub(crate) async fn duplicate_is_refused(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let first = Package::new("plain-twice", "1.0.0");
    stage.publish(&first).await?;
    let before = stage.registry.packument(&first.name).await?;

    let other = stage.other(stage.registry.token())?;
    let folder = write(&other, &Package::salted(&first.name, "1.0.0", "other bytes"))?;
    let outcome = other.publish(&folder, forced(tool)).await?;
    // Yarn 4 says nothing of what the registry answers but the status.
    let words: &[&str] = match tool.manager {
        Manager::YarnModern => &["409", "403", "Conflict", "Forbidden"],
        _ => &["cannot publish over the previously published version"],
    };
    outcome.failure(words)?;
    ensure!(stage.registry.packument(&first.name).await? == before, "the refused publish left a trace");
    Ok(())
}

/// The same bytes again are no conflict: clients repeat a publish whose answer got lost.
pub(crate) async fn identical_again_is_a_success(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let package = Package::new("plain-again", "1.0.0");
    let folder = stage.folder(&package)?;
    stage.client.publish(&folder, &[]).await?.success()?;
    let before = stage.registry.packument(&package.name).await?;
    stage.client.publish(&folder, forced(tool)).await?.success()?;
    let after = stage.registry.packument(&package.name).await?;
    ensure!(before["versions"] == after["versions"], "the second publish changed {before} into {after}");
    Ok(())
}

/// The flag that keeps a client from looking by itself whether the version exists.
fn forced(tool: Tool) -> &'static [&'static str] {
    match tool.manager {
        // pnpm 10 publishes by npm 10, which does not look.
        Manager::Npm | Manager::Pnpm if tool.major() >= 11 => &["--force"],
        _ => &[],
    }
}

/// A package that is not exempt from the client's age gate is refused while it is fresh: the registry tells
/// the publish time truthfully.
pub(crate) async fn age_gate_blocks_what_is_not_exempt(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, Visibility::Private).await?;
    let package = Package::new("fresh-one", "1.0.0");
    stage.publish(&package).await?;
    let other = stage.other(stage.registry.token())?;
    let project = other.consumer("consumer", &[("fresh-one", "1.0.0")])?;
    if tool.manager == Manager::Pnpm {
        // pnpm 12 exempts by itself what a project names, unless it is told to be strict.
        fs::write(
            project.join("pnpm-workspace.yaml"),
            "minimumReleaseAge: 10080\nminimumReleaseAgeStrict: true\n",
        )?;
    }
    install_is_gated(&other, &project).await
}

async fn install_is_gated(client: &Sandbox, project: &std::path::Path) -> Result<()> {
    client.install(project).await?.failure(&["minimumReleaseAge", "NO_MATURE", "quarantined", "age gate"])?;
    Ok(())
}
