//! The operations in the order of their documentation, each as it says.

use anyhow::{Result, ensure};
use granary_tests::package::noise;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Stage, versions};

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Stage {
    /// Runs a line with these variables; the administrator's token is `$ADMIN`, that of the build `$CI`, another one
    /// `$READER`.
    async fn line(&self, ci: &str, reader: &str, line: &str) -> Result<granary_tests::told::Told> {
        let variables = [("ADMIN", self.admin.as_str()), ("CI", ci), ("READER", reader)];
        self.curl.told(self.instance.url(), &variables, line).await
    }
}

/// From the first token to the last: what a build does, and whoever looks after it.
#[tokio::test]
async fn the_documentation_word_for_word() -> Result<()> {
    let stage = Stage::new().await?;
    let healthy = stage.line("", "", "curl \"$BASE/api/health\" -H \"X-Api-Token: $ADMIN\"").await?;
    let healthy = healthy.document("200")?;
    for store in ["table", "bucket", "queues"] {
        ensure!(healthy[store].as_str().is_some_and(|text| text.ends_with(" is fine")), "{healthy}");
    }

    let register = "curl -X PUT \"$BASE/api/register\" -H \"X-Api-Token: $ADMIN\" \
        -H \"Content-Type: application/json\" -d '{\"admin\": false}'";
    let ci = stage.line("", "", register).await?.text("201")?;
    let reader = stage.line("", "", register).await?.text("201")?;
    ensure!(ci.len() == 36 && reader.len() == 36 && ci != reader, "{ci} {reader}");
    let fetched = stage.line(&ci, "", "curl \"$BASE/api/fetch/$CI\" -H \"X-Api-Token: $CI\"").await?;
    ensure!(fetched.document("200")? == json!({"token": sha256(ci.as_bytes()), "admin": false}));

    let access = "curl \"$BASE/api/product/access\" -H \"X-Api-Token: $CI\"";
    ensure!(stage.line(&ci, "", access).await?.document("200")? == json!([]));
    let create = "curl -X PUT \"$BASE/api/product/create\" -H \"X-Api-Token: $CI\" \
        -H \"Content-Type: application/json\" -d '{\"name\": \"my-lib\"}'";
    stage.line(&ci, "", create).await?.empty("201")?;
    ensure!(stage.line(&ci, "", access).await?.document("200")? == json!(["my-lib"]));

    let grant = "curl -X PUT \"$BASE/api/product/modify/addToken\" -H \"X-Api-Token: $CI\" \
        -H \"Content-Type: application/json\" -d '{\"product\": \"my-lib\", \"token\": \"'\"$READER\"'\", \
        \"permissions\": {\"maintainer\": false, \"download\": true, \"upload\": false, \"delete\": false}}'";
    stage.line(&ci, &reader, grant).await?.empty("201")?;

    let (first, second) = (noise("first", 300_000), noise("second", 20_000));
    stage.curl.write("my-lib.tar.gz", &first)?;
    let upload = "curl -X POST \"$BASE/api/product/upload\" -H \"X-Api-Token: $CI\" \
        -F \"product=my-lib\" -F \"version=v1.0.0\" -F \"file=@my-lib.tar.gz\"";
    stage.line(&ci, "", upload).await?.empty("201")?;
    stage.curl.write("my-lib.tar.gz", &second)?;
    stage.line(&ci, "", &upload.replace("v1.0.0", "v1.1.0")).await?.empty("201")?;
    // The same version with other bytes.
    stage.line(&ci, "", upload).await?.refused("400", "")?;

    let fetch = "curl \"$BASE/api/product/fetch/my-lib\" -H \"X-Api-Token: $READER\"";
    let product = stage.line("", &reader, fetch).await?.document("200")?;
    let flags = |all: bool| json!({"maintainer": all, "download": true, "upload": all, "delete": all});
    let tokens = json!({sha256(ci.as_bytes()): flags(true), sha256(reader.as_bytes()): flags(false)});
    ensure!(product["name"] == "my-lib" && product["tokens"] == tokens, "{product}");
    ensure!(versions(&product)? == ["v1.0.0", "v1.1.0"], "{product}");
    let version = &product["versions"]["v1.0.0"];
    ensure!(version["checksum"] == format!("sha256:{}", sha256(&first)), "{product}");
    ensure!(version["path"] == "products/my-lib/v1.0.0/my-lib.tar.gz", "{product}");

    // Under the name that it was uploaded with.
    std::fs::remove_file(stage.curl.folder().join("my-lib.tar.gz"))?;
    let download = "curl -L -OJ \"$BASE/api/product/download/my-lib/v1.0.0\" -H \"X-Api-Token: $READER\"";
    let saved = stage.line("", &reader, download).await?.expect("200")?;
    ensure!(saved.kind == "application/octet-stream", "{saved}");
    ensure!(stage.curl.read("my-lib.tar.gz")? == first, "other bytes came back");

    let remove = "curl -X DELETE \"$BASE/api/product/modify/deleteVersion\" -H \"X-Api-Token: $CI\" \
        -H \"Content-Type: application/json\" -d '{\"product\": \"my-lib\", \"version\": \"v1.1.0\"}'";
    stage.line(&ci, "", remove).await?.expect("200")?;
    let remove = "curl -X DELETE \"$BASE/api/product/delete/my-lib/v1.0.0\" -H \"X-Api-Token: $CI\"";
    stage.line(&ci, "", remove).await?.empty("204")?;
    ensure!(versions(&stage.product("my-lib").await?)?.is_empty());

    let revoke = "curl -X DELETE \"$BASE/api/product/modify/deleteToken\" -H \"X-Api-Token: $CI\" \
        -H \"Content-Type: application/json\" -d '{\"product\": \"my-lib\", \"token\": \"'\"$READER\"'\"}'";
    stage.line(&ci, &reader, revoke).await?.empty("204")?;
    ensure!(stage.line("", &reader, fetch).await?.text("403")? == "permission denied");
    let gone = "curl -X DELETE \"$BASE/api/product/delete/my-lib\" -H \"X-Api-Token: $CI\"";
    stage.line(&ci, "", gone).await?.empty("204")?;
    ensure!(stage.line(&ci, "", access).await?.document("200")? == json!([]));

    let prune = "curl -X DELETE \"$BASE/api/prune/$READER\" -H \"X-Api-Token: $ADMIN\"";
    stage.line("", &reader, prune).await?.empty("204")?;
    stage.line("", &reader, fetch).await?.refused("401", "Invalid api token")?;
    check_lists(&stage, &ci).await
}

/// What the documentation does not name and the program has: the tokens and the products that there are.
async fn check_lists(stage: &Stage, ci: &str) -> Result<()> {
    let tokens = "curl \"$BASE/api/tokens\" -H \"X-Api-Token: $ADMIN\"";
    let listed = stage.line("", "", tokens).await?.document("200")?;
    let listed = listed.as_array().cloned().unwrap_or_default();
    let expected: [Value; 2] = [
        json!({"token": sha256(ci.as_bytes()), "admin": false}),
        json!({"token": sha256(stage.admin.as_bytes()), "admin": true}),
    ];
    ensure!(listed.len() == 2 && expected.iter().all(|token| listed.contains(token)), "{listed:?}");
    stage.create("other").await?;
    let list = "curl \"$BASE/api/product/list\" -H \"X-Api-Token: $CI\"";
    ensure!(stage.line(ci, "", list).await?.document("200")? == json!([]));
    let all = list.replace("$CI", "$ADMIN");
    ensure!(stage.line("", "", &all).await?.document("200")? == json!(["other"]));
    Ok(())
}

/// Deleting a product frees its name for another one, which has nothing of it.
#[tokio::test]
async fn a_name_is_free_again() -> Result<()> {
    let stage = Stage::new().await?;
    stage.create("my-lib").await?;
    let reader = stage.token_for("my-lib", &["download"]).await?;
    stage.curl.write("a.bin", b"first")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.empty("201")?;
    let gone = "curl -X DELETE \"$BASE/api/product/delete/my-lib\" -H \"X-Api-Token: $ADMIN\"";
    stage.line("", "", gone).await?.empty("204")?;
    stage.create("my-lib").await?;
    let product = stage.product("my-lib").await?;
    ensure!(versions(&product)?.is_empty(), "{product}");
    ensure!(product["tokens"].as_object().is_some_and(|tokens| tokens.len() == 1), "{product}");
    let denied = stage.told_as(&reader, &super::get("/api/product/fetch/my-lib")).await?;
    ensure!(denied.text("403")? == "permission denied");
    stage.curl.write("a.bin", b"second")?;
    stage.upload(&stage.admin, "my-lib", "1", "a.bin").await?.empty("201")?;
    ensure!(stage.download(&stage.admin, "my-lib", "1").await? == b"second");
    Ok(())
}
