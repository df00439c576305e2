//! How many storage calls the operations make.

use granary_model::kmp::BuildStatus;
use granary_testing::kmp::watch;
use serde_json::{Value, json};

use super::support::{Place, expect};

#[tokio::test]
async fn operations_make_few_calls() {
    let place = Place::new().await;
    place.publish("lib", &["1.0.0", "3.0.0"]);
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
    for number in 0..25 {
        place.build_in(&watched, &format!("0.{number}.0"), BuildStatus::Discovered).await;
    }
    let (b, w) = (build.id.as_str(), watched.as_str());
    let trigger = json!({ "watchedPackageId": w, "version": "3.0.0" });
    let paths = [
        ("GET", "watched".to_owned(), Value::Null, "BatchGetItem Query"),
        ("GET", format!("watched/{w}"), Value::Null, "BatchGetItem GetItem"),
        ("POST", "watched".into(), watch("com.example", "more"), "BatchGetItem Query TransactWriteItems"),
        (
            "PATCH",
            format!("watched/{w}"),
            json!({ "appleTargets": ["iosArm64"] }),
            "BatchGetItem GetItem TransactWriteItems",
        ),
        ("GET", "builds".into(), Value::Null, "BatchGetItem Query"),
        ("GET", "builds?counts=true&status=failed".into(), Value::Null, "BatchGetItem Query"),
        ("GET", format!("builds/{b}"), Value::Null, "BatchGetItem GetItem"),
        // Its library, the transition, the repository's settings, and before and after the dispatch.
        (
            "POST",
            format!("builds/{b}"),
            json!({ "action": "retry" }),
            "BatchGetItem GetItem GetItem TransactWriteItems GetItem TransactWriteItems TransactWriteItems",
        ),
        // The same with the marker of the version, and the build as it is then.
        (
            "POST",
            "builds".into(),
            trigger,
            "BatchGetItem GetItem GetItem TransactWriteItems GetItem TransactWriteItems TransactWriteItems GetItem",
        ),
        (
            "DELETE",
            format!("builds/{b}"),
            Value::Null,
            "BatchGetItem GetItem BatchGetItem TransactWriteItems",
        ),
        // 26 of them, 20 at once.
        (
            "DELETE",
            "builds".into(),
            Value::Null,
            "BatchGetItem Query BatchGetItem TransactWriteItems Query BatchGetItem TransactWriteItems",
        ),
    ];
    for (method, path, body, expected) in paths {
        place.app.probe.reset();
        let response = place.ann.json(method, &format!("/api/repos/apps/kmp/{path}"), &body).await;
        assert!(response.status < 300, "{method} {path}: {}", response.text());
        let calls: Vec<String> = place.app.probe.calls().into_iter().map(|call| call.operation).collect();
        let why = place.read(b).await.map(|row| row.error);
        assert_eq!(calls.join(" "), expected, "{method} {path} {why:?}");
    }
}

/// A look that finds nothing new costs the same however many versions there are, in calls that do not wait for each other.
#[tokio::test]
async fn a_look_that_finds_nothing_is_cheap() {
    let place = Place::new().await;
    place.watch("lib").await;
    place.poll().await;
    place.app.probe.reset();
    expect(&place.ann.post_json(super::support::POLL, &Value::Null).await, 200, &[]);
    let calls: Vec<String> = place.app.probe.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls.join(" "), "BatchGetItem Query BatchGetItem TransactWriteItems");
}
