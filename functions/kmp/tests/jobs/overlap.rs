//! Two builds of one package that are published at the same time.

use std::future::poll_fn;
use std::task::Poll;

use granary_kmp::results::publish;
use granary_model::kmp::BuildStatus;
use serde_json::json;

use super::support::Place;

/// How many calls lie between two places at which a publish is held.
const STRIDE: usize = 3;

/// Publishes `other` when `held` has made a number of calls, and then the rest of `held`. Whether it made so many.
async fn publish_within(place: &Place, held: &str, other: &str, calls: usize) -> bool {
    let held = place.build_of(held, |_| {}).await;
    place.handed_over(&held).await;
    let other = place.build_of(other, |_| {}).await;
    place.handed_over(&other).await;
    let (work, row) = (place.app.state().kmp_work(), place.read(&held).await);
    let probe = &place.app.probe;
    probe.reset();
    let mut publishing = Box::pin(publish(&work, &row));
    let has_ended = poll_fn(|context| match publishing.as_mut().poll(context) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if probe.count() >= calls => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    let was_held = has_ended.is_none();
    let published = place.go_on(&other).await;
    assert_eq!(published.status, BuildStatus::Success, "{published:?}");
    match has_ended {
        Some(ended) => ended.unwrap(),
        None => publishing.await.unwrap(),
    }
    let published = place.go_on(&held).await;
    assert_eq!(published.status, BuildStatus::Success, "{published:?}");
    was_held
}

/// Whichever of them is decided upon first, and wherever the other one comes in between.
#[tokio::test]
async fn tags_never_go_back() {
    let place = Place::new().await;
    let mut held = 0;
    for round in 1..100 {
        // Builds of one version after the other, of which one comes in between at another call each time.
        let (lower, higher) = (format!("{round}.9.0"), format!("{}.0.0", round + 1));
        let was_held = Box::pin(publish_within(&place, &lower, &higher, 1 + held * STRIDE)).await;
        assert_eq!(place.packument().await["dist-tags"]["latest"], higher, "{held}");
        if !was_held {
            break;
        }
        held += 1;
    }
    assert!(held > 3, "{held}");
    // The other way round, and pre-releases.
    let calls = held * STRIDE / 2;
    Box::pin(publish_within(&place, "201.0.0", "200.0.0", calls)).await;
    Box::pin(publish_within(&place, "300.0.0-rc1", "300.0.0-rc2", calls)).await;
    let tags = place.packument().await["dist-tags"].clone();
    assert_eq!(tags, json!({ "latest": "201.0.0", "next": "300.0.0-rc2" }));
}
