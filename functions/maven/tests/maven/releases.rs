//! Files of releases: stored once, served unchanged.

use granary_storage::Key;
use serde_json::Value;

use super::support::{
    LIB, assert_sums_fit, at, check, file, jar, key, pom, private, public, publish, publish_version, put,
};

#[tokio::test]
async fn a_file_is_served_as_it_was_sent_with_everything_clients_look_at() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let response = ann.get(&file("1.0.0", ".jar")).await;
    assert_eq!((response.status, response.body.to_vec()), (200, jar("1.0.0")));
    assert_eq!(response.header("content-type"), "application/java-archive");
    assert_eq!(response.header("last-modified"), "Mon, 21 Sep 2026 14:13:20 GMT");
    assert_eq!(response.header("cache-control"), "private, max-age=31536000, immutable");
    // What S3 gives as the tag of the same bytes.
    assert_eq!(response.header("etag"), format!("\"{}\"", response.header("x-checksum-md5")));
    for end in [".jar", ".pom"] {
        assert_sums_fit(&ann, &file("1.0.0", end)).await;
    }
    let descriptor = ann.get(&file("1.0.0", ".pom")).await;
    assert_eq!((descriptor.text(), descriptor.header("content-type")), (pom("1.0.0"), "application/xml"));
}

#[tokio::test]
async fn media_types_and_all_kinds_of_files() {
    let (app, ann) = public().await;
    publish_version(&ann, "1.0.0").await;
    for (end, media_type) in [
        (".module", "application/json"),
        ("-sources.jar", "application/java-archive"),
        ("-javadoc.jar", "application/java-archive"),
        (".jar.asc", "text/plain"),
        (".pom.asc", "text/plain"),
        (".klib", "application/octet-stream"),
        ("-kotlin-tooling-metadata.json", "application/json"),
        ("-bin.tar.gz", "application/octet-stream"),
        ("-build.pom", "application/xml"),
    ] {
        let bytes = format!("bytes of {end}").into_bytes();
        publish(&ann, &file("1.0.0", end), bytes.clone()).await;
        let response = app.anonymous().get(&file("1.0.0", end)).await;
        assert_eq!((response.status, response.body.to_vec()), (200, bytes), "{end}");
        assert_eq!(response.header("content-type"), media_type, "{end}");
        assert_eq!(response.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let ivy = at(&format!("{LIB}/1.0.0/ivy-1.0.0.xml"));
    publish(&ann, &ivy, "<ivy-module/>").await;
    assert_sums_fit(&ann, &ivy).await;
    check(&app).await;
}

#[tokio::test]
async fn the_same_bytes_again_are_a_success_and_other_bytes_a_conflict() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let before = check(&app).await;
    for _ in 0..2 {
        assert_eq!(put(&ann, &file("1.0.0", ".jar"), jar("1.0.0")).await.status, 200);
    }
    let conflict = put(&ann, &file("1.0.0", ".jar"), jar("other")).await;
    assert_eq!(conflict.status, 409);
    assert_eq!(conflict.header("content-type"), "application/problem+json");
    let problem = conflict.json();
    assert_eq!(
        (&problem["title"], &problem["status"], &problem["code"]),
        (&"Conflict".into(), &409.into(), &"CONFLICT".into())
    );
    assert_eq!(problem["detail"], problem["error"]);
    assert!(problem["detail"].as_str().unwrap().contains("hello-lib-1.0.0.jar"), "{problem}");
    assert_eq!(check(&app).await, before);
    assert_eq!(ann.get(&file("1.0.0", ".jar")).await.body.to_vec(), jar("1.0.0"));
}

#[tokio::test]
async fn head_says_what_get_says_and_never_redirects() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let large = vec![7_u8; 300_000];
    publish(&ann, &file("1.0.0", "-all.jar"), large.clone()).await;
    for end in [".jar", ".pom", ".jar.sha1"] {
        let (get, head) = (ann.get(&file("1.0.0", end)).await, ann.head(&file("1.0.0", end)).await);
        assert_eq!((get.status, head.status, head.body.len()), (200, 200, 0), "{end}");
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{end}");
        for name in ["etag", "last-modified", "content-type", "x-checksum-sha1", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{end} {name}");
        }
    }
    let head = ann.head(&file("1.0.0", "-all.jar")).await;
    assert_eq!((head.status, head.header("content-length")), (200, "300000"));
    assert_eq!(head.header("location"), "");
    let get = ann.get(&file("1.0.0", "-all.jar")).await;
    assert_eq!((get.status, get.header("cache-control")), (302, "no-store"));
    let followed = reqwest::get(get.header("location")).await.unwrap();
    // Gradle compares this tag with the one of `HEAD`.
    assert_eq!(followed.headers()["etag"].to_str().unwrap(), head.header("etag"));
    assert_eq!(followed.bytes().await.unwrap(), large);
    for missing in [file("1.0.0", "-x.jar"), file("2.0.0", ".jar"), at("no/such/1/such-1.jar"), at("no")] {
        let head = ann.head(&missing).await;
        assert_eq!((head.status, head.body.len()), (404, 0), "{missing}");
    }
}

#[tokio::test]
async fn what_maven_reads_first_comes_in_place_however_large() {
    let (_app, ann) = private().await;
    let description = "x".repeat(400_000);
    let large = pom("1.0.0").replace("<name>", &format!("<!--{description}--><name>"));
    publish(&ann, &file("1.0.0", ".pom"), large.clone()).await;
    publish(&ann, &file("1.0.0", ".module"), vec![b' '; 400_000]).await;
    publish(&ann, &file("1.0.0", ".jar"), vec![b'x'; 400_000]).await;
    for (end, status) in [(".pom", 200), (".module", 200), (".jar", 302)] {
        assert_eq!(ann.get(&file("1.0.0", end)).await.status, status, "{end}");
    }
    assert_eq!(ann.get(&file("1.0.0", ".pom")).await.text(), large);
    assert_sums_fit(&ann, &file("1.0.0", ".pom")).await;
}

#[tokio::test]
async fn conditions_and_ranges() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let path = file("1.0.0", ".jar");
    let etag = ann.get(&path).await.header("etag").to_owned();
    let unchanged = ann.get_with(&path, &[("if-none-match", &etag)]).await;
    assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, etag.as_str()));
    assert_eq!(ann.get_with(&path, &[("if-none-match", "\"x\"")]).await.status, 200);
    let part = ann.get_with(&path, &[("range", "bytes=3-")]).await;
    assert_eq!((part.status, part.body.to_vec()), (206, jar("1.0.0")[3..].to_vec()));
}

#[tokio::test]
async fn missing_things_are_plain_text() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    for missing in [
        file("1.0.0", "-sources.jar"),
        file("1.0.0", "-sources.jar.sha1"),
        file("9.0.0", ".pom"),
        at("com/example/none/maven-metadata.xml"),
        at("com/example/none/maven-metadata.xml.sha1"),
        at("com/example/hello-lib/1.0.0"),
        at("com/example/hello-lib"),
        at(".meta/prefixes.txt"),
        at("archetype-catalog.xml"),
    ] {
        let response = ann.get(&missing).await;
        assert_eq!(response.status, 404, "{missing}: {}", response.text());
        assert!(response.header("content-type").starts_with("text/plain"), "{missing}");
        assert_eq!(response.header("cache-control"), "no-store");
    }
    let root = ann.get("/api/maven/libs").await;
    assert_eq!((root.status, root.header("cache-control")), (200, "no-store"));
}

#[tokio::test]
async fn downloads_of_main_artifacts_are_counted() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish(&ann, &file("1.0.0", "-sources.jar"), "s").await;
    for _ in 0..3 {
        assert_eq!(ann.get(&file("1.0.0", ".jar")).await.status, 200);
    }
    for end in [".pom", "-sources.jar", ".jar.sha1"] {
        assert_eq!(ann.get(&file("1.0.0", end)).await.status, 200);
    }
    assert_eq!(ann.head(&file("1.0.0", ".jar")).await.status, 200);
    let state = app.state();
    state.downloads().flush(state.storage(), state.now()).await.unwrap();
    let total: Value = state.storage().get(&Key::DownloadTotal(key())).await.unwrap().unwrap();
    assert_eq!(total["downloads"], 3);
}

#[tokio::test]
async fn the_list_of_packages_shows_the_artifact() {
    let (_app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    publish_version(&ann, "1.1.0-SNAPSHOT").await;
    let packages = ann.get("/api/repos/libs/packages").await;
    assert_eq!(packages.status, 200, "{}", packages.text());
    let package = packages.json()["packages"][0].clone();
    assert_eq!(package["name"], "com.example:hello-lib", "{package}");
    assert_eq!(package["packageType"], "maven");
    assert_eq!(package["latestVersion"], "1.1.0-SNAPSHOT");
    assert_eq!(package["description"], "Says hello 1.1.0-SNAPSHOT");
}
