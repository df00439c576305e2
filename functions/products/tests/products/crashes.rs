//! Processes that die, and calls that go wrong without a second attempt.

use granary_testing::products::ApiCaller;
use granary_testing::{Mishap, TestApp, TestResponse};

use crate::consistency::Checks as _;
use crate::{NAME, sent, stocked};

/// Lets each call of a request go wrong in each way; then the stores agree, and the client's second attempt succeeds.
async fn every_mishap<P, F>(
    prepare: impl AsyncFn() -> (TestApp, ApiCaller, P),
    request: impl Fn(ApiCaller, P) -> F,
    settled: impl Fn(&TestResponse) -> bool,
) where
    P: Clone,
    F: Future<Output = TestResponse> + Send + 'static,
{
    let (app, admin, place) = prepare().await;
    app.probe.reset();
    let response = request(admin, place).await;
    assert!(response.status < 300, "{}", response.text());
    let calls = app.probe.count();
    assert!(calls > 3);
    for mishap in Mishap::ALL {
        for nth in 1..=calls {
            let (app, admin, place) = prepare().await;
            let response = app.suffer(nth, mishap, request(admin.clone(), place.clone())).await;
            if let Some(response) = response {
                assert!(
                    response.status < 300 || response.status == 503,
                    "{nth} {mishap:?} {}",
                    response.text()
                );
            }
            app.check_product("ann", NAME).await;
            let again = app.restarted();
            let again = request(again.api(admin.secret()), place).await;
            assert!(settled(&again), "{nth} {mishap:?}: {} {}", again.status, again.text());
            app.check_product("ann", NAME).await;
            // Whatever was left behind goes, and nothing else does.
            app.settle().await;
            app.clock.advance_millis(25 * 3_600_000);
            app.sweep().await;
            granary_events::sweep_uploads(app.state()).await.unwrap();
            let kept = app.check_product("ann", NAME).await;
            let live = kept.map_or(0, |kept| kept.live.len());
            assert_eq!(app.blobs().await.len(), live, "{nth} {mishap:?}");
            let staged = app.state().storage().list_objects("staging/", None).await.unwrap();
            assert!(staged.is_empty(), "{nth} {mishap:?} {staged:?}");
            assert!(app.outbox().await.is_empty(), "{nth} {mishap:?}");
            // Nothing counts as held that nobody holds.
            let deleted = admin.delete(&format!("/api/product/delete/{NAME}")).await;
            assert!([204, 404].contains(&deleted.status), "{nth} {mishap:?}: {}", deleted.text());
            app.settle().await;
            app.clock.advance_millis(2 * 3_600_000);
            app.sweep().await;
            assert_eq!(app.blobs().await.len(), 0, "{nth} {mishap:?}");
        }
    }
}

#[tokio::test]
async fn an_upload_that_dies_is_whole_or_not_there() {
    let prepare = async || {
        let (app, admin) = stocked().await;
        (app, admin, ())
    };
    let request = |admin: ApiCaller, ()| async move { admin.upload(NAME, "1", b"hello").await };
    // It may have gone well before it died.
    let settled = |again: &TestResponse| again.status == 201 || again.text().contains("with this very file");
    every_mishap(prepare, request, settled).await;
}

#[tokio::test]
async fn a_confirmation_that_dies_is_made_good_by_the_next() {
    let prepare = async || {
        let (app, admin) = stocked().await;
        let upload = sent(&admin, "1", b"hello").await;
        (app, admin, upload)
    };
    let request = |admin: ApiCaller, upload: String| async move { admin.confirm(&upload).await };
    every_mishap(prepare, request, |again| [200, 201].contains(&again.status)).await;
}

#[tokio::test]
async fn a_deletion_that_dies_is_made_good_by_the_next() {
    let prepare = async || {
        let (app, admin) = stocked().await;
        assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 201);
        (app, admin, ())
    };
    let request =
        |admin: ApiCaller, ()| async move { admin.delete(&format!("/api/product/delete/{NAME}")).await };
    every_mishap(prepare, request, |again| [204, 404].contains(&again.status)).await;
}

#[tokio::test]
async fn a_removal_that_dies_is_made_good_by_the_next() {
    let prepare = async || {
        let (app, admin) = stocked().await;
        assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 201);
        (app, admin, ())
    };
    let request =
        |admin: ApiCaller, ()| async move { admin.delete(&format!("/api/product/delete/{NAME}/1")).await };
    every_mishap(prepare, request, |again| [204, 400].contains(&again.status)).await;
}

/// The one who confirmed has died, and nobody asks again: the sweep finishes it.
#[tokio::test]
async fn a_confirmation_that_dies_is_finished_without_its_client() {
    let (app, admin) = stocked().await;
    let upload = sent(&admin, "1", b"hello").await;
    app.probe.reset();
    let (client, id) = (admin.clone(), upload.clone());
    // Six calls come before the version's bytes are read: token, body of the handover, product, size, beginning, version.
    let died = app.suffer(7, Mishap::Killed, async move { client.confirm(&id).await }).await;
    assert!(died.is_none());
    assert!(app.check_product("ann", NAME).await.unwrap().live.is_empty());
    app.clock.advance_millis(10 * 60_000);
    app.sweep().await;
    assert_eq!(app.check_product("ann", NAME).await.unwrap().live, ["1"]);
    assert_eq!(admin.confirm(&upload).await.status, 200);
}
