//! Versions that came by an upload session get numbers as well.

use serde_json::json;

use crate::{NAME, REPO, consumer, expect, id, made, package, permit, shop, versions, zip};

#[tokio::test]
async fn a_version_that_is_published_gets_a_number() {
    let (app, ann) = shop().await;
    app.publish_composer(REPO, NAME, &["1.0", "1.1"]).await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    assert_eq!(ann.get(&path).await.json(), json!([]));
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0", "1.1"]);
    let wrong = ann.post_json(&path, &crate::announced("1.0", b"other")).await;
    expect(&wrong, 400, &["sha256: "]);
    let numbered = made(&ann, &path, json!({ "name": "1.0" })).await;
    assert!(numbered.get("upload_url").is_none(), "{numbered}");
    assert_eq!(numbered["status"], 1);
    expect(&ann.post_json(&path, &json!({ "name": "1.0" })).await, 400, &["name: ", "already"]);
    let hidden = made(&ann, &path, json!({ "name": "1.1", "status": 0 })).await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    // The same file again is no matter, as for any other version.
    assert_eq!(crate::put_zip(&ann, id(&numbered), &zip(NAME, "1.0")).await.status, 200);
    assert_eq!(ann.delete(&format!("/versions/{}", id(&hidden))).await.status, 204);
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
}

#[tokio::test]
async fn a_version_that_is_published_while_it_has_a_number_only() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let body = json!({ "name": "1.0", "status": 0 });
    let number = id(&made(&ann, &format!("/versions/package/{one}"), body).await);
    let body = json!({ "name": "1.1" });
    let other = id(&made(&ann, &format!("/versions/package/{one}"), body).await);
    app.publish_composer(REPO, NAME, &["1.0", "1.1"]).await;
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    // With the file comes the status.
    assert_eq!(versions(&buyer, NAME).await, ["1.0", "1.1"]);
    assert_eq!(crate::put_zip(&ann, number, &zip(NAME, "1.0")).await.status, 200);
    assert_eq!(versions(&buyer, NAME).await, ["1.1"]);
    let different = crate::put_zip(&ann, other, &crate::archive(&json!({ "name": NAME }))).await;
    expect(&different, 400, &["other bytes"]);
}

#[tokio::test]
async fn whoever_publishes_first_the_number_means_what_is_published() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    let draft = id(&made(&ann, &path, json!({ "name": "1.0", "status": 0 })).await);
    let other = id(&made(&ann, &path, crate::announced("1.1", &zip(NAME, "1.1"))).await);
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    app.publish_composer(REPO, NAME, &["1.0", "1.1"]).await;
    // Its consumers get it, and its seller is told so.
    let shown = ann.get(&format!("/versions/{draft}")).await.json();
    assert_eq!((shown.get("upload_url"), &shown["status"]), (None, &json!(1)));
    let hidden = ann.patch_json(&format!("/versions/{draft}"), &json!({ "status": 0 })).await;
    expect(&hidden, 200, &[]);
    assert_eq!((hidden.json().get("upload_url"), &hidden.json()["status"]), (None, &json!(0)));
    assert_eq!(versions(&buyer, NAME).await, ["1.1"]);
    assert_eq!(versions(&ann, NAME).await, ["1.0", "1.1"]);
    let shown = ann.get(&format!("/versions/{draft}")).await.json();
    assert_eq!((shown.get("upload_url"), &shown["status"]), (None, &json!(0)));
    // It is published, so neither its name nor its file change.
    let path = format!("/versions/{other}");
    expect(&ann.patch_json(&path, &json!({ "name": "1.2" })).await, 400, &["name: ", "published"]);
    expect(&ann.patch_json(&path, &crate::announced("1.1", b"x")).await, 400, &["sha256: ", "published"]);
    expect(&ann.patch_json(&path, &json!({ "filename": "9.zip" })).await, 200, &[]);
    assert_eq!(versions(&buyer, NAME).await, ["1.1"]);
}

#[tokio::test]
async fn a_number_that_is_deleted_takes_what_somebody_else_published_with_it() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    let number = id(&made(&ann, &path, json!({ "name": "1.0" })).await);
    app.publish_composer(REPO, NAME, &["1.0", "1.1"]).await;
    assert_eq!(ann.delete(&format!("/versions/{number}")).await.status, 204);
    assert_eq!(versions(&ann, NAME).await, ["1.1"]);
    expect(&ann.post_json(&path, &json!({ "name": "1.0" })).await, 400, &["name: ", "never be used again"]);
}

/// A draft stays one, whichever way its file comes.
#[tokio::test]
async fn a_version_that_is_switched_off_stays_so_when_it_is_uploaded() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    let draft = id(&made(&ann, &path, json!({ "name": "1.0", "status": 0 })).await);
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    for version in ["1.0", "1.1"] {
        let mut form = Vec::new();
        for (name, value) in [("repoId", REPO), ("packageType", "composer"), ("version", version)] {
            form.extend(
                format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        form.extend(b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\n");
        form.extend(zip(NAME, version));
        form.extend(b"\r\n--x--\r\n");
        let headers = [("content-type", "multipart/form-data; boundary=x")];
        let published = ann.request("POST", "/api/packages/upload", &headers, form).await;
        assert_eq!(published.status, 201, "{}", published.text());
    }
    assert_eq!(versions(&buyer, NAME).await, ["1.1"]);
    assert_eq!(ann.get(&format!("/versions/{draft}")).await.json()["status"], 0);
    let (path, on) = (format!("/versions/{draft}"), json!({ "status": 1 }).to_string());
    let patched = ann.request("PATCH", &path, &[("content-type", "application/json")], on);
    assert_eq!(patched.await.status, 200);
    assert_eq!(versions(&buyer, NAME).await, ["1.0", "1.1"]);
}
