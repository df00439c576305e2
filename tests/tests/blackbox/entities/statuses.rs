//! Every answer that is no success, seen from outside.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{Push, Stage, delete, get, hash, names, send};

const VERSION: &str = "2026.11.30-120000";

/// A body with one member changed, or taken away by `null`.
fn changed(good: &Value, member: &str, value: Value) -> Value {
    let mut body = good.clone();
    if value.is_null() {
        body.as_object_mut().map(|body| body.remove(member));
    } else {
        body[member] = value;
    }
    body
}

/// Entities that cannot be made or changed.
#[tokio::test]
async fn entities() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let good = json!({"type": "app", "slug": stage.instance.name("new-app"), "name": "New"});
    for (member, value, words) in [
        ("type", json!(null), "type"),
        ("type", json!("program"), "type"),
        ("slug", json!(null), "slug"),
        ("slug", json!("New App"), "slug"),
        ("slug", json!("-new"), "slug"),
        ("slug", json!("../new"), "slug"),
        ("slug", json!("a".repeat(65)), "slug"),
        ("name", json!(null), "name"),
        ("name", json!(""), "name"),
        ("name", json!("a".repeat(201)), "name"),
        ("name", json!(7), "name"),
        ("description", json!("a".repeat(2001)), "description"),
        ("icon_hash", json!("a".repeat(201)), "icon_hash"),
        ("other", json!(1), "other"),
    ] {
        let body = changed(&good, member, value);
        stage.post("/api/entities", &body).await?.refused("400", words).with_context(|| body.to_string())?;
    }
    for body in ["", "{", "[]", "7"] {
        let line = format!("{} -d '{body}'", send("POST", "/api/entities"));
        stage.told(&line).await?.refused("400", "")?;
    }
    let taken = changed(&good, "slug", stage.instance.name("my-app").into());
    stage.post("/api/entities", &taken).await?.refused("409", "taken")?;
    let unknown = changed(&good, "org_slug", stage.instance.name("nobody").into());
    stage.post("/api/entities", &unknown).await?.refused("404", "")?;

    let path = format!("/api/entities/{app}");
    for body in
        [json!({"slug": "other"}), json!({"type": "service"}), json!({"name": ""}), json!({"name": null})]
    {
        stage.told(&format!("{} -d '{body}'", send("PUT", &path))).await?.refused("400", "")?;
    }
    let described = json!({"description": "words"});
    let shown = stage.told(&format!("{} -d '{described}'", send("PUT", &path))).await?.document("200")?;
    ensure!(shown["entity"]["description"] == "words" && shown["entity"]["name"] == "my-app", "{shown}");
    let cleared = json!({"description": ""});
    let shown = stage.told(&format!("{} -d '{cleared}'", send("PUT", &path))).await?.document("200")?;
    ensure!(shown["entity"]["description"].is_null(), "{shown}");

    stage.told(&get("/api/entities?type=program")).await?.refused("400", "")?;
    let services = stage.told(&get("/api/entities?type=service")).await?.document("200")?;
    ensure!(services["entities"] == json!([]), "{services}");
    stage.told(&get("/api/entities/nothing")).await?.refused("404", "")?;
    let publisher = json!({"userId": stage.instance.name("nobody")});
    stage.post(&format!("{path}/publishers"), &publisher).await?.refused("400", "")?;
    stage.told(&delete(&format!("{path}/publishers/nobody"))).await?.refused("404", "")?;
    stage.told(&send("POST", &path)).await?.refused("405", "")?;
    Ok(())
}

/// First steps that cannot be.
#[tokio::test]
async fn first_steps() -> Result<()> {
    let stage = Stage::new().await?;
    let (app, other) = (stage.entity("app", "my-app").await?, stage.entity("app", "other").await?);
    let foreign = stage.push(&other, Push::new(VERSION, "sources", b"package")).await?;
    let gone = stage.push(&app, Push::new(VERSION, "gone", b"package")).await?;
    stage.told(&delete(&format!("/api/entities/{app}/versions/{VERSION}"))).await?.empty("204")?;
    let good = json!({"version": "2026.11.30-130000", "source_hash": hash("sources")});
    let path = format!("/api/entities/{app}/versions/upload-url");
    for (member, value, words) in [
        ("version", json!(null), "version"),
        ("version", json!("1.0.0"), "YYYY.MM.DD-HHMMSS"),
        ("version", json!("2026.11.31-120000"), "YYYY.MM.DD-HHMMSS"),
        ("version", json!("2026.13.01-120000"), "YYYY.MM.DD-HHMMSS"),
        ("version", json!("2026.11.30-240000"), "YYYY.MM.DD-HHMMSS"),
        ("version", json!("2026-11-30-120000"), "YYYY.MM.DD-HHMMSS"),
        ("version", json!("../../etc-passwd1"), "YYYY.MM.DD-HHMMSS"),
        ("version", json!(7), "version"),
        ("source_hash", json!(null), "source_hash"),
        ("source_hash", json!("abc"), "source_hash"),
        ("source_hash", json!("g".repeat(64)), "source_hash"),
        ("source_hash", json!(format!("sha256:{}", hash("sources"))), "source_hash"),
        ("source_hash", json!("a".repeat(32)), "source_hash"),
        ("force", json!("yes"), "force"),
        ("file_size_bytes", json!(0), "file_size_bytes"),
        ("file_size_bytes", json!(-5), "file_size_bytes"),
        ("file_size_bytes", json!(1.5), "file_size_bytes"),
        ("file_size_bytes", json!(6_000_000_000_000_u64), "file_size_bytes"),
        ("sha256", json!("a".repeat(64)), "file_size_bytes"),
        ("base_version_id", json!("0192a1b2-0000-7000-8000-000000000000"), "base_version_id"),
        ("base_version_id", json!("2026.11.29-120000"), "base_version_id"),
        ("base_version_id", foreign["id"].clone(), "base_version_id"),
        ("base_version_id", gone["id"].clone(), "base_version_id"),
        ("base_version_id", json!(VERSION), "base_version_id"),
        ("other", json!(1), "other"),
    ] {
        let body = changed(&good, member, value);
        stage.post(&path, &body).await?.refused("400", words).with_context(|| body.to_string())?;
    }
    // A version that was used, live or deleted.
    stage.post(&path, &changed(&good, "version", VERSION.into())).await?.refused("409", "deleted")?;
    stage.push(&app, Push::new("2026.11.30-130000", "other sources", b"package")).await?;
    stage.post(&path, &good).await?.refused("409", "exists")?;
    Ok(())
}

/// Second steps that cannot be: nothing of them is there afterwards, and the right one still works.
#[tokio::test]
async fn second_steps() -> Result<()> {
    let stage = Stage::new().await?;
    let (app, other) = (stage.entity("app", "my-app").await?, stage.entity("app", "other").await?);
    let hidden = stage.instance.name("hidden");
    let stranger = stage.user("stranger").await?;
    let body = json!({"type": "service", "slug": hidden, "name": "Hidden"});
    stage.post_as(&stranger, "/api/entities", &body).await?.expect("201")?;

    let push = Push::new(VERSION, "sources", b"package");
    let begun = stage.begin(&app, &push).await?.document("200")?;
    let foreign = stage.begin(&other, &push).await?.document("200")?;
    let good = json!({
        "storage_path": begun["package"]["storage_path"], "version": VERSION,
        "source_hash": hash("sources"), "file_size_bytes": push.package.len(),
    });
    let path = format!("/api/entities/{app}/versions/confirm");
    stage.post(&path, &good).await?.refused("400", "has not arrived")?;
    stage.put(&begun, push.package).await?;
    stage.put(&foreign, push.package).await?;
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let services: Vec<String> = (0..101).map(|number| format!("service-{number}")).collect();
    for (member, value, words) in [
        ("storage_path", json!(null), "storage_path"),
        ("storage_path", json!("staging/nothing/0"), "storage_path"),
        ("storage_path", json!("../staging/x"), "storage_path"),
        ("storage_path", foreign["package"]["storage_path"].clone(), "storage_path"),
        ("storage_path", begun["lockfile"]["storage_path"].clone(), "storage_path"),
        ("version", json!(null), "version"),
        ("version", json!("2026.11.30-120001"), "version"),
        ("version", json!("latest"), "version"),
        ("source_hash", json!(null), "source_hash"),
        ("source_hash", json!(hash("others")), "source_hash"),
        ("file_size_bytes", json!(null), "file_size_bytes"),
        ("file_size_bytes", json!(push.package.len() + 1), "bytes"),
        ("file_size_bytes", json!(push.package.len() - 1), "bytes"),
        ("file_size_bytes", json!(-7), "file_size_bytes"),
        ("file_size_bytes", json!(7.5), "file_size_bytes"),
        ("package_lock_path", foreign["lockfile"]["storage_path"].clone(), "package_lock_path"),
        ("package_lock_path", begun["package"]["storage_path"].clone(), "package_lock_path"),
        ("package_lock_path", begun["lockfile"]["storage_path"].clone(), "lock file has not arrived"),
        ("package_json", json!([]), "package_json"),
        ("package_json", json!("{"), "package_json"),
        ("package_json", json!(deep), "package_json"),
        ("package_json", json!({"x": "a".repeat(300_000)}), "package_json"),
        ("service_dependencies", json!(["nothing-such"]), "service 'nothing-such' not found"),
        ("service_dependencies", json!([hidden]), "not found"),
        ("service_dependencies", json!([stage.instance.name("other")]), "not found"),
        ("service_dependencies", json!(["a", "a"]), "service_dependencies"),
        ("service_dependencies", json!(["Not A Slug"]), "service_dependencies"),
        ("service_dependencies", json!(services), "service_dependencies"),
        ("service_dependencies", json!("a"), "service_dependencies"),
        ("set_as_active", json!("yes"), "set_as_active"),
        ("force", json!(1), "force"),
        ("base_version_id", json!("2026.11.29-120000"), "base_version_id"),
        ("other", json!(1), "other"),
    ] {
        let body = changed(&good, member, value);
        stage.curl.write("body.json", body.to_string().as_bytes())?;
        // Some of them are too long for a line.
        let told = stage.told(&format!("{} -d @body.json", send("POST", &path))).await?;
        told.refused("400", words).with_context(|| format!("{member}: {:.200}", body.to_string()))?;
    }
    let list = stage.listed(&app).await?;
    ensure!(names(&list).is_empty() && list["active_version_id"].is_null(), "something was made: {list}");
    stage.post(&path, &good).await?.document("201")?;
    Ok(())
}

/// Versions that are not there, and those that cannot go.
#[tokio::test]
async fn versions() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let path = format!("/api/entities/{app}/versions");
    let active = send("PUT", &format!("{path}/active"));
    stage.told(&get(&format!("{path}/active"))).await?.refused("404", "no version is active")?;
    stage.push(&app, Push::new(VERSION, "sources", b"package")).await?;
    // The first one is not made active by itself.
    stage.told(&get(&format!("{path}/active"))).await?.refused("404", "no version is active")?;
    for unknown in
        ["2026.11.30-120001", "0192a1b2-0000-7000-8000-000000000000", "nothing", "2026.99.99-999999"]
    {
        stage.told(&get(&format!("{path}/{unknown}"))).await?.refused("404", "")?;
        stage.told(&get(&format!("{path}/{unknown}/download"))).await?.refused("404", "")?;
        stage.told(&delete(&format!("{path}/{unknown}"))).await?.refused("404", "")?;
        let body = json!({"versionId": unknown});
        stage.told(&format!("{active} -d '{body}'")).await?.refused("404", "")?;
    }
    for body in ["{}", "{\"versionId\": 7}", "{\"versionId\": \"x\", \"other\": 1}", "{"] {
        stage.told(&format!("{active} -d '{body}'")).await?.refused("400", "")?;
    }
    let body = json!({"versionId": VERSION});
    stage.told(&format!("{} -d '{body}'", send("POST", &format!("{path}/active")))).await?.document("200")?;
    stage.told(&delete(&format!("{path}/{VERSION}"))).await?.refused("409", "active")?;
    ensure!(stage.download(&stage.author, &app, VERSION).await? == b"package");

    stage.push(&app, Push::new("2026.11.30-120001", "more sources", b"more").active()).await?;
    stage.told(&delete(&format!("{path}/{VERSION}"))).await?.empty("204")?;
    stage.told(&delete(&format!("{path}/{VERSION}"))).await?.refused("404", "")?;
    stage.told(&get(&format!("{path}/{VERSION}/download"))).await?.refused("404", "")?;
    stage.told(&format!("{active} -d '{body}'")).await?.refused("404", "")?;
    Ok(())
}

/// Without credentials nothing is told, whatever it is about.
#[tokio::test]
async fn without_credentials() -> Result<()> {
    let stage = Stage::new().await?;
    let app = stage.entity("app", "my-app").await?;
    let organization = stage.organization("acme").await?;
    let entity = format!("/api/entities/{app}");
    for line in [
        get("/api/entities"),
        send("POST", "/api/entities") + " -d '{}'",
        get("/api/entities/shared-with-me"),
        get("/api/entities/shares"),
        send("POST", "/api/entities/icon-upload-url") + " -d '{}'",
        get(&entity),
        get(&format!("{entity}/details")),
        get(&format!("{entity}/icon")),
        get(&format!("{entity}/publishers")),
        get(&format!("{entity}/shares")),
        send("POST", &format!("{entity}/shares")) + " -d '{}'",
        get(&format!("{entity}/versions")),
        send("POST", &format!("{entity}/versions/upload-url")) + " -d '{}'",
        send("POST", &format!("{entity}/versions/confirm")) + " -d '{}'",
        get(&format!("{entity}/versions/active")),
        get(&format!("{entity}/versions/{VERSION}/download")),
        delete(&format!("{entity}/versions/{VERSION}")),
        delete(&entity),
        get(&format!("/api/organizations/{organization}/store")),
        send("POST", &format!("/api/organizations/{organization}/store")) + " -d '{}'",
    ] {
        let bare = line.replace(" -H \"Authorization: Bearer $TOKEN\"", "");
        stage.told(&bare).await?.refused("401", "").with_context(|| bare.clone())?;
    }
    Ok(())
}
