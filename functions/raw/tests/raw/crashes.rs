//! A failure at every storage call: nothing half there, and a retry succeeds.

use granary_testing::probe::{Fault, Target};

use crate::support::{at, put, usage, with};

#[tokio::test]
async fn an_upload_that_fails_anywhere_can_be_repeated() {
    for fault in [Fault::Refuse, Fault::LoseAnswer] {
        for nth in 1..=6 {
            let (app, ann) = with("private").await;
            assert_eq!(put(&ann, "a/1/first", "1").await.status, 201);
            app.settle().await;
            app.probe.reset();
            app.probe.inject(Target::any(nth), fault);
            let response = put(&ann, "a/1/f", "bytes").await;
            app.probe.reset();
            let visible = ann.get(&at("a/1/f")).await;
            if response.status == 201 {
                assert_eq!(visible.text(), "bytes", "{fault:?} {nth}");
            } else {
                assert_eq!(response.status, 503, "{fault:?} {nth}: {}", response.text());
                assert!(matches!(visible.status, 200 | 404));
            }
            assert_eq!(put(&ann, "a/1/f", "bytes").await.status, 201, "{fault:?} {nth}");
            assert_eq!(ann.get(&at("a/1/f")).await.text(), "bytes", "{fault:?} {nth}");
            assert_eq!(usage(&app).await, (6, 1, 1), "{fault:?} {nth}");
            assert_eq!(ann.get(&at("a")).await.json()["versions"][0]["files"], 2, "{fault:?} {nth}");
        }
    }
}
