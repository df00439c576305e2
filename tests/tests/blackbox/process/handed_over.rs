//! Build artifacts and packages of half a gigabyte, by each way in and out.

use anyhow::{Context, Result, ensure};
use granary_tests::curl::Curl;
use granary_tests::instance::Instance;
use granary_tests::told::signed_put;
use serde_json::json;

use crate::push::write_large;
use crate::{entities, products};

/// Size of the file: 503 megabytes.
const MEBIBYTES: u32 = 480;
const SIZE: u64 = MEBIBYTES as u64 * 1024 * 1024;

/// Most that the server may have had in memory.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// What is left is far less than the file, so a server that holds a part of it does not pass.
fn check_memory(instance: &Instance, after: &str) -> Result<()> {
    let peak = instance.server()?.peak_memory()?;
    ensure!(peak <= MOST_MEMORY, "the server had {peak} bytes in memory after {after}");
    Ok(())
}

/// SHA-256 of what a line of curl gets, which is held in memory nowhere.
async fn digest_of(curl: &Curl, base: &str, token: &str, line: &str) -> Result<String> {
    let sum = curl.run(base, token, &format!("{line} | sha256sum")).await?.success()?;
    Ok(sum.stdout.split_whitespace().next().context("no digest")?.to_owned())
}

async fn check_product(stage: &products::Stage, digest: &str, way: &str) -> Result<()> {
    check_memory(&stage.instance, way)?;
    let product = stage.product("my-lib").await?;
    ensure!(product["versions"]["1"]["checksum"] == format!("sha256:{digest}"), "{product}");
    let line = products::get("/api/product/download/my-lib/1").replacen("curl ", "curl -fsSL ", 1);
    let got = digest_of(&stage.curl, stage.instance.url(), &stage.admin, &line).await?;
    ensure!(got == digest, "other bytes came back");
    check_memory(&stage.instance, "the download")
}

/// A product's file by the form.
#[tokio::test]
async fn an_artifact_by_the_form() -> Result<()> {
    let stage = products::Stage::new().await?;
    stage.create("my-lib").await?;
    let digest = write_large(&stage.curl.folder().join("image.bin"), MEBIBYTES)?;
    stage.upload(&stage.admin, "my-lib", "1", "image.bin").await?.empty("201")?;
    check_product(&stage, &digest, "the form").await
}

/// A product's file in two steps.
#[tokio::test]
async fn an_artifact_in_two_steps() -> Result<()> {
    let stage = products::Stage::new().await?;
    stage.create("my-lib").await?;
    let digest = write_large(&stage.curl.folder().join("image.bin"), MEBIBYTES)?;
    let body = json!({
        "product": "my-lib", "version": "1", "file_name": "image.bin", "size": SIZE, "sha256": digest,
    });
    let upload = stage.begin(&body).await?.document("200")?;
    stage.told(&signed_put(&upload, "url", "image.bin")?).await?.expect("200")?;
    stage.confirmed(&upload).await?.expect("201")?;
    check_product(&stage, &digest, "both steps").await
}

/// The package of an entity's version.
#[tokio::test]
async fn a_package_of_an_entity() -> Result<()> {
    let stage = entities::Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let digest = write_large(&stage.curl.folder().join("package.zip"), MEBIBYTES)?;
    let push = entities::Push::new("2026.11.30-120000", "sources", b"");
    let begun = stage.begin(&app, &push).await?.document("200")?;
    stage.told(&signed_put(&begun["package"], "upload_url", "package.zip")?).await?.expect("200")?;
    let body = json!({
        "storage_path": begun["package"]["storage_path"], "version": push.version,
        "source_hash": entities::hash(push.sources), "file_size_bytes": SIZE,
    });
    let made = stage.confirmed(&app, &body).await?.document("201")?;
    ensure!(made["version"]["sha256"] == *digest && made["version"]["file_size_bytes"] == SIZE, "{made}");
    check_memory(&stage.instance, "both steps")?;
    let path = format!("/api/entities/{app}/versions/{}/download", push.version);
    let told = stage.told(&entities::get(&path)).await?.document("200")?;
    let address = told["download_url"].as_str().with_context(|| format!("no address: {told}"))?;
    let line = format!("curl -fsS '{address}'");
    let got = digest_of(&stage.curl, stage.instance.url(), &stage.author, &line).await?;
    ensure!(got == digest, "other bytes came back");
    check_memory(&stage.instance, "the download")
}
