//! Kotlin Multiplatform from a publish to `npm install`: real libraries, the real Kotlin compiler on this machine, the real npm, Node
//! and TypeScript.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use granary_tests::outcome::Outcome;
use granary_tests::sandbox::Sandbox;
use granary_tests::server::Server;
use granary_tests::session::Session;
use granary_tests::settings::workspace;
use granary_tests::tool;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::kmp::Stage;
use crate::kmp::library::tool as kotlin;

mod deaths;
mod failures;
mod finding;

/// A day: what has this period does not happen while a test lasts.
const NEVER: &str = "86400";

/// When a server looks for new versions by itself, in seconds.
struct Looks {
    /// `GRANARY_KMP_POLL_INTERVAL`.
    every: &'static str,
    /// `GRANARY_KMP_DEBOUNCE`.
    after_publish: &'static str,
}

/// Only when somebody asks.
const BY_HAND: Looks = Looks { every: NEVER, after_publish: "900" };

/// A server that builds on this machine.
async fn server(looks: &Looks) -> Result<Server> {
    server_with(looks, &[]).await
}

/// The same with further variables.
async fn server_with(looks: &Looks, more: &[(&str, &str)]) -> Result<Server> {
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", tool::node_folder().display());
    let compiler = kotlin("kotlin-compiler")?.join("node_modules/kotlin-compiler").display().to_string();
    let scripts = workspace().join("infra/github/build").display().to_string();
    let variables = [
        ("PATH", path.as_str()),
        ("GRANARY_KMP_BUILDER", "local"),
        ("GRANARY_KMP_SCRIPTS", &scripts),
        ("GRANARY_KOTLIN_COMPILER", &compiler),
        ("GRANARY_KMP_POLL_INTERVAL", looks.every),
        ("GRANARY_KMP_DEBOUNCE", looks.after_publish),
    ];
    Server::start_with(&[&variables, more].concat()).await
}

/// Its two repositories.
async fn stage(server: &Server) -> Result<Stage> {
    Stage::new(server.url(), server.admin()?, "my-maven", "my-kmp").await
}

/// A project of somebody who uses what was built.
struct User {
    npm: Sandbox,
    project: PathBuf,
}

impl User {
    /// Installs a version of a package by npm, and nothing else, with the token of the administrator.
    async fn with(stage: &Stage, package: &str, version: &str) -> Result<Self> {
        let registry = stage.npm();
        let npm = Sandbox::configured(tool::NPM_11, registry.url(), registry.token())?;
        let project = npm.consumer("user", &[(package, version)])?;
        npm.install(&project).await?.success()?;
        Ok(Self { npm, project })
    }

    /// Runs a program that imports it, and gives the JSON that it prints.
    async fn run(&self, program: &str) -> Result<Value> {
        fs::write(self.project.join("main.mjs"), program)?;
        self.node(&["main.mjs".as_ref()]).await?.success()?.json()
    }

    /// Has TypeScript check a program that imports it.
    async fn check(&self, program: &str) -> Result<Outcome> {
        let options = json!({
            "compilerOptions": {"module": "nodenext", "strict": true, "noEmit": true, "target": "es2022", "types": []},
            "files": ["main.mts"],
        });
        fs::write(self.project.join("tsconfig.json"), options.to_string())?;
        fs::write(self.project.join("main.mts"), program)?;
        let compiler = kotlin("typescript")?.join("node_modules/typescript/bin/tsc");
        self.node(&[&compiler, "-p".as_ref(), &self.project]).await
    }

    async fn node(&self, arguments: &[&Path]) -> Result<Outcome> {
        let mut command = Command::new(tool::node_folder().join("node"));
        command.args(arguments).current_dir(&self.project).env_clear().env("HOME", self.npm.home());
        Session::start(command)?.finish().await
    }

    /// What `package.json` of the installed package says.
    fn manifest(&self, package: &str) -> Result<Value> {
        let file = self.project.join("node_modules").join(package).join("package.json");
        Ok(serde_json::from_slice(&fs::read(&file).with_context(|| file.display().to_string())?)?)
    }
}

/// A version of the greeter installs, has types, and greets.
async fn check_greets(stage: &Stage, version: &str) -> Result<()> {
    let user = User::with(stage, "@acme/greeter", version).await?;
    ensure!(user.manifest("@acme/greeter")?["version"] == version);
    let said = user
        .run(
            "import { Greeter, add } from '@acme/greeter';
             const greeter = new Greeter('sv');
             console.log(JSON.stringify([greeter.greet('Ada'), greeter.greetAll(['Grace', 'Ada']), add(2, 40)]));",
        )
        .await?;
    ensure!(said == json!(["Hej, Ada!", ["Hej, Ada!", "Hej, Grace!"], 42]), "{said}");
    let typed = |number: &str| {
        format!(
            "import {{ Greeter, add }} from '@acme/greeter';
             export const text: string = new Greeter('de').greetAll(['x'])[0];
             export const sum: number = add(1, {number});\n"
        )
    };
    user.check(&typed("2")).await?.success()?;
    user.check(&typed("'2'")).await?.failure(&["TS2345"])?;
    Ok(())
}
