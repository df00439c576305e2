//! Deleted products: everything of them goes, and nothing else.

use futures::future::join_all;
use granary_events::{Progress, handle, sweep_blobs};
use granary_storage::rows::{Event, OutboxRow};
use granary_testing::{Actor, TestApp};
use serde_json::json;

use super::shelf::{
    check_package, download, holders, new_product, package_of, product_row, upload, uploaded, user_tenant,
    versions_of,
};
use super::support::{CLAIM, Interruption, lose_messages, sweep_all, waiting};

/// Bytes that a version has in common with a package.
const SHARED: &[u8] = b"shared";

fn is_deletion(event: &Event) -> bool {
    matches!(event, Event::ProductDeleted { .. })
}

/// A product of `ann` with `live` versions, two that hold the same bytes as a package, and one that was deleted.
struct Filled {
    app: TestApp,
    ann: Actor,
    uid: String,
}

impl Filled {
    async fn new(live: usize) -> Self {
        let app = TestApp::new().await;
        let ann = app.account_token("ann", &["admin"]).await;
        new_product(&ann, "tool").await;
        for n in 0..live {
            uploaded(&ann, "tool", &format!("1.{n}"), format!("bytes {n}").as_bytes()).await;
        }
        uploaded(&ann, "tool", "shared", SHARED).await;
        uploaded(&ann, "tool", "shared-too", SHARED).await;
        uploaded(&ann, "tool", "gone", b"gone").await;
        assert_eq!(ann.delete("/api/product/delete/tool/gone").await.status, 204);
        let ann = package_of(&app, SHARED).await;
        assert_eq!(holders(&app, SHARED).await, Some(3));
        let uid = product_row(&app, &user_tenant("ann"), "tool").await.uid;
        assert_eq!(versions_of(&app, &uid).await, live + 3);
        Self { app, ann, uid }
    }

    /// Deletes it and gives its event, of which no message comes.
    async fn deleted(&self) -> OutboxRow {
        let deleted = self.ann.delete("/api/product/delete/tool").await;
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        lose_messages(&self.app).await;
        self.app.outbox().await.into_iter().find(|row| is_deletion(&row.event)).unwrap()
    }

    /// Lets claims expire, follows up what waits, and looks whether all is gone but the package.
    async fn check_gone(&self, what: &str) {
        for _ in 0..2 {
            self.app.clock.advance_millis(CLAIM);
            assert_eq!(sweep_all(&self.app).await.failed, 0, "{what}");
        }
        assert_eq!(versions_of(&self.app, &self.uid).await, 0, "{what}");
        assert_eq!(waiting(&self.app, |_| true).await, 0, "{what}: {:?}", self.app.outbox().await);
        check_package(&self.app, &self.ann, SHARED, what).await;
        assert_eq!(sweep_blobs(&self.app.state().clone()).await.unwrap(), 0, "{what}");
    }
}

#[tokio::test]
async fn everything_of_a_deleted_product_goes_and_its_name_is_free_at_once() {
    // More than go in one transaction.
    let filled = Filled::new(50).await;
    let (app, ann) = (&filled.app, &filled.ann);
    assert_eq!(ann.delete("/api/product/delete/tool").await.status, 204);
    new_product(ann, "tool").await;
    uploaded(ann, "tool", "1.0", b"another").await;
    uploaded(ann, "tool", "gone", b"another").await;
    assert_eq!(download(ann, "tool", "1.1").await, 400, "it was the other product's");
    app.settle().await;
    assert_eq!(versions_of(app, &filled.uid).await, 0);
    assert_eq!((download(ann, "tool", "1.0").await, download(ann, "tool", "gone").await), (200, 200));
    assert_eq!(holders(app, b"another").await, Some(2));
    assert_eq!(ann.delete("/api/product/delete/tool").await.status, 204);
    filled.check_gone("both").await;
}

#[tokio::test]
async fn clean_up_that_broke_off_anywhere_is_finished() {
    for moments in Interruption::all() {
        for moment in moments {
            let filled = Filled::new(2).await;
            let event = filled.deleted().await;
            moment.arm(&filled.app);
            let _may_fail = handle(filled.app.state(), &event).await;
            let is_reached = moment.is_reached(&filled.app);
            lose_messages(&filled.app).await;
            filled.check_gone(&format!("{moment:?}")).await;
            if !is_reached {
                assert!(
                    moment.after_commit || moment.nth > 4,
                    "a list, a removal, a list, the event: {}",
                    moment.nth
                );
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_same_event_again_and_several_at_once_release_bytes_once() {
    let filled = Filled::new(50).await;
    let event = filled.deleted().await;
    let state = filled.app.state();
    for outcome in join_all((0..4).map(|_| handle(state, &event))).await {
        assert_eq!(outcome.unwrap(), Progress::Finished);
    }
    assert_eq!(handle(state, &event).await.unwrap(), Progress::Finished);
    assert_eq!(holders(&filled.app, SHARED).await, Some(1));
    filled.check_gone("at once").await;
}

#[tokio::test]
async fn a_sweep_announces_it_again() {
    let filled = Filled::new(1).await;
    filled.deleted().await;
    let report = granary_events::sweep(filled.app.state(), true).await.unwrap();
    assert!(report.waiting > 0 && report.failed == 0, "{report:?}");
    assert!(
        versions_of(&filled.app, &filled.uid).await > 0,
        "it may take minutes, and others wait behind it"
    );
    filled.app.settle().await;
    filled.check_gone("announced").await;
}

#[tokio::test]
async fn nothing_is_uploaded_to_a_product_that_is_going() {
    let filled = Filled::new(1).await;
    filled.deleted().await;
    let late = upload(&filled.ann, "tool", "2.0", b"late").await;
    assert_eq!(late.status, 400, "{}", late.text());
    assert_eq!(filled.ann.put_json("/api/product/create", &json!({ "name": "tool" })).await.status, 201);
    filled.check_gone("late").await;
}
