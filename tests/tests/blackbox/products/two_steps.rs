//! Files in two steps: to the bucket by an address, then confirmed.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use granary_tests::package::noise;
use granary_tests::told::{Told, signed_put};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::{Stage, send, versions};

/// More than a function takes in one request.
const TOO_LARGE: usize = 7_000_000;

/// More than is verified while a client waits, where a request has a limit.
const LARGE: usize = 70_000_000;

/// How long a confirmation may be under way, in seconds.
const PATIENCE: u32 = 120;

fn announcement(version: &str, name: &str, bytes: &[u8]) -> Value {
    json!({
        "product": "my-lib", "version": version, "file_name": name,
        "size": bytes.len(), "sha256": hex::encode(Sha256::digest(bytes)),
    })
}

impl Stage {
    pub(crate) async fn begin(&self, announcement: &Value) -> Result<Told> {
        let line = format!("{} -d '{announcement}'", send("POST", "/api/product/upload-url"));
        self.told(&line).await
    }

    async fn confirm(&self, upload: &Value) -> Result<Told> {
        let body = json!({"upload_id": upload["upload_id"]});
        self.told(&format!("{} -d '{body}'", send("POST", "/api/product/confirm"))).await
    }

    /// Confirms until it is done, and gives what was answered then. A large file may take the registry a while.
    pub(crate) async fn confirmed(&self, upload: &Value) -> Result<Told> {
        for _ in 0..PATIENCE {
            let told = self.confirm(upload).await?;
            if told.status != "202" {
                return Ok(told);
            }
            ensure!(told.document("202")?["status"] == "processing");
            sleep(Duration::from_secs(1)).await;
        }
        bail!("the upload is still being processed")
    }
}

/// A file that is too large for one request: the answer says the other way, which takes it.
#[tokio::test]
async fn the_way_out() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let bytes = noise("large", TOO_LARGE);
    stage.curl.write("large file.bin", &bytes)?;
    let refused = stage.upload(&stage.admin, "my-lib", "1", "large file.bin").await?;
    if stage.instance.is_behind_gateway() {
        refused.refused("413", "/api/product/upload-url")?;
        ensure!(versions(&stage.product("my-lib").await?)?.is_empty());
        let upload = stage.begin(&announcement("1", "large file.bin", &bytes)).await?.document("200")?;
        let line = signed_put(&upload, "url", "large file.bin")?;
        stage.told(&line).await?.expect("200")?;
        stage.confirmed(&upload).await?.expect("201")?;
    } else {
        refused.empty("201")?;
    }
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == bytes, "other bytes came back");
    let product = stage.product("my-lib").await?;
    ensure!(product["versions"]["1"]["path"] == "products/my-lib/1/large file.bin", "{product}");
    Ok(())
}

/// From the announcement to the download, and again.
#[tokio::test]
async fn word_for_word() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let bytes = noise("file", 300_000);
    stage.curl.write("größe.bin", &bytes)?;
    let upload = stage.begin(&announcement("1", "größe.bin", &bytes)).await?.document("200")?;
    for member in ["upload_id", "url", "expires_at"] {
        ensure!(upload[member].is_string(), "{member}: {upload}");
    }
    // Nothing is there before the file is, and before it is confirmed.
    stage.confirm(&upload).await?.refused("400", "has not arrived")?;
    stage.told(&signed_put(&upload, "url", "größe.bin")?).await?.expect("200")?;
    ensure!(versions(&stage.product("my-lib").await?)?.is_empty());
    stage.confirmed(&upload).await?.expect("201")?;
    stage.confirm(&upload).await?.expect("200")?;
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == bytes, "other bytes came back");
    let version = &stage.product("my-lib").await?["versions"]["1"];
    ensure!(version["checksum"] == format!("sha256:{}", hex::encode(Sha256::digest(&bytes))), "{version}");
    ensure!(version["path"] == "products/my-lib/1/größe.bin", "{version}");
    Ok(())
}

/// The bucket takes what was announced and nothing else; what is refused leaves nothing.
#[tokio::test]
async fn other_bytes_than_announced() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let bytes = noise("file", 3_000);
    let upload = stage.begin(&announcement("1", "a.bin", &bytes)).await?.document("200")?;
    let mut changed = bytes.clone();
    changed.reverse();
    stage.curl.write("changed.bin", &changed)?;
    let sent = stage.told(&signed_put(&upload, "url", "changed.bin")?).await?;
    ensure!(sent.status.starts_with('4'), "other bytes were taken: {sent}");
    stage.confirm(&upload).await?.refused("400", "")?;
    ensure!(versions(&stage.product("my-lib").await?)?.is_empty());
    // It is not spoilt by that.
    stage.curl.write("a.bin", &bytes)?;
    stage.told(&signed_put(&upload, "url", "a.bin")?).await?.expect("200")?;
    stage.confirmed(&upload).await?.expect("201")?;
    Ok(())
}

/// What cannot be announced, and what nobody has announced.
#[tokio::test]
async fn refusals() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let good = announcement("1", "a.bin", b"bytes");
    for (member, value, words) in [
        ("product", json!(null), "product"),
        ("product", json!("../x"), "invalid name"),
        ("version", json!(null), "version"),
        ("version", json!("a/b"), "invalid name"),
        ("file_name", json!(null), "file_name"),
        ("file_name", json!(".."), ""),
        ("file_name", json!("a\nb"), ""),
        ("size", json!(null), "size"),
        ("size", json!(-1), "size"),
        ("size", json!(1.5), "size"),
        ("size", json!("5"), "size"),
        ("size", json!(6_000_000_000_000_u64), ""),
        ("sha256", json!(null), "sha256"),
        ("sha256", json!("abc"), ""),
        ("sha256", json!("z".repeat(64)), ""),
        ("other", json!(1), "other"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        if body[member].is_null() {
            body.as_object_mut().context("no object")?.remove(member);
        }
        stage.begin(&body).await?.refused("400", words).with_context(|| body.to_string())?;
    }
    let mut unknown = good.clone();
    unknown["product"] = "unknown".into();
    stage.begin(&unknown).await?.refused("404", "Product not found")?;
    for id in [json!("nothing"), json!("0192a1b2-0000-7000-8000-000000000000"), json!(7), json!(null)] {
        let told = stage.confirm(&json!({"upload_id": id})).await?;
        ensure!(matches!(told.status.as_str(), "400" | "404"), "{told}");
    }
    stage.curl.write("a.bin", b"bytes")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.empty("201")?;
    // Nobody sends gigabytes for a version that is there.
    let other = announcement("1", "a.bin", b"other");
    stage.begin(&other).await?.refused("400", "already")?;
    Ok(())
}

/// An artifact of 70 megabytes: where a request has little time, it is verified after the answer.
#[tokio::test]
async fn a_large_artifact() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let bytes = noise("large", LARGE);
    stage.curl.write("large.bin", &bytes)?;
    let upload = stage.begin(&announcement("1", "large.bin", &bytes)).await?.document("200")?;
    stage.told(&signed_put(&upload, "url", "large.bin")?).await?.expect("200")?;
    let expected = if stage.instance.is_behind_gateway() { "202" } else { "201" };
    stage.confirm(&upload).await?.expect(expected)?;
    stage.confirmed(&upload).await?.expect("200")?;
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == bytes, "other bytes came back");
    Ok(())
}

/// Two announcements of one version: whichever is confirmed first has it.
#[tokio::test]
async fn one_of_two() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let mut uploads = Vec::new();
    for name in ["a", "b"] {
        let bytes = noise(name, 3_000);
        stage.curl.write(name, &bytes)?;
        let upload = stage.begin(&announcement("1", name, &bytes)).await?.document("200")?;
        stage.told(&signed_put(&upload, "url", name)?).await?.expect("200")?;
        uploads.push(upload);
    }
    let [first, second] = uploads.as_slice() else { bail!("not two") };
    stage.confirmed(second).await?.expect("201")?;
    stage.confirm(first).await?.refused("400", "already")?;
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == noise("b", 3_000));
    Ok(())
}
