//! Many at once: nothing is lost, and nothing is mixed.

use futures::future::join_all;
use granary_testing::TestResponse;

use super::support::{
    artifact_metadata, assert_sums_fit, build_file, check, file, jar, listed, pom, private, publish,
    publish_build, put, texts, xml,
};

fn statuses(responses: &[TestResponse]) -> Vec<u16> {
    let mut all: Vec<u16> = responses.iter().map(|response| response.status).collect();
    all.sort_unstable();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_versions_deployed_at_the_same_time_are_all_listed() {
    let (app, ann) = private().await;
    let versions: Vec<String> = (0..20).map(|n| format!("1.{n}")).collect();
    join_all(versions.iter().map(|version| {
        let ann = ann.clone();
        async move {
            publish(&ann, &file(version, ".jar"), jar(version)).await;
            let [(_, md5), (_, sha1), ..] = super::support::sums(&jar(version));
            assert_eq!(put(&ann, &file(version, ".jar.sha1"), sha1).await.status, 200);
            assert_eq!(put(&ann, &file(version, ".jar.md5"), md5).await.status, 200);
            publish(&ann, &file(version, ".pom"), pom(version)).await;
            assert!(listed(&ann).await.contains(version), "its own version is there at once");
            assert_eq!(put(&ann, &artifact_metadata(), "<metadata/>").await.status, 200);
        }
    }))
    .await;
    assert_eq!(listed(&ann).await, versions);
    assert_sums_fit(&ann, &artifact_metadata()).await;
    let reader = app.restarted().token(ann.secret());
    assert_eq!(listed(&reader).await, versions);
    assert_eq!(check(&app).await.live.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_publishers_of_one_file_one_wins() {
    let (app, ann) = private().await;
    for end in [".jar", ".zip"] {
        let bodies: Vec<Vec<u8>> = (0..20).map(|n| format!("bytes {n} of {end}").into_bytes()).collect();
        let path = file("1.0.0", end);
        let sent = join_all(bodies.iter().map(|body| put(&ann, &path, body.clone()))).await;
        let winners: Vec<usize> =
            sent.iter().enumerate().filter(|(_, response)| response.status == 201).map(|(n, _)| n).collect();
        assert_eq!(winners.len(), 1, "{:?}", statuses(&sent));
        assert!(sent.iter().all(|response| matches!(response.status, 201 | 409)), "{:?}", statuses(&sent));
        assert_eq!(ann.get(&path).await.body.to_vec(), bodies[winners[0]]);
        assert_sums_fit(&ann, &path).await;
    }
    check(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_times_the_same_bytes_are_twenty_successes() {
    let (app, ann) = private().await;
    let sent = {
        let path = file("1.0.0", ".jar");
        join_all((0..20).map(|_| put(&ann, &path, jar("1.0.0")))).await
    };
    let all = statuses(&sent);
    assert_eq!(all.iter().filter(|status| **status == 201).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|status| **status == 200).count(), 19, "{all:?}");
    let stored = check(&app).await;
    assert_eq!((stored.live.len(), stored.blobs), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_new_version_arrive_in_parallel() {
    let (app, ann) = private().await;
    for version in ["1.0.0", "1.1.0", "2.0-SNAPSHOT"] {
        let name = |end: &str| {
            if version.ends_with("SNAPSHOT") {
                build_file(version, "20261122.025620-1", end)
            } else {
                file(version, end)
            }
        };
        let ends = [".jar", ".module", "-sources.jar", "-javadoc.jar", ".jar.asc", ".pom.asc", ".zip"];
        let paths = ends.map(name);
        let files = paths.iter().zip(ends).map(|(path, end)| put(&ann, path, format!("{version} {end}")));
        let descriptor_path = name(".pom");
        let (files, descriptor) = futures::join!(join_all(files), put(&ann, &descriptor_path, pom(version)));
        assert_eq!((statuses(&files), descriptor.status), (vec![201; 7], 201));
        for end in ends {
            assert_eq!(ann.get(&name(end)).await.text(), format!("{version} {end}"));
        }
    }
    assert_eq!(listed(&ann).await, ["1.0.0", "1.1.0", "2.0-SNAPSHOT"]);
    assert_eq!(check(&app).await.live.len(), 27);
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_of_a_snapshot_deployed_at_the_same_time_are_all_kept() {
    let (app, ann) = private().await;
    // They began at once, so all have the same number.
    let builds: Vec<String> = (0..12).map(|n| format!("20261122.0300{n:02}-1")).collect();
    join_all(builds.iter().map(|build| publish_build(&ann, "1.0-SNAPSHOT", build))).await;
    for build in &builds {
        assert_eq!(ann.get(&build_file("1.0-SNAPSHOT", build, ".jar")).await.body.to_vec(), jar(build));
    }
    let document =
        xml(&ann, &super::support::at("com/example/hello-lib/1.0-SNAPSHOT/maven-metadata.xml")).await;
    assert_eq!(texts(&document, "timestamp"), ["20261122.030011"]);
    assert_eq!(check(&app).await.live.len(), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_a_literal_snapshot_at_the_same_time_leaves_one_of_them() {
    let (app, ann) = private().await;
    let path = file("1-SNAPSHOT", ".jar");
    for round in 0..3 {
        let bodies: Vec<String> = (0..10).map(|n| format!("round {round} bytes {n}")).collect();
        let sent = join_all(bodies.iter().map(|body| put(&ann, &path, body.clone()))).await;
        assert!(sent.iter().all(|response| response.status == 201), "{:?}", statuses(&sent));
        let served = ann.get(&path).await.text();
        assert!(bodies.contains(&served), "{served}");
        assert_sums_fit(&ann, &path).await;
        check(&app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_into_a_version_that_is_being_deleted() {
    let (app, ann) = private().await;
    for n in 0..6 {
        let version = format!("1.{n}");
        publish(&ann, &file(&version, ".jar"), jar(&version)).await;
        let directory = super::support::at(&format!("com/example/hello-lib/{version}"));
        let (path, text) = (file(&version, ".pom"), pom(&version));
        let (deleted, added) = futures::join!(ann.delete(&directory), put(&ann, &path, text));
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        assert!(matches!(added.status, 201 | 409), "{}", added.text());
        assert_eq!(ann.get(&path).await.status, 404);
    }
    app.settle().await;
    check(&app).await;
}
