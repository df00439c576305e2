//! What is found of a library that is watched, and who may ask.

use anyhow::{Context, Result, ensure};
use granary_tests::instance::Instance;
use granary_tests::package::Package;
use granary_tests::sandbox::Sandbox;
use granary_tests::tool;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::library::Libraries;
use super::{Stage, members, texts};

/// A library that has been there for a while is watched: its newest stable version begins, the others are only noted, and a second
/// look finds nothing. What comes later is found by the next look.
#[tokio::test]
async fn versions_are_found_once() -> Result<()> {
    let instance = Instance::new().await?;
    let stage = Stage::shared(&instance).await?;
    let [fixture, _] = Libraries::new()?;
    for version in ["1.0.0", "1.1.0"] {
        fixture.publish(&stage.maven, "greeter", version).await?;
    }
    let id = stage.watch("greeter", &json!({})).await?;
    let nothing = stage.watch("nothing", &json!({})).await?;
    let results = stage.poll().await?;
    ensure!(members(&results, "watchedPackageId") == [id.as_str(), nothing.as_str()], "{results:?}");
    let found = json!({
        "watchedPackageId": id,
        "groupId": "com.example.kmp",
        "artifactId": "greeter",
        "newVersions": ["1.1.0"],
        "discoveredVersions": ["1.0.0"],
        "buildsTriggered": 1,
        "errors": [],
    });
    ensure!(results[0] == found, "{results:?}");
    ensure!(
        results[1]["errors"][0]
            .as_str()
            .is_some_and(|error| error.contains("has no com.example.kmp:nothing"))
    );
    let again = stage.poll().await?;
    ensure!(again[0]["buildsTriggered"] == 0 && texts(&again[0]["newVersions"]).is_empty(), "{again:?}");

    // An announced look may be the faster one.
    fixture.publish(&stage.maven, "greeter", "1.2.0-rc1").await?;
    stage.poll().await?;
    let answer = stage.call(Method::GET, "builds?counts=true", None).await?;
    let builds = answer["builds"].as_array().context("no builds")?;
    ensure!(members(builds, "version") == ["1.2.0-rc1", "1.1.0", "1.0.0"], "{answer}");
    ensure!(members(builds, "status") == ["discovered", "pending", "discovered"], "{answer}");
    let counts =
        json!({"discovered": 2, "pending": 1, "queued": 0, "building": 0, "success": 0, "failed": 0});
    ensure!(answer["statusCounts"] == counts, "{answer}");
    ensure!(builds[0]["isStable"] == false && builds[1]["isStable"] == true, "{answer}");
    for (query, versions) in [
        ("?stableOnly=true", &["1.1.0", "1.0.0"][..]),
        ("?status=pending,building", &["1.1.0"]),
        ("?status=discovered&limit=1", &["1.2.0-rc1"]),
        ("?status=success", &[]),
    ] {
        ensure!(members(&stage.builds(query).await?, "version") == versions, "{query}");
    }
    let watched = stage.call(Method::GET, &format!("watched/{id}"), None).await?;
    ensure!(watched["watched"]["lastPolledAt"].is_string(), "{watched}");
    ensure!(watched["watched"]["lastPollError"].is_null(), "{watched}");

    // Nothing of a library that is watched no longer is left.
    stage.call(Method::DELETE, &format!("watched/{id}"), None).await?;
    ensure!(stage.poll().await?.len() == 1);
    ensure!(stage.builds("").await?.is_empty());
    Ok(())
}

/// Nobody puts packages into such a repository by hand, and whoever may only read begins nothing.
#[tokio::test]
async fn only_builds_publish() -> Result<()> {
    let instance = Instance::new().await?;
    let stage = Stage::shared(&instance).await?;
    let npm = stage.npm();
    let client = Sandbox::configured(tool::NPM_11, npm.url(), npm.token())?;
    let package = Package::new("@acme/greeter", "1.0.0");
    let folder = client.project("greeter", &package.manifest())?;
    client.publish(&folder, &[]).await?.failure(&["takes no uploads"])?;
    ensure!(npm.read("@acme/greeter").await?.status == StatusCode::NOT_FOUND);

    let token = stage.admin.sign_in("admin").await?.repo_token(&stage.name, &["read"]).await?;
    let reader = stage.admin.with_token(&token);
    let watched: Value = reader.call(Method::GET, &stage.path("watched"), None, StatusCode::OK).await?;
    ensure!(watched == json!({"watched": []}), "{watched}");
    let body = json!({"groupId": "a", "artifactId": "b", "npmPackageName": "b", "enableSwift": false});
    for (method, path, body) in [
        (Method::POST, "poll", None),
        (Method::POST, "watched", Some(&body)),
        (Method::DELETE, "builds", None),
    ] {
        let (status, answer) = reader.send(method.clone(), &stage.path(path), body).await?;
        ensure!(status == StatusCode::FORBIDDEN, "{method} {path}: {status} {answer}");
    }
    Ok(())
}
