//! The packages of a repository.

use granary_model::PackageType;
use granary_testing::TestApp;
use serde_json::json;

use super::settings::list_package;
use super::*;

#[tokio::test]
async fn packages_come_in_pages_and_none_twice() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    assert_eq!(ann.get("/api/repos/libs/packages").await.json(), json!({ "packages": [] }));
    let mut expected = Vec::new();
    for n in 0..9 {
        list_package(&app, "libs", PackageType::Npm, &format!("@s/pkg-{n}")).await;
        expected.push(json!(format!("npm:@s/pkg-{n}")));
    }
    list_package(&app, "libs", PackageType::Raw, "tool").await;
    expected.push(json!("raw:tool"));
    let all = ann.get("/api/repos/libs/packages").await;
    expect(&all, 200);
    assert_eq!(column(&all, "packages", "id"), expected);
    assert!(all.json().get("next").is_none());
    assert_eq!(all.json()["packages"][0]["downloadCount"], 7);

    let (mut seen, mut query) = (Vec::new(), "limit=4".to_owned());
    for round in 0..10 {
        let page = ann.get(&format!("/api/repos/libs/packages?{query}")).await;
        seen.extend(column(&page, "packages", "id"));
        // What is published meanwhile in front of the page moves nothing.
        list_package(&app, "libs", PackageType::Npm, &format!("@a/new-{round}")).await;
        match page.json()["next"].as_str() {
            Some(next) => query = format!("limit=4&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_cursor_opens_no_other_repository() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let bob = repo(&app, "bob", "bobs").await;
    for name in ["a", "b"] {
        list_package(&app, "libs", PackageType::Npm, name).await;
        list_package(&app, "bobs", PackageType::Npm, name).await;
    }
    let page = ann.get("/api/repos/libs/packages?limit=1").await.json();
    let cursor = page["next"].as_str().unwrap();
    expect(&bob.get(&format!("/api/repos/libs/packages?cursor={cursor}")).await, 404);
    let own = bob.get(&format!("/api/repos/bobs/packages?cursor={cursor}")).await;
    assert_eq!(column(&own, "packages", "name"), ["b"]);
    // Forged: `UkVQTyM` is `REPO#`, `9I-_vw` the last character there is. They go on somewhere in this list or behind it.
    for (forged, rows) in [("UkVQTyM", vec!["a", "b"]), ("9I-_vw", vec![])] {
        let page = ann.get(&format!("/api/repos/libs/packages?cursor={forged}")).await;
        assert_eq!(column(&page, "packages", "name"), rows, "{forged}");
    }
    let too_long = format!("cursor={}", "eHh4".repeat(400));
    for bad in ["cursor=%00", "cursor=ab%2Bcd", "limit=-1", "limit=9&limit=8", &too_long] {
        expect(&ann.get(&format!("/api/repos/libs/packages?{bad}")).await, 400);
    }
}
