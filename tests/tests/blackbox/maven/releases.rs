//! A release of a build with several modules.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::{Maven, Version};

use super::{Stage, path, read};

/// What a Maven prints when something is amiss that does not stop it, a wrong checksum for one.
const TROUBLE: &[&str] = &["could not", "checksum", "failed"];

/// Files of a module, behind its name and version.
const PARTS: [&str; 3] = [".jar", "-sources.jar", "-javadoc.jar"];

/// A build is deployed with sources and documentation, resolved elsewhere byte for byte, deployed again without
/// harm, and cannot be replaced by another one.
pub(crate) async fn built_deployed_and_resolved(version: Version) -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.maven(version)?;
    let library = author.library("library", "1.0")?;
    author.deploy(&library).await?.success()?.without(TROUBLE)?;
    let built = built(&library)?;
    check_served(&stage, &built).await?;

    resolve(&stage.maven(version)?, &built).await?;

    // The same build again makes the same bytes: a deploy that is repeated is no mistake.
    author.deploy(&library).await?.success()?.without(TROUBLE)?;
    check_served(&stage, &built).await?;

    let source = library.join("core/src/main/java/com/example/core/Core.java");
    fs::write(&source, fs::read_to_string(&source)?.replace("\"1.0\"", "\"1.0, changed\""))?;
    let refused = author.deploy(&library).await?.failure(&["409"])?;
    ensure!(built != self::built(&library)?, "the change made no difference");
    if version.shows_our_words() {
        refused.says("demo-core-1.0.jar of version 1.0 exists with other bytes")?;
    }
    check_served(&stage, &built).await
}

/// What the build has made, by its path in a repository.
fn built(library: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for module in ["core", "app"] {
        for part in PARTS {
            let bytes = read(&library.join(format!("{module}/target/demo-{module}-1.0{part}")))?;
            files.push((format!("{}{part}", path(&format!("demo-{module}"), "1.0")), bytes));
        }
    }
    Ok(files)
}

/// The repository has all three modules, with POMs, checksums and metadata.
async fn check_served(stage: &Stage, built: &[(String, Vec<u8>)]) -> Result<()> {
    for (path, bytes) in built {
        stage.repo.check_serves(path, bytes).await?;
    }
    for artifact in ["demo-parent", "demo-core", "demo-app"] {
        let pom = stage.repo.bytes(&format!("{}.pom", path(artifact, "1.0"))).await?;
        ensure!(String::from_utf8(pom)?.contains(&format!("<artifactId>{artifact}</artifactId>")));
        let versions = stage.repo.versions(&format!("com/example/{artifact}")).await?;
        ensure!(versions == ["1.0"], "{artifact} has the versions {versions:?}");
    }
    Ok(())
}

/// Another Maven gets every file, one of the modules only because the other one needs it.
async fn resolve(user: &Maven, built: &[(String, Vec<u8>)]) -> Result<()> {
    let wanted = ["com.example:demo-app:1.0"];
    let sources = ["core", "app"].map(|module| format!("com.example:demo-{module}:1.0:jar:sources"));
    let documents = ["core", "app"].map(|module| format!("com.example:demo-{module}:1.0:jar:javadoc"));
    let others = sources.iter().chain(&documents).map(String::as_str);
    let project = user.consumer("consumer", &wanted.into_iter().chain(others).collect::<Vec<_>>())?;
    user.resolve(&project, false).await?.success()?.without(TROUBLE)?;
    for (path, bytes) in built {
        ensure!(read(&user.local(path))? == *bytes, "{path} was resolved with other bytes");
    }
    Ok(())
}
