//! Many deploys at once, over plain HTTP: what the clients send, without their pauses.

use std::future::Future;

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::project::pom;
use granary_tests::maven::repository::{MavenRepository, texts};
use granary_tests::package::noise;
use granary_tests::settings;
use reqwest::StatusCode;
use tokio::task::JoinSet;

use super::{Stage, jar, path};

/// Deploys at the same time.
const DEPLOYS: usize = 20;

/// Runs `task` for each number at once and returns what they gave, in order.
async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let task = task(number);
        tasks.spawn(async move { (number, task.await) });
    }
    let mut results = Vec::new();
    while let Some(result) = tasks.join_next().await {
        results.push(result?);
    }
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(number, result)| result.with_context(|| format!("number {number}"))).collect()
}

/// Deploys a version as Maven does, with metadata that knows of this version only.
async fn deploy(repo: MavenRepository, artifact: String, version: String) -> Result<()> {
    let place = path(&artifact, &version);
    repo.deploy(&format!("{place}.jar"), &jar(&artifact, &version)).await?;
    repo.deploy(&format!("{place}.pom"), pom(&artifact, &version).as_bytes()).await?;
    let metadata = format!(
        "<metadata><groupId>com.example</groupId><artifactId>{artifact}</artifactId><versioning>\
         <release>{version}</release><versions><version>{version}</version></versions>\
         <lastUpdated>20260101000000</lastUpdated></versioning></metadata>"
    );
    repo.deploy(&format!("com/example/{artifact}/maven-metadata.xml"), metadata.as_bytes()).await
}

/// Different versions of one artifact, deployed at once, are all in its metadata, in their order.
#[tokio::test]
async fn all_of_many_versions() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let artifact = format!("crowd-{round}");
        at_once(DEPLOYS, |number| deploy(stage.repo.clone(), artifact.clone(), format!("{number}.0")))
            .await
            .with_context(|| format!("round {round}"))?;
        let expected: Vec<String> = (0..DEPLOYS).map(|number| format!("{number}.0")).collect();
        let directory = format!("com/example/{artifact}");
        let found = stage.repo.versions(&directory).await?;
        ensure!(found == expected, "round {round}: {found:?}");
        let metadata = stage.repo.metadata(&directory).await?;
        ensure!(texts(&metadata, "release") == ["19.0"], "round {round}: {metadata}");
        ensure!(texts(&metadata, "latest") == ["19.0"], "round {round}: {metadata}");
        for version in &expected {
            let place = format!("{}.jar", path(&artifact, version));
            stage.repo.check_serves(&place, &jar(&artifact, version)).await?;
        }
    }
    Ok(())
}

/// Of many different files for one release path exactly one is accepted, and it is the one that is served.
#[tokio::test]
async fn one_winner_for_one_file() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let place = format!("{}.jar", path(&format!("contended-{round}"), "1.0"));
        let rival = |number: usize| noise(&format!("{round} {number}"), 4_000);
        let answers = at_once(DEPLOYS, |number| {
            let (repo, place, bytes) = (stage.repo.clone(), place.clone(), rival(number));
            async move { repo.put(&place, bytes).await }
        })
        .await?;
        let mut winners = Vec::new();
        for (number, answer) in answers.iter().enumerate() {
            match answer.status {
                StatusCode::CREATED => winners.push(number),
                StatusCode::CONFLICT => {}
                other => anyhow::bail!("round {round}: number {number} was told {other} {}", answer.body),
            }
        }
        let [winner] = winners.as_slice() else {
            anyhow::bail!("round {round}: {} of {DEPLOYS} won", winners.len());
        };
        stage.repo.check_serves(&place, &rival(*winner)).await?;
    }
    Ok(())
}

/// The same bytes for one release path, many times at once: all are told that it worked, and one that it was
/// new.
#[tokio::test]
async fn identical_files_all_succeed() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let artifact = format!("same-{round}");
        let place = format!("{}.jar", path(&artifact, "1.0"));
        let answers = at_once(DEPLOYS, |_| {
            let (repo, place, bytes) = (stage.repo.clone(), place.clone(), jar(&artifact, "1.0"));
            async move { repo.put(&place, bytes).await?.accepted() }
        })
        .await
        .with_context(|| format!("round {round}"))?;
        let new = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
        ensure!(new == 1, "round {round}: {new} were told that it was new");
        stage.repo.check_serves(&place, &jar(&artifact, "1.0")).await?;
    }
    Ok(())
}

/// Builds of one snapshot, deployed at once, all with the same number as clients choose it: the metadata names
/// one build, and its files are there.
#[tokio::test]
async fn builds_of_a_snapshot() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let directory = format!("com/example/busy-{round}/1.0-SNAPSHOT");
        let build = |number: usize| format!("1.0-20260101.1010{number:02}-1");
        at_once(8, |number| {
            let (repo, place) = (stage.repo.clone(), format!("{directory}/busy-{round}-{}", build(number)));
            async move {
                repo.deploy(&format!("{place}.jar"), &noise(&place, 2_000)).await?;
                let pom = pom(&format!("busy-{round}"), "1.0-SNAPSHOT");
                repo.deploy(&format!("{place}.pom"), pom.as_bytes()).await
            }
        })
        .await
        .with_context(|| format!("round {round}"))?;
        let metadata = stage.repo.metadata(&directory).await?;
        ensure!(texts(&metadata, "value") == [build(7), build(7)], "round {round}: {metadata}");
        ensure!(texts(&metadata, "timestamp") == ["20260101.101007"], "round {round}: {metadata}");
        for number in 0..8 {
            let place = format!("{directory}/busy-{round}-{}", build(number));
            stage.repo.check_serves(&format!("{place}.jar"), &noise(&place, 2_000)).await?;
        }
        let versions = stage.repo.versions(&format!("com/example/busy-{round}")).await?;
        ensure!(versions == ["1.0-SNAPSHOT"], "round {round}: {versions:?}");
    }
    Ok(())
}
