//! The documentation in its order, word for word.

use anyhow::{Context, Result, ensure};
use granary_tests::package::noise;
use granary_tests::told::Told;
use serde_json::{Value, json};

use super::{Stage, hash, names};
use granary_tests::told::signed_put;

impl Stage {
    /// Runs a line of the author's with `$ENTITY` in it.
    async fn line(&self, entity: &str, variables: &[(&str, &str)], line: &str) -> Result<Told> {
        let mut all = vec![("TOKEN", self.author.as_str()), ("ENTITY", entity)];
        all.extend(variables);
        self.curl.told(self.instance.url(), &all, line).await
    }
}

/// Upload in two steps with a lock file, download, active version, deletion, identifiers and dedupe.
#[tokio::test]
async fn the_documentation_word_for_word() -> Result<()> {
    let stage = Stage::new().await?;
    let (app, service) = (stage.entity("app", "my-app").await?, stage.instance.name("payments"));
    stage.entity("service", "payments").await?;
    let (package, lockfile) = (noise("package", 400_000), b"{\"lockfileVersion\": 3}".as_slice());
    stage.curl.write("package.zip", &package)?;
    stage.curl.write("package-lock.json", lockfile)?;

    // Step 1: the addresses.
    let first = hash("first");
    let begin = "curl -X POST \"$BASE/api/entities/$ENTITY/versions/upload-url\" \
        -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/json\" \
        -d '{\"version\": \"2024.06.10-153042\", \"source_hash\": \"'\"$HASH\"'\"}'";
    let begun = stage.line(&app, &[("HASH", &first)], begin).await?.document("200")?;
    ensure!(begun["status"] == "upload_required" && begun["version"] == "2024.06.10-153042", "{begun}");
    for (part, file) in [("package", "package.zip"), ("lockfile", "package-lock.json")] {
        let sent = stage.line(&app, &[], &signed_put(&begun[part], "upload_url", file)?).await?;
        sent.expect("200")?;
    }
    ensure!(names(&stage.listed(&app).await?).is_empty(), "there is a version before it was confirmed");

    // Step 2.
    let body = json!({
        "storage_path": begun["package"]["storage_path"], "version": "2024.06.10-153042",
        "source_hash": first, "file_size_bytes": package.len(), "service_dependencies": [service],
        "package_json": {"name": "my-app", "private": true},
        "package_lock_path": begun["lockfile"]["storage_path"], "set_as_active": true,
    });
    let body = body.to_string();
    let confirm = "curl -X POST \"$BASE/api/entities/$ENTITY/versions/confirm\" \
        -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/json\" -d \"$BODY\"";
    let made = stage.line(&app, &[("BODY", &body)], confirm).await?.document("201")?;
    let version = &made["version"];
    ensure!(made["status"] == "created" && version["is_active"] == true, "{made}");
    ensure!(version["file_size_bytes"] == package.len() && version["has_lockfile"] == true, "{made}");
    ensure!(version["service_dependencies"] == json!([service]), "{made}");
    ensure!(version["package_json"] == json!({"name": "my-app", "private": true}), "{made}");
    ensure!(version["base_version_id"].is_null() && version["source_hash"] == first, "{made}");
    let again = stage.line(&app, &[("BODY", &body)], confirm).await?.document("200")?;
    ensure!(again["status"] == "exists" && again["version"]["id"] == version["id"], "{again}");

    // The same sources once more: the version that there is, and no addresses.
    let later = begin.replace("2024.06.10-153042", "2024.06.11-080000");
    let exists = stage.line(&app, &[("HASH", &first)], &later).await?.document("200")?;
    ensure!(exists["status"] == "exists" && exists["version"]["id"] == version["id"], "{exists}");
    ensure!(exists["package"].is_null(), "{exists}");

    // Unless it is forced, here with a parent.
    let id = version["id"].as_str().context("no id")?;
    let forced =
        later.replace("-d '{", "-d '{\"force\": true, \"base_version_id\": \"'\"$BASE_VERSION\"'\", ");
    let begun =
        stage.line(&app, &[("HASH", &first), ("BASE_VERSION", id)], &forced).await?.document("200")?;
    stage.put(&begun, &package).await?;
    let body = json!({
        "storage_path": begun["package"]["storage_path"], "version": "2024.06.11-080000", "source_hash": first,
        "file_size_bytes": package.len(), "force": true,
    });
    let made = stage.line(&app, &[("BODY", &body.to_string())], confirm).await?.document("201")?;
    let child = made["version"].clone();
    ensure!(child["base_version_id"] == id && child["is_active"] == false, "{made}");

    check_download(&stage, &app, (&package, lockfile)).await?;
    check_active(&stage, &app, id, &child).await
}

/// The download answers with addresses, under the name that people save it with.
async fn check_download(stage: &Stage, app: &str, (package, lockfile): (&[u8], &[u8])) -> Result<()> {
    let download = "curl \"$BASE/api/entities/$ENTITY/versions/2024.06.10-153042/download\" \
        -H \"Authorization: Bearer $TOKEN\"";
    let told = stage.line(app, &[], download).await?.document("200")?;
    let name = format!("{}-2024.06.10-153042.zip", stage.instance.name("my-app"));
    ensure!(told["file_name"] == name && told["file_size_bytes"] == package.len(), "{told}");
    ensure!(told["expires_at"].is_string(), "{told}");
    for (member, bytes) in [("download_url", package), ("lockfile_url", lockfile)] {
        let address = told[member].as_str().with_context(|| format!("no {member}: {told}"))?;
        stage.line(app, &[("URL", address)], "curl -o \"answer\" \"$URL\"").await?.expect("200")?;
        ensure!(stage.curl.read("answer")? == bytes, "{member}: other bytes");
    }
    let address = told["download_url"].as_str().context("no address")?;
    stage.line(app, &[("URL", address)], "curl -OJ \"$URL\"").await?.expect("200")?;
    ensure!(stage.curl.read(&name)? == package, "it was not saved as {name}");
    Ok(())
}

/// The pointer to the active version, deletion, and what is left of a parent.
async fn check_active(stage: &Stage, app: &str, parent: &str, child: &Value) -> Result<()> {
    let active = "curl \"$BASE/api/entities/$ENTITY/versions/active\" -H \"Authorization: Bearer $TOKEN\"";
    ensure!(stage.line(app, &[], active).await?.document("200")?["version"]["id"] == parent);
    let delete = "curl -X DELETE \"$BASE/api/entities/$ENTITY/versions/$VERSION\" \
        -H \"Authorization: Bearer $TOKEN\"";
    stage.line(app, &[("VERSION", parent)], delete).await?.refused("409", "active")?;

    let id = child["id"].as_str().context("no id")?;
    let set = "curl -X PUT \"$BASE/api/entities/$ENTITY/versions/active\" \
        -H \"Authorization: Bearer $TOKEN\" -H \"Content-Type: application/json\" \
        -d '{\"versionId\": \"'\"$VERSION\"'\"}'";
    stage.line(app, &[("VERSION", id)], set).await?.expect("200")?;
    ensure!(stage.line(app, &[], active).await?.document("200")?["version"]["id"] == id);

    stage.line(app, &[("VERSION", parent)], delete).await?.empty("204")?;
    let list = stage.listed(app).await?;
    ensure!(names(&list) == ["2024.06.11-080000"] && list["active_version_id"] == id, "{list}");
    let base = &list["versions"][0]["base_version"];
    ensure!(base["version"] == "2024.06.10-153042" && base["deleted"] == true, "{list}");

    let entity = "curl \"$BASE/api/entities/$ENTITY\" -H \"Authorization: Bearer $TOKEN\"";
    let shown = stage.line(app, &[], entity).await?.document("200")?;
    ensure!(shown["active_version"]["id"] == id && names(&shown) == ["2024.06.11-080000"], "{shown}");
    ensure!(shown["storage"]["type"] == "platform-managed", "{shown}");
    stage.line(app, &[], &entity.replace("curl ", "curl -X DELETE ")).await?.empty("204")?;
    stage.line(app, &[], entity).await?.refused("404", "")?;
    Ok(())
}
