//! The file of a version: by an address of the bucket, or sent to the registry at once.

use std::collections::BTreeSet;

use granary_storage::Key;
use granary_storage::rows::RepoRow;
use granary_testing::TestApp;
use serde_json::{Value, json};

use crate::{
    NAME, REPO, announced, consumer, expect, id, made, package, permit, published, put_zip, send, shop,
    versions, zip,
};

async fn staged(app: &TestApp) -> Vec<String> {
    app.state().storage().list_objects("staging/", None).await.unwrap()
}

#[tokio::test]
async fn in_two_steps() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let bytes = zip(NAME, "v8.7.2");
    let version = made(&ann, &format!("/versions/package/{one}"), announced("v8.7.2", &bytes)).await;
    assert_eq!((&version["name"], &version["filename"]), (&json!("v8.7.2"), &json!("1.zip")));
    let path = format!("/versions/{}", id(&version));
    let confirm = format!("{path}/confirm");
    let early = ann.request("POST", &confirm, &[], "").await;
    expect(&early, 400, &["has not arrived", "upload_url"]);
    assert_eq!(versions(&ann, NAME).await, Vec::<String>::new());
    // The bucket takes nothing but what was announced.
    assert!(send(&version, b"something else").await >= 400);
    assert_eq!(send(&version, &bytes).await, 200);
    // Whatever the sweep does meanwhile.
    granary_events::sweep_uploads(app.state()).await.unwrap();
    assert_eq!(staged(&app).await.len(), 1);
    let confirmed = ann.request("POST", &confirm, &[], "").await;
    expect(&confirmed, 200, &[]);
    assert!(confirmed.json().get("upload_url").is_none(), "{}", confirmed.text());
    assert_eq!(staged(&app).await, Vec::<String>::new());
    assert_eq!(versions(&ann, NAME).await, ["v8.7.2"]);
    expect(&ann.request("POST", &confirm, &[], "").await, 200, &[]);
    let shown = ann.get(&path).await.json();
    assert!(shown.get("upload_url").is_none() && shown.get("confirm_url").is_none(), "{shown}");
    let document = ann.get(&format!("/composer/{REPO}/p2/{NAME}.json")).await.json();
    let dist = document["packages"][NAME][0]["dist"]["url"].as_str().unwrap().to_owned();
    let download = ann.get(dist.strip_prefix("http://localhost:8080").unwrap()).await;
    assert_eq!((download.status, download.body.as_ref()), (200, bytes.as_slice()));
}

#[tokio::test]
async fn an_address_that_has_ended_is_replaced() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let bytes = zip(NAME, "1.0");
    let version = made(&ann, &format!("/versions/package/{one}"), announced("1.0", &bytes)).await;
    app.clock.advance_millis(3 * 24 * 3_600_000);
    let ann = app.account_token("ann", &["admin"]).await;
    granary_events::sweep_uploads(app.state()).await.unwrap();
    let fresh = ann.get(&format!("/versions/{}", id(&version))).await.json();
    assert_eq!(send(&fresh, &bytes).await, 200);
    granary_events::sweep_uploads(app.state()).await.unwrap();
    let confirmed = ann.request("POST", &format!("/versions/{}/confirm", id(&version)), &[], "").await;
    expect(&confirmed, 200, &[]);
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
}

#[tokio::test]
async fn what_was_staged_and_never_confirmed_goes() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let bytes = zip(NAME, "1.0");
    for (name, is_deleted) in [("1.0", true), ("1.1", false)] {
        let version = made(&ann, &format!("/versions/package/{one}"), announced(name, &bytes)).await;
        assert_eq!(send(&version, &bytes).await, 200);
        if is_deleted {
            assert_eq!(ann.delete(&format!("/versions/{}", id(&version))).await.status, 204);
            assert_eq!(staged(&app).await, Vec::<String>::new());
        }
    }
    assert_eq!(staged(&app).await.len(), 1);
    app.clock.advance_millis(25 * 3_600_000);
    granary_events::sweep_uploads(app.state()).await.unwrap();
    assert_eq!(staged(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn at_once() {
    let (_app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let version = made(&ann, &format!("/versions/package/{one}"), json!({ "name": "1.0" })).await;
    let own = format!("http://localhost:8080/versions/{}", id(&version));
    assert_eq!(
        (&version["upload_url"], &version["confirm_url"]),
        (&json!(own), &json!(format!("{own}/confirm")))
    );
    assert_eq!(version["upload_headers"], json!({ "content-type": "application/zip" }));
    let bytes = zip(NAME, "1.0");
    for media_type in ["application/octet-stream", "application/zip; charset=binary", "Application/ZIP"] {
        let path = format!("/versions/{}", id(&version));
        let response = ann.request("PUT", &path, &[("content-type", media_type)], bytes.clone()).await;
        expect(&response, 200, &[]);
        assert!(response.json().get("upload_url").is_none());
    }
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
    let other = put_zip(&ann, id(&version), &crate::archive(&json!({ "name": NAME }))).await;
    expect(&other, 400, &["never changes"]);
    let confirmed = ann.request("POST", &format!("/versions/{}/confirm", id(&version)), &[], "").await;
    expect(&confirmed, 200, &[]);
}

#[tokio::test]
async fn a_file_can_be_announced_later() {
    let (_app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let version = made(&ann, &format!("/versions/package/{one}"), json!({ "name": "1.0" })).await;
    let path = format!("/versions/{}", id(&version));
    let bytes = zip(NAME, "1.0");
    let mut wish: Value = announced("1.0", b"the wrong one");
    assert_eq!(ann.patch_json(&path, &wish).await.status, 200);
    wish = announced("1.0", &bytes);
    let updated = ann.patch_json(&path, &wish).await;
    expect(&updated, 200, &[]);
    assert_eq!(send(&updated.json(), &bytes).await, 200);
    expect(&ann.request("POST", &format!("{path}/confirm"), &[], "").await, 200, &[]);
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
}

#[tokio::test]
async fn what_a_function_cannot_take_is_refused_with_the_way_out() {
    let app = TestApp::with(|config| config.max_body = Some(1_000)).await;
    let ann = app.repo("ann", REPO, &["composer"], "private").await;
    let one = package(&ann, NAME).await;
    let version = made(&ann, &format!("/versions/package/{one}"), json!({ "name": "1.0" })).await;
    let response = put_zip(&ann, id(&version), &[0; 1_001]).await;
    expect(&response, 413, &["1000 bytes", "sha256", "confirm_url"]);
}

#[tokio::test]
async fn a_version_has_one_name_and_it_is_used_once() {
    let (_app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    let first = id(&made(&ann, &path, json!({ "name": "1.2" })).await);
    for same in ["1.2", "v1.2.0", "1.2.0.0"] {
        expect(
            &ann.post_json(&path, &json!({ "name": same })).await,
            400,
            &["name: ", "1.2 already", "version 1"],
        );
    }
    // While nothing is published it can be renamed, but not to what another one is.
    let second = id(&made(&ann, &path, json!({ "name": "1.3" })).await);
    let other = format!("/versions/{second}");
    expect(&ann.patch_json(&other, &json!({ "name": "1.2" })).await, 400, &["name: ", "already"]);
    expect(&ann.patch_json(&other, &json!({ "name": "v1.3.0" })).await, 200, &[]);
    expect(&ann.patch_json(&other, &json!({ "name": "1.4" })).await, 200, &[]);
    assert_eq!(put_zip(&ann, first, &zip(NAME, "1.2")).await.status, 200);
    // What was never published leaves nothing behind, what was a tombstone.
    assert_eq!(ann.delete(&other).await.status, 204);
    made(&ann, &path, json!({ "name": "1.4" })).await;
    assert_eq!(ann.delete(&format!("/versions/{first}")).await.status, 204);
    assert_eq!(versions(&ann, NAME).await, Vec::<String>::new());
    expect(&ann.post_json(&path, &json!({ "name": "1.2" })).await, 400, &["name: ", "never be used again"]);
    let listed = ann.get(&path).await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn status_0_hides_a_version_from_consumers_alone() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let first = published(&ann, one, "1.0").await;
    // Hidden before its file came.
    let body = json!({ "name": "1.1", "status": 0 });
    let second = id(&made(&ann, &format!("/versions/package/{one}"), body).await);
    assert_eq!(put_zip(&ann, second, &zip(NAME, "1.1")).await.status, 200);
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    assert_eq!(versions(&ann, NAME).await, ["1.0", "1.1"]);
    for (number, status, expected) in [(second, 1, vec!["1.0", "1.1"]), (first, 0, vec!["1.1"])] {
        let response = ann.put_json(&format!("/versions/{number}"), &json!({ "status": status })).await;
        expect(&response, 200, &[]);
        assert_eq!(response.json()["status"], status);
        assert_eq!(versions(&buyer, NAME).await, expected);
    }
    // A name for the file changes nothing of what is published.
    let renamed =
        ann.patch_json(&format!("/versions/{first}"), &json!({ "filename": "9.zip", "name": "1.0" })).await;
    expect(&renamed, 200, &[]);
    let shown = ann.get(&format!("/versions/{first}")).await.json();
    assert_eq!((&shown["filename"], &shown["status"]), (&json!("9.zip"), &json!(0)));
}

#[tokio::test]
async fn a_repository_that_does_not_offer_composer_any_more_gets_no_versions() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let path = format!("/versions/package/{one}");
    let number = id(&made(&ann, &path, json!({ "name": "1.0" })).await);
    // As if its owner had taken the protocol away just before the package was numbered.
    let key = Key::Repo(REPO.parse().unwrap());
    let row: RepoRow = app.state().storage().get(&key).await.unwrap().unwrap();
    let without = RepoRow { package_types: BTreeSet::new(), ..row.clone() };
    app.state().storage().put(&key, &without).await.unwrap();
    let words = ["does not hold composer", "packageTypes"];
    expect(&put_zip(&ann, number, &zip(NAME, "1.0")).await, 400, &words);
    expect(&ann.post_json(&path, &json!({ "name": "1.1" })).await, 400, &words);
    app.state().storage().put(&key, &row).await.unwrap();
    assert_eq!(versions(&ann, NAME).await, Vec::<String>::new());
}
