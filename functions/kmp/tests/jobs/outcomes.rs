//! What becomes of what a job hands over.

use futures::future::join_all;
use granary_kmp::drive::anew;
use granary_model::PackageType;
use granary_model::kmp::BuildStatus;
use granary_storage::Key;
use granary_storage::rows::UsageRow;
use granary_testing::npm::NpmPackage;
use serde_json::json;

use super::support::{NPM, Place, RUN, uploads};

async fn usage(place: &Place) -> UsageRow {
    let key = Key::Usage("apps".parse().unwrap());
    place.app.state().storage().get(&key).await.unwrap().unwrap_or_default()
}

#[tokio::test]
async fn both_packages_are_published_and_the_flags_set() {
    let place = Place::new().await;
    let build = place.build().await;
    let (job, npm, swift) = place.handed_over(&build).await;
    assert_eq!(place.session(&npm).await.0, "processing");
    assert_eq!(place.seen("1.0.0").await, (false, false));
    // Again, in one way and in the other.
    assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 202);
    assert_eq!(job.complete(&uploads(&swift, &npm)).await.status, 409);
    let row = place.go_on(&build).await;
    assert_eq!(row.status, BuildStatus::Success, "{row:?}");
    assert!(row.npm_published && row.swift_published && row.completed_at.is_some() && row.error.is_none());
    assert_eq!(place.seen("1.0.0").await, (true, true));
    let published = place.packument().await["versions"]["1.0.0"].clone();
    let tarball = place.ann.get("/api/npm/apps/@apps/lib/-/lib-1.0.0.tgz").await;
    assert_eq!(tarball.body.to_vec(), job.tarball(), "{published}");
    let archive = place.ann.get("/api/swift/apps/apps/lib/1.0.0.zip").await;
    assert_eq!(archive.body.to_vec(), job.archive());
    for upload in [&npm, &swift] {
        assert_eq!(place.session(upload).await.0, "completed");
    }
    let done = job.complete(&uploads(&npm, &swift)).await;
    assert_eq!((done.status, done.json()["status"].clone()), (200, json!("success")));
    assert_eq!(place.logged("package.publish").await, 2);
    assert_eq!(place.logged("kmp.publish").await, 1);
    assert_eq!((usage(&place).await.versions, usage(&place).await.packages), (2, 2));
    place.app.settle().await;
    place.app.check_protocols("apps", &[PackageType::Npm, PackageType::Swift]).await;
    let staged = place.app.state().storage().list_objects("staging/", None).await.unwrap();
    assert_eq!(staged, Vec::<String>::new());
}

#[tokio::test]
async fn many_calls_at_once_hand_over_and_publish_once() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let body = uploads(&job.upload_npm().await, &job.upload_swift().await);
    let answers = join_all((0..8).map(|_| job.complete(&body))).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert_eq!(place.logged("kmp.complete").await, 1);
    let row = place.read(&build).await;
    let works: Vec<_> = (0..8).map(|_| place.app.state().kmp_work()).collect();
    for outcome in join_all(works.iter().map(|work| granary_kmp::results::publish(work, &row))).await {
        outcome.unwrap();
    }
    assert_eq!(place.go_on(&build).await.status, BuildStatus::Success);
    assert_eq!(place.logged("package.publish").await, 2);
    assert_eq!(usage(&place).await.versions, 2);
}

#[tokio::test]
async fn a_package_with_a_reason_is_published_though_the_build_fails_and_a_retry_makes_the_rest() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let npm = job.upload_npm().await;
    let body = json!({ "npm": { "uploadId": npm["id"] }, "error": "swift: this takes macOS" });
    assert_eq!(job.complete(&body).await.status, 202);
    let row = place.go_on(&build).await;
    assert_eq!((row.status, row.npm_published, row.swift_published), (BuildStatus::Failed, true, false));
    assert_eq!(row.error.as_deref(), Some("swift: this takes macOS"));
    assert_eq!(place.seen("1.0.0").await, (true, false));
    assert_eq!(place.session(&npm).await.0, "completed");
    // The next attempt has a run of its own, and nothing to do with what is published.
    let mut next = anew(&row, row.outputs.clone());
    (next.status, next.run_id, next.rev) = (BuildStatus::Queued, Some(RUN), row.rev + 1);
    place.write(&next).await;
    let job = place.job(&next).await;
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let refused = job.actor.post_json("/api/uploads", &job.npm(&job.tarball())).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    let swift = job.upload_swift().await;
    let both = job.complete(&uploads(&npm, &swift)).await;
    assert_eq!(both.status, 400, "{}", both.text());
    assert_eq!(job.complete(&json!({ "swift": { "uploadId": swift["id"] } })).await.status, 202);
    let row = place.go_on(&next).await;
    assert_eq!((row.status, row.npm_published, row.swift_published), (BuildStatus::Success, true, true));
    assert_eq!(place.seen("1.0.0").await, (true, true));
    assert_eq!(usage(&place).await.versions, 2);
}

#[tokio::test]
async fn what_is_published_already_counts_if_it_is_the_same() {
    let place = Place::of_types(&["kmp", "npm", "swift"]).await;
    // Before the job begins a session.
    let build = place.build().await;
    let job = place.job(&build).await;
    let package = NpmPackage::new(NPM, "1.0.0");
    assert_eq!(place.ann.publish("apps", &package).await.status, 201);
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let known = job.actor.post_json("/api/uploads", &job.npm(&job.tarball())).await;
    assert_eq!((known.status, known.json()["upload"]["id"].clone()), (200, json!(null)));
    let swift = job.upload_swift().await;
    let body = json!({ "npm": { "uploadId": null }, "swift": { "uploadId": swift["id"] } });
    assert_eq!(job.complete(&body).await.status, 202);
    let row = place.go_on(&build).await;
    assert_eq!(
        (row.status, row.npm_published, row.swift_published),
        (BuildStatus::Success, true, true),
        "{row:?}"
    );
    // Between the session and the publish.
    let build = place.build_of("1.1.0", |_| {}).await;
    let (job, npm, _) = place.handed_over(&build).await;
    assert_eq!(place.ann.publish("apps", &NpmPackage::new(NPM, "1.1.0")).await.status, 201);
    let row = place.go_on(&build).await;
    assert_eq!(
        (row.status, row.npm_published, row.swift_published),
        (BuildStatus::Success, true, true),
        "{row:?}"
    );
    assert_eq!(place.session(&npm).await.0, "completed");
    assert_eq!(place.seen("1.1.0").await, (true, true));
    drop(job);
    // Other bytes: neither is published.
    let build = place.build_of("1.2.0", |_| {}).await;
    let (job, ..) = place.handed_over(&build).await;
    let other = NpmPackage::new(NPM, "1.2.0").file("other.js", b"other");
    assert_eq!(place.ann.publish("apps", &other).await.status, 201);
    let row = place.go_on(&build).await;
    assert_eq!((row.status, row.npm_published, row.swift_published), (BuildStatus::Failed, false, false));
    assert!(row.error.unwrap().contains("1.2.0"));
    assert_eq!(place.seen("1.2.0").await, (true, false));
    drop(job);
    place.app.settle().await;
    place.app.check_protocols("apps", &[PackageType::Npm, PackageType::Swift]).await;
}

#[tokio::test]
async fn latest_is_the_highest_stable_version() {
    let place = Place::new().await;
    for (version, latest, next) in [
        ("2.0.0-rc1", "2.0.0-rc1", Some("2.0.0-rc1")),
        ("1.0.0", "1.0.0", Some("2.0.0-rc1")),
        ("0.9.0", "1.0.0", Some("2.0.0-rc1")),
        ("2.0.0-alpha01", "1.0.0", Some("2.0.0-rc1")),
        ("1.1.0", "1.1.0", Some("2.0.0-rc1")),
        ("2.1.0-rc1", "1.1.0", Some("2.1.0-rc1")),
    ] {
        let build = place.build_of(version, |_| {}).await;
        place.handed_over(&build).await;
        assert_eq!(place.go_on(&build).await.status, BuildStatus::Success, "{version}");
        let tags = place.packument().await["dist-tags"].clone();
        assert_eq!(
            (tags["latest"].as_str(), tags["next"].as_str()),
            (Some(latest), next),
            "{version}: {tags}"
        );
    }
}

#[tokio::test]
async fn the_quota_counts_both_packages_together() {
    let place = Place::new().await;
    let build = place.build().await;
    let (job, ..) = place.handed_over(&build).await;
    let bytes = job.tarball().len() as u64 + job.archive().len() as u64;
    // Room for each of them, and not for both.
    let kmp = granary_kmp::Kmp::new(granary_kmp::Settings {
        repo_quota: Some(bytes),
        ..place.app.state().config().kmp.clone()
    });
    let work = granary_kmp::Work { kmp: &kmp, ..place.app.state().kmp_work() };
    granary_kmp::results::publish(&work, &place.read(&build).await).await.unwrap();
    let row = place.read(&build).await;
    assert_eq!((row.status, row.npm_published, row.swift_published), (BuildStatus::Failed, false, false));
    assert!(row.error.unwrap().contains("quota"));
    assert_eq!(place.seen("1.0.0").await, (false, false));
    assert_eq!(usage(&place).await.bytes, 0);
}

#[tokio::test]
async fn a_repository_that_is_gone_gets_nothing() {
    let place = Place::new().await;
    let build = place.build().await;
    place.handed_over(&build).await;
    let row = place.read(&build).await;
    assert_eq!(place.app.user("ann").delete("/api/repos/apps").await.status, 200);
    granary_kmp::results::publish(&place.app.state().kmp_work(), &row).await.unwrap();
    let package = granary_storage::PackageKey {
        repo: "apps".parse().unwrap(),
        kind: PackageType::Npm,
        name: NPM.into(),
    };
    let head: Option<granary_storage::rows::HeadRow> =
        place.app.state().storage().get(&Key::Head(package)).await.unwrap();
    assert!(head.is_none());
}
