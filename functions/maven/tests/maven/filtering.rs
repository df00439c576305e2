//! Filtering and then rendering is rendering what is left.

use granary_testing::{Actor, TestApp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::support::{
    artifact_metadata, build_file, file, jar, key, pom, private, publish, publish_version, xml,
};

/// Versions in an order of their own.
const VERSIONS: [&str; 9] =
    ["1.0-alpha-1", "1.0-rc1", "1.0", "1.0.1", "1.1-SNAPSHOT", "1.9", "1.10", "2.0-SNAPSHOT", "2.0"];

/// One published version: its place, whether its POM comes as well, whether customers get it.
type Published = (usize, bool, bool);

fn plan() -> impl Strategy<Value = Vec<Published>> {
    let places: Vec<usize> = (0..VERSIONS.len()).collect();
    subsequence(places, 1..=VERSIONS.len()).prop_shuffle().prop_flat_map(|places| {
        let length = places.len();
        (Just(places), vec(prop::bool::weighted(0.7), length), vec(any::<bool>(), length)).prop_map(
            |(places, whole, sold)| {
                let all = places.into_iter().zip(whole).zip(sold);
                all.map(|((place, whole), sold)| (place, whole, sold)).collect()
            },
        )
    })
}

async fn publish_one(ann: &Actor, version: &str, whole: bool) {
    let build = "20261122.025620-1";
    match (version.ends_with("SNAPSHOT"), whole) {
        (false, true) => publish_version(ann, version).await,
        (false, false) => publish(ann, &file(version, ".jar"), jar(version)).await,
        (true, _) => {
            publish(ann, &build_file(version, build, ".jar"), jar(version)).await;
            if whole {
                publish(ann, &build_file(version, build, ".pom"), pom(version)).await;
            }
        }
    }
}

async fn published(plan: &[Published], when: impl Fn(&Published) -> bool) -> (TestApp, Actor) {
    let (app, ann) = private().await;
    for version in plan.iter().filter(|version| when(version)) {
        publish_one(&ann, VERSIONS[version.0], version.1).await;
    }
    (app, ann)
}

async fn filtered_is_rendered_of_the_rest(plan: &[Published]) {
    // Time stands still, so both documents were changed at the same time.
    let (app, _ann) = published(plan, |_| true).await;
    for (place, _, sold) in plan {
        app.hide_version(&key(), VERSIONS[*place], !*sold).await;
    }
    let customer = app.licence("ann", &["com.example:hello-lib"], |_| ()).await.actor;
    if plan.iter().all(|version| !version.2) {
        assert_eq!(customer.get(&artifact_metadata()).await.status, 404);
        return;
    }
    let (_app, owner) = published(plan, |version| version.2).await;
    let (here, there) = (xml(&customer, &artifact_metadata()).await, xml(&owner, &artifact_metadata()).await);
    assert_eq!(here, there, "{plan:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filtering_then_rendering_is_rendering_the_filtered_set(plan in plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(filtered_is_rendered_of_the_rest(&plan));
    }
}
