//! Private packages that depend on public ones.

use anyhow::{Result, ensure};
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool::{Manager, Tool};
use serde_json::{Value, json};

use super::{Stage, check_version, public};
use crate::scenarios::write;

/// What the public registry knows against `public-weak`.
const ADVISORY: &str = "Lets everybody in";

/// Public packages in three levels, of which two meet at the bottom, and one with an advisory.
fn tree() -> Value {
    json!({
        "packages": [
            public("public-one", &["1.0.0", "1.1.0", "2.0.0"], &json!({"public-base": "^1.0.0"})),
            public("@public/two", &["2.0.0"], &json!({"public-base": "^1.2.0", "@public/leaf": "~1.2.0"})),
            public("public-base", &["1.0.0", "1.4.0", "2.0.0"], &json!({})),
            public("@public/leaf", &["1.2.0", "1.2.3", "1.3.0"], &json!({})),
            public("public-weak", &["1.0.0", "1.2.0"], &json!({})),
        ],
        "advisories": [{
            "name": "public-weak",
            "below": "1.2.0",
            "says": {
                "id": 7,
                "url": "https://example.com/advisories/7",
                "title": ADVISORY,
                "severity": "high",
                "vulnerable_versions": "<1.2.0",
                "cwe": ["CWE-287"],
                "cvss": {"score": 8.1, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:N"},
            },
        }],
    })
}

/// A private package is published that depends on public ones. It is installed with them by one registry line, and from the
/// lock file alone, with nothing in any cache, while the public registry is gone. An audit finds what is known there, and
/// nothing private is asked of it.
pub(crate) async fn mixed_tree(tool: Tool) -> Result<()> {
    let mut stage = Stage::new(tool, &tree(), json!({})).await?;
    let private =
        Package::new("@acme/app", "1.0.0").needing(&[("public-one", "^1.0.0"), ("@public/two", "^2.0.0")]);
    let author = stage.client()?;
    author.publish(&write(&author, &private)?, &[]).await?.success()?;

    let user = stage.client()?;
    let project = user.consumer("consumer", &[("@acme/app", "^1.0.0"), ("public-weak", "1.0.0")])?;
    user.install(&project).await?.success()?;
    check_installed(&user, &project, &private).await?;
    if tool.manager != Manager::YarnClassic {
        let found = user.audit(&project).await?;
        ensure!(found.code != Some(0), "this should have found something:\n{found}");
        found.says("public-weak")?.says(ADVISORY)?.without(&["@acme"])?;
    }
    let asked = stage.check_kept_private().await?;
    if tool.manager != Manager::YarnClassic {
        ensure!(asked["advisories"]["public-weak"] == json!(["1.0.0"]), "{asked}");
    }

    stage.upstream.end().await?;
    user.forget_downloads(&project)?;
    user.install_locked(&project).await?.success()?;
    check_installed(&user, &project, &private).await
}

/// The private package is there, and a program that loads it and all it needs works.
async fn check_installed(user: &Sandbox, project: &std::path::Path, private: &Package) -> Result<()> {
    check_version(project, "public-weak", "1.0.0")?;
    private.check_installed(project)?;
    let script = "\
        const { createRequire } = require('module');\n\
        const { realpathSync } = require('fs');\n\
        const found = {};\n\
        const look = (name, from) => {\n\
          const file = realpathSync(createRequire(from).resolve(name + '/package.json'));\n\
          const manifest = require(file);\n\
          found[name] = manifest.version;\n\
          for (const one of Object.keys(manifest.dependencies ?? {})) look(one, file);\n\
        };\n\
        look('@acme/app', process.cwd() + '/x.js');\n\
        console.log(JSON.stringify(found));";
    let found = user.node(project, script).await?.success()?.json()?;
    let expected = json!({
        "@acme/app": "1.0.0",
        "public-one": "1.1.0",
        "@public/two": "2.0.0",
        "public-base": "1.4.0",
        "@public/leaf": "1.2.3",
    });
    ensure!(found == expected, "other versions are installed: {found}");
    Ok(())
}
