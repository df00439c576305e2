//! Publishing what has been published before.

use granary_testing::npm::NpmPackage;

use super::support::{at, keys, packument, private, publish, publish_all};

#[tokio::test]
async fn the_same_bytes_again_are_a_success_that_changes_nothing() {
    let (app, ann) = private().await;
    let package = NpmPackage::new("pad", "1.0.0");
    publish(&ann, &package).await;
    let (before, document) = (app.check_consistency("libs").await, packument(&ann, "pad").await);
    app.clock.advance_millis(5_000);
    for _ in 0..3 {
        // npm, pnpm and Yarn 4 repeat a PUT whose answer was a 5xx, up to four times.
        publish(&ann, &package).await;
    }
    assert_eq!(app.check_consistency("libs").await, before);
    assert_eq!(packument(&ann, "pad").await, document);
    let published =
        app.audit("repo:libs").await.iter().filter(|row| row["action"] == "package.publish").count();
    assert_eq!(published, 1);
}

#[tokio::test]
async fn a_retry_moves_no_tag_back() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "2.0.0"]).await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    assert_eq!(packument(&ann, "pad").await["dist-tags"]["latest"], "2.0.0");
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn a_repeated_publish_that_wants_another_tag_is_told_how() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "2.0.0"]).await;
    publish(&ann, &NpmPackage::new("pad", "3.0.0").tag("beta")).await;
    publish(&ann, &NpmPackage::new("pad", "3.0.0").tag("beta")).await;
    let before = app.check_consistency("libs").await;
    // Answering with a success would claim that the tag was moved.
    for (version, tag) in [("1.0.0", "old"), ("2.0.0", "beta")] {
        let response = ann.publish("libs", &NpmPackage::new("pad", version).tag(tag)).await;
        assert_eq!(response.status, 409, "{}", response.text());
        let hint = format!("npm dist-tag add pad@{version} {tag}");
        assert!(response.error().contains(&hint), "{}", response.text());
    }
    assert_eq!(app.check_consistency("libs").await, before);
}

#[tokio::test]
async fn other_bytes_are_a_conflict_in_npms_words() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    let before = app.check_consistency("libs").await;
    let response = ann.publish("libs", &NpmPackage::new("pad", "1.0.0").file("x.js", b"x")).await;
    assert_eq!(response.status, 409);
    let error = response.error();
    assert!(error.contains("You cannot publish over the previously published versions: 1.0.0"), "{error}");
    assert_eq!(response.json()["code"], "CONFLICT");
    let after = app.check_consistency("libs").await;
    assert_eq!((&after.live, after.audit, &after.waiting), (&before.live, before.audit, &before.waiting));
    let served = ann.get(&at("pad/-/pad-1.0.0.tgz")).await.body.to_vec();
    assert_eq!(served, NpmPackage::new("pad", "1.0.0").tarball(), "the first bytes stay");
}

#[tokio::test]
async fn a_deleted_version_can_never_be_published_again() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0"]).await;
    publish(&ann, &NpmPackage::new("gone", "1.0.0")).await;
    assert_eq!(ann.delete(&at("pad/-/pad-1.0.0.tgz/-rev/undefined")).await.status, 200);
    assert_eq!(ann.delete(&at("gone/-rev/undefined")).await.status, 200);
    app.settle().await;
    // Neither at once nor after years, nor with the very same bytes.
    for days in [0, 1, 400, 4_000] {
        app.clock.advance_millis(days * 86_400_000);
        for name in ["pad", "gone"] {
            for package in [NpmPackage::new(name, "1.0.0"), NpmPackage::new(name, "1.0.0").file("x.js", b"x")]
            {
                let response = ann.publish("libs", &package).await;
                assert_eq!(response.status, 409, "{name}: {}", response.text());
                let error = response.error();
                assert!(
                    error.contains("previously published versions: 1.0.0") && error.contains("unpublished"),
                    "{error}"
                );
            }
        }
    }
    publish(&ann, &NpmPackage::new("gone", "1.0.1")).await;
    assert_eq!(keys(&packument(&ann, "gone").await["versions"]), ["1.0.1"]);
    let stored = app.check_consistency("libs").await;
    assert_eq!(stored.tombstones, ["gone@1.0.0", "pad@1.0.0"]);
}

#[tokio::test]
async fn build_metadata_does_not_make_another_version() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0+a")).await;
    for version in ["1.0.0+b", "1.0.0"] {
        let response = ann.publish("libs", &NpmPackage::new("pad", version)).await;
        assert_eq!(response.status, 409, "{version}: {}", response.text());
    }
    assert_eq!(keys(&packument(&ann, "pad").await["versions"]), ["1.0.0"]);
    assert_eq!(app.check_consistency("libs").await.live, ["pad@1.0.0"]);
}
