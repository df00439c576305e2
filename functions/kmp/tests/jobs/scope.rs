//! The token of a build is good for its build, while that is under way.

use granary_model::RawToken;
use granary_model::kmp::BuildStatus;
use granary_storage::rows::{BuildRow, BuildTokenRow, Dispatch};
use granary_storage::{Key, Transaction};
use granary_testing::npm::NpmPackage;
use granary_testing::swift::simple_archive;
use serde_json::json;

use super::support::{NPM, Place, RUN, announced, path, uploads};

#[tokio::test]
async fn it_uploads_its_own_packages_and_no_others() {
    let place = Place::new().await;
    place.app.repo("ann", "others", &["npm", "raw"], "private").await;
    let build = place.build().await;
    let job = place.job(&build).await;
    let tarball = job.tarball();
    let with = |name: &str, value: &str| {
        let mut body = job.npm(&tarball);
        body[name] = value.into();
        body
    };
    let mut unnamed = job.npm(&tarball);
    unnamed.as_object_mut().unwrap().remove("packageName");
    let mut unversioned = job.npm(&tarball);
    unversioned.as_object_mut().unwrap().remove("version");
    let mut other_swift = job.swift(&simple_archive("x"));
    other_swift["packageName"] = "other".into();
    let raw = json!({
        "repoId": "apps", "packageType": "raw", "packageName": "lib", "version": "1.0.0",
        "files": [announced("f", b"x")],
    });
    for (body, statuses) in [
        (with("packageName", "@apps/other"), [403, 403]),
        (with("version", "1.0.1"), [403, 403]),
        (unnamed, [403, 403]),
        (unversioned, [403, 403]),
        (other_swift, [403, 403]),
        (raw, [403, 404]),
        (with("repoId", "others"), [404, 404]),
        (with("repoId", "libs"), [403, 403]),
        (with("repoId", "nowhere"), [404, 404]),
    ] {
        let response = job.actor.post_json("/api/uploads", &body).await;
        assert!(statuses.contains(&response.status), "{body}: {} {}", response.status, response.text());
    }
    let upload = job.begin(&job.npm(&tarball)).await;
    assert_eq!(job.actor.get(&path(&upload)).await.status, 200);
}

#[tokio::test]
async fn it_opens_nothing_else() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    let package = NpmPackage::new(NPM, "1.0.0");
    let put = job.actor.publish("apps", &package).await;
    assert_eq!(put.status, 403, "{}", put.text());
    for (method, path) in [
        ("GET", "/api/npm/apps/@apps%2flib"),
        ("GET", "/api/npm/apps/-/all"),
        ("PUT", "/api/npm/apps/-/package/@apps%2flib/dist-tags/latest"),
        ("GET", "/api/swift/apps/apps/lib"),
        ("GET", "/api/repos"),
        ("GET", "/api/repos/apps"),
        ("PATCH", "/api/repos/apps"),
        ("DELETE", "/api/repos/apps"),
        ("GET", "/api/repos/apps/tokens"),
        ("POST", "/api/repos/apps/tokens"),
        ("POST", "/api/auth/token"),
        ("POST", "/api/packages/upload"),
        ("PUT", "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.pom"),
        ("DELETE", "/api/npm/apps/@apps%2flib/-rev/1"),
        ("PUT", "/api/swift/apps/apps/lib/1.0.0"),
    ] {
        let response = job.actor.json(method, path, &json!({ "name": "x" })).await;
        assert!(
            matches!(response.status, 401 | 403 | 404),
            "{method} {path}: {} {}",
            response.status,
            response.text()
        );
    }
    assert_eq!(place.seen("1.0.0").await, (false, false));
    // The library itself it reads.
    let pom = "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.module";
    assert_eq!(place.ann.request("PUT", pom, &[], "{}").await.status, 201);
    let read = job.actor.get(pom).await;
    assert_eq!((read.status, read.text()), (200, "{}".into()));
    // And nothing else of where it comes from: neither what there is, nor packages of another kind.
    let both = json!({ "packageTypes": ["maven", "npm"] });
    assert_eq!(place.app.user("ann").patch_json("/api/repos/libs", &both).await.status, 200);
    assert_eq!(place.ann.publish("libs", &NpmPackage::new("secret", "1.0.0")).await.status, 201);
    let others = ["/api/npm/libs/secret", "/api/npm/libs/-/all", "/api/npm/libs/secret/-/secret-1.0.0.tgz"];
    for path in
        others.into_iter().chain(["/api/repos/libs", "/api/repos/libs/packages", "/api/maven/libs/com"])
    {
        let response = job.actor.get(path).await;
        assert!(matches!(response.status, 403 | 404), "{path}: {} {}", response.status, response.text());
    }
    let stranger = place.app.repo("eve", "hers", &["maven"], "private").await;
    let hers = "/api/maven/hers/com/example/lib/1.0.0/lib-1.0.0.module";
    assert_eq!(stranger.request("PUT", hers, &[], "{}").await.status, 201);
    assert_eq!(job.actor.get(hers).await.status, 404);
}

#[tokio::test]
async fn a_source_that_its_owner_may_not_read_is_not_read() {
    let place = Place::new().await;
    place.app.repo("eve", "hers", &["maven"], "private").await;
    let key = Key::Repo("apps".parse().unwrap());
    let storage = place.app.state().storage();
    let mut row: granary_storage::rows::RepoRow = storage.get(&key).await.unwrap().unwrap();
    let hers: granary_storage::rows::RepoRow =
        storage.get(&Key::Repo("hers".parse().unwrap())).await.unwrap().unwrap();
    let config = row.kmp_config.as_mut().unwrap();
    (config.source_repo_id, config.source_repo_uid) = (Some(hers.id), Some(hers.uid));
    storage.put(&key, &row).await.unwrap();
    let build = place.build().await;
    let job = place.job(&build).await;
    let path = "/api/maven/hers/com/example/lib/maven-metadata.xml";
    assert_eq!(job.actor.get(path).await.status, 404);
    assert_eq!(job.actor.get("/api/maven/libs/com/example/lib/maven-metadata.xml").await.status, 404);
}

/// Whoever takes the name of a source that was deleted does not have their own library built, though everybody may read it.
#[tokio::test]
async fn a_source_of_the_same_name_is_not_read() {
    let place = Place::new().await;
    let path = "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.module";
    assert_eq!(place.ann.request("PUT", path, &[], "{}").await.status, 201);
    let build = place.build().await;
    let before = place.job(&build).await;
    assert_eq!(before.actor.get(path).await.status, 200);
    assert_eq!(place.app.user("ann").delete("/api/repos/libs").await.status, 200);
    place.app.settle().await;
    place.app.sweep().await;
    let eve = place.app.repo("eve", "libs", &["maven"], "public").await;
    assert_eq!(eve.request("PUT", path, &[], "{}").await.status, 201);
    assert_eq!(place.app.anonymous().get(path).await.status, 200);
    let after = place.job(&build).await;
    for job in [before, after] {
        assert_eq!(job.actor.get(path).await.status, 404);
    }
    // Nor is a build begun.
    let pending = |build: &mut BuildRow| {
        (build.status, build.run_id, build.dispatch) = (BuildStatus::Pending, None, Dispatch::None);
    };
    let next = place.build_of("1.1.0", pending).await;
    let row = place.go_on(&next).await;
    assert!(row.status == BuildStatus::Failed && row.error.unwrap().contains("no module metadata"));
}

#[tokio::test]
async fn sessions_of_builds_are_nobody_elses_to_change() {
    let place = Place::of_types(&["kmp", "npm", "swift"]).await;
    let (build, other) = (place.build().await, place.build_of("1.1.0", |_| {}).await);
    let (job, other) = (place.job(&build).await, place.job(&other).await);
    let upload = job.upload_npm().await;
    // The job cannot publish it alone either.
    for actor in [&place.ann, &job.actor] {
        for (method, rest) in [("POST", "/complete"), ("DELETE", "")] {
            let response = actor.request(method, &format!("{}{rest}", path(&upload)), &[], "").await;
            assert_eq!(response.status, 403, "{}", response.text());
        }
    }
    assert_eq!(place.ann.get(&path(&upload)).await.status, 200);
    assert_eq!(other.actor.get(&path(&upload)).await.status, 404);
    // Nor does a build see those of people.
    let theirs = place.ann.post_json("/api/uploads", &job.npm(&job.tarball())).await;
    assert_eq!(theirs.status, 201, "{}", theirs.text());
    assert_eq!(job.actor.get(&path(&theirs.json()["upload"])).await.status, 404);
    assert_eq!(place.seen("1.0.0").await, (false, false));
}

#[tokio::test]
async fn people_upload_nothing_where_builds_publish() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    let body = job.npm(&job.tarball());
    let response = place.ann.post_json("/api/uploads", &body).await;
    assert_eq!(response.status, 403, "{}", response.text());
    assert!(response.error().contains("packageTypes"), "{}", response.error());
}

#[tokio::test]
async fn it_ends_with_its_attempt() {
    let place = Place::new().await;
    let build = place.build().await;
    let (job, npm, swift) = place.handed_over(&build).await;
    let done = place.go_on(&build).await;
    assert_eq!(done.status, BuildStatus::Success, "{done:?}");
    // How its uploads have ended can be asked, and nothing else.
    let answer = job.actor.get(&path(&npm)).await;
    assert_eq!((answer.status, answer.json()["upload"]["status"].clone()), (200, json!("completed")));
    assert_eq!(job.actor.post_json("/api/uploads", &job.npm(&job.tarball())).await.status, 403);
    let pom = "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.pom";
    assert!(matches!(job.actor.get(pom).await.status, 403 | 404));
    assert_eq!(job.start(RUN, 1).await.status, 409);
    assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 200);
    // Another attempt has tokens of its own.
    let mut row = place.read(&build).await;
    row.status = BuildStatus::Building;
    row.attempt += 1;
    place.write(&row).await;
    assert_eq!(job.actor.get(&path(&npm)).await.status, 401);
    assert_eq!(job.complete(&uploads(&npm, &swift)).await.status, 401);
    // And so it is if the build is gone.
    row.attempt -= 1;
    place.write(&row).await;
    assert_eq!(job.actor.get(&path(&npm)).await.status, 200);
    let mut transaction = Transaction::new();
    transaction.delete("build", Key::Build(row.repo.clone(), row.id.clone()));
    place.app.state().storage().commit(transaction).await.unwrap();
    assert_eq!(job.actor.get(&path(&npm)).await.status, 401);
}

#[tokio::test]
async fn it_ends_after_an_hour() {
    let place = Place::new().await;
    let job = place.job(&place.build().await).await;
    place.app.clock.advance_millis(3_599_000);
    assert_eq!(job.start(RUN, 1).await.status, 200);
    place.app.clock.advance_millis(1_000);
    assert_eq!(job.start(RUN, 1).await.status, 401);
}

/// A registry that builds every day does not keep the tokens of all days.
#[tokio::test]
async fn its_row_goes_by_itself() {
    let place = Place::new().await;
    let build = place.build().await;
    let answer = place.exchange(&build.id, &place.claims()).await.json();
    let token: RawToken = answer["token"].as_str().unwrap().parse().unwrap();
    let key = Key::BuildToken(token.hash());
    assert_eq!(key.table(), Key::Upload(String::new()).table());
    let row: serde_json::Value = place.app.state().storage().get(&key).await.unwrap().unwrap();
    assert_eq!(row["expires_at"], json!(granary_testing::START / 1000 + 3_600));
    assert!(!row.to_string().contains(token.expose()));
    let row: BuildTokenRow = serde_json::from_value(row).unwrap();
    assert_eq!(row.scope.packages.len(), 2);
    // It is nowhere else.
    let other: Option<serde_json::Value> =
        place.app.state().storage().get(&Key::Token(token.hash())).await.unwrap();
    assert_eq!(other, None);
}

#[tokio::test]
async fn it_ends_when_its_build_or_its_library_is_deleted() {
    let place = Place::new().await;
    let (first, second) = (place.build().await, place.build_of("1.1.0", |_| {}).await);
    let jobs = [place.job(&first).await, place.job(&second).await];
    let mut uploads = Vec::new();
    for job in &jobs {
        assert_eq!(job.start(RUN, 1).await.status, 200);
        uploads.push(job.upload_npm().await);
    }
    let deleted = place.ann.delete(&format!("/api/repos/apps/kmp/builds/{}", first.id)).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let deleted = place.ann.delete("/api/repos/apps/kmp/watched/watched").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    for (job, upload) in jobs.iter().zip(&uploads) {
        let pom = "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0.pom";
        assert_eq!(job.actor.get(pom).await.status, 401);
        assert_eq!(job.actor.get(&path(upload)).await.status, 401);
        assert_eq!(job.actor.post_json("/api/uploads", &job.npm(&job.tarball())).await.status, 401);
        assert_eq!(job.start(RUN, 1).await.status, 401);
        assert_eq!(job.complete(&json!({ "error": "late" })).await.status, 401);
        let again = place.exchange(&job.build.id, &place.claims()).await;
        assert_eq!(again.status, 404, "{}", again.text());
    }
}

/// Its library is gone, and its build is still there because it is being published.
#[tokio::test]
async fn it_ends_with_its_library_though_its_packages_are_being_published() {
    let place = Place::new().await;
    let build = place.build().await;
    let (job, npm, _) = place.handed_over(&build).await;
    let deleted = place.ann.delete("/api/repos/apps/kmp/watched/watched").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    assert_eq!(job.actor.get(&path(&npm)).await.status, 401);
    assert_eq!(place.exchange(&build.id, &place.claims()).await.status, 404);
    assert_eq!(place.go_on(&build).await.status, BuildStatus::Success);
}
