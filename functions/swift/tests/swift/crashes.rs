//! A failure at every storage call: nothing half there, and a retry succeeds.

use granary_model::PackageType;
use granary_testing::Mishap;
use granary_testing::swift::simple_archive;

use crate::support::{REPO, at, published, put, with};

/// Calls of a publish with one manifest, and some to spare.
const CALLS: usize = 8;

#[tokio::test]
async fn a_publish_that_fails_anywhere_can_be_repeated() {
    for mishap in Mishap::ALL {
        for nth in 1..=CALLS {
            let (app, ann) = with("private").await;
            let archive = simple_archive("x");
            let (sender, bytes) = (ann.clone(), archive.clone());
            app.probe.reset();
            put(&ann, "mona/Other/1.0.0", &archive).await;
            let calls = app.probe.count();
            app.settle().await;
            if nth > calls {
                break;
            }
            let answer = app
                .suffer(nth, mishap, async move { put(&sender, "mona/LinkedList/1.0.0", &bytes).await })
                .await;
            let seen = ann.get(&at("mona/LinkedList/1.0.0.zip")).await;
            let place = format!("{mishap:?} {nth}");
            match answer.map(|answer| answer.status) {
                Some(201) => assert_eq!(seen.body.to_vec(), archive, "{place}"),
                None | Some(503) => assert!(matches!(seen.status, 200 | 404), "{place}"),
                Some(other) => panic!("{place}: {other}"),
            }
            let again = put(&ann, "mona/LinkedList/1.0.0", &archive).await;
            assert_eq!(again.status, if seen.status == 200 { 409 } else { 201 }, "{place}: {}", again.text());
            assert_eq!(ann.get(&at("mona/LinkedList/1.0.0.zip")).await.body.to_vec(), archive, "{place}");
            assert_eq!(
                ann.get(&at("mona/LinkedList")).await.json()["releases"].as_object().unwrap().len(),
                1
            );
            app.settle().await;
            app.check_packages(REPO, PackageType::Swift).await;
        }
    }
}

#[tokio::test]
async fn a_withdrawal_that_fails_anywhere_can_be_repeated() {
    for mishap in Mishap::ALL {
        for nth in 1..=5 {
            let (app, ann) = with("private").await;
            published(&ann, "1.0.0").await;
            published(&ann, "1.1.0").await;
            app.settle().await;
            let admin = ann.clone();
            let path = at("mona/LinkedList/1.1.0");
            app.probe.reset();
            let answer = app.suffer(nth, mishap, async move { admin.delete(&path).await }).await;
            let place = format!("{mishap:?} {nth}");
            let left = ann.get(&at("mona/LinkedList/1.1.0")).await.status;
            if answer.is_some_and(|answer| answer.status == 200) {
                assert_eq!(left, 404, "{place}");
            }
            let again = ann.delete(&at("mona/LinkedList/1.1.0")).await.status;
            assert_eq!(again, if left == 200 { 200 } else { 404 }, "{place}");
            let list = ann.get(&at("mona/LinkedList")).await;
            assert!(list.json()["releases"]["1.1.0"]["problem"].is_object(), "{place}");
            assert!(list.header("link").contains("/1.0.0>; rel=\"latest-version\""), "{place}");
            app.settle().await;
            app.check_packages(REPO, PackageType::Swift).await;
        }
    }
}
