//! Versions are found by themselves: on the schedule, and after a publish.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::server::Server;
use serde_json::json;

use super::{BY_HAND, Looks, NEVER, User, check_greets, kotlin, server, server_with, stage};
use crate::kmp::library::{GROUP, KOTLINX, Libraries};
use crate::kmp::{Stage, create, members, texts};

/// The whole way without anybody's doing: a library is published as Gradle does it, the schedule finds it, it is built, and npm
/// installs it. So it is with a later version. A pre-release is only noted, and built when somebody asks.
#[tokio::test]
async fn from_publish_to_install() -> Result<()> {
    let server = server(&Looks { every: "1", ..BY_HAND }).await?;
    let stage = stage(&server).await?;
    let [fixture, _] = Libraries::new()?;
    let id = stage.watch("greeter", &json!({})).await?;
    fixture.publish(&stage.maven, "words", "1.0.0").await?;
    fixture.publish(&stage.maven, "greeter", "1.0.0").await?;
    let build = stage.built("greeter", "1.0.0").await?;
    ensure!(build["watchedPackageId"] == id.as_str() && build["repoId"] == "my-kmp", "{build}");
    ensure!(build["swiftPublished"] == false && build["isStable"] == true, "{build}");
    check_greets(&stage, "1.0.0").await?;

    fixture.publish(&stage.maven, "greeter", "1.1.0").await?;
    stage.built("greeter", "1.1.0").await?;
    check_greets(&stage, "1.1.0").await?;
    let npm = stage.npm();
    ensure!(npm.tags("@acme/greeter").await? == ["latest=1.1.0".into()].into());

    fixture.publish(&stage.maven, "greeter", "1.2.0-rc1").await?;
    let noted = stage.wait_for("greeter", "1.2.0-rc1", |_| true).await?;
    ensure!(noted["status"] == "discovered" && noted["isStable"] == false, "{noted}");
    let begun = stage.retry(&noted).await?;
    ensure!(begun == json!({"success": true, "status": "pending"}), "{begun}");
    stage.built("greeter", "1.2.0-rc1").await?;
    check_greets(&stage, "1.2.0-rc1").await?;
    ensure!(npm.tags("@acme/greeter").await? == ["latest=1.1.0".into(), "next=1.2.0-rc1".into()].into());
    ensure!(npm.versions("@acme/greeter").await?.len() == 3);
    let builds = stage.builds("?status=success").await?;
    ensure!(members(&builds, "version") == ["1.2.0-rc1", "1.1.0", "1.0.0"], "{builds:?}");
    Ok(())
}

/// A publish is followed by a look, and a library whose root comes first is built when the rest is there. This one is on the
/// coroutines that everybody uses, as their authors have published them.
#[tokio::test]
async fn a_publish_is_followed_by_a_look() -> Result<()> {
    let server = server(&Looks { every: NEVER, after_publish: "1" }).await?;
    let stage = stage(&server).await?;
    let [fixture, others] = Libraries::new()?;
    stage.watch("later", &json!({})).await?;
    for (group, artifact, version) in [
        (KOTLINX, "kotlinx-coroutines-core", "1.8.1"),
        (KOTLINX, "kotlinx-coroutines-bom", "1.8.1"),
        (KOTLINX, "atomicfu-js", "0.23.1"),
        ("org.jetbrains.kotlin", "kotlinx-atomicfu-runtime", "1.9.21"),
        ("org.jetbrains.kotlin", "kotlin-dom-api-compat", "1.9.21"),
    ] {
        others.publish_of(&stage.maven, group, artifact, version).await?;
    }
    let modules = fixture.modules(GROUP, "later", "1.0.0")?;
    ensure!(modules.iter().map(|module| module.artifact.as_str()).eq(["later", "later-js"]));
    modules[0].publish(&stage.maven).await?;
    // Whoever asks meanwhile is told why there is no build.
    let early = stage.poll().await?;
    ensure!(
        early[0]["errors"][0].as_str().is_some_and(|error| error.contains("still being published")),
        "{early:?}"
    );
    ensure!(early[0]["buildsTriggered"] == 0 && stage.builds("").await?.is_empty(), "{early:?}");
    modules[1].publish(&stage.maven).await?;
    stage.built("later", "1.0.0").await?;
    let user = User::with(&stage, "@acme/later", "1.0.0").await?;
    ensure!(user.run("import { later } from '@acme/later'; console.log(await later(41));").await? == 42);
    user.check("import { later } from '@acme/later'; export const one: number = await later(1);\n")
        .await?
        .success()?;
    Ok(())
}

/// A library is found in a Maven repository elsewhere, if the operator lets private networks be, and built from there.
#[tokio::test]
async fn a_source_elsewhere() -> Result<()> {
    let elsewhere = Server::start().await?;
    let source = elsewhere.admin()?.create_maven_repo("public-maven", Visibility::Public).await?;
    let [fixture, _] = Libraries::new()?;
    fixture.publish(&source, "words", "1.0.0").await?;
    fixture.publish(&source, "greeter", "1.0.0").await?;
    let config = json!({"sourceType": "external", "sourceUrl": source.url()});

    let strict = server(&BY_HAND).await?;
    let refused = create(&strict.admin()?, "outside", &config).await.unwrap_err().to_string();
    ensure!(refused.contains("400") && refused.contains("https"), "{refused}");

    let server = server_with(&BY_HAND, &[("GRANARY_ALLOW_PRIVATE_SOURCES", "true")]).await?;
    let admin = server.admin()?;
    create(&admin, "outside", &config).await?;
    let stage = Stage { url: server.url().into(), admin, maven: source, name: "outside".into() };
    stage.watch("greeter", &json!({})).await?;
    let found = stage.poll().await?;
    ensure!(texts(&found[0]["newVersions"]) == ["1.0.0"], "{found:?}");
    stage.built("greeter", "1.0.0").await?;
    check_greets(&stage, "1.0.0").await
}

/// The tools are there, whichever test needs them first.
#[test]
fn tools_are_installed() -> Result<()> {
    for tool in ["fixture", "real", "kotlin-compiler", "typescript"] {
        kotlin(tool)?;
    }
    Ok(())
}
