//! How many storage calls a request makes, and how many of them wait for each other.

use granary_storage::rows::{HeadRow, VersionRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::{Actor, TestApp, TestResponse};

use super::support::{
    LIB, artifact_metadata, at, build_file, file, jar, key, pom, private, public, publish, publish_build,
    publish_version, sums,
};

/// A request, and the calls it made.
struct Measured {
    response: TestResponse,
    calls: Vec<String>,
    depth: usize,
}

async fn measure(app: &TestApp, actor: &Actor, method: &str, path: &str, body: Vec<u8>) -> Measured {
    app.probe.reset();
    let response = actor.request(method, path, &[], body).await;
    let calls = app.probe.calls().into_iter().map(|call| call.operation).collect();
    Measured { response, calls, depth: app.probe.depth() }
}

async fn get(app: &TestApp, actor: &Actor, path: &str) -> Measured {
    let cold = app.restarted().token(actor.secret());
    measure(app, &cold, "GET", path, Vec::new()).await
}

#[tokio::test]
async fn reading_a_file_takes_two_calls_and_a_checksum_one() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish(&ann, &file("1.0.0", "-all.jar"), vec![7; 300_000]).await;
    for (path, status, calls) in [
        (file("1.0.0", ".jar"), 200, &["BatchGetItem", "GetObject"][..]),
        (file("1.0.0", ".pom"), 200, &["BatchGetItem", "GetObject"]),
        (file("1.0.0", ".jar.sha1"), 200, &["BatchGetItem"]),
        // Signing takes no call.
        (file("1.0.0", "-all.jar"), 302, &["BatchGetItem"]),
        (file("1.0.0", "-none.jar"), 404, &["BatchGetItem"]),
        (file("9.9.9", ".jar"), 404, &["BatchGetItem"]),
        (at(".meta/prefixes.txt"), 404, &["BatchGetItem"]),
    ] {
        let measured = get(&app, &ann, &path).await;
        assert_eq!(
            (measured.response.status, measured.calls.as_slice()),
            (status, &calls.iter().map(|call| (*call).to_owned()).collect::<Vec<_>>()[..]),
            "{path}"
        );
    }
    let head = measure(&app, &ann, "HEAD", &file("1.0.0", "-all.jar"), Vec::new()).await;
    assert_eq!((head.response.status, head.calls.len()), (200, 1));
    // What is in memory is not read again.
    ann.get(&file("1.0.0", ".jar")).await;
    let warm = measure(&app, &ann, "GET", &file("1.0.0", ".jar"), Vec::new()).await;
    assert_eq!(warm.calls, ["BatchGetItem"]);
}

#[tokio::test]
async fn reading_metadata_waits_for_two_calls() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish_build(&ann, "1.1-SNAPSHOT", "20261122.025620-1").await;
    ann.get(&artifact_metadata()).await;
    for end in ["", ".sha1"] {
        let measured = get(&app, &ann, &format!("{}{end}", artifact_metadata())).await;
        assert_eq!((measured.response.status, measured.depth), (200, 2), "{:?}", measured.calls);
        assert_eq!(measured.calls.len(), 3, "{:?}", measured.calls);
        let snapshot = at(&format!("{LIB}/1.1-SNAPSHOT/maven-metadata.xml{end}"));
        let measured = get(&app, &ann, &snapshot).await;
        assert_eq!((measured.response.status, measured.depth), (200, 1), "{:?}", measured.calls);
    }
    let measured = get(&app, &ann, &file("1.1-SNAPSHOT", ".jar")).await;
    assert_eq!((measured.response.status, measured.depth), (200, 2), "{:?}", measured.calls);
    let measured = get(&app, &ann, &at("com/maven-metadata.xml")).await;
    assert_eq!((measured.response.status, measured.depth), (404, 1), "{:?}", measured.calls);
    let etag = ann.get(&artifact_metadata()).await.header("etag").to_owned();
    app.probe.reset();
    let unchanged = ann.get_with(&artifact_metadata(), &[("if-none-match", &etag)]).await;
    assert_eq!((unchanged.status, app.probe.depth()), (304, 1));
}

#[tokio::test]
async fn publishing_takes_five_calls_or_fewer() {
    let (app, ann) = private().await;
    let publish_calls = ["BatchGetItem", "UpdateItem", "PutObject", "TransactWriteItems", "SendMessage"];
    for (path, body) in [
        // A new version moves the head, and so does its POM; other files do not.
        (file("1.0.0", ".jar"), jar("1.0.0")),
        (file("1.0.0", ".pom"), pom("1.0.0").into_bytes()),
    ] {
        let measured = measure(&app, &ann, "PUT", &path, body).await;
        assert_eq!(
            (measured.response.status, measured.calls.as_slice()),
            (201, &publish_calls.map(str::to_owned)[..])
        );
        assert_eq!(measured.depth, 5);
    }
    let measured = measure(&app, &ann, "PUT", &file("1.0.0", "-sources.jar"), b"sources".to_vec()).await;
    assert_eq!(
        (measured.response.status, measured.calls.as_slice()),
        (201, &publish_calls[..4].iter().map(|call| (*call).to_owned()).collect::<Vec<_>>()[..])
    );
    let again = measure(&app, &ann, "PUT", &file("1.0.0", ".jar"), jar("1.0.0")).await;
    assert_eq!((again.response.status, again.calls), (200, vec!["BatchGetItem".to_owned()]));
    let conflict = measure(&app, &ann, "PUT", &file("1.0.0", ".jar"), jar("x")).await;
    assert_eq!(
        (conflict.response.status, conflict.calls),
        (409, vec!["BatchGetItem".to_owned()]),
        "no bytes are stored"
    );
    let [.., (_, sum)] = sums(&jar("1.0.0"));
    let sidecar = measure(&app, &ann, "PUT", &file("1.0.0", ".jar.sha512"), sum.clone().into()).await;
    assert_eq!((sidecar.response.status, sidecar.calls), (200, vec!["BatchGetItem".to_owned()]));
    let early = measure(&app, &ann, "PUT", &file("1.0.0", ".zip.sha512"), sum.into()).await;
    assert_eq!((early.response.status, early.calls.len()), (200, 2), "{:?}", early.calls);
    let ignored = measure(&app, &ann, "PUT", &artifact_metadata(), b"<metadata/>".to_vec()).await;
    assert_eq!((ignored.response.status, ignored.calls), (200, vec!["BatchGetItem".to_owned()]));
    let first =
        measure(&app, &ann, "PUT", &build_file("2-SNAPSHOT", "20261122.025620-1", ".jar"), b"j".to_vec())
            .await;
    assert_eq!((first.response.status, first.depth), (201, 5), "{:?}", first.calls);
    let deletion = measure(&app, &ann, "DELETE", &at(&format!("{LIB}/1.0.0")), Vec::new()).await;
    assert_eq!(deletion.response.status, 204);
    assert!(deletion.depth <= 6, "{:?}", deletion.calls);
}

#[tokio::test]
async fn what_nobody_may_have_takes_no_object() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    for path in [file("1.0.0", ".jar"), artifact_metadata(), at("x"), at("com/maven-metadata.xml")] {
        let measured = measure(&app, &app.anonymous(), "GET", &path, Vec::new()).await;
        assert_eq!((measured.response.status, measured.depth), (401, 1), "{path}: {:?}", measured.calls);
        assert!(!measured.calls.contains(&"GetObject".to_owned()));
    }
}

/// Adds versions by writing their rows, which is much faster than publishing them.
async fn add_versions(app: &TestApp, count: u64) {
    let storage = app.state().storage();
    let head: HeadRow = storage.get(&Key::Head(key())).await.unwrap().unwrap();
    let first: VersionRow = storage.get(&Key::Version(key(), "1.0.0".into())).await.unwrap().unwrap();
    let versions: Vec<String> = (1..count).map(|n| format!("1.0.{n}")).collect();
    for batch in versions.chunks(100) {
        let mut transaction = Transaction::new();
        for version in batch {
            let row = VersionRow { version: version.clone(), ..first.clone() };
            transaction.put_new("version", &Key::Version(key(), version.clone()), &row).unwrap();
        }
        assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Done));
    }
    let head = HeadRow { rev: head.rev + 1, versions: count, complete: count, ..head };
    storage.put(&Key::Head(key()), &head).await.unwrap();
}

#[tokio::test]
async fn costs_do_not_grow_with_the_number_of_versions() {
    let mut seen = Vec::new();
    for count in [10, 2_000] {
        let (app, ann) = public().await;
        publish_version(&ann, "1.0.0").await;
        add_versions(&app, count).await;
        ann.get(&artifact_metadata()).await;
        let document = get(&app, &ann, &artifact_metadata()).await;
        assert_eq!(document.response.text().matches("<version>").count() as u64, count);
        let bytes = get(&app, &ann, &file("1.0.0", ".jar")).await;
        let published = measure(&app, &ann, "PUT", &file("2.0.0", ".pom"), pom("2.0.0").into()).await;
        assert_eq!(published.response.status, 201);
        seen.push((document.calls, bytes.calls, published.calls));
    }
    assert_eq!(seen[0], seen[1]);
}
