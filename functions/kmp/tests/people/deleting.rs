//! Builds that are deleted.

use granary_model::kmp::BuildStatus;
use granary_storage::rows::BuildRow;
use granary_testing::Mishap;
use granary_testing::github::{Doing, Trick};
use serde_json::json;

use super::support::{BUILDS, Place, WATCHED, expect, publishing};

impl Place {
    /// Begins builds of versions of a library, and gives them as they are when GitHub has been told.
    async fn begun(&self, watched: &str, versions: &[&str]) -> Vec<BuildRow> {
        self.publish("lib", versions);
        let mut begun = Vec::new();
        for version in versions {
            let build = self.build_in(watched, version, BuildStatus::Discovered).await;
            expect(&self.retry(&build.id).await, 200, &[]);
            begun.push(self.read(&build.id).await.unwrap());
        }
        begun
    }

    /// The builds whose runs somebody has cancelled, with their attempts.
    fn cancelled(&self) -> Vec<String> {
        self.github.runs().into_iter().filter(|run| run.is_cancelled).map(|run| run.input).collect()
    }
}

/// Builds as their runs are told of them.
fn inputs(builds: &[BuildRow]) -> Vec<String> {
    builds.iter().map(granary_kmp::github::run_input).collect()
}

#[tokio::test]
async fn a_build_goes_whatever_it_is_doing_but_publishing() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for (at, status) in BuildStatus::ALL.into_iter().enumerate() {
        let build = place.build_in(&watched, &format!("1.{at}.0"), status).await;
        let path = format!("{BUILDS}/{}", build.id);
        let deleted = place.ann.delete(&path).await;
        expect(&deleted, 200, &[]);
        assert_eq!(deleted.json(), json!({ "ok": true }));
        expect(&place.ann.get(&path).await, 404, &["not found"]);
        expect(&place.ann.delete(&path).await, 404, &["not found"]);
        let work = place.app.state().kmp_work();
        assert_eq!(granary_kmp::store::find(&work, &build.id).await.unwrap(), None);
    }
    let busy = place.build(&watched, "2.0.0", publishing).await;
    expect(&place.ann.delete(&format!("{BUILDS}/{}", busy.id)).await, 409, &["being published"]);
    assert_eq!(place.read(&busy.id).await.unwrap(), busy);
    let records = place.app.audit("repo:apps").await;
    let is_deletion = |row: &&serde_json::Value| row["action"] == "kmp.build.delete";
    assert_eq!(records.iter().filter(is_deletion).count(), BuildStatus::ALL.len());
}

#[tokio::test]
async fn all_go_in_batches() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for number in 0..95 {
        let status = BuildStatus::ALL[number % 6];
        place.build_in(&watched, &format!("1.{number}.0"), status).await;
    }
    let busy = place.build(&watched, "2.0.0", publishing).await;
    let answer = place.ann.delete(BUILDS).await;
    expect(&answer, 200, &[]);
    assert_eq!(answer.json(), json!({ "success": true, "deleted": 95, "kept": 1, "more": false }));
    let left: Vec<_> = place.builds().await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &json!(busy.id)));
    let again = place.ann.delete(BUILDS).await.json();
    assert_eq!((&again["deleted"], &again["kept"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn one_request_deletes_a_limited_number() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for number in 0..2_005 {
        place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Discovered).await;
    }
    // Counts are of all of them.
    let listed = place.ann.get(&format!("{BUILDS}?counts=true&limit=1")).await.json();
    assert_eq!(listed["statusCounts"]["discovered"], json!(2_005));
    let first = place.ann.delete(BUILDS).await.json();
    assert_eq!((&first["deleted"], &first["more"]), (&json!(2_000), &json!(true)));
    let second = place.ann.delete(BUILDS).await.json();
    assert_eq!((&second["deleted"], &second["more"]), (&json!(5), &json!(false)));
    assert!(place.builds().await.is_empty());
}

/// Somebody goes on with builds while they are deleted: nothing is half there.
#[tokio::test]
async fn deleting_and_going_on_do_not_mix() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let mut builds = Vec::new();
    for number in 0..30 {
        builds.push(place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Pending).await);
    }
    let touch = async |build: &BuildRow| {
        let work = place.app.state().kmp_work();
        granary_kmp::drive::fail(&work, build, "given up").await.unwrap()
    };
    let (answer, touched) =
        tokio::join!(place.ann.delete(BUILDS), futures::future::join_all(builds.iter().map(touch)));
    expect(&answer, 200, &[]);
    assert_eq!(answer.json()["deleted"].as_u64(), Some(30), "{touched:?}");
    assert!(place.builds().await.is_empty());
    let left = place.left().await;
    // The library, its three names and its place in the list; and what is known of 30 versions.
    assert_eq!(left.len(), 5 + 30, "{left:#?}");
}

#[tokio::test]
async fn a_deletion_that_suffers_can_be_repeated() {
    for mishap in Mishap::ALL {
        for n in 1..=6 {
            let place = Place::new().await;
            let watched = place.watch("lib").await;
            for number in 0..25 {
                place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Queued).await;
            }
            let ann = place.ann.clone();
            let suffered = place.app.suffer(n, mishap, async move { ann.delete(BUILDS).await }).await;
            if let Some(response) = suffered {
                assert!(matches!(response.status, 200 | 401 | 500 | 503), "{n}: {}", response.text());
            }
            expect(&place.ann.delete(BUILDS).await, 200, &[]);
            assert!(place.builds().await.is_empty(), "{mishap:?} {n}");
            assert_eq!(place.left().await.len(), 5 + 25, "{mishap:?} {n}");
        }
    }
}

#[tokio::test]
async fn the_run_of_a_deleted_build_is_cancelled() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let builds = place.begun(&watched, &["1.0.0", "1.1.0", "1.2.0"]).await;
    expect(&place.ann.delete(&format!("{BUILDS}/{}", builds[1].id)).await, 200, &[]);
    assert_eq!(place.cancelled(), inputs(&builds[1..2]));
    // One that has failed has a run that is over, and others are not touched either.
    let failed = place.read(&builds[0].id).await.unwrap();
    let work = place.app.state().kmp_work();
    assert!(granary_kmp::drive::fail(&work, &failed, "given up").await.unwrap());
    expect(&place.ann.delete(&format!("{BUILDS}/{}", failed.id)).await, 200, &[]);
    assert_eq!(place.github.count(Doing::Cancel), 1);
    // A refusal keeps nobody from deleting.
    place.github.trick(Doing::Cancel, Trick::status(500));
    expect(&place.ann.delete(&format!("{BUILDS}/{}", builds[2].id)).await, 200, &[]);
    assert_eq!(place.github.count(Doing::Cancel), 2);
    assert!(place.builds().await.is_empty());
}

#[tokio::test]
async fn all_runs_are_cancelled_with_all_builds() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let versions: Vec<String> = (0..25).map(|number| format!("1.{number}.0")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    let builds = place.begun(&watched, &versions).await;
    expect(&place.ann.delete(BUILDS).await, 200, &[]);
    assert_eq!(place.cancelled(), inputs(&builds));
}

/// What is under way goes with the request, however long the history of the library is.
#[tokio::test]
async fn the_runs_of_a_deleted_library_are_cancelled_at_once() {
    let place = Place::new().await;
    let (watched, other) = (place.watch("lib").await, place.watch("other").await);
    let builds = place.begun(&watched, &["9.0.0", "9.1.0"]).await;
    place.github.library("com.example", "other", &["1.0.0"]);
    let strange = place.build_in(&other, "1.0.0", BuildStatus::Discovered).await;
    expect(&place.retry(&strange.id).await, 200, &[]);
    for number in 0..150 {
        place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Failed).await;
    }
    expect(&place.ann.delete(&format!("{WATCHED}/{watched}")).await, 200, &[]);
    assert_eq!(place.cancelled(), inputs(&builds));
    for build in &builds {
        assert_eq!(place.read(&build.id).await, None);
    }
    assert_eq!(place.read(&strange.id).await.unwrap().status, BuildStatus::Queued);
    assert!(place.builds().await.len() > 1, "the others wait for the consumer");
    place.app.settle().await;
    let left = place.builds().await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &json!(strange.id)));
}

#[tokio::test]
async fn the_runs_of_a_deleted_repository_are_cancelled() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let builds = place.begun(&watched, &["1.0.0", "1.1.0"]).await;
    expect(&place.app.user("ann").delete("/api/repos/apps").await, 200, &[]);
    place.app.sweep().await;
    assert_eq!(place.cancelled(), inputs(&builds));
}
