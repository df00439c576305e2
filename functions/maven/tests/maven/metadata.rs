//! `maven-metadata.xml` of artifacts: made from what is there, never from what is sent.

use super::support::{
    artifact_metadata, assert_sums_fit, at, check, file, jar, listed, pom, private, publish, publish_version,
    put, texts, xml,
};

#[tokio::test]
async fn the_document_has_the_documented_form() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    assert_eq!(
        xml(&ann, &artifact_metadata()).await,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>com.example</groupId>\n  \
         <artifactId>hello-lib</artifactId>\n  <versioning>\n    <latest>1.0.0</latest>\n    \
         <release>1.0.0</release>\n    <versions>\n      <version>1.0.0</version>\n    </versions>\n    \
         <lastUpdated>20260921141320</lastUpdated>\n  </versioning>\n</metadata>\n"
    );
    assert_sums_fit(&ann, &artifact_metadata()).await;
}

#[tokio::test]
async fn versions_are_ordered_and_the_highest_is_the_latest() {
    let (app, ann) = private().await;
    for version in ["1.10.0", "1.9.0", "2.0-SNAPSHOT", "1.10.0-rc1", "1.9.1"] {
        publish_version(&ann, version).await;
    }
    let document = xml(&ann, &artifact_metadata()).await;
    assert_eq!(texts(&document, "version"), ["1.9.0", "1.9.1", "1.10.0-rc1", "1.10.0", "2.0-SNAPSHOT"]);
    assert_eq!(
        (texts(&document, "latest"), texts(&document, "release")),
        (vec!["2.0-SNAPSHOT".into()], vec!["1.10.0".to_owned()])
    );
    assert_sums_fit(&ann, &artifact_metadata()).await;
    check(&app).await;
}

#[tokio::test]
async fn a_version_shows_when_its_pom_is_there() {
    let (_app, ann) = private().await;
    publish(&ann, &file("1.0.0", ".jar"), jar("1.0.0")).await;
    assert_eq!(listed(&ann).await, ["1.0.0"], "nothing else is there yet");
    publish(&ann, &file("1.1.0", ".jar"), jar("1.1.0")).await;
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1.0"]);
    publish(&ann, &file("1.0.0", ".pom"), pom("1.0.0")).await;
    assert_eq!(listed(&ann).await, ["1.0.0"]);
    publish(&ann, &file("1.1.0", ".pom"), pom("1.1.0")).await;
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1.0"]);
    assert_sums_fit(&ann, &artifact_metadata()).await;
}

#[tokio::test]
async fn what_clients_send_is_taken_and_ignored() {
    let (app, ann) = private().await;
    let foreign = "<metadata><groupId>evil</groupId><versioning><versions><version>6.6.6</version></versions></versioning></metadata>";
    for path in [
        artifact_metadata(),
        at("com/example/hello-lib/1.0-SNAPSHOT/maven-metadata.xml"),
        at("com/maven-metadata.xml"),
    ] {
        for end in ["", ".sha1", ".md5", ".sha256", ".sha512"] {
            let response = put(&ann, &format!("{path}{end}"), foreign).await;
            assert_eq!(response.status, 200, "{path}{end}: {}", response.text());
        }
        assert_eq!(ann.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(check(&app).await.blobs, 0);
    publish_version(&ann, "1.0.0").await;
    let before = xml(&ann, &artifact_metadata()).await;
    assert_eq!(put(&ann, &artifact_metadata(), foreign).await.status, 200);
    assert_eq!(xml(&ann, &artifact_metadata()).await, before);
}

#[tokio::test]
async fn a_client_that_knows_it_is_told_so() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let response = ann.get(&artifact_metadata()).await;
    let etag = response.header("etag").to_owned();
    assert_eq!(response.header("cache-control"), "private, max-age=0, must-revalidate");
    assert_eq!(response.header("last-modified"), "Mon, 21 Sep 2026 14:13:20 GMT");
    let known = [("if-none-match", etag.as_str())];
    let unchanged = ann.get_with(&artifact_metadata(), &known).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    app.clock.advance_millis(1_000);
    publish_version(&ann, "1.1.0").await;
    assert_eq!(ann.get_with(&artifact_metadata(), &known).await.status, 200);
    let head = ann.head(&artifact_metadata()).await;
    let body = ann.get(&artifact_metadata()).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), body.body.len().to_string());
    assert_eq!(head.header("x-checksum-sha1"), body.header("x-checksum-sha1"));
}

#[tokio::test]
async fn two_processes_make_the_same_bytes() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0", "2.0-SNAPSHOT"] {
        publish_version(&ann, version).await;
    }
    let first = xml(&ann, &artifact_metadata()).await;
    app.clock.advance_millis(86_400_000);
    let other = app.restarted();
    let reader = other.token(app.account_token("ann", &["read"]).await.secret());
    assert_eq!(xml(&reader, &artifact_metadata()).await, first);
    // Also if the stored document is lost.
    for object in app.state().storage().list_objects("documents/", None).await.unwrap() {
        app.state().storage().delete_object(&object).await.unwrap();
    }
    let third = app.restarted().token(reader.secret());
    assert_eq!(xml(&third, &artifact_metadata()).await, first);
    assert_sums_fit(&third, &artifact_metadata()).await;
}

#[tokio::test]
async fn names_that_differ_by_case_or_by_place_are_different_artifacts() {
    let (app, ann) = private().await;
    for path in
        ["com/example/lib", "com/example/Lib", "com/example-lib/lib", "com/example/lib/lib", "com/lib"]
    {
        let name = path.rsplit('/').next().unwrap();
        publish(&ann, &at(&format!("{path}/1/{name}-1.jar")), path).await;
    }
    for path in
        ["com/example/lib", "com/example/Lib", "com/example-lib/lib", "com/example/lib/lib", "com/lib"]
    {
        let name = path.rsplit('/').next().unwrap();
        assert_eq!(ann.get(&at(&format!("{path}/1/{name}-1.jar"))).await.text(), path);
        let document = xml(&ann, &at(&format!("{path}/maven-metadata.xml"))).await;
        assert_eq!(texts(&document, "artifactId"), [name]);
        assert_eq!(texts(&document, "version"), ["1"]);
    }
    assert_eq!(check(&app).await.live.len(), 10);
}
