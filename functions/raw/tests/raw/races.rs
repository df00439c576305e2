//! Many at once.

use futures::future::join_all;

use crate::support::{at, put, usage, with};

#[tokio::test]
async fn of_twenty_contents_for_one_name_one_wins() {
    let (app, ann) = with("private").await;
    let attempts = (0..20).map(|n| {
        let ann = ann.clone();
        async move { put(&ann, "a/1/f", format!("content {n:02}")).await.status }
    });
    let mut statuses = join_all(attempts).await;
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    let first = ann.get(&at("a/1/f")).await.text();
    assert!(first.starts_with("content "));
    assert_eq!(usage(&app).await, (10, 1, 1));
}

#[tokio::test]
async fn files_and_versions_added_together_are_all_there() {
    let (app, ann) = with("private").await;
    let attempts = (0..24).map(|n| {
        let ann = ann.clone();
        async move { put(&ann, &format!("a/{}/f{n}", n % 3), format!("{n:03}")).await.status }
    });
    assert!(join_all(attempts).await.iter().all(|status| *status == 201));
    let list = ann.get(&at("a")).await.json();
    for version in list["versions"].as_array().unwrap() {
        assert_eq!((version["files"].as_u64(), version["size"].as_u64()), (Some(8), Some(24)));
    }
    assert_eq!(usage(&app).await, (72, 3, 1));
}

#[tokio::test]
async fn two_deletions_of_the_last_two_files_leave_no_empty_version() {
    let (app, ann) = with("private").await;
    put(&ann, "a/1/f", "f").await;
    put(&ann, "a/1/g", "g").await;
    let (first, second) = (at("a/1/f"), at("a/1/g"));
    let (f, g) = tokio::join!(ann.delete(&first), ann.delete(&second));
    assert_eq!((f.status, g.status), (200, 200));
    assert_eq!(ann.get(&at("a")).await.status, 404);
    assert_eq!(usage(&app).await, (0, 0, 0));
}
