//! Withdrawn releases: listed, not to be had, never replaced.

use granary_model::PackageType;
use granary_testing::swift::simple_archive;

use crate::support::{REPO, at, problem, published, put, related, url, usage, with};

#[tokio::test]
async fn a_withdrawn_release_stays_listed_with_its_reason() {
    let (app, ann) = with("private").await;
    for version in ["1.0.0", "1.1.0+Linux", "1.2.0"] {
        published(&ann, version).await;
    }
    let response = ann.delete(&at("mona/linkedlist/1.1.0+linux?reason=Leaks%20a%20key")).await;
    assert_eq!((response.status, response.header("content-version")), (200, "1"), "{}", response.text());
    let list = ann.get(&at("mona/LinkedList")).await;
    let releases = list.json()["releases"].clone();
    assert_eq!(
        releases["1.1.0+Linux"],
        serde_json::json!({ "problem": { "status": 410, "title": "Gone", "detail": "Leaks a key" } })
    );
    assert!(releases["1.0.0"]["url"].is_string());
    for path in ["1.1.0+Linux", "1.1.0+Linux.json", "1.1.0+Linux.zip", "1.1.0+Linux/Package.swift"] {
        problem(&ann.get(&at(&format!("mona/LinkedList/{path}"))).await, 404);
    }
    for version in ["1.1.0+Linux", "1.1.0", "1.1.0+other"] {
        let again = put(&ann, &format!("mona/LinkedList/{version}"), &simple_archive("other")).await;
        assert!(problem(&again, 409).contains("withdrawn"));
    }
    problem(&ann.delete(&at("mona/LinkedList/1.1.0+Linux")).await, 404);
    // Neighbours look past it.
    let last = ann.get(&at("mona/LinkedList/1.2.0")).await;
    assert_eq!(related(&last, "predecessor-version"), [url("mona/LinkedList/1.0.0")]);
    app.settle().await;
    let stored = app.check_packages(REPO, PackageType::Swift).await;
    assert_eq!(stored.tombstones, ["mona.LinkedList@1.1.0"]);
    assert!(app.audit(&format!("repo:{REPO}")).await.iter().any(|row| row["action"] == "package.withdraw"));
}

#[tokio::test]
async fn the_latest_version_falls_back_and_may_be_none() {
    let (app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    published(&ann, "2.0.0").await;
    let no_such = ann.delete(&at("mona/LinkedList/2.0.0+x")).await;
    problem(&no_such, 404);
    assert_eq!(ann.delete(&at("mona/LinkedList/2.0.0")).await.status, 200);
    let list = ann.get(&at("mona/LinkedList")).await;
    assert_eq!(related(&list, "latest-version"), [url("mona/LinkedList/1.0.0")]);
    let packages = ann.get(&format!("/api/repos/{REPO}/packages")).await.json();
    assert!(packages.to_string().contains("\"1.0.0\""), "{packages}");
    assert_eq!(ann.delete(&at("mona/LinkedList/1.0.0")).await.status, 200);
    app.settle().await;
    let list = ann.get(&at("mona/LinkedList")).await;
    assert_eq!(list.json()["releases"].as_object().unwrap().len(), 2);
    assert!(related(&list, "latest-version").is_empty());
    assert_eq!(usage(&app).await, (0, 0, 0));
    // And it goes on.
    published(&ann, "3.0.0").await;
    let list = ann.get(&at("mona/LinkedList")).await;
    assert_eq!(related(&list, "latest-version"), [url("mona/LinkedList/3.0.0")]);
}

#[tokio::test]
async fn reasons_are_one_line() {
    let (_app, ann) = with("private").await;
    published(&ann, "1.0.0").await;
    for reason in ["a%0Ab", &"x".repeat(201)] {
        problem(&ann.delete(&at(&format!("mona/LinkedList/1.0.0?reason={reason}"))).await, 400);
    }
    assert_eq!(ann.get(&at("mona/LinkedList/1.0.0")).await.status, 200);
}

#[tokio::test]
async fn a_deleted_repository_leaves_nothing_behind() {
    let (app, ann) = with("private").await;
    let metadata = r#"{"repositoryURLs":["https://example.com/mona/LinkedList"]}"#;
    for n in 0..25 {
        let form =
            granary_testing::swift::PublishForm::new(&simple_archive(&n.to_string())).metadata(metadata);
        assert_eq!(form.put(&ann, &at(&format!("mona/LinkedList/1.{n}.0+b"))).await.status, 201);
    }
    ann.delete(&at("mona/LinkedList/1.3.0+b")).await;
    app.settle().await;
    // Bytes are kept as long as the publish that brought them could still be under way.
    app.clock.advance_millis(granary_storage::publishing::CLAIM_MILLIS + 1);
    granary_events::sweep(app.state(), true).await.unwrap();
    let deleted = app.user("ann").delete(&format!("/api/repos/{REPO}")).await;
    assert!(deleted.status < 300, "{}", deleted.text());
    app.settle().await;
    assert!(app.blobs().await.is_empty());
    let ann = app.repo("ann", REPO, &["swift"], "private").await;
    problem(&ann.get(&at("mona/LinkedList")).await, 404);
    problem(&ann.get(&at("identifiers?url=https://example.com/mona/LinkedList")).await, 404);
    assert_eq!(put(&ann, "mona/LinkedList/1.3.0", &simple_archive("new")).await.status, 201);
}

#[tokio::test]
async fn a_release_with_all_the_manifests_it_can_have_comes_and_goes() {
    let (app, ann) = with("private").await;
    let text = |n: usize| format!("// swift-tools-version:5.{n}\nlet n = {n}\n");
    let mut entries = vec![("L/Package.swift".to_owned(), text(30))];
    entries.extend((0..15).map(|n| (format!("L/Package@swift-5.{n}.swift"), text(n))));
    let archive = |entries: &[(String, String)]| {
        let entries: Vec<(&str, &str)> =
            entries.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        granary_testing::swift::source_archive(&entries)
    };
    let urls: Vec<String> = (0..20).map(|n| format!("https://example.com/mona/{n}")).collect();
    let metadata = serde_json::json!({ "repositoryURLs": urls }).to_string();
    let form = granary_testing::swift::PublishForm::new(&archive(&entries)).metadata(&metadata);
    let response = form.put(&ann, &at("mona/LinkedList/1.0.0")).await;
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(related(&ann.get(&at("mona/LinkedList/1.0.0/Package.swift")).await, "alternate").len(), 15);
    entries.push(("L/Package@swift-5.15.swift".to_owned(), text(15)));
    problem(&put(&ann, "mona/LinkedList/1.0.1", &archive(&entries)).await, 422);
    assert_eq!(ann.delete(&at("mona/LinkedList/1.0.0")).await.status, 200);
    problem(&ann.get(&at("identifiers?url=https://example.com/mona/7")).await, 404);
    app.settle().await;
    app.check_packages(REPO, PackageType::Swift).await;
    assert_eq!(usage(&app).await, (0, 0, 0));
}
