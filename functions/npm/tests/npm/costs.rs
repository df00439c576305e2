//! How many storage calls a request makes, and how many of them wait for each other.

use granary_model::Timestamp;
use granary_storage::rows::{HeadRow, PackageEntry, VersionRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::npm::NpmPackage;
use granary_testing::probe::Service;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::Value;

use super::support::{INSTALL, at, for_write, private, public, publish};

/// A request, and the calls it made.
struct Measured {
    response: TestResponse,
    calls: Vec<String>,
    depth: usize,
}

async fn measure(
    app: &TestApp,
    actor: &Actor,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Measured {
    app.probe.reset();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = actor.request(method, &at(path), headers, body).await;
    let calls = app.probe.calls().into_iter().map(|call| call.operation).collect();
    Measured { response, calls, depth: app.probe.depth() }
}

async fn get(app: &TestApp, actor: &Actor, path: &str) -> Measured {
    measure(app, actor, "GET", path, &[], &Value::Null).await
}

fn noise(length: u64) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    (0..length)
        .map(|_| {
            state ^= state << 7;
            state ^= state >> 9;
            u8::try_from(state >> 56).unwrap()
        })
        .collect()
}

/// Adds versions to `pad` by writing their rows, which is much faster than publishing them.
async fn add_versions(app: &TestApp, count: u64) {
    let storage = app.state().storage();
    let package = app.package_key("libs", "pad");
    let head: HeadRow = storage.get(&Key::Head(package.clone())).await.unwrap().unwrap();
    let first: VersionRow =
        storage.get(&Key::Version(package.clone(), "1.0.0".into())).await.unwrap().unwrap();
    let versions: Vec<String> = (1..count).map(|n| format!("1.0.{n}")).collect();
    for batch in versions.chunks(100) {
        let mut transaction = Transaction::new();
        for version in batch {
            let row = VersionRow { version: version.clone(), ..first.clone() };
            transaction.put_new("version", &Key::Version(package.clone(), version.clone()), &row).unwrap();
        }
        assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Done));
    }
    let head = HeadRow { rev: head.rev + 1, versions: count, ..head };
    storage.put(&Key::Head(package.clone()), &head).await.unwrap();
    let entry: PackageEntry = storage.get(&Key::PackageOf(package.clone())).await.unwrap().unwrap();
    storage.put(&Key::PackageOf(package), &PackageEntry { versions: count, ..entry }).await.unwrap();
}

#[tokio::test]
async fn reading_costs_the_same_for_ten_and_for_two_thousand_versions() {
    let mut seen = Vec::new();
    for count in [10, 2_000] {
        let (app, ann) = private().await;
        publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
        add_versions(&app, count).await;
        // Rendered by the consumer of events, as it is after every change.
        app.settle().await;
        let mut costs = Vec::new();
        for accept in ["application/json", INSTALL] {
            let cold = app.restarted();
            let reader = cold.token(ann.secret());
            let headers = [("accept", accept), ("accept-encoding", "gzip")];
            let first = measure(&app, &reader, "GET", "pad", &headers, &Value::Null).await;
            assert_eq!(first.response.status, 200);
            assert_eq!(
                first.calls,
                ["BatchGetItem", "GetObject"],
                "{count}: at most two, one after the other"
            );
            let warm = measure(&app, &reader, "GET", "pad", &headers, &Value::Null).await;
            assert_eq!(warm.calls, ["BatchGetItem"], "{count}");
            assert_eq!(warm.response.body, first.response.body);
            let etag = warm.response.header("etag").to_owned();
            let known = [headers[0], headers[1], ("if-none-match", etag.as_str())];
            let unchanged = measure(&app, &reader, "GET", "pad", &known, &Value::Null).await;
            assert_eq!(
                (unchanged.response.status, unchanged.calls.as_slice()),
                (304, &["BatchGetItem".to_owned()][..])
            );
            costs.push((first.calls, warm.calls, unchanged.calls));
        }
        let reader = app.restarted().token(ann.secret());
        let one = get(&app, &reader, "pad/1.0.0").await;
        assert_eq!((one.response.status, one.calls.len()), (200, 1), "{:?}", one.calls);
        let tagged = get(&app, &reader, "pad/latest").await;
        assert_eq!((tagged.response.status, tagged.calls.len()), (200, 2), "{:?}", tagged.calls);
        let tags = get(&app, &reader, "-/package/pad/dist-tags").await;
        assert_eq!((tags.response.status, tags.calls.len()), (200, 1), "{:?}", tags.calls);
        let file = get(&app, &app.restarted().token(ann.secret()), "pad/-/pad-1.0.0.tgz").await;
        assert_eq!((file.response.status, file.calls.len()), (200, 2), "{:?}", file.calls);
        // Whether a version can be published does not depend on how many there are.
        let next = NpmPackage::new("pad", "2.0.0").body();
        let published = measure(&app, &ann, "PUT", "pad", &[], &next).await;
        assert_eq!(published.response.status, 201, "{}", published.response.text());
        costs.push((published.calls, tagged.calls, file.calls));
        seen.push(costs);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_publish_takes_five_calls_and_a_repeated_one_six() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0"] {
        let body = NpmPackage::new("pad", version).body();
        let first = measure(&app, &ann, "PUT", "pad", &[], &body).await;
        assert_eq!(first.response.status, 201);
        assert_eq!(
            first.calls,
            ["BatchGetItem", "UpdateItem", "PutObject", "TransactWriteItems", "SendMessage"]
        );
        assert_eq!(first.depth, 5);
        let again = measure(&app, &ann, "PUT", "pad", &[], &body).await;
        assert_eq!(again.response.status, 201);
        // It looks twice: whether the bytes are whole, and whether its tags are where it wants them.
        assert!(again.depth <= 6, "{:?}", again.calls);
    }
}

#[tokio::test]
async fn changes_take_a_bounded_number_of_calls() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        publish(&ann, &NpmPackage::new("pad", version)).await;
    }
    let mut deprecated = for_write(&ann, "pad").await;
    deprecated["versions"]["1.0.0"]["deprecated"] = "old".into();
    deprecated.as_object_mut().unwrap().shift_remove("_rev");
    for (what, method, path, body, most) in [
        ("tag", "PUT", "-/package/pad/dist-tags/beta", Value::from("1.0.0"), 4),
        ("untag", "DELETE", "-/package/pad/dist-tags/beta", Value::Null, 3),
        ("deprecate", "PUT", "pad", deprecated, 6),
        ("unpublish", "DELETE", "pad/-/pad-1.0.0.tgz/-rev/undefined", Value::Null, 6),
    ] {
        let measured = measure(&app, &ann, method, path, &[], &body).await;
        assert!(measured.response.status < 300, "{what}: {}", measured.response.text());
        assert!(measured.depth <= most, "{what}: {} of at most {most}: {:?}", measured.depth, measured.calls);
    }
}

#[tokio::test]
async fn a_redirect_takes_one_call_and_a_small_file_two() {
    for public_repo in [false, true] {
        let (app, ann) = if public_repo { public().await } else { private().await };
        publish(&ann, &NpmPackage::new("small", "1.0.0")).await;
        publish(&ann, &NpmPackage::new("large", "1.0.0").file("x.bin", &noise(300_000))).await;
        let reader = |app: &TestApp| if public_repo { app.anonymous() } else { app.token(ann.secret()) };
        let cold = app.restarted();
        let redirect = get(&cold, &reader(&cold), "large/-/large-1.0.0.tgz").await;
        assert_eq!(
            (redirect.response.status, redirect.calls),
            (302, vec!["BatchGetItem".to_owned()]),
            "signing takes no call"
        );
        let first = get(&cold, &reader(&cold), "small/-/small-1.0.0.tgz").await;
        assert_eq!((first.response.status, first.depth), (200, 2), "{:?}", first.calls);
        let second = get(&cold, &reader(&cold), "small/-/small-1.0.0.tgz").await;
        assert_eq!((second.response.status, second.calls.len()), (200, 1), "{:?}", second.calls);
        let head = measure(&cold, &reader(&cold), "HEAD", "large/-/large-1.0.0.tgz", &[], &Value::Null).await;
        assert_eq!((head.response.status, head.calls.len()), (200, 1));
    }
}

#[tokio::test]
async fn what_nobody_may_have_takes_one_call_and_no_object() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    for (actor, status) in [(app.anonymous(), 401), (app.token("art_nonsense"), 401)] {
        for path in ["pad", "pad/-/pad-1.0.0.tgz", "unknown", "pad/9.9.9"] {
            let measured = get(&app, &actor, path).await;
            assert_eq!(measured.response.status, status, "{path}");
            assert!(measured.calls.len() <= 1, "{path}: {:?}", measured.calls);
        }
    }
    for path in ["unknown", "pad/9.9.9", "pad/-/pad-9.9.9.tgz", "unknown/-/unknown-1.0.0.tgz"] {
        let measured = get(&app, &ann, path).await;
        assert_eq!(
            (measured.response.status, measured.calls.len()),
            (404, 1),
            "{path}: {:?}",
            measured.calls
        );
    }
    // A token that cannot be one is refused without asking anybody.
    assert_eq!(get(&app, &app.token("art_nonsense"), "pad").await.calls, Vec::<String>::new());
}

#[tokio::test]
async fn downloads_are_counted_together_and_later() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    for _ in 0..20 {
        assert_eq!(ann.get(&at("pad/-/pad-1.0.0.tgz")).await.status, 200);
    }
    assert_eq!(ann.head(&at("pad/-/pad-1.0.0.tgz")).await.status, 200, "not a download");
    app.probe.reset();
    assert_eq!(ann.get(&at("pad/-/pad-1.0.0.tgz")).await.status, 200);
    assert_eq!(app.probe.count(), 1, "nothing is counted in the table yet");
    let now: Timestamp = app.state().now();
    app.probe.reset();
    app.state().downloads().flush(app.state().storage(), now).await.unwrap();
    let updates = app.probe.calls().into_iter().filter(|call| call.service == Service::DynamoDb).count();
    assert_eq!(updates, 3, "version and day, package, repository");
    let listed = ann.get("/api/repos/libs/packages").await.json();
    assert_eq!(listed["packages"][0]["downloadCount"], 21, "{listed}");
    assert_eq!(ann.get("/api/repos/libs").await.json()["repo"]["downloadCount"], 21);
}
