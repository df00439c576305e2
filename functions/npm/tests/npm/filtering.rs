//! Filtering and then rendering is rendering what is left.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::{Value, json};

use super::support::{INSTALL, accepting, at, private};

/// Versions from the lowest to the highest.
const VERSIONS: [&str; 8] =
    ["0.9.0", "1.0.0-beta.2", "1.0.0-beta.10", "1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0"];

/// One published version: its place among [`VERSIONS`], its tag, whether customers get it.
type Published = (usize, &'static str, bool);

fn plan() -> impl Strategy<Value = Vec<Published>> {
    let places: Vec<usize> = (0..VERSIONS.len()).collect();
    subsequence(places, 1..=VERSIONS.len()).prop_shuffle().prop_flat_map(|places| {
        let length = places.len();
        let tags = vec(prop_oneof![Just("latest"), Just("next"), Just("old")], length);
        (Just(places), tags, vec(any::<bool>(), length)).prop_map(|(places, tags, sold)| {
            let both = places.into_iter().zip(tags).zip(sold);
            both.map(|((place, tag), sold)| (place, tag, sold)).collect()
        })
    })
}

fn package((place, tag, _): Published) -> NpmPackage {
    let version = VERSIONS[place];
    let mut package = NpmPackage::new("pad", version)
        .tag(tag)
        .member("description", format!("As of {version}").into())
        .member("keywords", json!([version]));
    for (_, readme) in package.files.iter_mut().filter(|(name, _)| name == "README.md") {
        *readme = format!("# Pad {version}\n").into_bytes();
    }
    package
}

/// Publishes what `when` lets through, each at its own time, whatever else is published.
async fn published(plan: &[Published], when: impl Fn(&Published) -> bool) -> (TestApp, Actor) {
    let (app, ann) = private().await;
    for version in plan {
        app.clock.advance_millis(60_000);
        if when(version) {
            let response = ann.publish("libs", &package(*version)).await;
            assert_eq!(response.status, 201, "{}", response.text());
        }
    }
    (app, ann)
}

/// The tags of a package with these versions and the tags of the whole one, worked out in another way than the
/// registry does it.
fn expected_tags(whole: &Value, sold: &[&str]) -> Value {
    let mut tags: serde_json::Map<String, Value> = whole["dist-tags"].as_object().unwrap().clone();
    tags.retain(|_, version| sold.contains(&version.as_str().unwrap()));
    if !tags.contains_key("latest") {
        let in_order = VERSIONS.iter().rev().filter(|version| sold.contains(version));
        let stable = in_order.clone().find(|version| !version.contains('-'));
        tags.insert("latest".into(), (*stable.or_else(|| in_order.clone().next()).unwrap()).into());
    }
    let sorted: std::collections::BTreeMap<String, Value> = tags.into_iter().collect();
    json!(sorted)
}

/// A document without what tells when the package as a whole was made and changed, and by whom.
fn comparable(mut document: Value) -> Value {
    let object = document.as_object_mut().unwrap();
    for name in ["_rev", "modified", "maintainers"] {
        object.shift_remove(name);
    }
    for name in ["created", "modified"] {
        object["time"].as_object_mut().unwrap().shift_remove(name);
    }
    document
}

async fn filtered_is_rendered_of_the_rest(plan: &[Published]) {
    let (app, ann) = published(plan, |_| true).await;
    let key = app.package_key("libs", "pad");
    for (place, _, sold) in plan {
        app.hide_version(&key, VERSIONS[*place], !*sold).await;
    }
    let customer = app.licence("ann", &["pad"], |_| ()).await.actor;
    let sold: Vec<&str> =
        plan.iter().filter(|version| version.2).map(|version| VERSIONS[version.0]).collect();
    if sold.is_empty() {
        let response = customer.get(&at("pad")).await;
        assert_eq!(response.status, 404, "{}", response.text());
        return;
    }
    let tags = expected_tags(&ann.get(&at("pad")).await.json(), &sold);
    // A package that only ever had these versions, with the same tags.
    let (app, owner) = published(plan, |version| version.2).await;
    app.change_head(&key, |head| {
        let tags = tags.as_object().unwrap().iter();
        head.tags = tags.map(|(tag, version)| (tag.clone(), version.as_str().unwrap().into())).collect();
    })
    .await;
    for accept in ["application/json", INSTALL] {
        let here = accepting(&customer, &at("pad"), accept).await.json();
        let there = accepting(&owner, &at("pad"), accept).await.json();
        assert_eq!(here["dist-tags"], tags);
        assert_eq!(comparable(here).to_string(), comparable(there).to_string(), "{plan:?}");
    }
    let here = customer.get(&at("-/package/pad/dist-tags")).await.json();
    assert_eq!(here, tags);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filtering_then_rendering_is_rendering_the_filtered_set(plan in plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(filtered_is_rendered_of_the_rest(&plan));
    }
}
