//! Deletion, for ever.

use serde_json::json;

use crate::support::{at, put, stored, usage, with};

#[tokio::test]
async fn a_deleted_file_is_gone_and_its_name_is_taken() {
    let (app, ann) = with("private").await;
    stored(&ann, "a/1/f", "one").await;
    stored(&ann, "a/1/g", "three").await;
    let response = ann.delete(&at("a/1/f")).await;
    assert_eq!((response.status, response.json()), (200, json!({ "ok": true })));
    assert_eq!(ann.get(&at("a/1/f")).await.status, 404);
    assert_eq!(ann.head(&at("a/1/f")).await.status, 404);
    assert_eq!(ann.delete(&at("a/1/f")).await.status, 404);
    assert_eq!(ann.get(&at("a/1/g")).await.text(), "three");
    assert_eq!(ann.get(&at("a")).await.json()["versions"][0]["size"], 5);
    for bytes in ["one", "other"] {
        let again = put(&ann, "a/1/f", bytes).await;
        assert_eq!(again.status, 409, "{bytes}");
        assert!(again.error().contains("deleted"), "{}", again.error());
    }
    assert_eq!(usage(&app).await, (5, 1, 1));
}

#[tokio::test]
async fn the_last_file_takes_the_version_along() {
    let (app, ann) = with("private").await;
    for (version, text) in [("1", "one"), ("2", "second")] {
        stored(&ann, &format!("a/{version}/f"), text).await;
        app.clock.advance_millis(1_000);
    }
    assert_eq!(ann.get(&at("a")).await.json()["latestVersion"], "2");
    assert_eq!(ann.delete(&at("a/2/f")).await.status, 200);
    let list = ann.get(&at("a")).await.json();
    assert_eq!((list["latestVersion"].as_str(), list["versions"].as_array().unwrap().len()), (Some("1"), 1));
    assert_eq!(ann.get(&at("a/2")).await.status, 404);
    assert_eq!(put(&ann, "a/2/g", "new").await.status, 409);
    assert_eq!(ann.delete(&at("a/1/f")).await.status, 200);
    assert_eq!(ann.get(&at("a")).await.status, 404);
    assert_eq!(usage(&app).await, (0, 0, 0));
    assert_eq!(ann.get("/api/repos/files/packages").await.json()["packages"], json!([]));
    // A new version of the package is a new beginning.
    stored(&ann, "a/3/f", "three").await;
    assert_eq!(ann.get(&at("a")).await.json()["latestVersion"], "3");
}

#[tokio::test]
async fn deleting_the_repository_removes_everything() {
    let (app, ann) = with("private").await;
    for n in 0..50 {
        stored(&ann, &format!("a/1/f{n}"), format!("text {}", n % 7)).await;
    }
    stored(&ann, "b/1/f", "gone").await;
    assert_eq!(ann.delete(&at("b/1/f")).await.status, 200);
    assert_eq!(app.user("ann").delete("/api/repos/files").await.status, 200);
    app.settle().await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    assert_eq!(ann.get(&at("a")).await.status, 404);
    assert_eq!(ann.get(&at("a/1/f0")).await.status, 404);
    stored(&ann, "a/1/f0", "other bytes").await;
    stored(&ann, "b/1/f", "other bytes").await;
    assert_eq!(usage(&app).await, (22, 2, 2));
    app.clock.advance_millis(2 * 3_600_000);
    granary_events::sweep(app.state(), true).await.unwrap();
    assert_eq!(app.state().storage().list_objects("blobs/", None).await.unwrap().len(), 1);
}
