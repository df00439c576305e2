//! `granary push`: the client commands against a real server, with files larger than memory should be.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use granary_tests::api::{Api, Visibility};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::maven::repository::texts;
use granary_tests::outcome::Outcome;
use granary_tests::package::{Package, noise};
use granary_tests::sandbox::Sandbox;
use granary_tests::settings;
use granary_tests::tool;
use granary_tests::workplace::Workplace;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

mod setup;

/// Longest time for anything here; far above what it takes.
const PATIENCE: Duration = Duration::from_mins(10);

/// Bytes of a part of a large upload.
const PART: u64 = 16 * 1024 * 1024;

/// What command lines and paths call the repository. In what is sent, its name is in the place of it.
const REPO: &str = "all-in";

/// A registry with a repository for everything, and a user who is logged in to it.
pub(crate) struct Stage {
    pub(crate) instance: Instance,
    admin: Api,
    place: Workplace,
}

impl Stage {
    pub(crate) async fn new() -> Result<Self> {
        let instance = Instance::new().await?;
        let admin = instance.admin()?;
        let types = ["npm", "maven", "raw", "swift", "composer"];
        admin.create(&instance.name(REPO), &types, Visibility::Private).await?;
        let stage = Self { instance, admin, place: Workplace::new()? };
        let mut command = stage.command(&format!("login {}", stage.instance.url()));
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let mut pipe = child.stdin.take().context("no stdin")?;
        tokio::io::AsyncWriteExt::write_all(&mut pipe, stage.admin.token().as_bytes()).await?;
        drop(pipe);
        let outcome = finish("granary login", child).await?.success()?.says("as admin")?;
        ensure!(!outcome.text().contains(stage.admin.token()), "the token is shown");
        Ok(stage)
    }

    /// A line or a path, with the name of the repository.
    fn named(&self, text: &str) -> String {
        text.replace(REPO, &self.instance.name(REPO))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.place.command(settings::server_program(), &self.place.path("projects"));
        command
            .args(self.named(line).split(' '))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn granary(&self, line: &str) -> Result<Outcome> {
        finish(line, self.command(line).spawn()?).await
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.place.path("projects").join(name)
    }

    async fn ask(&self, path: &str) -> Result<Response> {
        let http = Client::builder().no_proxy().build()?;
        let request =
            http.get(format!("{}{}", self.instance.url(), self.named(path))).bearer_auth(self.admin.token());
        Ok(request.send().await?)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Response> {
        Ok(self.ask(path).await?.error_for_status()?)
    }

    /// SHA-256 of a file of the registry, which is not held in memory either.
    pub(crate) async fn served(&self, path: &str) -> Result<String> {
        let mut response = self.get(path).await?;
        let mut hasher = Sha256::new();
        while let Some(chunk) = response.chunk().await? {
            hasher.update(&chunk);
        }
        Ok(hex::encode(hasher.finalize()))
    }

    /// The same with curl, which gets large files without being sent elsewhere.
    pub(crate) async fn served_to_curl(&self, path: &str) -> Result<String> {
        let line = format!("curl -fsSL \"$BASE{path}\" -H \"Authorization: Bearer $TOKEN\" | sha256sum");
        let line = self.named(&line);
        let sum = Curl::new()?.run(self.instance.url(), self.admin.token(), &line).await?.success()?;
        Ok(sum.stdout.split_whitespace().next().unwrap_or_default().to_owned())
    }
}

pub(crate) async fn finish(line: &str, child: Child) -> Result<Outcome> {
    let output = timeout(PATIENCE, child.wait_with_output()).await.with_context(|| line.to_owned())??;
    Ok(Outcome {
        command: line.to_owned(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// Writes a file whose every mebibyte is another one, and returns its SHA-256.
pub(crate) fn write_large(path: &Path, mebibytes: u32) -> Result<String> {
    let mut block = noise("large", 1024 * 1024);
    let mut file = BufWriter::new(File::create(path)?);
    let mut hasher = Sha256::new();
    for number in 0..mebibytes {
        block.get_mut(..4).context("a block")?.copy_from_slice(&number.to_le_bytes());
        hasher.update(&block);
        file.write_all(&block)?;
    }
    file.flush()?;
    Ok(hex::encode(hasher.finalize()))
}

/// A client that is killed in the middle leaves nothing visible, and the next run sends only the rest.
#[tokio::test]
async fn a_killed_push_goes_on() -> Result<()> {
    let stage = Stage::new().await?;
    let digest = write_large(&stage.file("image.bin"), 320)?;
    let line = "push raw image.bin --repo all-in --package image --version 1.0.0 --jobs 1 --json";
    let mut child = stage.command(line).spawn()?;
    let arrived = wait_for_parts(&stage, &mut child, 3).await?;
    child.kill().await?;
    let listed = stage.ask("/api/raw/all-in/image").await?.status();
    ensure!(listed == StatusCode::NOT_FOUND, "a part of a version is visible: {listed}");
    let report = stage.granary(line).await?.success()?.json()?;
    let sent = report["summary"]["bytesSent"].as_u64().context("no bytesSent")?;
    let total = 320 * 1024 * 1024;
    ensure!(sent > 0 && sent <= total - arrived * PART, "{arrived} parts were there: {report}");
    ensure!(stage.served("/api/raw/all-in/image/1.0.0/image.bin").await? == digest, "other bytes came back");
    Ok(())
}

/// Waits until so many parts of the only upload have arrived.
async fn wait_for_parts(stage: &Stage, child: &mut Child, wanted: usize) -> Result<u64> {
    let notes = stage.place.path("home/.local/state/granary/uploads");
    for _ in 0..6000 {
        ensure!(child.try_wait()?.is_none(), "the client ended before it was killed");
        let note = fs::read_dir(&notes).ok().and_then(|mut notes| notes.find_map(Result::ok));
        let note = note.and_then(|note| fs::read(note.path()).ok());
        let note = note.and_then(|note| serde_json::from_slice::<Value>(&note).ok());
        if let Some(id) = note.as_ref().and_then(|note| note["uploadId"].as_str()) {
            let answer: Value = stage.get(&format!("/api/uploads/{id}")).await?.json().await?;
            let parts = answer["upload"]["files"][0]["parts"].as_array();
            let arrived =
                parts.map_or(0, |parts| parts.iter().filter(|part| part["etag"].is_string()).count());
            if arrived >= wanted {
                return Ok(arrived as u64);
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
    anyhow::bail!("no parts arrived")
}

/// A tarball that was pushed installs with npm.
#[tokio::test]
async fn a_pushed_tarball_installs() -> Result<()> {
    let stage = Stage::new().await?;
    let package = Package::sized("@acme/pushed", "1.0.0", "", 300_000);
    fs::write(stage.file("pushed.tgz"), package.tarball()?)?;
    for words in ["published  @acme/pushed 1.0.0", "skipped    @acme/pushed 1.0.0"] {
        stage.granary("push npm pushed.tgz --repo all-in").await?.success()?.says(words)?;
    }
    let registry = stage.named(&format!("{}/api/npm/all-in/", stage.instance.url()));
    let client = Sandbox::configured(tool::NPM_11, &registry, Some(stage.admin.token()))?;
    let project = client.consumer("consumer", &[("@acme/pushed", "1.0.0")])?;
    client.install(&project).await?.success()?;
    package.check_installed(&project)?;

    let other = Package::sized("@acme/pushed", "1.0.0", "other", 300_000);
    fs::write(stage.file("pushed.tgz"), other.tarball()?)?;
    let refused = stage.granary("push npm pushed.tgz --repo all-in").await?;
    ensure!(refused.code == Some(3), "{refused}");
    Ok(())
}

/// A local Maven repository is published: releases as they are, snapshots as builds.
#[tokio::test]
async fn a_local_maven_repository_is_published() -> Result<()> {
    let stage = Stage::new().await?;
    let write = |version: &str, name: &str, content: &str| -> Result<()> {
        let folder = stage.file("staging/com/example/lib").join(version);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(name), content)?)
    };
    for version in ["1.0", "1.1-SNAPSHOT"] {
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId>\
             <artifactId>lib</artifactId><version>{version}</version></project>"
        );
        write(version, &format!("lib-{version}.pom"), &pom)?;
        write(version, &format!("lib-{version}.jar"), "jar")?;
        write(version, &format!("lib-{version}.jar.sha1"), "not sent")?;
    }
    let line = "push maven staging --repo all-in";
    stage.granary(line).await?.success()?.says("2 published, 0 skipped, 0 failed")?;
    stage.granary(line).await?.success()?.says("0 published, 2 skipped, 0 failed")?;
    write("1.1-SNAPSHOT", "lib-1.1-SNAPSHOT.jar", "newer jar")?;
    stage.granary(line).await?.success()?.says("1 published, 1 skipped, 0 failed")?;

    let base = "/api/maven/all-in/com/example/lib";
    let metadata = stage.get(&format!("{base}/maven-metadata.xml")).await?.text().await?;
    ensure!(
        texts(&texts(&metadata, "versions").concat(), "version") == ["1.0", "1.1-SNAPSHOT"],
        "{metadata}"
    );
    let metadata = stage.get(&format!("{base}/1.1-SNAPSHOT/maven-metadata.xml")).await?.text().await?;
    ensure!(texts(&metadata, "buildNumber") == ["2"], "{metadata}");
    let jar = stage.get(&format!("{base}/1.1-SNAPSHOT/lib-1.1-SNAPSHOT.jar")).await?.text().await?;
    ensure!(jar == "newer jar", "{jar}");
    Ok(())
}
