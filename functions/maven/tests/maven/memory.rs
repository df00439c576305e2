//! What is kept in memory is never older than what is there.
//!
//! A process that has answered before, and has whatever it made then, must say the same as one that has just started.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use granary_model::Timestamp;
use granary_publish::maven::metadata::ArtifactMetadata;
use granary_publish::maven::prune::prune;
use granary_publish::{DocumentCache, Source};
use granary_storage::Key;
use granary_storage::rows::{FileStatus, HeadRow, LicenceConstraint, OnExpiry, RepoRow};
use granary_testing::{Actor, START, TestApp};

use super::plugins::{path as plugin_path, plugin_jar};
use super::support::{
    LIB, assert_sums_fit, at, build_file, file, file_rows, key, pom, private, public, publish, publish_build,
    publish_version, put, sums, texts,
};

const NAME: &str = "com.example:hello-lib";

const VERSION: &str = "1.0-SNAPSHOT";

fn snapshot() -> String {
    at(&format!("{LIB}/{VERSION}/maven-metadata.xml"))
}

/// The document at a path, empty if there is none, which has to be what a process says that remembers nothing. The
/// `ETag` that was known before is good as long as nothing has changed, and no longer.
async fn now(app: &TestApp, reader: &Actor, path: &str, before: &mut (String, String)) -> String {
    let warm = reader.get(path).await;
    let cold = app.restarted().token(reader.secret()).get(path).await;
    assert_eq!((warm.status, warm.text()), (cold.status, cold.text()), "{path}");
    for name in ["etag", "last-modified", "x-checksum-sha1", "x-checksum-sha512", "content-type"] {
        assert_eq!(warm.header(name), cold.header(name), "{path}: {name}");
    }
    let text = if warm.status == 200 { warm.text() } else { String::new() };
    if !before.1.is_empty() {
        let status = reader.get_with(path, &[("if-none-match", &before.1)]).await.status;
        let expected = if text == before.0 && warm.status == 200 { 304 } else { warm.status };
        assert_eq!(status, expected, "{path} with the tag of before");
    }
    if warm.status == 200 {
        assert_sums_fit(reader, path).await;
        for (kind, sum) in sums(text.as_bytes()) {
            assert_eq!(warm.header(&format!("x-checksum-{kind}")), sum);
        }
    }
    *before = (text.clone(), warm.header("etag").to_owned());
    text
}

/// Changes the row of a file, and nothing else.
async fn change_row(
    app: &TestApp,
    name: &str,
    change: impl FnOnce(&mut granary_storage::rows::StoredFileRow),
) {
    let rows = file_rows(app, &key(), VERSION).await;
    let mut row = rows.into_iter().find(|row| row.file.name == name).unwrap();
    change(&mut row);
    app.state().storage().put(&Key::File(key(), VERSION.into(), name.into()), &row).await.unwrap();
}

#[tokio::test]
async fn metadata_of_a_snapshot_follow_its_files() {
    let (app, ann) = private().await;
    let (path, seen) = (snapshot(), &mut Default::default());
    assert_eq!(now(&app, &ann, &path, seen).await, "");
    let builds = ["20261122.020001-1", "20261122.020002-2", "20261122.020003-3"];
    publish_build(&ann, VERSION, builds[0]).await;
    let first = now(&app, &ann, &path, seen).await;
    assert_eq!(now(&app, &ann, &path, seen).await, first);

    // These do not move the head.
    app.clock.advance_millis(60_000);
    publish(&ann, &build_file(VERSION, builds[0], "-sources.jar"), "sources").await;
    assert_eq!(texts(&now(&app, &ann, &path, seen).await, "classifier"), ["sources"]);
    publish(&ann, &build_file(VERSION, builds[1], ".jar"), "jar").await;
    assert_eq!(texts(&now(&app, &ann, &path, seen).await, "buildNumber"), ["1"], "it has no POM yet");
    publish(&ann, &build_file(VERSION, builds[1], ".pom"), pom(VERSION)).await;
    assert_eq!(texts(&now(&app, &ann, &path, seen).await, "buildNumber"), ["2"]);
    publish_build(&ann, VERSION, builds[2]).await;
    let third = now(&app, &ann, &path, seen).await;
    assert_eq!(
        (texts(&third, "buildNumber"), texts(&third, "classifier")),
        (vec!["3".into()], vec!["sources".to_owned()])
    );

    // What is not in the document changes nothing.
    publish(&ann, &file(VERSION, ".zip"), "literal").await;
    assert_eq!(put(&ann, &file(VERSION, ".zip"), "another").await.status, 201);
    assert_eq!(now(&app, &ann, &path, seen).await, third);

    // The same files, but a row that says something else of one.
    let jar = format!("hello-lib-1.0-{}.jar", builds[2]);
    change_row(&app, &jar, |row| row.added_at = row.added_at.plus_millis(5_000)).await;
    let later = now(&app, &ann, &path, seen).await;
    assert_ne!(later, third);
    change_row(&app, &jar, |row| row.status = FileStatus::Tombstone).await;
    assert_eq!(
        texts(&now(&app, &ann, &path, seen).await, "buildNumber"),
        ["2"],
        "without a jar it stands for nothing"
    );
    change_row(&app, &jar, |row| row.status = FileStatus::Live).await;
    assert_eq!(now(&app, &ann, &path, seen).await, later, "as it was before");

    // The oldest build goes, with the only sources.
    let state = app.state();
    let mut repo: RepoRow = state.storage().get(&Key::Repo(key().repo)).await.unwrap().unwrap();
    repo.maven.keep_snapshot_builds = 2;
    prune(state.storage(), state.ids(), state.now(), &repo, &key(), VERSION).await.unwrap();
    assert!(texts(&now(&app, &ann, &path, seen).await, "classifier").is_empty());

    assert_eq!(ann.delete(&at(&format!("{LIB}/{VERSION}"))).await.status, 204);
    assert_eq!(now(&app, &ann, &path, seen).await, "");
    app.settle().await;
    assert_eq!(now(&app, &ann, &path, seen).await, "");
}

/// Rows of the same names, bytes and times, which only the directory tells apart.
#[tokio::test]
async fn what_looks_alike_is_told_apart() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    app.repo("ann", "more", &["maven"], "private").await;
    let paths = ["libs/com/one", "libs/com/two", "more/com/one"];
    let directory = |path: &str| format!("/api/maven/{path}/hello-lib/{VERSION}");
    for path in paths {
        let name = "hello-lib-1.0-20261122.020001-1.jar";
        publish(&ann, &format!("{}/{name}", directory(path)), "jar").await;
    }
    for _ in 0..2 {
        for path in paths {
            let metadata = format!("{}/maven-metadata.xml", directory(path));
            let text = now(&app, &ann, &metadata, &mut Default::default()).await;
            let (_, group) = path.split_once('/').unwrap();
            assert_eq!(texts(&text, "groupId"), [group.replace('/', ".")], "{path}");
        }
    }
}

#[tokio::test]
async fn every_customer_goes_on_seeing_its_own_part_of_a_snapshot() {
    let (app, ann) = private().await;
    let licence = |millis: i64| {
        app.licence("ann", &[NAME], move |row| {
            row.constraint = LicenceConstraint::Date(Timestamp::from_millis(START + millis));
            row.on_expiry = OnExpiry::Restrict;
        })
    };
    let (mut early, late) = (licence(15_000).await, licence(35_000).await);
    let all = app.licence("ann", &[NAME], |_| ()).await;
    let mut seen: [(String, String); 4] = Default::default();
    let builds = [
        "20261122.020001-1",
        "20261122.020002-2",
        "20261122.020003-3",
        "20261122.020004-4",
        "20261122.020005-5",
    ];
    for (n, build) in builds.into_iter().enumerate() {
        publish_build(&ann, VERSION, build).await;
        for _ in 0..2 {
            let readers = [(&ann, 4), (&early.actor, 1), (&late.actor, 3), (&all.actor, 4)];
            for (at, (reader, last)) in readers.into_iter().enumerate() {
                let document = now(&app, reader, &snapshot(), &mut seen[at]).await;
                assert_eq!(texts(&document, "buildNumber"), [(n.min(last) + 1).to_string()], "{at}");
            }
        }
        app.clock.advance_millis(10_000);
    }
    // The same customer with other rights, and nothing else has changed.
    let customer = early.actor.clone();
    let until = LicenceConstraint::Date(Timestamp::from_millis(START + 25_000));
    app.change_licence(&mut early, |row| row.constraint = until).await;
    assert_eq!(texts(&now(&app, &customer, &snapshot(), &mut seen[1]).await, "buildNumber"), ["3"]);
    app.change_licence(&mut early, |row| row.suspended = true).await;
    assert_eq!(customer.get(&snapshot()).await.status, 403);
    assert_eq!(texts(&now(&app, &ann, &snapshot(), &mut seen[0]).await, "buildNumber"), ["5"]);
    app.hide_version(&key(), VERSION, true).await;
    assert_eq!(now(&app, &late.actor, &snapshot(), &mut seen[2]).await, "");
    assert_eq!(texts(&now(&app, &ann, &snapshot(), &mut seen[0]).await, "buildNumber"), ["5"]);
}

#[tokio::test]
async fn plugins_and_versions_of_one_directory_follow_what_is_there() {
    let (app, ann) = private().await;
    let (path, mut owner) = (at("com/example/maven-metadata.xml"), Default::default());
    assert_eq!(now(&app, &ann, &path, &mut owner).await, "");
    publish(&ann, &plugin_path("foo-maven-plugin", "1.0"), plugin_jar("foo", "Foo")).await;
    publish(&ann, &plugin_path("bar-maven-plugin", "1.0"), plugin_jar("bar", "Bar")).await;
    let customer = app.licence("ann", &["com.example:foo-maven-plugin"], |_| ()).await.actor;
    let mut sold = Default::default();
    for _ in 0..2 {
        assert_eq!(texts(&now(&app, &ann, &path, &mut owner).await, "prefix"), ["bar", "foo"]);
        assert_eq!(texts(&now(&app, &customer, &path, &mut sold).await, "prefix"), ["foo"]);
    }
    publish(&ann, &plugin_path("foo-maven-plugin", "1.1"), plugin_jar("fuu", "Foo &amp; more")).await;
    assert_eq!(texts(&now(&app, &ann, &path, &mut owner).await, "prefix"), ["bar", "fuu"]);
    assert_eq!(texts(&now(&app, &customer, &path, &mut sold).await, "prefix"), ["fuu"]);

    // The same directory is that of an artifact from here on.
    for (version, listed) in [("2.0", vec!["2.0"]), ("2.1", vec!["2.0", "2.1"])] {
        let artifact = at(&format!("com/example/{version}/example-{version}.jar"));
        publish(&ann, &artifact, version).await;
        let both = now(&app, &ann, &path, &mut owner).await;
        assert_eq!(
            (texts(&both, "version"), texts(&both, "prefix").len()),
            (listed.iter().map(|v| (*v).to_owned()).collect(), 2)
        );
        assert_eq!(texts(&now(&app, &customer, &path, &mut sold).await, "prefix"), ["fuu"]);
    }
    for plugin in ["bar-maven-plugin/1.0", "foo-maven-plugin/1.0", "foo-maven-plugin/1.1"] {
        assert_eq!(ann.delete(&at(&format!("com/example/{plugin}"))).await.status, 204);
        now(&app, &ann, &path, &mut owner).await;
    }
    assert!(texts(&owner.0, "prefix").is_empty() && !owner.0.is_empty(), "{}", owner.0);
    assert_eq!(now(&app, &customer, &path, &mut sold).await, "");
}

/// Where rows are not kept in memory, the heads of all plugins are read in one call.
#[tokio::test]
async fn plugins_of_a_group_take_three_calls() {
    let (app, ann) = private().await;
    for artifact in ["a-maven-plugin", "b-maven-plugin", "c-maven-plugin"] {
        publish(&ann, &plugin_path(artifact, "1.0"), plugin_jar("", artifact)).await;
    }
    let path = at("com/example/maven-metadata.xml");
    for _ in 0..2 {
        app.probe.reset();
        assert_eq!(texts(&ann.get(&path).await.text(), "prefix"), ["a", "b", "c"]);
        let mut calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
        calls.sort();
        assert_eq!(
            (calls, app.probe.depth()),
            (["BatchGetItem", "BatchGetItem", "Query"].map(str::to_owned).into(), 2)
        );
    }
}

#[tokio::test]
async fn a_document_is_taken_apart_once_however_many_ask_for_it() {
    let (app, ann) = public().await;
    publish_version(&ann, "1.0.0").await;
    let storage = app.state().storage();
    let head: HeadRow = storage.get(&Key::Head(key())).await.unwrap().unwrap();
    let source = Source::whole(key(), head.repo_uid.clone(), head);
    let (documents, taken_apart) = (DocumentCache::new(1 << 20), AtomicUsize::new(0));
    let read = || {
        documents.decoded(storage, &source, ArtifactMetadata::VARIANT, &ArtifactMetadata, |document| {
            taken_apart.fetch_add(1, Ordering::Relaxed);
            Ok(document.gzip.len())
        })
    };
    // Some that come at the same time, one that does not wait for the answer, and one that comes later.
    {
        let mut hasty = Box::pin(read());
        assert!(futures::poll!(&mut hasty).is_pending());
    }
    let sizes = join_all((0..8).map(|_| read())).await;
    let later = read().await.unwrap();
    assert!(sizes.into_iter().all(|size| size.unwrap() == later));
    assert_eq!(taken_apart.load(Ordering::Relaxed), 1);
}
