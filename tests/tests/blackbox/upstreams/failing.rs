//! Upstreams that do not answer as they should.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool::{Manager, Tool};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{SHORT, Stage, check_version, public};

/// As many seconds as an upstream can be waited for.
const LONG: &str = "25";

/// How long what came from the upstream is fresh, in seconds.
const FRESH: u64 = 1;

/// What is wrong with the upstream.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    Ended,
    Hanging,
    Pages,
}

impl Trouble {
    async fn befall(self, stage: &mut Stage) -> Result<()> {
        match self {
            Self::Ended => stage.upstream.end().await,
            Self::Hanging => stage.upstream.hang().await,
            Self::Pages => stage.upstream.answer_with_pages().await,
        }
    }
}

fn two() -> Value {
    json!({
        "packages": [public("public-known", &["1.0.0"], &json!({})), public("public-new", &["1.0.0"], &json!({}))],
        "advisories": [],
    })
}

/// A registry with a private package, whose upstream is in trouble after one of its packages was installed.
async fn troubled(tool: Tool, trouble: Trouble, patience: &str) -> Result<Stage> {
    let mut stage = Stage::waiting(patience, tool, &two(), json!({"freshSeconds": FRESH})).await?;
    stage.publish(&Package::new("plain-own", "1.0.0")).await?;
    let client = stage.client()?;
    install(&client, "known", &[("public-known", "1.0.0")]).await?;
    trouble.befall(&mut stage).await?;
    // Whoever reads what is kept has the upstream asked again from then on.
    sleep(Duration::from_secs(FRESH + 1)).await;
    Ok(stage)
}

/// Installs these in a project of their own.
async fn install(client: &Sandbox, name: &str, dependencies: &[(&str, &str)]) -> Result<std::path::PathBuf> {
    let project = client.consumer(name, dependencies)?;
    client.install(&project).await?.success()?;
    Ok(project)
}

/// While the upstream hangs, a private package is installed in the time that it takes without any, and so is a public one that
/// is kept.
pub(crate) async fn private_packages_do_not_wait(tool: Tool) -> Result<()> {
    let stage = troubled(tool, Trouble::Hanging, LONG).await?;
    let client = stage.client()?;
    let project = client.consumer("own", &[("plain-own", "^1.0.0"), ("public-known", "^1.0.0")])?;
    let began = Instant::now();
    client.run(&project, install_alone(tool)).await?.success()?;
    let taken = began.elapsed();
    Package::new("plain-own", "1.0.0").check_installed(&project)?;
    check_version(&project, "public-known", "1.0.0")?;
    ensure!(taken < Duration::from_secs(10), "it took {taken:?}");
    Ok(())
}

/// The words for installing and nothing else. npm audits and pnpm and npm look for newer versions of themselves by the way, which
/// has to be asked of the upstream, and at their end they wait for that.
fn install_alone(tool: Tool) -> &'static [&'static str] {
    match tool.manager {
        Manager::Npm => &["install", "--no-audit", "--no-update-notifier"],
        Manager::Pnpm => &["install", "--config.update-notifier=false"],
        Manager::YarnClassic => &["install", "--non-interactive"],
        Manager::YarnModern | Manager::Bun => &["install"],
    }
}

/// Whatever is wrong with an upstream, private packages and public ones that are kept are installed, and for others the error
/// says which upstream it is.
pub(crate) async fn errors_name_the_upstream(tool: Tool) -> Result<()> {
    for (trouble, words) in [
        (Trouble::Ended, "the upstream 'public' cannot be asked just now"),
        (Trouble::Hanging, "the upstream 'public' cannot be asked just now"),
        (Trouble::Pages, "the answer of the upstream 'public' cannot be used"),
    ] {
        let stage = troubled(tool, trouble, SHORT).await?;
        let client = stage.client()?;
        let began = Instant::now();
        install(&client, "own", &[("plain-own", "1.0.0"), ("public-known", "1.0.0")]).await?;
        ensure!(began.elapsed() < Duration::from_secs(15), "{trouble:?} took {:?}", began.elapsed());
        let project = client.consumer("new", &[("public-new", "1.0.0")])?;
        // By itself npm tries three times in more than a minute, and says the same then.
        let began = Instant::now();
        let refused = client.run(&project, &["install", "--fetch-retries=0"]).await?;
        refused.failure(&["E503", "E502"])?.says(words)?;
        ensure!(began.elapsed() < Duration::from_secs(15), "{trouble:?} took {:?}", began.elapsed());
    }
    Ok(())
}
