//! Filling a repository in bulk.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use clap::Args;
use futures::{StreamExt as _, TryStreamExt as _};
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{PackageType, RepoId, SystemClock};
use granary_storage::{PackageKey, Storage};
use serde_json::json;

use crate::copies::Original;
use crate::npm::publish_body;
use crate::registry::{Client, Registry};
use crate::{Place, print};

/// Bytes of a tarball.
const TARBALL: usize = 10_000;

/// Packages whose rows are made and written together.
const CHUNK: u64 = 1_000;

/// Chunks that are under way at the same time: while one waits for the disk others are made, and writes that wait share a
/// flush.
const AT_ONCE: usize = 16;

/// The package with many versions.
const VERSIONED: &str = "versioned";

/// The form that installing asks for.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// What to fill, and with what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,

    /// The repository to make, private and for npm
    #[arg(long, value_name = "NAME")]
    repo: RepoId,

    /// Packages of one version to put into it, `package-0000000` and so on
    #[arg(long, value_name = "N", default_value_t = 0)]
    packages: u64,

    /// Versions of one more package, `versioned`: 1.0.0, 1.0.1 and so on; 0: no such package
    #[arg(long, value_name = "M", default_value_t = 0)]
    versions: u64,
}

/// Fills a repository. Progress goes to standard error, what is in it then to standard output.
pub(crate) async fn load(options: Options) -> anyhow::Result<()> {
    let Options { place, repo, packages, versions } = options;
    let registry = Registry::open(&place.data, &place.public_url, Arc::new(SystemClock)).await?;
    let client = registry.process(None)?;
    client.make("/api/repos", &json!({ "name": repo, "packageTypes": ["npm"] })).await?;
    if packages > 0 {
        fill(&client, &repo, packages).await?;
    }
    if versions > 0 {
        grow(&client, &repo, VERSIONED, versions).await?;
    }
    client.state().write_counts().await?;
    print(json!({
        "repo": repo, "packages": packages, "first": name_of(0)?,
        "versions": versions, "versioned": VERSIONED, "latest": format!("1.0.{}", versions.saturating_sub(1)),
    }));
    Ok(())
}

/// Publishes the first version of a package, and follows it up.
async fn publish(client: &Client, repo: &RepoId, name: &NpmName) -> anyhow::Result<Original> {
    let body = publish_body(name.as_str(), "1.0.0", TARBALL)?;
    let path = format!("/api/npm/{repo}/{}", name.escaped());
    client.send(("PUT", &path), &[("content-type", "application/json")], body.into(), 201).await?;
    client.settle().await?;
    let package = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: name.key() };
    Original::read(client.storage(), package).await
}

/// Name of a package by its number, in the order of the numbers.
fn name_of(number: u64) -> anyhow::Result<NpmName> {
    Ok(format!("package-{number:07}").parse()?)
}

/// Puts packages of one version into a repository.
async fn fill(client: &Client, repo: &RepoId, packages: u64) -> anyhow::Result<()> {
    let original = Arc::new(publish(client, repo, &name_of(0)?).await?);
    if packages > 1 {
        original.count(client.storage(), packages - 1, packages - 1).await?;
    }
    let began = Instant::now();
    let starts = (1..packages).step_by(usize::try_from(CHUNK)?);
    let chunks = starts.map(|start| start..(start + CHUNK).min(packages));
    let mut written = futures::stream::iter(chunks)
        .map(|chunk| write(Arc::clone(&original), client.storage().clone(), chunk))
        .buffer_unordered(AT_ONCE);
    let mut done = 1;
    while let Some(count) = written.try_next().await? {
        // The chunks are of one size, but for the last.
        let before = done / 50_000;
        done += count;
        if done / 50_000 > before || done == packages {
            writeln!(std::io::stderr(), "{done} packages after {} s", began.elapsed().as_secs())?;
        }
    }
    ensure!(done == packages, "{done} packages were written instead of {packages}");
    Ok(())
}

/// Writes a chunk of packages, on whichever thread is free, and says how many they were.
async fn write(original: Arc<Original>, storage: Storage, chunk: Range<u64>) -> anyhow::Result<u64> {
    let count = chunk.end - chunk.start;
    let writing = tokio::spawn(async move {
        let mut rows = Vec::with_capacity(3 * usize::try_from(count)?);
        for number in chunk {
            rows.extend(original.package(&name_of(number)?)?);
        }
        storage.put_all(&rows).await?;
        anyhow::Ok(())
    });
    writing.await??;
    Ok(count)
}

/// Makes a package with many versions, and has its documents rendered.
pub(crate) async fn grow(client: &Client, repo: &RepoId, name: &str, versions: u64) -> anyhow::Result<()> {
    let original = publish(client, repo, &name.parse()?).await?;
    if versions > 1 {
        original.count(client.storage(), versions - 1, 0).await?;
    }
    let versions: Vec<NpmVersion> =
        (0..versions).map(|number| Ok(format!("1.0.{number}").parse()?)).collect::<anyhow::Result<_>>()?;
    client.storage().put_all(&original.versions(&versions)?).await?;
    // What the server does after a publish: later readers find them in the bucket.
    for accept in [ABBREVIATED, "application/json"] {
        client.get(&format!("/api/npm/{repo}/{name}"), &[("accept", accept)], 200).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use granary_model::{FixedClock, Timestamp};
    use granary_publish::compress::gunzip;
    use granary_publish::digests::Digests;
    use granary_storage::Key;
    use granary_storage::rows::{BlobRow, HeadRow, PackageEntry, UsageRow, VersionRow};
    use serde_json::Value;
    use tempfile::TempDir;

    use super::*;

    async fn registry() -> (Client, RepoId, RepoId, TempDir) {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(FixedClock::new(Timestamp::from_millis(1_790_000_000_000)));
        let registry = Registry::open(folder.path(), "http://localhost:8080", clock).await.unwrap();
        let client = registry.process(None).unwrap();
        for name in ["copied", "published"] {
            client.make("/api/repos", &json!({ "name": name, "packageTypes": ["npm"] })).await.unwrap();
        }
        (client, "copied".parse().unwrap(), "published".parse().unwrap(), folder)
    }

    /// The rows of a package, without what tells two repositories and two tarballs apart.
    async fn rows(client: &Client, repo: &RepoId, name: &str, version: &str) -> Vec<Value> {
        let package = PackageKey { repo: repo.clone(), kind: PackageType::Npm, name: name.into() };
        let storage = client.storage();
        let mut head: HeadRow = storage.get(&Key::Head(package.clone())).await.unwrap().unwrap();
        let entry: PackageEntry = storage.get(&Key::PackageOf(package.clone())).await.unwrap().unwrap();
        let key = Key::Version(package, version.into());
        let mut row: VersionRow = storage.get(&key).await.unwrap().unwrap();
        head.repo_uid = String::new();
        row.facts = gunzip(&row.facts).unwrap();
        for file in &mut row.files {
            *file = Digests::of(b"").file(file.name.clone(), &file.content_type);
        }
        let mut facts: Value = serde_json::from_slice(&std::mem::take(&mut row.facts)).unwrap();
        // That of the tarball, whose sources name the package.
        facts["unpacked_size"] = 0.into();
        vec![json!(head), json!(entry), json!(row), facts]
    }

    async fn usage(client: &Client, repo: &RepoId) -> [u64; 3] {
        let row: UsageRow = client.storage().get(&Key::Usage(repo.clone())).await.unwrap().unwrap();
        [row.bytes, row.versions, row.packages]
    }

    #[tokio::test]
    async fn copied_packages_are_what_publishing_writes() {
        let (client, copied, published, _folder) = registry().await;
        fill(&client, &copied, 1_003).await.unwrap();
        for number in [0, 1, 1_002] {
            let name = name_of(number).unwrap();
            publish(&client, &published, &name).await.unwrap();
            let [ours, theirs] =
                [&copied, &published].map(|repo| rows(&client, repo, name.as_str(), "1.0.0"));
            assert_eq!(ours.await, theirs.await, "{name}");
            for path in [name.to_string(), format!("-/tarball/{name}/1.0.0"), format!("{name}/1.0.0")] {
                client.get(&format!("/api/npm/copied/{path}"), &[], 200).await.unwrap();
            }
        }
        client.get("/api/npm/copied/package-0001003", &[], 404).await.unwrap();
        let [bytes, versions, packages] = usage(&client, &copied).await;
        assert_eq!([versions, packages], [1_003, 1_003]);
        assert_eq!(bytes % 1_003, 0);
        let found = client.get("/api/repos/copied/packages?limit=1000", &[], 200).await.unwrap();
        let found: Value = serde_json::from_slice(&found.body).unwrap();
        assert_eq!(found["packages"].as_array().unwrap().len(), 1_000);
        assert!(found["next"].is_string());
    }

    #[tokio::test]
    async fn copied_versions_are_what_publishing_writes() {
        let (client, copied, published, _folder) = registry().await;
        grow(&client, &copied, VERSIONED, 30).await.unwrap();
        for number in 0..30 {
            let body = publish_body(VERSIONED, &format!("1.0.{number}"), TARBALL).unwrap();
            let headers = [("content-type", "application/json")];
            let place = ("PUT", "/api/npm/published/versioned");
            client.send(place, &headers, body.into(), 201).await.unwrap();
        }
        for version in ["1.0.0", "1.0.13", "1.0.29"] {
            let mut both = Vec::new();
            for repo in [&copied, &published] {
                let mut found = rows(&client, repo, VERSIONED, version).await;
                // The clock stands still, so versions that are published in a row have one time.
                for (row, member) in
                    [(0, "created_at"), (0, "modified_at"), (1, "updated_at"), (2, "published_at")]
                {
                    found[row][member] = 0.into();
                }
                both.push(found);
            }
            assert_eq!(both[0], both[1], "{version}");
            let path = format!("/api/npm/copied/-/tarball/versioned/{version}");
            client.get(&path, &[], 200).await.unwrap();
        }
        assert_eq!(usage(&client, &copied).await[1..], [30, 1]);
        let document = client.get("/api/npm/copied/versioned", &[], 200).await.unwrap();
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        assert_eq!(document["versions"].as_object().unwrap().len(), 30);
        assert_eq!(document["dist-tags"]["latest"], "1.0.29");
        let times = &document["time"];
        assert!(times["1.0.0"].as_str() < times["1.0.1"].as_str(), "{times}");
        assert_eq!(times["created"], times["1.0.0"]);
    }

    #[tokio::test]
    async fn the_shared_tarball_is_counted_for_each_copy() {
        let (client, copied, _, _folder) = registry().await;
        fill(&client, &copied, 12).await.unwrap();
        let package = PackageKey { repo: copied, kind: PackageType::Npm, name: name_of(5).unwrap().key() };
        let row: Option<VersionRow> =
            client.storage().get(&Key::Version(package, "1.0.0".into())).await.unwrap();
        let blob: Option<BlobRow> =
            client.storage().get(&Key::Blob(row.unwrap().files[0].sha256)).await.unwrap();
        assert_eq!(blob.unwrap().refs, 12);
    }
}
