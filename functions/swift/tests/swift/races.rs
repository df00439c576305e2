//! Many at once.

use futures::future::join_all;
use granary_model::PackageType;
use granary_testing::swift::simple_archive;

use crate::support::{REPO, at, problem, put, with};

#[tokio::test]
async fn of_32_publishes_of_one_release_one_wins() {
    let (app, ann) = with("private").await;
    let attempts = (0..32).map(|n| {
        let ann = ann.clone();
        // Half of them with the same bytes.
        async move { put(&ann, "mona/LinkedList/1.0.0", &simple_archive(&format!("{}", n / 2))).await }
    });
    let answers = join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        problem(answer, 409);
    }
    app.settle().await;
    let stored = app.check_packages(REPO, PackageType::Swift).await;
    assert_eq!(stored.live, ["mona.LinkedList@1.0.0"]);
}

#[tokio::test]
async fn releases_published_together_are_all_listed() {
    let (app, ann) = with("private").await;
    let attempts = (0..16).map(|n| {
        let ann = ann.clone();
        let name = if n % 2 == 0 { "mona/LinkedList" } else { "MONA/linkedlist" };
        async move { put(&ann, &format!("{name}/1.{n}.0"), &simple_archive(&n.to_string())).await.status }
    });
    assert!(join_all(attempts).await.iter().all(|status| *status == 201));
    let list = ann.get(&at("mona/linkedlist")).await;
    let order: Vec<String> = list.json()["releases"].as_object().unwrap().keys().cloned().collect();
    let expected: Vec<String> = (0..16).rev().map(|n| format!("1.{n}.0")).collect();
    assert_eq!(order, expected);
    assert!(list.header("link").contains("/1.15.0>; rel=\"latest-version\""), "{}", list.header("link"));
    app.check_packages(REPO, PackageType::Swift).await;
}

#[tokio::test]
async fn the_latest_version_is_right_whoever_comes_first() {
    for round in 0..8 {
        let (app, ann) = with("private").await;
        put(&ann, "mona/LinkedList/1.0.0", &simple_archive("1")).await;
        put(&ann, "mona/LinkedList/2.0.0", &simple_archive("2")).await;
        let (second, third) = (at("mona/LinkedList/2.0.0"), simple_archive("3"));
        let (withdrawn, published) =
            tokio::join!(ann.delete(&second), put(&ann, "mona/LinkedList/3.0.0", &third));
        assert_eq!((withdrawn.status, published.status), (200, 201), "{round}");
        let list = ann.get(&at("mona/LinkedList")).await;
        assert!(list.header("link").contains("/3.0.0>; rel=\"latest-version\""), "{}", list.header("link"));
        assert!(list.json()["releases"]["2.0.0"]["problem"].is_object());
        app.settle().await;
        app.check_packages(REPO, PackageType::Swift).await;
    }
}
