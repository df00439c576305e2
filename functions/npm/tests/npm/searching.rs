//! Search.

use granary_model::Timestamp;
use granary_storage::Key;
use granary_storage::rows::PackageEntry;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, START, TestApp};
use serde_json::{Value, json};

use super::support::{at, private, publish, publish_all};

async fn search(actor: &Actor, query: &str) -> Value {
    let response = actor.get(&at(&format!("-/v1/search?{query}"))).await;
    assert_eq!(response.status, 200, "{query}: {}", response.text());
    response.json()
}

fn names(found: &Value) -> Vec<&str> {
    found["objects"].as_array().unwrap().iter().map(|hit| hit["package"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_hyphenated_prefix_finds_exactly_the_packages_that_begin_with_it() {
    let (_app, ann) = private().await;
    for n in 0..8 {
        publish_all(&ann, &format!("e2e-srch-7f3a-{n}"), &["1.0.0"]).await;
    }
    publish_all(&ann, "e2e-srch-other", &["1.0.0"]).await;
    publish_all(&ann, "unrelated", &["1.0.0"]).await;
    let all = search(&ann, "text=e2e-srch-7f3a").await;
    assert_eq!((all["total"].as_u64(), names(&all).len()), (Some(8), 8));
    // Pages in a stable order, without gaps and without repetition.
    let mut walked: Vec<String> = Vec::new();
    for from in [0, 3, 6] {
        let page = search(&ann, &format!("text=e2e-srch-7f3a&size=3&from={from}")).await;
        assert_eq!(page["total"], 8);
        walked.extend(names(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(walked, names(&all));
    assert_eq!(names(&search(&ann, "text=e2e-srch-7f3a&from=8").await), Vec::<&str>::new());
    assert_eq!(names(&search(&ann, "text=e2e-srch-7f3a&size=0").await), Vec::<&str>::new());
}

#[tokio::test]
async fn a_hit_has_what_clients_show() {
    let (app, ann) = private().await;
    app.clock.advance_millis(5_000);
    let package = NpmPackage::new("@acme/left-pad", "1.2.0")
        .member("description", "Pads strings".into())
        .member("keywords", json!(["format", "text"]));
    publish(&ann, &package).await;
    let found =
        search(&ann, "text=left-pad&size=20&from=0&quality=0.65&popularity=0.98&maintenance=0.5").await;
    let hit = &found["objects"][0]["package"];
    assert_eq!(hit["name"], "@acme/left-pad");
    assert_eq!((&hit["version"], &hit["scope"]), (&json!("1.2.0"), &json!("acme")));
    assert_eq!((&hit["description"], &hit["keywords"]), (&json!("Pads strings"), &json!(["format", "text"])));
    assert_eq!(hit["date"], Timestamp::from_millis(START + 5_000).to_string());
    assert_eq!(hit["publisher"]["username"], "ann");
    assert!(hit["maintainers"].is_array() && hit["links"].is_object());
    assert!(
        found["objects"][0]["score"]["final"].is_number() && found["objects"][0]["searchScore"].is_number()
    );
    assert_eq!(found["time"], Timestamp::from_millis(START + 5_000).to_string());
}

#[tokio::test]
async fn what_was_published_or_deleted_is_found_or_not_at_once() {
    let (app, ann) = private().await;
    assert_eq!(search(&ann, "text=pad").await["total"], 0);
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let other = app.restarted().token(ann.secret());
    assert_eq!(search(&other, "text=pad").await["objects"][0]["package"]["version"], "1.0.0");
    publish_all(&ann, "pad", &["1.1.0"]).await;
    assert_eq!(search(&other, "text=pad").await["objects"][0]["package"]["version"], "1.1.0");
    assert_eq!(ann.delete(&at("pad/-rev/undefined")).await.status, 200);
    assert_eq!(
        search(&other, "text=pad").await,
        json!({ "objects": [], "total": 0, "time": Timestamp::from_millis(START).to_string() })
    );
}

#[tokio::test]
async fn words_and_qualifiers() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "write").await;
    let bob = app.account_token("bob", &["write"]).await;
    publish(
        &ann,
        &NpmPackage::new("@acme/left-pad", "1.0.0")
            .member("keywords", json!(["format"]))
            .member("description", "Pads strings".into()),
    )
    .await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0").member("description", "Another one".into())).await;
    publish(&bob, &NpmPackage::new("right-pad", "1.0.0").member("description", "Not left".into())).await;
    publish(&ann, &NpmPackage::new("JSONStream", "1.0.0").member("description", "Streams".into())).await;
    for (query, expected) in [
        ("text=left-pad", vec!["@acme/left-pad", "left-pad"]),
        ("text=left", vec!["@acme/left-pad", "left-pad", "right-pad"]),
        ("text=LEFT%20strings", vec!["@acme/left-pad"]),
        ("text=left+strings", vec!["@acme/left-pad"]),
        ("text=format", vec!["@acme/left-pad"]),
        ("text=keywords:format", vec!["@acme/left-pad"]),
        ("text=scope:acme", vec!["@acme/left-pad"]),
        ("text=scope:@acme%20pad", vec!["@acme/left-pad"]),
        ("text=@acme", vec!["@acme/left-pad"]),
        ("text=@acme/left-pad", vec!["@acme/left-pad"]),
        ("text=author:bob", vec!["right-pad"]),
        ("text=maintainer:bob%20pad", vec!["right-pad"]),
        ("text=jsonstream", vec!["JSONStream"]),
        ("text=nothing", vec![]),
    ] {
        assert_eq!(names(&search(&ann, query).await), expected, "{query}");
    }
    assert_eq!(search(&ann, "text=").await["total"], 4, "no words fit everything");
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let (_app, ann) = private().await;
    let long = format!("text={}", "x".repeat(251));
    for query in ["", "size=20", "text=x&size=many", "text=x&from=-1", "text=x&size=-1", &long] {
        let response = ann.get(&at(&format!("-/v1/search?{query}"))).await;
        assert_eq!(response.status, 400, "{query}: {}", response.text());
        assert!(!response.error().is_empty(), "{query}");
    }
}

#[tokio::test]
async fn a_page_has_at_most_250_hits() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    // Rows of the list as publishing writes them; three hundred publishes would take long.
    for n in 0..300 {
        let name = format!("pad-{n:03}");
        let entry = PackageEntry {
            name: name.clone(),
            latest: Some("1.0.0".into()),
            description: None,
            keywords: Vec::new(),
            versions: 1,
            updated_at: Timestamp::from_millis(START),
            publisher: "ann".into(),
        };
        app.state().storage().put(&Key::PackageOf(app.package_key("libs", &name)), &entry).await.unwrap();
    }
    let found = search(&ann, "text=pad&size=100000").await;
    assert_eq!((found["total"].as_u64(), names(&found).len()), (Some(300), 250));
    assert_eq!(names(&search(&ann, "text=pad").await).len(), 20, "the default");
    assert_eq!(names(&search(&ann, "text=pad&size=250&from=250").await).len(), 50);
    assert_eq!(names(&search(&ann, "text=pad&from=18446744073709551615").await).len(), 0);
}

#[tokio::test]
async fn search_shows_packages_of_this_repository_only() {
    let (app, ann) = private().await;
    let other = app.npm_repo("ann", "other", "public").await;
    publish_all(&ann, "secret-pad", &["1.0.0"]).await;
    assert_eq!(other.publish("other", &NpmPackage::new("open-pad", "1.0.0")).await.status, 201);
    let path = "/api/npm/other/-/v1/search?text=pad";
    assert_eq!(names(&app.anonymous().get(path).await.json()), ["open-pad"]);
    assert_eq!(names(&ann.get(path).await.json()), ["open-pad"]);
    assert_eq!(app.anonymous().get(&at("-/v1/search?text=pad")).await.status, 401);
}
