//! Dependency confusion: somebody publishes newer versions of private names where everybody may.

use anyhow::{Context, Result, ensure};
use granary_tests::package::Package;
use granary_tests::tool::Tool;
use serde_json::{Value, json};

use super::{Stage, check_version, public};

/// What is private: a name with a scope, and one that no scope protects.
const OURS: [&str; 2] = ["@acme/secret", "plain-secret"];

/// Newer versions of both, and of a name that is ours by a pattern alone; and a public package that depends on them.
fn attack() -> Value {
    let needs = json!({"@acme/secret": ">=1", "plain-secret": "*"});
    json!({
        "packages": [
            public("@acme/secret", &["1.0.0", "99.0.0"], &json!({})),
            public("plain-secret", &["1.0.0", "99.0.0"], &json!({})),
            public("@acme/planned", &["99.0.0"], &json!({})),
            public("public-lure", &["1.0.0"], &needs),
        ],
        "advisories": [],
    })
}

/// Ranges that the newer version would fit are answered with ours, wherever they are written; the newer version is not to be
/// had by its number, nor is what is ours and not published yet. The public registry is not even asked.
pub(crate) async fn newer_public_versions_do_not_get_in(tool: Tool) -> Result<()> {
    let stage = Stage::new(tool, &attack(), json!({"owned": ["@acme/*"]})).await?;
    let packages = OURS.map(|name| Package::new(name, "1.0.0"));
    for package in &packages {
        stage.publish(package).await?;
    }
    let client = stage.client()?;

    let project =
        client.consumer("ranges", &[(OURS[0], ">=1"), (OURS[1], ">=1"), ("public-lure", "1.0.0")])?;
    client.install(&project).await?.success()?;
    for package in &packages {
        package.check_installed(&project)?;
    }
    check_version(&project, "public-lure", "1.0.0")?;
    let locks = ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];
    let lock = locks.into_iter().find(|lock| project.join(lock).exists()).context("there is no lock file")?;
    let text = std::fs::read_to_string(project.join(lock))?;
    ensure!(text.contains("@acme/secret") && !text.contains("99.0.0"), "{lock} has the wrong one:\n{text}");

    let tags = client.consumer("tags", &[(OURS[0], "latest"), (OURS[1], "latest")])?;
    client.install(&tags).await?.success()?;
    for package in &packages {
        package.check_installed(&tags)?;
    }

    for (index, name) in [OURS[0], OURS[1], "@acme/planned"].into_iter().enumerate() {
        let project = client.consumer(&format!("exactly-{index}"), &[(name, "99.0.0")])?;
        // Each client has words of its own for what is not there.
        client.install(&project).await?.failure(&["99.0.0", "404", "not found"])?;
        ensure!(!project.join("node_modules").join(name).exists(), "{name} is installed");
    }
    stage.check_kept_private().await?;
    Ok(())
}
