//! The lines of the README that are to be pasted, as they stand there.

use anyhow::{Context, Result, ensure};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::outcome::Outcome;
use granary_tests::package::noise;
use granary_tests::settings::workspace;

use crate::products::owner_of;

/// The section with products and entities.
const SECTION: &str = "\n## Build artifacts\n";

/// The blocks of shell in the section, in their order.
fn blocks() -> Result<Vec<String>> {
    let readme = std::fs::read_to_string(workspace().join("README.md"))?;
    let (_, section) = readme.split_once(SECTION).context("no such section")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    Ok(blocks.map(str::to_owned).collect())
}

/// Runs the block with this word in it, for a user of the registry whose token is where the one-process server puts it. In the
/// place of the words of the README are those of this registry.
async fn paste(instance: &Instance, curl: &Curl, word: &str, words: &[(&str, &str)]) -> Result<Outcome> {
    let block = blocks()?.into_iter().find(|block| block.contains(word));
    let mut block = block.with_context(|| format!("no block has '{word}'"))?;
    let base = ("http://localhost:8080", instance.url());
    for (old, new) in std::iter::once(&base).chain(words) {
        ensure!(block.contains(old), "'{old}' is not in the block:\n{block}");
        block = block.replace(old, new);
    }
    let token = owner_of(instance, "reader").await?;
    std::fs::create_dir(curl.folder().join(".granary"))?;
    curl.write(".granary/admin-token", token.as_bytes())?;
    curl.run(instance.url(), "", &block).await?.success()
}

/// A product: made, uploaded to, downloaded, and given to another token.
#[tokio::test]
async fn products() -> Result<()> {
    let (instance, curl) = (Instance::new().await?, Curl::new()?);
    let bytes = noise("my-lib", 300_000);
    curl.write("my-lib.tar.gz", &bytes)?;
    // The token of somebody else is one that the same lines have made.
    let words = [("\"<of somebody else>\"", "\"'$TOKEN'\"")];
    let outcome = paste(&instance, &curl, "/product/upload", &words).await?;
    ensure!(!outcome.text().contains("\"error\""), "{outcome}");
    ensure!(curl.read("again.tar.gz")? == bytes, "other bytes came back: {outcome}");
    Ok(())
}

/// An entity: made, a version in both steps, downloaded.
#[tokio::test]
async fn entities() -> Result<()> {
    let (instance, curl) = (Instance::new().await?, Curl::new()?);
    let bytes = noise("my-app", 300_000);
    curl.write("my-app.zip", &bytes)?;
    let slug = format!("\"slug\":\"{}\"", instance.name("my-app"));
    let hash = "a".repeat(40);
    let words = [("\"slug\":\"my-app\"", slug.as_str()), ("$(git rev-parse HEAD)", hash.as_str())];
    let outcome = paste(&instance, &curl, "/versions/upload-url", &words).await?;
    ensure!(outcome.stdout.contains("\"status\":\"created\""), "{outcome}");
    ensure!(outcome.stdout.contains("\"is_active\":true"), "{outcome}");
    ensure!(curl.read("again.zip")? == bytes, "other bytes came back: {outcome}");
    Ok(())
}
