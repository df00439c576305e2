//! Nobody ever sees one of the two packages without the other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use granary_model::kmp::BuildStatus;

use super::support::Place;

#[tokio::test]
async fn readers_that_look_all_the_time_see_both_or_neither() {
    let place = Place::new().await;
    let is_over = AtomicBool::new(false);
    let (looks, both) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let versions: Vec<String> = (1..=6).map(|minor| format!("1.{minor}.0")).collect();
    // What is seen after the first one must be there as well, whichever of them is looked for first.
    let look = async |npm_first: bool| {
        while !is_over.load(Ordering::Relaxed) {
            for version in &versions {
                let (first, second) = if npm_first {
                    let first = place.sees_npm(version).await;
                    (first, place.sees_swift(version).await)
                } else {
                    let first = place.sees_swift(version).await;
                    (first, place.sees_npm(version).await)
                };
                assert!(!first || second, "{version}, npm first: {npm_first}");
                looks.fetch_add(1, Ordering::Relaxed);
                both.fetch_add(usize::from(first && second), Ordering::Relaxed);
            }
            tokio::task::yield_now().await;
        }
    };
    let publish = async {
        for version in &versions {
            let build = place.build_of(version, |_| {}).await;
            place.handed_over(&build).await;
            assert_eq!(place.go_on(&build).await.status, BuildStatus::Success);
        }
        is_over.store(true, Ordering::Relaxed);
    };
    futures::join!(look(true), look(false), look(true), look(false), publish);
    let (looks, both) = (looks.into_inner(), both.into_inner());
    assert!(both > 20 && looks > both, "{both} of {looks}");
}
