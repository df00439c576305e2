//! Packages that are known by the address of their source.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::swift::project::Library;
use granary_tests::swift::resolved;

use super::{HELLO, Stage};

/// Metadata that names where the source is.
const METADATA: &str =
    r#"{"repositoryURLs": ["https://example.com/Acme/hello.git", "git@example.com:acme/hello.git"]}"#;

/// A dependency on a Git repository, replaced by the release that names it as its source.
#[tokio::test]
async fn source_is_replaced_by_the_registry() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    stage.published(&author, &Library { metadata: Some(METADATA), ..HELLO }, "acme.hello", "1.2.0").await?;
    for (folder, address) in [
        ("exact", "https://example.com/Acme/hello.git"),
        ("other-case", "https://example.com/acme/Hello.git"),
        ("no-suffix", "https://example.com/acme/hello"),
        ("ssh", "git@example.com:acme/hello.git"),
    ] {
        let user = stage.swift().await?;
        let dependency = format!("url: \"{address}\", from: \"1.0.0\"");
        // Its target names the package as the address does, to the letter.
        let package = address.trim_end_matches(".git").rsplit('/').next().unwrap_or_default();
        let program = user.program(folder, &dependency, package, "Hello")?;
        let resolve = ["swift", "package", "--replace-scm-with-registry", "resolve"];
        user.run(&program, &resolve).await?.success()?;
        ensure!(resolved(&program)? == ["acme.hello 1.2.0"], "{folder}: {:?}", resolved(&program)?);
    }
    Ok(())
}

/// An address that no release names is left to Git, which cannot reach it here.
#[tokio::test]
async fn unknown_source_is_left_alone() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let user = stage.swift().await?;
    let dependency = "url: \"https://example.com/acme/unknown.git\", from: \"1.0.0\"";
    let program = user.program("program", dependency, "unknown", "Hello")?;
    let resolve = ["swift", "package", "--replace-scm-with-registry", "resolve"];
    let failed = user.run(&program, &resolve).await?.failure(&["https://example.com/acme/unknown.git"])?;
    failed.without(&["identity"])?;
    let asked =
        format!("GET /api/swift/{}/identifiers?url=https://example.com/acme/unknown.git ", stage.repo);
    ensure!(stage.seen().iter().any(|head| head.starts_with(&asked)), "the registry was not asked");
    Ok(())
}
