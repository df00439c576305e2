//! Publishing while the power goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::package::Package;
use granary_tests::registry::{Registry, versions};
use granary_tests::sandbox::Sandbox;
use granary_tests::server::Server;
use granary_tests::settings;
use granary_tests::tool;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Connections that publish at the same time.
const WORKERS: usize = 4;

/// A worker publishes at most so many versions in a round, should the kill never come.
const MOST_VERSIONS: usize = 400;

/// What one worker did until the connection broke.
struct Report {
    acknowledged: Vec<Package>,
    /// Sent, but never answered.
    open: Option<Package>,
}

/// Every publish that was acknowledged before a `kill -9` is there after the restart, byte for byte; what was
/// not acknowledged is there as a whole or not at all, and can be sent again.
#[tokio::test]
async fn acknowledged_publishes_survive() -> Result<()> {
    let mut server = Server::start().await?;
    let registry = server.admin()?.create_repo("crash", Visibility::Private).await?;
    let mut kept: BTreeMap<String, Vec<Package>> = BTreeMap::new();
    for round in 0..settings::rounds(5) {
        let reports = publish_until_killed(&mut server, &registry, round).await?;
        server.restart().await.with_context(|| format!("round {round}:\n{}", server.log()))?;
        for report in reports {
            for package in report.acknowledged {
                kept.entry(package.name.clone()).or_default().push(package);
            }
            // The client repeats what it got no answer for, with the same bytes.
            if let Some(package) = report.open {
                let answer = registry.publish(&package, &[&tag(&package)]).await?;
                answer
                    .accepted()
                    .with_context(|| format!("round {round}: sending {} again", package.version))?;
                kept.entry(package.name.clone()).or_default().push(package);
            }
        }
        for (name, packages) in &kept {
            check(&registry, name, packages).await.with_context(|| format!("round {round}: {name}"))?;
        }
    }
    install_some(&registry, &kept).await
}

/// Tag under which a version is published: one per version, so that a lost tag shows.
fn tag(package: &Package) -> String {
    format!("at-{}", package.version)
}

async fn publish_until_killed(server: &mut Server, registry: &Registry, round: usize) -> Result<Vec<Report>> {
    let answered = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(Notify::new());
    // Another moment in every round: from the middle of the first publishes to well under way.
    let target = 1 + (round * 7) % 40;
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        // Two workers share a package, two have one for themselves. Every ten rounds they take new ones: each
        // version has a tag of its own, and a package has at most 500.
        let block = round / 10;
        let name =
            if worker < 2 { format!("@acme/shared-{block}") } else { format!("plain-own-{worker}-{block}") };
        let (registry, answered, enough) = (registry.clone(), Arc::clone(&answered), Arc::clone(&enough));
        workers.spawn(async move {
            let mut report = Report { acknowledged: Vec::new(), open: None };
            for number in 0..MOST_VERSIONS {
                let version = format!("{round}.{worker}.{number}");
                // From small to larger than what is kept inline.
                let size = 2_000 << (number % 9);
                let package = Package::sized(&name, &version, "", size);
                let Ok(answer) = registry.publish(&package, &[&tag(&package)]).await else {
                    report.open = Some(package);
                    break;
                };
                answer.accepted().with_context(|| version)?;
                report.acknowledged.push(package);
                if answered.fetch_add(1, Ordering::Relaxed) + 1 == target {
                    enough.notify_one();
                }
            }
            anyhow::Ok(report)
        });
    }
    let reports = server.kill_under(workers, &enough).await?;
    ensure!(reports.len() == WORKERS);
    Ok(reports)
}

/// Checks that the package has exactly these versions, whole.
async fn check(registry: &Registry, name: &str, packages: &[Package]) -> Result<()> {
    let packument = registry.packument(name).await?;
    let expected: BTreeSet<String> = packages.iter().map(|package| package.version.clone()).collect();
    let found = versions(&packument);
    ensure!(
        found == expected,
        "lost: {:?}; not accounted for: {:?}",
        expected.difference(&found).collect::<Vec<_>>(),
        found.difference(&expected).collect::<Vec<_>>()
    );
    ensure!(
        versions(&registry.abbreviated(name).await?) == expected,
        "the short document has other versions"
    );
    let tags = registry.tags(name).await?;
    for package in packages {
        ensure!(packument["time"][&package.version].is_string(), "{} has no time", package.version);
        ensure!(
            tags.contains(&format!("{}={}", tag(package), package.version)),
            "{} lost its tag",
            package.version
        );
        let served = registry.tarball(&packument, &package.version).await?;
        ensure!(served == package.tarball()?, "{} has other bytes", package.version);
    }
    Ok(())
}

/// The oldest and the newest version of every package install with a real client.
async fn install_some(registry: &Registry, kept: &BTreeMap<String, Vec<Package>>) -> Result<()> {
    let client = Sandbox::configured(tool::NPM_11, registry.url(), registry.token())?;
    for pick in [<[Package]>::first, <[Package]>::last] {
        let packages: Vec<&Package> = kept.values().filter_map(|packages| pick(packages)).collect();
        let wanted: Vec<(&str, &str)> =
            packages.iter().map(|package| (package.name.as_str(), package.version.as_str())).collect();
        let project = client.consumer("consumer", &wanted)?;
        client.install(&project).await?.success()?;
        for package in packages {
            package.check_installed(&project)?;
        }
        client.forget_downloads(&project)?;
        std::fs::remove_file(project.join("package-lock.json"))?;
    }
    Ok(())
}
