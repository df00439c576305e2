//! Many requests at the same time.

use std::collections::BTreeSet;

use futures::future::join_all;
use granary_testing::TestApp;
use serde_json::json;

use crate::{NAME, announced, consumer, id, made, package, permit, put_zip, send, shop, versions, zip};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_given_once() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    let bodies = |index: usize| {
        [
            ("/packages".to_owned(), json!({ "name": format!("acme/p{index}") })),
            (format!("/versions/package/{one}"), json!({ "name": format!("1.{index}") })),
            ("/consumers".to_owned(), json!({ "email": "a@b" })),
            (
                "/permissions".to_owned(),
                json!({ "consumer_id": customer, "package_id": one, "version": "*" }),
            ),
        ]
    };
    for kind in 0..4 {
        let requests = (0..20).map(|index| {
            let ann = &ann;
            let (path, body) = bodies(index)[kind].clone();
            async move { id(&made(ann, &path, body).await) }
        });
        let numbers: BTreeSet<u64> = join_all(requests).await.into_iter().collect();
        assert_eq!(numbers.len(), 20, "{kind}");
    }
    let path = format!("/permissions/consumer/{customer}/package/{one}");
    assert_eq!(ann.get(&path).await.json().as_array().unwrap().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_packages_versions_or_keys_of_one_name_one_is_made() {
    let (_app, ann) = shop().await;
    let one = package(&ann, "acme/first").await;
    for (path, body) in [
        ("/packages".to_owned(), json!({ "name": NAME })),
        (format!("/versions/package/{one}"), json!({ "name": "1.0" })),
        ("/consumers".to_owned(), json!({ "email": "a@b", "public_key": "the-same-key" })),
    ] {
        let answers = join_all((0..10).map(|_| ann.post_json(&path, &body))).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(400)), (1, 9), "{path}");
    }
    assert_eq!(ann.get("/packages").await.json().as_array().unwrap().len(), 2);
    assert_eq!(ann.get(&format!("/versions/package/{one}")).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_first_packages_all_are_in_one_repository() {
    let app = TestApp::new().await;
    let ann = app.account_token("ann", &["admin"]).await;
    let requests = (0..8).map(|index| {
        let ann = &ann;
        async move { made(ann, "/packages", json!({ "name": format!("acme/p{index}") })).await }
    });
    let repos: BTreeSet<String> =
        join_all(requests).await.iter().map(|made| made["repo_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(repos.into_iter().collect::<Vec<_>>(), ["ann-composer"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_confirmed_once_by_many() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let bytes = zip(NAME, "1.0");
    let version = made(&ann, &format!("/versions/package/{one}"), announced("1.0", &bytes)).await;
    assert_eq!(send(&version, &bytes).await, 200);
    let path = format!("/versions/{}/confirm", id(&version));
    let confirmations = join_all((0..5).map(|_| ann.request("POST", &path, &[], ""))).await;
    for response in &confirmations {
        assert_eq!(response.status, 200, "{}", response.text());
    }
    let puts = join_all((0..5).map(|_| put_zip(&ann, id(&version), &bytes))).await;
    assert!(puts.iter().all(|response| response.status == 200));
    assert_eq!(versions(&ann, NAME).await, ["1.0"]);
    let audit = app.audit("repo:shop").await;
    assert_eq!(audit.iter().filter(|row| row["action"] == "package.publish").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permissions_that_move_are_never_lost() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let ((a, _), (b, _)) = (consumer(&app, &ann).await, consumer(&app, &ann).await);
    let mut permissions = Vec::new();
    for _ in 0..6 {
        permissions.push(permit(&ann, a, one, "1.*").await);
    }
    let moves = permissions.iter().map(|permission| {
        let (ann, path) = (&ann, format!("/permissions/{permission}"));
        async move { ann.patch_json(&path, &json!({ "consumer_id": b })).await.status }
    });
    assert_eq!(join_all(moves).await, [200; 6]);
    for (number, expected) in [(a, 0), (b, 6)] {
        let listed = ann.get(&format!("/consumers/{number}/packages/{one}")).await.json();
        assert_eq!(listed.as_array().unwrap().len(), expected);
    }
}
