//! Versions: lineage, dedupe, what they need, and packages that are large.

use anyhow::{Context, Result, ensure};
use granary_tests::package::noise;
use granary_tests::told::signed_put;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Push, Stage, delete, get, hash, names};

/// More than is verified while a client waits, where a request has a limit.
const LARGE: usize = 70_000_000;

/// A chain of versions, each made from the one before; a parent that is deleted stays named.
#[tokio::test]
async fn lineage() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let mut ids: Vec<String> = Vec::new();
    for number in 0..4 {
        let (version, sources) = (format!("2026.11.30-12000{number}"), format!("sources {number}"));
        let mut announcement = Push::new(&version, &sources, b"package").announcement();
        // By its id, and by its name.
        match number {
            0 => {}
            1 => announcement["base_version_id"] = "2026.11.30-120000".into(),
            _ => announcement["base_version_id"] = ids.last().context("no parent")?.as_str().into(),
        }
        let path = format!("/api/entities/{app}/versions/upload-url");
        let begun = stage.post(&path, &announcement).await?.document("200")?;
        stage.put(&begun, b"package").await?;
        let push = Push::new(&version, &sources, b"package");
        let made = stage.confirm(&app, &begun, &push).await?.document("201")?;
        let parent = ids.last().map_or(Value::Null, |id| id.as_str().into());
        ensure!(made["version"]["base_version_id"] == parent, "{made}");
        ids.push(made["version"]["id"].as_str().context("no id")?.to_owned());
    }
    stage.told(&delete(&format!("/api/entities/{app}/versions/2026.11.30-120001"))).await?.empty("204")?;
    let list = stage.listed(&app).await?;
    ensure!(names(&list) == ["2026.11.30-120003", "2026.11.30-120002", "2026.11.30-120000"], "{list}");
    let bases: Vec<&Value> =
        list["versions"].as_array().into_iter().flatten().map(|v| &v["base_version"]).collect();
    ensure!(bases[0]["version"] == "2026.11.30-120002" && bases[0]["deleted"] == false, "{list}");
    ensure!(bases[1]["version"] == "2026.11.30-120001" && bases[1]["deleted"] == true, "{list}");
    ensure!(bases[2].is_null() && list["active_version_id"].is_null(), "{list}");
    Ok(())
}

/// What counts as a duplicate: a live version of the same entity, built of the same sources, by either hash.
#[tokio::test]
async fn dedupe() -> Result<()> {
    let stage = Stage::new().await?;
    let (app, other) = (stage.entity("app", "my-app").await?, stage.entity("app", "other").await?);
    let first = stage.push(&app, Push::new("2026.11.30-120000", "same", b"one")).await?;
    let later = Push::new("2026.11.30-120001", "same", b"two");
    let exists = stage.begin(&app, &later).await?.document("200")?;
    ensure!(exists["status"] == "exists" && exists["version"]["id"] == first["id"], "{exists}");
    // In capitals it is the same hash.
    let body = json!({"version": later.version, "source_hash": hash("same").to_uppercase()});
    let path = format!("/api/entities/{app}/versions/upload-url");
    let exists = stage.post(&path, &body).await?.document("200")?;
    ensure!(exists["status"] == "exists", "{exists}");
    // Another entity is another matter.
    stage.push(&other, Push::new("2026.11.30-120000", "same", b"one")).await?;

    // Forced there are two, and when the first one goes the second one is the one that exists.
    let second = stage.push(&app, Push::new("2026.11.30-120001", "same", b"two").forced()).await?;
    stage.told(&delete(&format!("/api/entities/{app}/versions/2026.11.30-120000"))).await?.empty("204")?;
    let later = Push::new("2026.11.30-120002", "same", b"three");
    let exists = stage.begin(&app, &later).await?.document("200")?;
    ensure!(exists["version"]["id"] == second["id"], "{exists}");
    stage.told(&delete(&format!("/api/entities/{app}/versions/2026.11.30-120001"))).await?.empty("204")?;
    // A deleted one counts for nothing.
    stage.push(&app, later).await?;
    ensure!(stage.download(&stage.author, &app, "2026.11.30-120002").await? == b"three");
    Ok(())
}

/// Forced in the first step or in the second: the second one decides.
#[tokio::test]
async fn either_step_forces() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    // Both begin before there is any version.
    let (first, second) =
        (Push::new("2026.11.30-120000", "same", b"one"), Push::new("2026.11.30-120001", "same", b"two"));
    let begun = stage.begin(&app, &second).await?.document("200")?;
    stage.put(&begun, second.package).await?;
    let made = stage.push(&app, first).await?;
    let exists = stage.confirm(&app, &begun, &second).await?.document("200")?;
    ensure!(exists["status"] == "exists" && exists["version"]["id"] == made["id"], "{exists}");
    let forced = stage.confirm(&app, &begun, &second.forced()).await?.document("201")?;
    ensure!(forced["version"]["version"] == "2026.11.30-120001", "{forced}");
    ensure!(names(&stage.listed(&app).await?).len() == 2);
    Ok(())
}

/// Versions are found by their id and by their name, and `package.json` comes back as it was sent, in either form.
#[tokio::test]
async fn what_was_said_comes_back() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let package_json = json!({"name": "größe", "dependencies": {"left-pad": "^1.0.0"}, "n": 1});
    for (number, said) in [package_json.clone(), package_json.to_string().into()].into_iter().enumerate() {
        let (version, sources) = (format!("2026.11.30-12000{number}"), number.to_string());
        let push = Push { more: json!({"package_json": said}), ..Push::new(&version, &sources, b"package") };
        let made = stage.push(&app, push).await?;
        ensure!(made["package_json"] == package_json, "{made}");
        for text in [version.as_str(), made["id"].as_str().context("no id")?] {
            let path = format!("/api/entities/{app}/versions/{text}");
            let shown = stage.told(&get(&path)).await?.document("200")?;
            ensure!(shown["version"]["id"] == made["id"], "{shown}");
            ensure!(shown["version"]["package_json"] == package_json, "{shown}");
            ensure!(stage.download(&stage.author, &app, text).await? == b"package");
        }
    }
    Ok(())
}

/// What was announced with its digest is taken only with these bytes.
#[tokio::test]
async fn announced_bytes() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let package = noise("package", 3_000);
    let body = json!({
        "version": "2026.11.30-120000", "source_hash": hash("sources"), "file_size_bytes": package.len(),
        "sha256": hex::encode(Sha256::digest(&package)),
    });
    let begun =
        stage.post(&format!("/api/entities/{app}/versions/upload-url"), &body).await?.document("200")?;
    let mut changed = package.clone();
    changed.reverse();
    stage.curl.write("changed.zip", &changed)?;
    let sent = stage.told(&signed_put(&begun["package"], "upload_url", "changed.zip")?).await?;
    ensure!(sent.status.starts_with('4'), "other bytes were taken: {sent}");
    let push = Push::new("2026.11.30-120000", "sources", &package);
    stage.confirm(&app, &begun, &push).await?.refused("400", "has not arrived")?;
    stage.put(&begun, &package).await?;
    stage.confirm(&app, &begun, &push).await?.document("201")?;
    Ok(())
}

/// A package of 70 megabytes: where a request has little time, it is verified after the answer.
#[tokio::test]
async fn a_large_package() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let package = noise("large", LARGE);
    let push = Push::new("2026.11.30-120000", "sources", &package).active();
    let begun = stage.begin(&app, &push).await?.document("200")?;
    stage.put(&begun, &package).await?;
    let body = json!({
        "storage_path": begun["package"]["storage_path"], "version": push.version,
        "source_hash": hash(push.sources), "file_size_bytes": package.len(), "set_as_active": true,
    });
    let path = format!("/api/entities/{app}/versions/confirm");
    let first = stage.post(&path, &body).await?;
    let expected = if stage.instance.is_behind_gateway() { "202" } else { "201" };
    first.document(expected)?;
    let done = stage.confirmed(&app, &body).await?.document("200")?;
    ensure!(done["status"] == "exists" && done["version"]["is_active"] == true, "{done}");
    ensure!(stage.download(&stage.author, &app, push.version).await? == package, "other bytes came back");
    Ok(())
}
