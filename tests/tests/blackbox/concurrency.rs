//! Many publishers at once.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::instance::Instance;
use granary_tests::package::Package;
use granary_tests::registry::{Answer, Registry};
use granary_tests::settings;
use tokio::task::JoinSet;

/// Publishers at the same time.
const PUBLISHERS: usize = 20;

/// Publishes all of `packages` at once, each under its own tags, and returns the answers in order.
async fn publish_at_once(registry: &Registry, packages: &[(Package, Vec<String>)]) -> Result<Vec<Answer>> {
    let mut tasks = JoinSet::new();
    for (index, (package, tags)) in packages.iter().cloned().enumerate() {
        let registry = registry.clone();
        tasks.spawn(async move {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            anyhow::Ok((index, registry.publish(&package, &tags).await?))
        });
    }
    let mut answers = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        answers.push(answer??);
    }
    answers.sort_by_key(|(index, _)| *index);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

/// Of many different tarballs for one version exactly one is accepted, and it is the one that is served.
#[tokio::test]
async fn one_winner_for_one_version() -> Result<()> {
    let instance = Instance::new().await?;
    let registry = instance.admin()?.create_repo(&instance.name("race"), Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let name = format!("@acme/contended-{round}");
        let rivals: Vec<_> = (0..PUBLISHERS)
            .map(|rival| (Package::salted(&name, "1.0.0", &rival.to_string()), vec!["latest".to_owned()]))
            .collect();
        let answers = publish_at_once(&registry, &rivals).await?;
        let mut winners = Vec::new();
        for (answer, (package, _)) in answers.iter().zip(&rivals) {
            if answer.status.is_success() {
                winners.push(package);
                continue;
            }
            ensure!(
                answer.body.contains("cannot publish over the previously published version"),
                "round {round}: a loser was told {} {}",
                answer.status,
                answer.body
            );
        }
        ensure!(winners.len() == 1, "round {round}: {} of {PUBLISHERS} won", winners.len());
        let winner = winners.first().context("no winner")?;
        registry.check_serves(winner).await?;
        ensure!(registry.versions(&name).await?.len() == 1);
    }
    Ok(())
}

/// Different versions of one package, published at once, all appear, each under its own tag.
#[tokio::test]
async fn all_of_many_versions() -> Result<()> {
    let instance = Instance::new().await?;
    let registry = instance.admin()?.create_repo(&instance.name("race"), Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let name = format!("plain-crowd-{round}");
        let crowd: Vec<_> = (0..PUBLISHERS)
            .map(|number| {
                let package = Package::new(&name, &format!("{number}.0.0"));
                (package, vec!["latest".to_owned(), format!("line-{number}")])
            })
            .collect();
        for answer in publish_at_once(&registry, &crowd).await? {
            answer.accepted().with_context(|| format!("round {round}"))?;
        }
        let packument = registry.packument(&name).await?;
        let expected: BTreeSet<String> = crowd.iter().map(|(package, _)| package.version.clone()).collect();
        ensure!(granary_tests::registry::versions(&packument) == expected, "round {round}: {packument}");
        let tags = registry.tags(&name).await?;
        for number in 0..PUBLISHERS {
            ensure!(tags.contains(&format!("line-{number}={number}.0.0")), "round {round}: {tags:?}");
        }
        let latest = packument["dist-tags"]["latest"].as_str().context("no latest")?;
        ensure!(expected.contains(latest), "round {round}: latest is {latest}");
        ensure!(tags.len() == PUBLISHERS + 1, "round {round}: {tags:?}");
        for (package, _) in &crowd {
            ensure!(packument["time"][&package.version].is_string(), "round {round}: {packument}");
            ensure!(registry.tarball(&packument, &package.version).await? == package.tarball()?);
        }
        // Nothing is left in a state that the next publish would stumble over.
        registry.publish(&Package::new(&name, "99.0.0"), &["latest"]).await?.accepted()?;
        ensure!(registry.tags(&name).await?.contains("latest=99.0.0"), "round {round}");
    }
    Ok(())
}

/// The same bytes for one version, many times at once: every publisher is told that it worked.
#[tokio::test]
async fn identical_publishers_all_succeed() -> Result<()> {
    let instance = Instance::new().await?;
    let registry = instance.admin()?.create_repo(&instance.name("race"), Visibility::Private).await?;
    for round in 0..settings::rounds(3) {
        let package = Package::new(&format!("@acme/same-{round}"), "1.0.0");
        let crowd = vec![(package.clone(), vec!["latest".to_owned()]); PUBLISHERS];
        for answer in publish_at_once(&registry, &crowd).await? {
            answer.accepted().with_context(|| format!("round {round}"))?;
        }
        registry.check_serves(&package).await?;
    }
    Ok(())
}
