//! What cannot be built says why, and what could be built is there all the same.

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{BY_HAND, check_greets, server, stage};
use crate::kmp::library::{KOTLINX, Libraries};
use crate::kmp::{members, texts};

/// The Swift half takes a Mac and says so; the npm half is published. Without the Swift half a retry has nothing left to do.
#[tokio::test]
async fn swift_takes_a_mac() -> Result<()> {
    let server = server(&BY_HAND).await?;
    let stage = stage(&server).await?;
    let [fixture, _] = Libraries::new()?;
    fixture.publish(&stage.maven, "words", "1.0.0").await?;
    fixture.publish(&stage.maven, "greeter", "1.0.0").await?;
    let swift = json!({
        "enableSwift": true, "swiftScope": "acme", "swiftName": "greeter", "appleTargets": ["iosArm64", "macosArm64"],
    });
    let id = stage.watch("greeter", &swift).await?;
    let found = stage.poll().await?;
    ensure!(texts(&found[0]["newVersions"]) == ["1.0.0"] && found[0]["buildsTriggered"] == 1, "{found:?}");
    let build = stage.failed("greeter", "1.0.0", "takes a Mac").await?;
    ensure!(build["npmPublished"] == true && build["swiftPublished"] == false, "{build}");
    check_greets(&stage, "1.0.0").await?;
    let path = format!("/api/swift/{}/acme/greeter", stage.name);
    let (status, answer) = stage.admin.send(Method::GET, &path, None).await?;
    ensure!(status == StatusCode::NOT_FOUND, "{status} {answer}");

    // Begun again it fails with the same words: only Swift was left to do.
    ensure!(stage.retry(&build).await?["success"] == true);
    let again = stage.failed("greeter", "1.0.0", "takes a Mac").await?;
    ensure!(again["updatedAt"] != build["updatedAt"] && again["npmPublished"] == true, "{again}");
    let changed =
        stage.call(Method::PATCH, &format!("watched/{id}"), Some(&json!({"enableSwift": false}))).await?;
    ensure!(changed["watched"]["enableSwift"] == false, "{changed}");
    stage.retry(&build).await?;
    let done = stage.ended("greeter", "1.0.0").await?;
    ensure!(done["status"] == "success" && done["error"].is_null(), "{done}");
    ensure!(done["npmPublished"] == true && done["swiftPublished"] == false, "{done}");
    ensure!(stage.npm().versions("@acme/greeter").await?.len() == 1);
    Ok(())
}

/// Libraries that are not for JavaScript, export nothing, or are not what their metadata says fail with the reason; others of the same
/// look are built.
#[tokio::test]
async fn reasons_are_told() -> Result<()> {
    let server = server(&BY_HAND).await?;
    let stage = stage(&server).await?;
    let [fixture, others] = Libraries::new()?;
    let failing = [
        ("jvm-only", "no variant for JavaScript"),
        ("words", "exports nothing to JavaScript"),
        ("tampered", "its sha512 is"),
        ("from-the-future", "ABI version 99.0.0"),
    ];
    for (artifact, _) in failing {
        fixture.publish(&stage.maven, artifact, "1.0.0").await?;
        stage.watch(artifact, &json!({})).await?;
    }
    fixture.publish(&stage.maven, "greeter", "1.1.0").await?;
    stage.watch("greeter", &json!({})).await?;
    // As its authors have published it: nothing of it is for JavaScript alone.
    others.publish_of(&stage.maven, KOTLINX, "kotlinx-coroutines-core", "1.8.1").await?;
    stage.watch("kotlinx-coroutines-core", &json!({"groupId": KOTLINX})).await?;

    let found = stage.poll().await?;
    ensure!(found.len() == 6 && found.iter().all(|result| result["buildsTriggered"] == 1), "{found:?}");
    for (artifact, words) in failing {
        let build = stage.failed(artifact, "1.0.0", words).await?;
        ensure!(build["npmPublished"] == false, "{build}");
        let why = build["error"].as_str().context("no error")?;
        ensure!(!why.contains("bld_") && !why.contains("/tmp/"), "{why}");
        let read = stage.npm().read(&format!("@acme/{artifact}")).await?;
        ensure!(read.status == StatusCode::NOT_FOUND, "{artifact} is there: {}", read.body);
    }
    stage.built("greeter", "1.1.0").await?;
    let failed = stage.builds("?status=failed").await?;
    ensure!(members(&failed, "version").iter().all(|version| *version != "1.1.0"), "{failed:?}");
    Ok(())
}
