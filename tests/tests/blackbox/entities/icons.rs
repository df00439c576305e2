//! Icons: sent to an address, named when the entity is made or changed, and served where scripts in them do not run.

use anyhow::{Context, Result, ensure};
use granary_tests::told::signed_put;
use serde_json::{Value, json};

use super::{Stage, get, send};

const SVG: &[u8] = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;

/// The smallest PNG there is: a transparent pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\nIDATx\x9cc\0\x01\0\0\x05\0\x01\r\n-\xb4\0\0\0\0IEND\xaeB`\x82";

impl Stage {
    /// Sends an icon for a slug and gives its storage path.
    async fn icon(&self, slug: &str, ext: &str, bytes: &[u8]) -> Result<String> {
        let body = json!({"entity_slug": self.instance.name(slug), "ext": ext});
        let begun = self.post("/api/entities/icon-upload-url", &body).await?.document("200")?;
        self.curl.write("icon", bytes)?;
        self.told(&signed_put(&begun, "upload_url", "icon")?).await?.expect("200")?;
        Ok(begun["storage_path"].as_str().with_context(|| format!("no path: {begun}"))?.to_owned())
    }

    async fn update(&self, entity: &str, body: &Value) -> Result<granary_tests::told::Told> {
        self.told(&format!("{} -d '{body}'", send("PUT", &format!("/api/entities/{entity}")))).await
    }
}

/// From the address to the picture, replaced by another one and taken away.
#[tokio::test]
async fn word_for_word() -> Result<()> {
    let stage = Stage::new().await?;
    let path = stage.icon("my-app", "svg", SVG).await?;
    let body = json!({
        "type": "app", "slug": stage.instance.name("my-app"), "name": "My app", "icon_path": path,
        "icon_hash": "v1",
    });
    let made = stage.post("/api/entities", &body).await?.document("201")?;
    let app = made["entity"]["id"].as_str().context("no id")?.to_owned();
    ensure!(made["entity"]["icon_hash"] == "v1", "{made}");
    let line = get(&format!("/api/entities/{app}/icon")) + " -o answer -D head";
    let served = stage.told(&line).await?.expect("200")?;
    ensure!(served.kind == "image/svg+xml" && stage.curl.read("answer")? == SVG, "{served}");
    let head = String::from_utf8(stage.curl.read("head")?)?.to_lowercase();
    ensure!(head.contains("content-security-policy: default-src 'none'"), "{head}");

    let path = stage.icon("my-app", "png", PNG).await?;
    let changed = stage.update(&app, &json!({"icon_path": path})).await?.document("200")?;
    ensure!(changed["entity"]["icon_hash"] != "v1", "{changed}");
    let served = stage.told(&line).await?.expect("200")?;
    ensure!(served.kind == "image/png" && stage.curl.read("answer")? == PNG, "{served}");

    stage.update(&app, &json!({"icon_path": ""})).await?.document("200")?;
    stage.told(&get(&format!("/api/entities/{app}/icon"))).await?.refused("404", "icon")?;
    Ok(())
}

/// What is no picture is not taken for one, and nobody uses what others have sent.
#[tokio::test]
async fn refusals() -> Result<()> {
    let stage = Stage::new().await?;
    for (slug, ext) in [("my-app", "gif"), ("my-app", ""), ("My App", "svg"), ("../x", "svg")] {
        let body = json!({"entity_slug": slug, "ext": ext});
        stage.post("/api/entities/icon-upload-url", &body).await?.refused("400", "")?;
    }
    let app = stage.entity("app", "my-app").await?;
    let large = vec![b' '; 1024 * 1024 + 1];
    for (ext, bytes) in [
        ("svg", b"<html><body/></html>".as_slice()),
        ("svg", b"<svg>"),
        ("svg", PNG),
        ("png", SVG),
        ("png", b"\x89PNG"),
        ("svg", &large),
    ] {
        let path = stage.icon("my-app", ext, bytes).await?;
        stage.update(&app, &json!({"icon_path": path})).await?.refused("400", "icon_path")?;
    }
    let other = stage.icon("other", "svg", SVG).await?;
    stage.update(&app, &json!({"icon_path": other})).await?.refused("400", "icon_path")?;
    for path in ["staging/x/0", "../staging", "blobs/x", "staging/../blobs/x"] {
        stage.update(&app, &json!({"icon_path": path})).await?.refused("400", "icon_path")?;
    }
    stage.told(&get(&format!("/api/entities/{app}/icon"))).await?.refused("404", "icon")?;
    Ok(())
}
