//! `granary setup` and `granary logout`: what they leave behind is all that the clients need.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use granary_tests::composer::Composer;
use granary_tests::composer::library::Library;
use granary_tests::maven::project::pom;
use granary_tests::maven::{MAVEN_3_9, Maven};
use granary_tests::outcome::Outcome;
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool;
use serde_json::json;

use super::{Stage, finish};

impl Stage {
    /// Runs `granary` in a folder, for a user with another home folder and the login of this one.
    async fn granary_of(&self, home: &Path, folder: &Path, line: &str) -> Result<Outcome> {
        let mut command = self.command(line);
        command.current_dir(folder).env("HOME", home);
        command.env("XDG_CONFIG_HOME", self.place.path("home/.config"));
        let outcome = finish(line, command.spawn()?).await?;
        ensure!(!outcome.text().contains(self.admin.token()), "the token is shown");
        Ok(outcome)
    }
}

/// Reads a file that only its owner may read.
fn read_private(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("there is no {}", path.display()))?;
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "{} has the mode {mode:o}", path.display());
    Ok(text)
}

/// npm publishes and installs with what `granary setup` wrote, and nothing else.
#[tokio::test]
async fn npm_works_after_it() -> Result<()> {
    let stage = Stage::new().await?;
    let client = Sandbox::new(tool::NPM_11)?;
    let package = Package::new("@acme/mine", "1.0.0");
    let author = client.project("author", &json!({}))?;
    package.write_to(&author)?;
    let user = client.consumer("user", &[("@acme/mine", "1.0.0")])?;

    client.publish(&author, &[]).await?.failure(&["auth", "login", "9"])?;
    let line = "setup npm --repo all-in --write";
    let home = client.home();
    stage.granary_of(&home, &author, line).await?.success()?.says("made")?;
    stage.granary_of(&home, &author, line).await?.success()?.without(&["made", "before:"])?;
    stage.granary_of(&home, &user, &format!("{line} --scope @acme")).await?.success()?;

    client.publish(&author, &[]).await?.success()?;
    client.install(&user).await?.success()?;
    package.check_installed(&user)?;
    ensure!(read_private(&home.join(".npmrc"))?.contains(stage.admin.token()), "npm knows no token");
    for project in [author, user] {
        let settings = std::fs::read_to_string(project.join(".npmrc"))?;
        ensure!(!settings.contains(stage.admin.token()), "the token is in the project: {settings}");
    }
    Ok(())
}

/// Maven resolves what was pushed with settings that `granary setup` merged into those that were there.
#[tokio::test]
async fn maven_works_after_it() -> Result<()> {
    let stage = Stage::new().await?;
    let version = stage.file("staging/com/example/lib/1.0");
    std::fs::create_dir_all(&version)?;
    std::fs::write(version.join("lib-1.0.pom"), pom("lib", "1.0"))?;
    std::fs::write(version.join("lib-1.0.jar"), "jar")?;
    stage.granary("push maven staging --repo all-in").await?.success()?;

    // The project itself names no repository that exists.
    let user = Maven::new(MAVEN_3_9, "http://127.0.0.1:9/", None)?;
    let project = user.consumer("consumer", &["com.example:lib:1.0"])?;
    let given = std::fs::read_to_string(user.place().path("settings.xml"))?;
    let (home, own) = (user.place().path("home"), user.place().path("home/.m2/settings.xml"));
    std::fs::create_dir(home.join(".m2"))?;
    std::fs::write(&own, given.replace("!granary<", &stage.named("!granary-all-in<")))?;
    std::fs::copy(&own, user.place().path("settings.xml"))?;
    user.resolve(&project, true).await?.failure(&["could not find", "could not resolve"])?;

    let line = "setup maven --repo all-in --write";
    stage.granary_of(&home, &project, line).await?.success()?.says("changed")?;
    ensure!(read_private(&own)?.contains("<mirrorOf>"), "what was in the settings is gone");
    std::fs::copy(&own, user.place().path("settings.xml"))?;
    user.resolve(&project, true).await?.success()?;
    let jar = std::fs::read_to_string(user.local("com/example/lib/1.0/lib-1.0.jar"))?;
    ensure!(jar == "jar", "{jar}");
    Ok(())
}

/// After `granary logout` nothing of the token is left, and pushes say how to log in.
#[tokio::test]
async fn nothing_is_left_of_a_login() -> Result<()> {
    let stage = Stage::new().await?;
    let kept = stage.place.path("home/.config/granary/credentials.json");
    ensure!(read_private(&kept)?.contains(stage.admin.token()), "the token is not kept");
    stage.granary("logout").await?.success()?.says("Logged out of")?;
    ensure!(!read_private(&kept)?.contains(stage.admin.token()), "the token is still kept");

    std::fs::write(stage.file("file"), "bytes")?;
    let line =
        format!("push raw file --repo all-in --package p --version 1 --server {}", stage.instance.url());
    let refused = stage.granary(&line).await?.says(&format!("granary login {}", stage.instance.url()))?;
    ensure!(refused.code == Some(4), "{refused}");

    let mut command = stage.command(&line);
    command.env("GRANARY_TOKEN", stage.admin.token());
    finish(&line, command.spawn()?).await?.success()?.says("published  p 1")?;
    Ok(())
}

/// Composer installs what was pushed, with the login that `granary setup` wrote.
#[tokio::test]
async fn composer_works_after_it() -> Result<()> {
    let stage = Stage::new().await?;
    let library = Library::new("acme/pushed", "1.2.0");
    std::fs::write(stage.file("pushed.zip"), library.archive().await?)?;
    let push = "push composer pushed.zip --repo all-in --version 1.2.0";
    for _ in 0..2 {
        stage.granary(push).await?.success()?.says("acme/pushed")?;
    }

    let url = stage.named(&format!("{}/composer/all-in/", stage.instance.url()));
    let client = Composer::new(&url, None)?;
    let project = client.project("project", &[("acme/pushed", "^1.0")])?;
    client.update(&project).await?.failure(&["401", "authenticate", "credentials"])?;
    let line = "setup composer --repo all-in --write";
    let mut command = stage.command(line);
    command.current_dir(&project).env("COMPOSER_HOME", client.home());
    finish(line, command.spawn()?).await?.success()?.says("composer.json")?;
    ensure!(read_private(&client.home().join("auth.json"))?.contains(stage.admin.token()), "no token");
    client.update(&project).await?.success()?;
    client.check_installed(&project, &library).await
}
