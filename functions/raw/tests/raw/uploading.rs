//! Files become versions.

use serde_json::json;

use crate::support::{at, put, stored, usage, with};

#[tokio::test]
async fn a_version_has_several_files_and_a_package_several_versions() {
    let (app, ann) = with("private").await;
    stored(&ann, "my-tool/1.0.0/my-tool-linux-amd64", "linux").await;
    app.clock.advance_millis(1_000);
    stored(&ann, "my-tool/1.0.0/my-tool.zip", "zipped!").await;
    app.clock.advance_millis(1_000);
    stored(&ann, "my-tool/0.9.1/my-tool.zip", "late patch").await;
    let list = ann.get(&at("my-tool")).await;
    assert_eq!(list.status, 200);
    let body = list.json();
    assert_eq!(body["name"], "my-tool");
    // Nothing is known about the order of versions, so the newest is the latest.
    assert_eq!(body["latestVersion"], "0.9.1");
    assert_eq!(body["versions"][0]["version"], "0.9.1");
    assert_eq!(body["versions"][1]["version"], "1.0.0");
    assert_eq!(body["versions"][1]["size"], 12);
    assert_eq!(body["versions"][1]["files"], 2);
    assert_eq!(body["versions"][1]["publishedAt"], "2026-09-21T14:13:20.000Z");
    let version = ann.get(&at("my-tool/1.0.0")).await.json();
    let names: Vec<&str> =
        version["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["my-tool-linux-amd64", "my-tool.zip"]);
    let url = version["files"][1]["url"].as_str().unwrap();
    assert_eq!(url, format!("{}{}", granary_testing::PUBLIC_URL, at("my-tool/1.0.0/my-tool.zip")));
    assert_eq!(ann.get(&at("my-tool/1.0.0/my-tool.zip")).await.text(), "zipped!");
    assert_eq!(usage(&app).await, (22, 2, 1));
    let packages = ann.get("/api/repos/files/packages").await.json();
    assert_eq!(packages["packages"][0]["name"], "my-tool");
    let audit = app.audit("repo:files").await;
    let published: Vec<_> = audit.iter().filter(|row| row["action"] == "package.publish").collect();
    assert_eq!(published.len(), 3);
}

#[tokio::test]
async fn the_same_bytes_again_are_a_success_and_others_are_refused() {
    let (app, ann) = with("private").await;
    stored(&ann, "a/1/f", "one").await;
    let before = usage(&app).await;
    stored(&ann, "a/1/f", "one").await;
    let response = put(&ann, "a/1/f", "two").await;
    assert_eq!((response.status, response.json()["code"].as_str().unwrap()), (409, "CONFLICT"));
    assert!(response.error().contains("publish a new version"), "{}", response.error());
    assert_eq!(ann.get(&at("a/1/f")).await.text(), "one");
    assert_eq!(usage(&app).await, before);
}

#[tokio::test]
async fn one_content_under_many_names_is_stored_once_and_counted_each_time() {
    let (app, ann) = with("private").await;
    for name in ["a/1/f", "a/1/g", "a/2/f", "b/1/f"] {
        stored(&ann, name, "same").await;
    }
    assert_eq!(usage(&app).await, (16, 3, 2));
    let blobs = app.state().storage().list_objects("blobs/", None).await.unwrap();
    assert_eq!(blobs.len(), 1);
    // With three of the four gone the bytes stay, with the last they go.
    for (name, left) in [("a/1/f", 1), ("a/1/g", 1), ("a/2/f", 1), ("b/1/f", 0)] {
        assert_eq!(ann.delete(&at(name)).await.json(), json!({ "ok": true }));
        app.settle().await;
        app.clock.advance_millis(2 * 3_600_000);
        granary_events::sweep(app.state(), true).await.unwrap();
        let blobs = app.state().storage().list_objects("blobs/", None).await.unwrap();
        assert_eq!(blobs.len(), left, "after {name}");
    }
    assert_eq!(usage(&app).await, (0, 0, 0));
}

#[tokio::test]
async fn empty_and_large_files() {
    let (_app, ann) = with("private").await;
    stored(&ann, "a/1/empty", "").await;
    let empty = ann.get(&at("a/1/empty")).await;
    assert_eq!((empty.status, empty.header("content-length"), empty.body.len()), (200, "0", 0));
    // Larger than what is kept in memory and than what is answered in place.
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    stored(&ann, "a/1/large", large.clone()).await;
    let redirect = ann.get(&at("a/1/large")).await;
    assert_eq!(redirect.status, 302);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(redirect.header("location")).send().await.unwrap();
    assert_eq!(answer.headers()["content-disposition"].to_str().unwrap(), "attachment; filename=\"large\"");
    assert!(answer.bytes().await.unwrap() == large);
    let part = client.get(redirect.header("location")).header("range", "bytes=10-12").send().await.unwrap();
    assert_eq!(part.bytes().await.unwrap().as_ref(), &large[10..13]);
}

#[tokio::test]
async fn the_quota_holds_for_files() {
    let app = granary_testing::TestApp::with(|config| config.repo_quota = Some(10)).await;
    let ann = app.repo("ann", "files", &["raw"], "private").await;
    stored(&ann, "a/1/f", "12345678").await;
    let response = put(&ann, "a/1/g", "123").await;
    assert_eq!(response.status, 403, "{}", response.text());
    assert!(response.error().contains("quota"));
    assert_eq!(ann.get(&at("a/1/g")).await.status, 404);
    stored(&ann, "a/1/h", "12").await;
}

#[tokio::test]
async fn names_differ_by_case_and_may_have_spaces() {
    let (_app, ann) = with("private").await;
    stored(&ann, "Tool/1/f", "upper").await;
    stored(&ann, "tool/1/f", "lower").await;
    stored(&ann, "tool/1/My%20App%20(2).dmg", "spaced").await;
    assert_eq!(ann.get(&at("Tool/1/f")).await.text(), "upper");
    assert_eq!(ann.get(&at("tool/1/f")).await.text(), "lower");
    let app = ann.get(&at("tool/1/My%20App%20(2).dmg")).await;
    assert_eq!(app.text(), "spaced");
    assert_eq!(app.header("content-disposition"), "attachment; filename=\"My App (2).dmg\"");
    let url = ann.get(&at("tool/1")).await.json()["files"][0]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(granary_testing::PUBLIC_URL).unwrap();
    assert_eq!(ann.get(path).await.text(), "spaced");
}
