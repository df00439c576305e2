//! Snapshots, with timestamps and without.

use granary_model::Timestamp;
use granary_publish::maven::prune::prune;
use granary_storage::rows::{Event, RepoRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::TestApp;

use super::support::{
    LIB, assert_sums_fit, at, build_file, check, file, file_rows, jar, key, pom, private, publish,
    publish_build, put, texts, xml,
};

const VERSION: &str = "1.0-SNAPSHOT";

fn metadata() -> String {
    at(&format!("{LIB}/{VERSION}/maven-metadata.xml"))
}

#[tokio::test]
async fn the_newest_build_is_found_by_metadata_and_by_name() {
    let (app, ann) = private().await;
    publish_build(&ann, VERSION, "20261122.025620-1").await;
    publish(&ann, &build_file(VERSION, "20261122.025620-1", "-sources.jar"), "sources").await;
    app.clock.advance_millis(60_000);
    publish_build(&ann, VERSION, "20261122.030000-2").await;
    let document = xml(&ann, &metadata()).await;
    assert_eq!(texts(&document, "timestamp"), ["20261122.030000"]);
    assert_eq!(texts(&document, "buildNumber"), ["2"]);
    assert_eq!(
        texts(&document, "value"),
        ["1.0-20261122.030000-2", "1.0-20261122.030000-2", "1.0-20261122.025620-1"]
    );
    assert_eq!(texts(&document, "lastUpdated"), ["20260921141420"]);
    assert_sums_fit(&ann, &metadata()).await;
    // The name with `-SNAPSHOT` stands for it, its checksums as well.
    let alias = ann.get(&file(VERSION, ".jar")).await;
    assert_eq!((alias.status, alias.body.to_vec()), (200, jar("20261122.030000-2")));
    assert_eq!(alias.header("cache-control"), "private, no-cache");
    assert_sums_fit(&ann, &file(VERSION, ".jar")).await;
    assert_sums_fit(&ann, &file(VERSION, ".pom")).await;
    assert_eq!(ann.get(&file(VERSION, "-sources.jar")).await.text(), "sources");
    assert_eq!(ann.get(&file(VERSION, "-javadoc.jar")).await.status, 404);
    assert_eq!(ann.head(&file(VERSION, ".jar")).await.header("content-length"), alias.body.len().to_string());
    // Old builds are still there.
    let old = ann.get(&build_file(VERSION, "20261122.025620-1", ".jar")).await;
    assert_eq!(old.body.to_vec(), jar("20261122.025620-1"));
    check(&app).await;
}

#[tokio::test]
async fn a_timestamped_file_never_changes() {
    let (_app, ann) = private().await;
    publish_build(&ann, VERSION, "20261122.025620-1").await;
    let path = build_file(VERSION, "20261122.025620-1", ".jar");
    assert_eq!(put(&ann, &path, jar("20261122.025620-1")).await.status, 200);
    assert_eq!(put(&ann, &path, "other").await.status, 409);
    assert_eq!(ann.get(&path).await.body.to_vec(), jar("20261122.025620-1"));
}

#[tokio::test]
async fn a_literal_snapshot_is_replaced() {
    let (app, ann) = private().await;
    publish(&ann, &file(VERSION, ".jar"), "first").await;
    publish(&ann, &file(VERSION, ".pom"), pom(VERSION)).await;
    publish(&ann, &at(&format!("{LIB}/{VERSION}/ivy-{VERSION}.xml")), "<ivy-module>1</ivy-module>").await;
    let first = ann.get(&file(VERSION, ".jar")).await.header("etag").to_owned();
    app.clock.advance_millis(5_000);
    assert_eq!(put(&ann, &file(VERSION, ".jar"), "second").await.status, 201);
    assert_eq!(put(&ann, &file(VERSION, ".jar"), "second").await.status, 200);
    publish(&ann, &at(&format!("{LIB}/{VERSION}/ivy-{VERSION}.xml")), "<ivy-module>2</ivy-module>").await;
    let second = ann.get(&file(VERSION, ".jar")).await;
    assert_eq!(second.text(), "second");
    assert_ne!(second.header("etag"), first);
    assert_sums_fit(&ann, &file(VERSION, ".jar")).await;
    // There is no build to send anybody to, so clients ask for the literal names.
    assert_eq!(ann.get(&metadata()).await.status, 404);
    check(&app).await;
    app.settle().await;
    app.clock.advance_millis(3_600_001);
    app.settle().await;
    granary_events::sweep(app.state(), true).await.unwrap();
    granary_events::sweep_blobs(app.state()).await.unwrap();
    assert_eq!(check(&app).await.blobs, 3, "replaced bytes are gone");
}

#[tokio::test]
async fn a_literal_file_goes_before_builds() {
    let (_app, ann) = private().await;
    publish_build(&ann, VERSION, "20261122.025620-1").await;
    publish(&ann, &file(VERSION, ".jar"), "literal").await;
    assert_eq!(ann.get(&file(VERSION, ".jar")).await.text(), "literal");
    assert_eq!(ann.get(&file(VERSION, ".pom")).await.text(), pom(VERSION));
    assert!(!xml(&ann, &metadata()).await.contains("literal"));
}

#[tokio::test]
async fn a_build_that_is_being_deployed_is_not_offered() {
    let (_app, ann) = private().await;
    publish_build(&ann, VERSION, "20261122.025620-1").await;
    publish(&ann, &build_file(VERSION, "20261122.030000-2", ".jar"), "half").await;
    let document = xml(&ann, &metadata()).await;
    assert!(!document.contains("030000"), "{document}");
    assert_eq!(ann.get(&file(VERSION, ".jar")).await.body.to_vec(), jar("20261122.025620-1"));
    publish(&ann, &build_file(VERSION, "20261122.030000-2", ".pom"), pom(VERSION)).await;
    assert_eq!(ann.get(&file(VERSION, ".jar")).await.text(), "half");
    assert!(xml(&ann, &metadata()).await.contains("030000"));
}

async fn keep(app: &TestApp, builds: u32) -> RepoRow {
    let storage = app.state().storage();
    let key = Key::Repo("libs".parse().unwrap());
    let mut repo: RepoRow = storage.get(&key).await.unwrap().unwrap();
    repo.maven.keep_snapshot_builds = builds;
    storage.put(&key, &repo).await.unwrap();
    repo
}

async fn prune_now(app: &TestApp, repo: &RepoRow) {
    let state = app.state();
    prune(state.storage(), state.ids(), state.now(), repo, &key(), VERSION).await.unwrap();
}

#[tokio::test]
async fn old_builds_are_cleaned_up() {
    let (app, ann) = private().await;
    let repo = keep(&app, 2).await;
    for number in 1..=4 {
        publish_build(&ann, VERSION, &format!("20261122.02000{number}-{number}")).await;
    }
    publish(&ann, &build_file(VERSION, "20261122.020001-1", "-sources.jar"), "sources").await;
    publish(&ann, &file(VERSION, ".zip"), "literal").await;
    prune_now(&app, &repo).await;
    let names: Vec<String> =
        file_rows(&app, &key(), VERSION).await.into_iter().map(|row| row.file.name).collect();
    assert_eq!(
        names,
        [
            "hello-lib-1.0-20261122.020003-3.jar",
            "hello-lib-1.0-20261122.020003-3.pom",
            "hello-lib-1.0-20261122.020004-4.jar",
            "hello-lib-1.0-20261122.020004-4.pom",
            "hello-lib-1.0-SNAPSHOT.zip",
        ]
    );
    let before = check(&app).await;
    prune_now(&app, &repo).await;
    assert_eq!(check(&app).await, before, "twice is once");
    assert_eq!(ann.get(&build_file(VERSION, "20261122.020001-1", ".jar")).await.status, 404);
    assert_eq!(texts(&xml(&ann, &metadata()).await, "buildNumber"), ["4"]);
    assert_eq!(ann.get(&file(VERSION, ".jar")).await.body.to_vec(), jar("20261122.020004-4"));
    app.clock.advance_millis(3_600_001);
    app.settle().await;
    granary_events::sweep(app.state(), true).await.unwrap();
    granary_events::sweep_blobs(app.state()).await.unwrap();
    assert_eq!(check(&app).await.blobs, 4, "two jars, one POM for all, the literal file");
}

#[tokio::test]
async fn pruning_at_the_same_time_and_after_deletion_is_harmless() {
    let (app, ann) = private().await;
    let repo = keep(&app, 2).await;
    for number in 1..=9 {
        publish_build(&ann, VERSION, &format!("20261122.02000{number}-{number}")).await;
    }
    tokio::join!(prune_now(&app, &repo), prune_now(&app, &repo), prune_now(&app, &repo));
    assert_eq!(file_rows(&app, &key(), VERSION).await.len(), 4);
    check(&app).await;
    assert_eq!(ann.delete(&at(&format!("{LIB}/{VERSION}"))).await.status, 204);
    prune_now(&app, &repo).await;
    app.settle().await;
    prune_now(&app, &repo).await;
    check(&app).await;
    let state = app.state();
    for other in ["1.0", "2.0-SNAPSHOT"] {
        prune(state.storage(), state.ids(), state.now(), &repo, &key(), other).await.unwrap();
    }
}

#[tokio::test]
async fn a_build_is_announced_once_its_pom_is_there() {
    let (app, ann) = private().await;
    let deployed = async || {
        let rows = app.outbox().await;
        rows.iter()
            .filter(|row| matches!(&row.event, Event::SnapshotDeployed { package, version } if *package == key() && version == VERSION))
            .count()
    };
    publish(&ann, &build_file(VERSION, "20261122.025620-1", ".jar"), "jar").await;
    assert_eq!(deployed().await, 0);
    publish(&ann, &build_file(VERSION, "20261122.025620-1", ".pom"), pom(VERSION)).await;
    assert_eq!(deployed().await, 1);
    publish(&ann, &build_file(VERSION, "20261122.025621-2", ".pom"), pom(VERSION)).await;
    assert_eq!(deployed().await, 2);
    publish(&ann, &file(VERSION, ".pom"), pom(VERSION)).await;
    publish(&ann, &file("1.0", ".pom"), pom("1.0")).await;
    assert_eq!(deployed().await, 2);
}

#[tokio::test]
async fn metadata_is_the_same_wherever_it_is_made() {
    let (app, ann) = private().await;
    publish_build(&ann, VERSION, "20261122.025620-1").await;
    let first = xml(&ann, &metadata()).await;
    app.clock.advance_millis(86_400_000);
    let other = app.restarted().token(app.account_token("ann", &["read"]).await.secret());
    assert_eq!(xml(&other, &metadata()).await, first);
}

/// Tombstones of single files are not made here, but other families make them.
#[tokio::test]
async fn files_that_are_no_longer_live_are_not_offered() {
    let (app, ann) = private().await;
    publish_build(&ann, VERSION, "20261122.025620-1").await;
    let name = "hello-lib-1.0-20261122.025620-1.jar";
    let row_key = Key::File(key(), VERSION.into(), name.into());
    let rows = file_rows(&app, &key(), VERSION).await;
    let mut row = rows.into_iter().find(|row| row.file.name == name).unwrap();
    row.status = granary_storage::rows::FileStatus::Tombstone;
    row.added_at = Timestamp::from_millis(0);
    let mut transaction = Transaction::new();
    transaction.put("file", &row_key, &row).unwrap();
    assert!(matches!(app.state().storage().commit(transaction).await.unwrap(), Commit::Done));
    assert_eq!(ann.get(&build_file(VERSION, "20261122.025620-1", ".jar")).await.status, 404);
    assert_eq!(ann.get(&file(VERSION, ".jar")).await.status, 404);
    assert_eq!(texts(&xml(&ann, &metadata()).await, "extension"), ["pom"]);
}
