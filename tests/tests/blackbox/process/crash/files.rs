//! Uploading while the power goes out: files of Maven's and raw ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::maven::project::pom;
use granary_tests::maven::repository::MavenRepository;
use granary_tests::package::noise;
use granary_tests::server::Server;
use granary_tests::settings;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::maven::path;

/// Connections that upload at the same time: half of them deploy, half of them put raw files.
const WORKERS: usize = 4;

/// A worker uploads at most so many files in a round, should the kill never come.
const MOST_FILES: usize = 600;

/// A file and where it goes.
type Upload = (String, Vec<u8>);

/// What one worker did until the connection broke.
struct Report {
    acknowledged: Vec<Upload>,
    /// Sent, but never answered, and what its version still lacks behind it.
    open: Vec<Upload>,
}

/// A repository of either kind, addressed by full paths, `maven/..` and `raw/..`.
fn files(server: &Server) -> Result<MavenRepository> {
    let admin = server.admin()?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    Ok(MavenRepository::new(&format!("{}/api/", server.url()), Some(admin.token()), http))
}

/// Every upload that was acknowledged before a `kill -9` is there after the restart, byte for byte; what was not
/// acknowledged is there as a whole or not at all, and can be sent again; the metadata has exactly the versions
/// that were deployed.
#[tokio::test]
async fn acknowledged_files_survive() -> Result<()> {
    let mut server = Server::start().await?;
    server.admin()?.create("crash", &["maven", "raw"], Visibility::Private).await?;
    let repo = files(&server)?;
    let mut kept: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for round in 0..settings::rounds(5) {
        let reports = upload_until_killed(&mut server, &repo, round).await?;
        server.restart().await.with_context(|| format!("round {round}:\n{}", server.log()))?;
        for (place, bytes) in reports.iter().flat_map(|report| &report.acknowledged) {
            let served = repo.bytes(place).await.with_context(|| format!("round {round}: lost"))?;
            ensure!(served == *bytes, "round {round}: {place} has other bytes");
        }
        for report in reports {
            for (place, bytes) in &report.open {
                let status = repo.status(place).await?;
                if status.is_success() {
                    ensure!(repo.bytes(place).await? == *bytes, "round {round}: {place} is there in part");
                }
                // The client repeats what it got no answer for, with the same bytes.
                repo.put(place, bytes.clone())
                    .await?
                    .accepted()
                    .with_context(|| format!("round {round}: sending {place} again"))?;
            }
            kept.extend(report.acknowledged);
            kept.extend(report.open);
        }
        check(&repo, &kept).await.with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

/// The files of one version.
fn version_files(worker: usize, artifact: &str, version: &str, number: usize) -> Vec<Upload> {
    // From small to larger than what is answered in place.
    let size = 2_000 << (number % 9);
    let bytes = |part: &str| noise(&format!("{artifact} {version} {part}"), size);
    if worker < 2 {
        let place = format!("maven/crash/{}", path(artifact, version));
        vec![
            (format!("{place}.jar"), bytes("jar")),
            (format!("{place}.pom"), pom(artifact, version).into_bytes()),
            (format!("{place}-sources.jar"), bytes("sources")),
        ]
    } else {
        let place = format!("raw/crash/{artifact}/{version}");
        vec![(format!("{place}/tool.bin"), bytes("tool")), (format!("{place}/notes.txt"), bytes("notes"))]
    }
}

async fn upload_until_killed(
    server: &mut Server,
    repo: &MavenRepository,
    round: usize,
) -> Result<Vec<Report>> {
    let answered = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(Notify::new());
    // Another moment in every round: from the middle of the first uploads to well under way.
    let target = 1 + (round * 17) % 90;
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let (repo, answered, enough) = (repo.clone(), Arc::clone(&answered), Arc::clone(&enough));
        workers.spawn(async move {
            let mut report = Report { acknowledged: Vec::new(), open: Vec::new() };
            // Both workers of a kind add to the same artifact.
            let artifact = if worker < 2 { "shared-jar" } else { "shared-tool" };
            for number in 0.. {
                let version = format!("{round}.{worker}.{number}");
                let mut uploads = version_files(worker, artifact, &version, number).into_iter();
                while let Some((place, bytes)) = uploads.next() {
                    let Ok(answer) = repo.put(&place, bytes.clone()).await else {
                        report.open.push((place, bytes));
                        report.open.extend(uploads);
                        return Ok(report);
                    };
                    answer.accepted().with_context(|| place.clone())?;
                    report.acknowledged.push((place, bytes));
                    if answered.fetch_add(1, Ordering::Relaxed) + 1 == target {
                        enough.notify_one();
                    }
                }
                if report.acknowledged.len() >= MOST_FILES {
                    break;
                }
            }
            anyhow::Ok(report)
        });
    }
    let reports = server.kill_under(workers, &enough).await?;
    ensure!(reports.len() == WORKERS);
    Ok(reports)
}

/// Every file is there, and the lists name exactly the versions they belong to.
async fn check(repo: &MavenRepository, kept: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    for (place, bytes) in kept {
        ensure!(repo.bytes(place).await? == *bytes, "{place} has other bytes");
    }
    let deployed = repo.versions("maven/crash/com/example/shared-jar").await?;
    let found: BTreeSet<&str> = deployed.iter().map(String::as_str).collect();
    ensure!(found.len() == deployed.len(), "a version appears twice: {deployed:?}");
    compare(&found, &versions(kept, "maven/crash/com/example/shared-jar/"))?;

    let list: serde_json::Value = serde_json::from_slice(&repo.bytes("raw/crash/shared-tool").await?)?;
    let list = list["versions"].as_array().context("no versions in the list")?;
    let found: BTreeSet<&str> = list.iter().filter_map(|entry| entry["version"].as_str()).collect();
    compare(&found, &versions(kept, "raw/crash/shared-tool/"))
}

/// The versions below a folder.
fn versions<'a>(kept: &'a BTreeMap<String, Vec<u8>>, folder: &str) -> BTreeSet<&'a str> {
    kept.keys().filter_map(|place| place.strip_prefix(folder)?.split('/').next()).collect()
}

fn compare(found: &BTreeSet<&str>, expected: &BTreeSet<&str>) -> Result<()> {
    ensure!(
        found == expected,
        "lost: {:?}; not accounted for: {:?}",
        expected.difference(found).collect::<Vec<_>>(),
        found.difference(expected).collect::<Vec<_>>()
    );
    Ok(())
}
