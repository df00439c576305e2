//! Deleting versions: for ever.

use super::support::{
    LIB, artifact_metadata, assert_sums_fit, at, build_file, check, file, jar, listed, pom, private, publish,
    publish_build, publish_version, put, texts, xml,
};

fn directory(version: &str) -> String {
    at(&format!("{LIB}/{version}"))
}

#[tokio::test]
async fn a_deleted_version_is_gone_from_files_and_metadata_and_never_comes_back() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0"] {
        publish_version(&ann, version).await;
    }
    let response = ann.delete(&directory("1.1.0")).await;
    assert_eq!((response.status, response.body.len()), (204, 0));
    let document = xml(&ann, &artifact_metadata()).await;
    assert_eq!(texts(&document, "version"), ["1.0.0"]);
    assert_eq!(
        (texts(&document, "latest"), texts(&document, "release")),
        (vec!["1.0.0".into()], vec!["1.0.0".to_owned()])
    );
    assert_sums_fit(&ann, &artifact_metadata()).await;
    for end in [".jar", ".pom", ".jar.sha1"] {
        assert_eq!(ann.get(&file("1.1.0", end)).await.status, 404, "{end}");
    }
    for (end, body) in [(".jar", jar("1.1.0")), (".pom", pom("1.1.0").into()), (".zip", b"new".to_vec())] {
        let again = put(&ann, &file("1.1.0", end), body).await;
        assert_eq!(again.status, 409, "{end}: {}", again.text());
        assert!(again.error().contains("deleted"), "{}", again.error());
    }
    assert_eq!(
        put(&ann, &file("1.1.0", ".jar.sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d").await.status,
        409
    );
    let stored = check(&app).await;
    assert_eq!(stored.deleted, ["com.example:hello-lib@1.1.0"]);
    assert_eq!(ann.delete(&directory("1.1.0")).await.status, 404);
    app.settle().await;
    app.clock.advance_millis(3_600_001);
    app.settle().await;
    granary_events::sweep(app.state(), true).await.unwrap();
    granary_events::sweep_blobs(app.state()).await.unwrap();
    assert_eq!(check(&app).await.blobs, 2, "its bytes are gone");
    assert_eq!(
        put(&app.account_token("ann", &["write"]).await, &file("1.1.0", ".jar"), jar("1.1.0")).await.status,
        409
    );
}

#[tokio::test]
async fn the_last_version_takes_the_metadata_with_it() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    assert_eq!(ann.delete(&directory("1.0.0")).await.status, 204);
    assert_eq!(ann.get(&artifact_metadata()).await.status, 404);
    assert_eq!(ann.get(&format!("{}.sha1", artifact_metadata())).await.status, 404);
    assert_eq!(ann.get("/api/repos/libs/packages").await.json()["packages"].as_array().unwrap().len(), 0);
    publish_version(&ann, "1.0.1").await;
    assert_eq!(listed(&ann).await, ["1.0.1"]);
    check(&app).await;
}

#[tokio::test]
async fn without_the_version_with_a_pom_the_others_show_again() {
    let (app, ann) = private().await;
    publish(&ann, &file("0.9", ".jar"), jar("0.9")).await;
    publish_version(&ann, "1.0").await;
    assert_eq!(listed(&ann).await, ["1.0"]);
    assert_eq!(ann.delete(&directory("1.0")).await.status, 204);
    assert_eq!(listed(&ann).await, ["0.9"]);
    check(&app).await;
}

#[tokio::test]
async fn a_snapshot_version_goes_with_all_its_builds() {
    let (app, ann) = private().await;
    publish_build(&ann, "1.0-SNAPSHOT", "20261122.025620-1").await;
    publish_build(&ann, "1.0-SNAPSHOT", "20261122.025621-2").await;
    assert_eq!(ann.delete(&directory("1.0-SNAPSHOT")).await.status, 204);
    assert_eq!(ann.get(&at(&format!("{LIB}/1.0-SNAPSHOT/maven-metadata.xml"))).await.status, 404);
    assert_eq!(ann.get(&file("1.0-SNAPSHOT", ".jar")).await.status, 404);
    assert_eq!(ann.get(&build_file("1.0-SNAPSHOT", "20261122.025620-1", ".jar")).await.status, 404);
    app.settle().await;
    check(&app).await;
}

#[tokio::test]
async fn single_files_and_metadata_are_not_deleted() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish_build(&ann, "1.1-SNAPSHOT", "20261122.025620-1").await;
    let before = check(&app).await;
    for path in [
        file("1.0.0", ".jar"),
        file("1.0.0", ".jar.sha1"),
        build_file("1.1-SNAPSHOT", "20261122.025620-1", ".jar"),
        artifact_metadata(),
    ] {
        let response = ann.delete(&path).await;
        assert_eq!(response.status, 405, "{path}");
        assert!(response.error().contains("delete"), "{}", response.error());
        assert_eq!(response.header("content-type"), "application/problem+json");
    }
    for path in [directory("2.0"), at(LIB), at("com"), at("x")] {
        assert_eq!(ann.delete(&path).await.status, 404, "{path}");
    }
    assert_eq!(check(&app).await, before);
}
