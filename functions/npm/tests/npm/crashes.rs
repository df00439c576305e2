//! Storage that fails, and processes that die, at every single call of every change.

use granary_storage::Key;
use granary_storage::rows::{Event, HeadRow, OutboxRow};
use granary_testing::npm::NpmPackage;
use granary_testing::probe::{Fault, Target};
use granary_testing::{Actor, Mishap, Stored, TestApp, TestResponse};
use serde_json::{Value, json};

use super::support::{at, for_write, packument, private, publish, publish_all};

/// A change of the package `name`, which can be asked for again.
struct Change {
    /// What there is before.
    versions: &'static [&'static str],
    request: fn(&str, &Value) -> (&'static str, String, Value),
    /// What there is afterwards, as `live` and `deleted`.
    after: (&'static [&'static str], &'static [&'static str]),
    /// Whether a packument shows the change.
    done: fn(&Value) -> bool,
}

const FIRST_PUBLISH: Change = Change {
    versions: &[],
    request: |name, _| ("PUT", at(name), NpmPackage::new(name, "1.0.0").body()),
    after: (&["1.0.0"], &[]),
    done: |package| package["dist-tags"]["latest"] == "1.0.0",
};

const SECOND_PUBLISH: Change = Change {
    versions: &["1.0.0"],
    request: |name, _| ("PUT", at(name), NpmPackage::new(name, "2.0.0").body()),
    after: (&["1.0.0", "2.0.0"], &[]),
    done: |package| package["dist-tags"]["latest"] == "2.0.0",
};

const TAG: Change = Change {
    versions: &["1.0.0", "2.0.0"],
    request: |name, _| ("PUT", at(&format!("-/package/{name}/dist-tags/latest")), json!("1.0.0")),
    after: (&["1.0.0", "2.0.0"], &[]),
    done: |package| package["dist-tags"]["latest"] == "1.0.0",
};

const DEPRECATION: Change = Change {
    versions: &["1.0.0", "2.0.0"],
    request: |name, package| {
        let mut package = package.clone();
        package["versions"]["1.0.0"]["deprecated"] = "old".into();
        ("PUT", at(name), package)
    },
    after: (&["1.0.0", "2.0.0"], &[]),
    done: |package| package["versions"]["1.0.0"]["deprecated"] == "old",
};

const DELETION: Change = Change {
    versions: &["1.0.0", "2.0.0"],
    request: |name, _| ("DELETE", at(&format!("{name}/-/{name}-2.0.0.tgz/-rev/undefined")), Value::Null),
    after: (&["1.0.0"], &["2.0.0"]),
    done: |package| package["dist-tags"]["latest"] == "1.0.0",
};

/// Versions of one package among those that are stored.
fn of<'a>(stored: &'a [String], name: &str) -> Vec<&'a str> {
    stored.iter().filter_map(|entry| entry.strip_prefix(name)?.strip_prefix('@')).collect()
}

/// Sends a change while its `n`-th storage call goes wrong; `None` if nobody was left to answer.
async fn send(
    app: &TestApp,
    actor: &Actor,
    request: &(&'static str, String, Value),
    n: usize,
    mishap: Mishap,
) -> Option<TestResponse> {
    let ((method, path, body), actor) = (request.clone(), actor.clone());
    app.suffer(n, mishap, async move { actor.json(method, &path, &body).await }).await
}

/// What a reader with an empty memory finds agrees with what is stored: no listed version without bytes.
/// Gives the packument.
async fn check_reader(app: &TestApp, actor: &Actor, name: &str, live: &[&str]) -> Value {
    let reader = app.restarted().token(actor.secret());
    if live.is_empty() {
        assert_eq!(reader.get(&at(name)).await.status, 404);
        return Value::Null;
    }
    let document = packument(&reader, name).await;
    let listed: Vec<&str> = document["versions"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(listed, live, "{name}");
    for version in live {
        let tarball = reader.get(&at(&format!("{name}/-/{name}-{version}.tgz"))).await;
        assert_eq!(tarball.body.to_vec(), NpmPackage::new(name, version).tarball(), "{name}@{version}");
    }
    document
}

/// Everything that was left half done is finished, and no bytes stay that nobody holds.
async fn finish(app: &TestApp) -> Stored {
    app.clock.advance_millis(3_600_001);
    app.settle().await;
    let report = granary_events::sweep(app.state(), false).await.unwrap();
    assert_eq!(report.failed, 0, "{report:?}");
    granary_events::sweep_blobs(app.state()).await.unwrap();
    let stored = app.check_consistency("libs").await;
    assert!(stored.waiting.is_empty(), "{:?}", stored.waiting);
    stored
}

async fn prepare(actor: &Actor, change: &Change, name: &str) -> (&'static str, String, Value) {
    publish_all(actor, name, change.versions).await;
    let package = if change.versions.is_empty() { Value::Null } else { for_write(actor, name).await };
    (change.request)(name, &package)
}

/// Lets every call of a change go wrong in every way: what is left is the state before or after, and asking
/// again leads to the state after.
async fn every_call_goes_wrong(change: &Change) {
    let mut n = 1;
    loop {
        let (app, ann) = private().await;
        let request = prepare(&ann, change, "measured").await;
        app.probe.reset();
        let response = ann.json(request.0, &request.1, &request.2).await;
        assert!(response.status == 200 || response.status == 201, "{}", response.text());
        let calls = app.probe.count();
        assert!((3..=8).contains(&calls), "{calls} calls");
        for mishap in Mishap::ALL {
            let name = format!("{mishap:?}").to_lowercase();
            let request = prepare(&ann, change, &name).await;
            one_call_goes_wrong(&app, &ann, change, &name, &request, (n, mishap)).await;
        }
        let stored = finish(&app).await;
        for mishap in Mishap::ALL {
            let name = format!("{mishap:?}").to_lowercase();
            check_reader(&app, &ann, &name, change.after.0).await;
            assert_eq!(of(&stored.live, &name), change.after.0, "call {n} {mishap:?}");
        }
        assert_eq!(stored.blobs.len(), stored.live.len(), "bytes of live versions and no others");
        if n == calls {
            return;
        }
        n += 1;
    }
}

/// Each change of the package has its audit record and its event, and there are no others.
async fn check_trail(app: &TestApp, name: &str, what: &str) {
    let head: Option<HeadRow> =
        app.state().storage().get(&Key::Head(app.package_key("libs", name))).await.unwrap();
    let changes = head.map_or(0, |head| head.rev);
    let (records, events) = (app.audit("repo:libs").await, app.outbox().await);
    let target = format!("libs/npm/{name}");
    let ours = |row: &&Value| {
        let rest = row["target"].as_str().unwrap().strip_prefix(&target);
        rest.is_some_and(|rest| rest.starts_with(['@', ' ']))
    };
    assert_eq!(records.iter().filter(ours).count() as u64, changes, "{what}: audit records");
    let changed =
        |row: &&OutboxRow| matches!(&row.event, Event::PackageChanged { package } if package.name == name);
    assert_eq!(events.iter().filter(changed).count() as u64, changes, "{what}: events");
}

async fn one_call_goes_wrong(
    app: &TestApp,
    actor: &Actor,
    change: &Change,
    name: &str,
    request: &(&'static str, String, Value),
    (n, mishap): (usize, Mishap),
) {
    let what = format!("call {n} {mishap:?}");
    let response = send(app, actor, request, n, mishap).await;
    let stored = app.check_consistency("libs").await;
    check_trail(app, name, &what).await;
    let (live, deleted) = (of(&stored.live, name), of(&stored.tombstones, name));
    let changed = (change.done)(&check_reader(app, actor, name, &live).await);
    let expected = if changed { change.after } else { (change.versions, &[] as &[&str]) };
    assert_eq!((live.as_slice(), deleted.as_slice()), expected, "{what}: nothing in between");
    if let Some(response) = response {
        let success = response.status == 200 || response.status == 201;
        assert!(success || response.status == 503, "{what}: {}", response.text());
        assert!(changed || !success, "{what}: acknowledged but not there");
        assert!(success || response.header("retry-after") == "1", "{what}: clients shall repeat it");
    }
    let again = actor.json(request.0, &request.1, &request.2).await;
    assert!(again.status == 200 || again.status == 201, "{what}, again: {}", again.text());
    let stored = app.check_consistency("libs").await;
    check_trail(app, name, &what).await;
    let after = (of(&stored.live, name), of(&stored.tombstones, name));
    assert_eq!((after.0.as_slice(), after.1.as_slice()), change.after, "{what}, again");
    assert!((change.done)(&check_reader(app, actor, name, change.after.0).await), "{what}, again");
}

#[tokio::test]
async fn a_first_publish_is_whole_or_not_there_whichever_call_goes_wrong() {
    every_call_goes_wrong(&FIRST_PUBLISH).await;
}

#[tokio::test]
async fn a_second_publish_is_whole_or_not_there_whichever_call_goes_wrong() {
    every_call_goes_wrong(&SECOND_PUBLISH).await;
}

#[tokio::test]
async fn a_tag_is_moved_or_not_whichever_call_goes_wrong() {
    every_call_goes_wrong(&TAG).await;
}

#[tokio::test]
async fn a_deprecation_is_there_or_not_whichever_call_goes_wrong() {
    every_call_goes_wrong(&DEPRECATION).await;
}

#[tokio::test]
async fn a_deletion_is_whole_or_not_there_whichever_call_goes_wrong() {
    every_call_goes_wrong(&DELETION).await;
}

#[tokio::test]
async fn a_change_leaves_one_audit_record_however_often_it_was_repeated() {
    let (app, ann) = private().await;
    let package = NpmPackage::new("pad", "1.0.0");
    let request = ("PUT", at("pad"), package.body());
    let records = async || {
        let records = app.audit("repo:libs").await;
        records.iter().filter(|row| row["action"] == "package.publish").count()
    };
    // The fourth call is the commit.
    for n in 1..=4 {
        for mishap in Mishap::ALL {
            send(&app, &ann, &request, n, mishap).await;
            assert_eq!(
                records().await,
                app.check_consistency("libs").await.live.len(),
                "call {n} {mishap:?}"
            );
        }
    }
    publish(&ann, &package).await;
    assert_eq!(records().await, 1);
}

#[tokio::test]
async fn bytes_of_publishes_that_died_are_collected_once_their_claim_has_expired() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("kept", "1.0.0")).await;
    // The third call of a publish is for the bytes, the fourth is the commit.
    let request = ("PUT", at("pad"), NpmPackage::new("pad", "1.0.0").body());
    assert_eq!(send(&app, &ann, &request, 4, Mishap::Refused).await.unwrap().status, 503);
    assert_eq!(app.blobs().await.len(), 2, "the bytes came before the version");
    app.clock.advance_millis(3_599_000);
    assert_eq!(
        granary_events::sweep_blobs(app.state()).await.unwrap(),
        0,
        "a publish may still be under way"
    );
    app.clock.advance_millis(2_000);
    assert_eq!(granary_events::sweep_blobs(app.state()).await.unwrap(), 1);
    assert_eq!(app.check_consistency("libs").await.blobs.len(), 1);
    // The same bytes can be published afterwards.
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    app.clock.advance_millis(3_600_001);
    assert_eq!(granary_events::sweep_blobs(app.state()).await.unwrap(), 0);
    check_reader(&app, &ann, "pad", &["1.0.0"]).await;
}

#[tokio::test]
async fn bytes_that_another_repository_holds_stay() {
    let (app, ann) = private().await;
    let other = app.npm_repo("ann", "libs-2", "private").await;
    let package = NpmPackage::new("pad", "1.0.0");
    publish(&ann, &package).await;
    assert_eq!(other.publish("libs-2", &package).await.status, 201);
    assert_eq!(app.blobs().await.len(), 1, "stored once");
    assert_eq!(ann.delete(&at("pad/-rev/undefined")).await.status, 200);
    let clean = async || {
        app.clock.advance_millis(3_600_001);
        app.settle().await;
        granary_events::sweep(app.state(), true).await.unwrap();
        granary_events::sweep_blobs(app.state()).await.unwrap();
        app.blobs().await.len()
    };
    assert_eq!(clean().await, 1);
    let reader = app.restarted().token(other.secret());
    let served = reader.get("/api/npm/libs-2/pad/-/pad-1.0.0.tgz").await;
    assert_eq!((served.status, served.body.to_vec()), (200, package.tarball()));
    assert_eq!(other.delete("/api/npm/libs-2/pad/-rev/undefined").await.status, 200);
    assert_eq!(clean().await, 0, "the last one to hold them has gone");
}

#[tokio::test]
async fn a_read_that_storage_fails_is_a_503_and_never_a_404() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    for path in [
        "pad",
        "pad/1.0.0",
        "pad/latest",
        "pad/-/pad-1.0.0.tgz",
        "-/package/pad/dist-tags",
        "-/v1/search?text=pad",
    ] {
        for n in 1..=6 {
            let reader = app.restarted().token(ann.secret());
            app.probe.reset();
            app.probe.inject(Target::any(n), Fault::Refuse);
            let response = reader.get(&at(path)).await;
            let calls = app.probe.calls();
            // What a read stores is for later readers, so this one does not depend on it.
            let expected = match calls.get(n - 1).map(|call| call.operation.as_str()) {
                None | Some("PutObject") => 200,
                Some(_) => 503,
            };
            assert_eq!(response.status, expected, "{path} {n}: {}", response.text());
            app.probe.reset();
            assert_eq!(reader.get(&at(path)).await.status, 200, "{path} {n}: the failure is not kept");
            if calls.len() < n {
                break;
            }
        }
    }
}

#[tokio::test]
async fn downloads_work_while_every_write_fails() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    packument(&ann, "pad").await;
    let reader = app.restarted().token(ann.secret());
    // Counting is due, and every write of the counts fails.
    app.clock.advance_millis(60_000);
    for _ in 0..4 {
        for operation in ["UpdateItem", "PutItem", "TransactWriteItems"] {
            let target = Target::operation(granary_testing::probe::Service::DynamoDb, operation, 1);
            app.probe.inject(target, Fault::Refuse);
        }
        assert_eq!(reader.get(&at("pad")).await.status, 200);
        assert_eq!(reader.get(&at("pad/-/pad-1.0.0.tgz")).await.status, 200);
        app.clock.advance_millis(60_000);
    }
}
