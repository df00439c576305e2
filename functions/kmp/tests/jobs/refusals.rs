//! What a job cannot hand over.

use granary_model::kmp::BuildStatus;
use granary_testing::npm::NpmPackage;
use granary_testing::swift::source_archive;
use serde_json::{Value, json};

use super::support::{NPM, Place, RUN, path, uploads};

#[tokio::test]
async fn what_is_not_an_upload_of_this_build_is_named() {
    let place = Place::new().await;
    let (build, other) = (place.build().await, place.build_of("1.1.0", |_| {}).await);
    let (job, other) = (place.job(&build).await, place.job(&other).await);
    let (npm, swift) = (job.upload_npm().await, job.upload_swift().await);
    let strange = other.upload_npm().await;
    let unclaimed = job.complete(&uploads(&npm, &swift)).await;
    assert_eq!(unclaimed.status, 409, "{}", unclaimed.text());
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let archive =
        source_archive(&[("L/Package.swift", granary_testing::swift::MANIFEST), ("L/x", "never sent")]);
    let unsent = job.begin(&job.swift(&archive)).await;
    let id = |upload: &Value| json!({ "uploadId": upload["id"] });
    let given = |npm: Value, swift: Value| json!({ "npm": npm, "swift": swift });
    for (body, word) in [
        (json!({}), "uploads"),
        (json!({ "npm": id(&npm) }), "swift"),
        (json!({ "swift": id(&swift) }), "npm"),
        (given(id(&strange), id(&swift)), "none of this build"),
        (given(json!({ "uploadId": "nothing" }), id(&swift)), "none of this build"),
        (given(id(&swift), id(&npm)), "npm"),
        (given(id(&npm), id(&unsent)), "arrived"),
        (given(id(&npm), json!({ "uploadId": null })), "not published"),
        (given(json!(7), id(&swift)), "JSON"),
        (given(json!({ "id": npm["id"] }), id(&swift)), "JSON"),
        (json!({ "npm": id(&npm), "swift": id(&swift), "status": "success" }), "JSON"),
    ] {
        let response = job.complete(&body).await;
        assert_eq!(response.status, 400, "{body}: {}", response.text());
        assert!(response.error().contains(word), "{body}: {}", response.error());
    }
    let row = place.read(&build).await;
    assert_eq!((row.status, row.results), (BuildStatus::Building, None));
    // None of that has spoilt anything.
    assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 202);
    assert_eq!(place.go_on(&build).await.status, BuildStatus::Success);
    let path = format!("/api/kmp/builds/{}/complete", build.id);
    assert_eq!(place.ann.post_json(&path, &json!({ "error": "x" })).await.status, 403);
}

#[tokio::test]
async fn a_tarball_of_something_else_ends_the_build() {
    for (name, version) in [("@apps/other", "1.0.0"), (NPM, "1.0.1"), ("@evil/lib", "9.9.9")] {
        let place = Place::new().await;
        let build = place.build().await;
        let job = place.job(&build).await;
        assert_eq!(job.start(RUN, 1).await.status, 200);
        let tarball = NpmPackage::new(name, version).tarball();
        let npm = job.upload(&job.npm(&tarball), &tarball).await;
        let swift = job.upload_swift().await;
        assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 202);
        let row = place.go_on(&build).await;
        assert_eq!((row.status, row.npm_published, row.swift_published), (BuildStatus::Failed, false, false));
        let why = row.error.unwrap();
        assert!(why.starts_with("npm: "), "{why}");
        assert_eq!(place.seen("1.0.0").await, (false, false));
        // Its job learns of it, by the other session as well.
        for upload in [&npm, &swift] {
            let answer = job.actor.get(&path(upload)).await.json()["upload"].clone();
            assert_eq!((&answer["status"], &answer["error"]), (&json!("failed"), &json!(why)));
        }
        let again = job.complete(&uploads(&npm, &swift)).await;
        assert_eq!(again.status, 409);
        assert!(again.error().contains(&why), "{}", again.error());
        // What it says then has been known better.
        assert_eq!(job.complete(&json!({ "error": "the registry refuses" })).await.status, 200);
        assert_eq!(place.read(&build).await.error.unwrap(), why);
        let staged = place.app.state().storage().list_objects("staging/", None).await.unwrap();
        assert_eq!(staged, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_archive_that_no_client_could_use_ends_the_build() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    assert_eq!(job.start(RUN, 1).await.status, 200);
    for archive in [b"no zip".to_vec()] {
        let npm = job.upload_npm().await;
        let swift = job.upload(&job.swift(&archive), &archive).await;
        assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 202);
    }
    let row = place.go_on(&build).await;
    assert_eq!(row.status, BuildStatus::Failed);
    assert!(row.error.unwrap().starts_with("swift: "));
    assert_eq!(place.seen("1.0.0").await, (false, false));
    assert_eq!((row.npm_published, row.swift_published), (false, false));
}

#[tokio::test]
async fn bytes_that_are_not_there_any_more_end_the_build() {
    let place = Place::new().await;
    let build = place.build().await;
    let (_, _, swift) = place.handed_over(&build).await;
    let staged = granary_storage::staging::staging_path(swift["id"].as_str().unwrap(), 0);
    place.app.state().storage().delete_object(&staged).await.unwrap();
    let row = place.go_on(&build).await;
    assert_eq!(row.status, BuildStatus::Failed, "{row:?}");
    assert!(row.error.unwrap().contains("upload them again"));
    assert_eq!(place.seen("1.0.0").await, (false, false));
}

#[tokio::test]
async fn a_reason_ends_the_build_and_is_kept_within_bounds() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    assert_eq!(job.complete(&json!({ "error": "early" })).await.status, 409);
    assert_eq!(job.start(RUN, 1).await.status, 200);
    let text = format!("npm: no @JsExport\u{1b}[31m\nswift: {}", "x".repeat(5_000));
    let response = job.complete(&json!({ "error": text })).await;
    assert_eq!((response.status, response.json()["status"].clone()), (200, json!("failed")));
    let row = place.read(&build).await;
    let why = row.error.unwrap();
    assert!(why.starts_with("npm: no @JsExport[31m\nswift: xxx") && why.chars().count() == 2_000, "{why}");
    assert_eq!((row.status, row.completed_at), (BuildStatus::Failed, Some(row.updated_at)));
    assert_eq!(place.logged("kmp.fail").await, 1);
    // Twice.
    assert_eq!(job.complete(&json!({ "error": "again" })).await.status, 200);
    assert_eq!(place.read(&build).await.error.unwrap(), why);
}

#[tokio::test]
async fn a_reason_after_the_uploads_ends_the_build_unless_it_is_published() {
    let place = Place::new().await;
    let build = place.build().await;
    let (job, npm, swift) = place.handed_over(&build).await;
    assert_eq!(job.complete(&json!({ "error": "not published after 20 minutes" })).await.status, 200);
    assert_eq!(place.go_on(&build).await.status, BuildStatus::Failed);
    assert_eq!(place.seen("1.0.0").await, (false, false));
    for upload in [&npm, &swift] {
        assert_eq!(place.session(upload).await.0, "failed");
    }
    let other = place.build_of("1.1.0", |_| {}).await;
    let (job, ..) = place.handed_over(&other).await;
    assert_eq!(place.go_on(&other).await.status, BuildStatus::Success);
    assert_eq!(job.complete(&json!({ "error": "late" })).await.status, 409);
    assert_eq!(place.read(&other).await.status, BuildStatus::Success);
}

/// The stores were down, or whoever publishes was: the build is given up, and its uploads do not wait for ever.
#[tokio::test]
async fn what_could_not_be_published_in_time_fails_with_its_uploads() {
    let place = Place::new().await;
    let build = place.build().await;
    let (job, npm, swift) = place.handed_over(&build).await;
    let deadline = place.read(&build).await.deadline_at;
    assert!(deadline > granary_testing::START);
    // Half an hour of grace for what has come in time.
    place.app.clock.advance_millis(deadline - granary_testing::START + 31 * 60_000);
    let row = place.go_on(&build).await;
    assert_eq!((row.status, &row.results), (BuildStatus::Failed, &None), "{row:?}");
    for upload in [&npm, &swift] {
        assert_eq!(place.session(upload).await, ("failed".into(), row.error.clone().unwrap()));
    }
    assert_eq!(place.seen("1.0.0").await, (false, false));
    let staged = place.app.state().storage().list_objects("staging/", None).await.unwrap();
    assert_eq!(staged, Vec::<String>::new());
    assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 401, "its hour is over");
}
