//! Publishing with SwiftPM, and what is then there.

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::swift::project::Library;
use granary_tests::swift::resolved;
use reqwest::Method;
use serde_json::{Value, json};

use super::{HELLO, Stage, checkout, read};

/// Metadata with text that is not ASCII, which SwiftPM sends raw under the label "quoted-printable"; what looks
/// like an escape of it must survive as well.
const METADATA: &str = r#"{
  "author": {"name": "Zoë Ångström", "organization": {"name": "アクメ株式会社"}},
  "description": "Größe=3D 测试 🐦",
  "licenseURL": "https://example.com/license?a=3D&b=20",
  "originalPublicationTime": "2026-02-16T14:30:00.123Z",
  "readmeURL": "https://example.com/readme",
  "repositoryURLs": ["https://example.com/acme/hello.git"]
}
"#;

/// Set, login, publish, resolve, build: the way of a package from its author to a program that uses it.
#[tokio::test]
async fn from_author_to_program() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    let library = Library { newer_manifest: true, metadata: Some(METADATA), ..HELLO };
    let project = author.library("hello", &library)?;
    let told = author.publish(&project, "acme.hello", "1.0.0", &[]).await?.success()?;
    told.says("acme.hello version 1.0.0 was successfully published to")?
        .says(&format!("{}acme/hello/1.0.0", stage.registry.url()))?;

    let user = stage.swift_with(&stage.read_token().await?).await?;
    let program = user.program("program", "id: \"acme.hello\", from: \"1.0.0\"", "acme.hello", "Hello")?;
    user.resolve(&program).await?.success()?;
    ensure!(resolved(&program)? == ["acme.hello 1.0.0"], "{:?}", resolved(&program)?);
    let pins = read(&program.join("Package.resolved"))?;
    let unpacked = checkout(&program, "acme", "hello", "1.0.0");
    for (path, content) in library.files() {
        ensure!(read(&unpacked.join(&path))? == content, "{path} has other bytes");
    }
    user.build(&program).await?.success()?;
    // SwiftPM 6.0 takes the manifest for 5.9, which it has to ask for by version.
    ensure!(user.output(&program).await? == "hello (5.9)");

    // As on another machine.
    user.forget(&program)?;
    user.resolve(&program).await?.success()?;
    ensure!(read(&program.join("Package.resolved"))? == pins, "resolved to something else");
    // And as on this one some time later: what was learnt at first is trusted, and still true.
    std::fs::remove_file(program.join("Package.resolved"))?;
    std::fs::remove_dir_all(program.join(".build"))?;
    user.resolve(&program).await?.success()?;
    ensure!(read(&program.join("Package.resolved"))? == pins, "resolved to something else");
    Ok(())
}

/// The metadata document comes out as it went in, with the date as SwiftPM can read it.
#[tokio::test]
async fn metadata_is_kept() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    let library = Library { metadata: Some(METADATA), ..HELLO };
    stage.published(&author, &library, "acme.hello", "1.0.0").await?;
    let release = stage.registry.document("acme/hello/1.0.0").await?;
    let mut expected: Value = serde_json::from_str(METADATA)?;
    expected["originalPublicationTime"] = "2026-02-16T14:30:00Z".into();
    let kept = expected.as_object().context("no object")?;
    for (key, value) in kept {
        ensure!(release["metadata"][key] == *value, "{key} is {} in {release}", release["metadata"][key]);
    }
    ensure!(release["id"] == "acme.hello" && release["version"] == "1.0.0", "{release}");

    // Metadata from another file, which a project needs when it has none of that name.
    let project = author.library("elsewhere", &HELLO)?;
    std::fs::write(project.join("about.json"), r#"{"description": "from elsewhere"}"#)?;
    author.publish(&project, "acme.hello", "1.1.0", &["--metadata-path", "about.json"]).await?.success()?;
    let release = stage.registry.document("acme/hello/1.1.0").await?;
    ensure!(release["metadata"]["description"] == "from elsewhere", "{release}");
    Ok(())
}

/// A release is never replaced: the author is told why, and users keep what they have.
#[tokio::test]
async fn a_release_is_published_once() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    stage.published(&author, &HELLO, "acme.hello", "1.0.0").await?;
    let bytes = stage.registry.bytes("acme/hello/1.0.0.zip").await?;
    let changed = author.library("changed", &Library { greeting: "changed", ..HELLO })?;
    for (id, version) in [("acme.hello", "1.0.0"), ("ACME.Hello", "1.0.0"), ("acme.hello", "1.0.0+other")] {
        let refused = author.publish(&changed, id, version, &[]).await?;
        // It knows by number what it is about, and shows our sentence.
        refused.failure(&["server error 409: "])?.says("exists, and")?;
    }
    ensure!(stage.registry.bytes("acme/hello/1.0.0.zip").await? == bytes, "it was replaced");
    let list = stage.registry.document("acme/hello").await?;
    ensure!(list["releases"].as_object().is_some_and(|releases| releases.len() == 1), "{list}");
    Ok(())
}

/// What cannot be published is refused with a reason that SwiftPM shows.
#[tokio::test]
async fn refusals_have_reasons() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    for (folder, metadata, words) in [
        ("no-object", "[]", "metadata"),
        ("no-author-name", r#"{"author": {"email": "a@example.com"}}"#, "author"),
        ("bad-date", r#"{"originalPublicationTime": "yesterday"}"#, "originalPublicationTime"),
    ] {
        let project = author.library(folder, &Library { metadata: Some(metadata), ..HELLO })?;
        let refused = author.publish(&project, "acme.hello", "1.0.0", &[]).await?;
        refused.failure(&["server error 422: "])?.says(words)?;
    }
    ensure!(stage.registry.status("acme/hello").await? == 404, "something was published");
    Ok(())
}

/// Versions that are not three numbers come back as they were published.
#[tokio::test]
async fn versions_are_kept_to_the_letter() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    for version in ["1.0.0-beta.1", "1.0.0-beta.2+build.5", "1.0.0+linux.zip"] {
        stage.published(&author, &HELLO, "acme.hello", version).await?;
        let dependency = format!("id: \"acme.hello\", exact: \"{version}\"");
        let program = author.program(&format!("use-{version}"), &dependency, "acme.hello", "Hello")?;
        author.resolve(&program).await?.success()?;
        ensure!(resolved(&program)? == [format!("acme.hello {version}")], "{:?}", resolved(&program)?);
    }
    Ok(())
}

/// SwiftPM asks whether the registry is there when its configuration says that it can be asked.
#[tokio::test]
async fn availability_is_answered() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    stage.published(&author, &HELLO, "acme.hello", "1.0.0").await?;
    let user = stage.swift().await?;
    user.configure(|configuration| {
        configuration["registries"]["[default]"]["supportsAvailability"] = json!(true);
    })?;
    let program = user.program("program", "id: \"acme.hello\", from: \"1.0.0\"", "acme.hello", "Hello")?;
    user.resolve(&program).await?.success()?;
    let asked = format!("{} /api/swift/{}/availability ", Method::GET, stage.repo);
    ensure!(stage.seen().iter().any(|head| head.starts_with(&asked)), "it was never asked");
    Ok(())
}
